"""What a rating of a month leaves for the next one of it, so that a month rated day by day has one day left to rate.

A record's class depends on the record, on tables and settings that hold for everybody, and on the master data of its
account. So a hash of the tables, a sum per file and one per account say which records come out as they did: those are
not read again; their rows in the books go over to the next run, and so do the files in which they wait for their
allowances. What an allowance covers depends on all calls of the account: it is drawn anew for every record, and where
it comes out otherwise the record is priced again (flows.month.usage.covers).

Looked at by every rating: records that are what they are through other records (several contents of one identity,
other legs, parts of calls), and late usage, whose whole month is rated anew.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from flows.books.outdated import issued_sha256
from flows.books.run import Run, empty_folder
from flows.books.runs import PROGRAM_VERSION, forget_run
from flows.home.schema import LINES_OF_A_FILE, SCHEMA_VERSION
from flows.home.whole_files import write_atomic
from flows.month.usage.holders import Holders, concerned, holders_of
from flows.month.usage.rows import count_outcomes
from flows.month.usage.stored import forget_rated
from rating.usage import RatingTables
from schemas.errors import TollbookError

PIECES = ("classed", "rated")
"""Folders of a run's work folder with a file per piece: records on their way to a price, and priced."""


@dataclass(frozen=True)
class Kept:
    """What is not rated again. files: whose records are not read, but for those that `again` names by usage_no. pieces:
    names of the files under PIECES in which the rated ones lie, the same rows in each."""

    files: tuple[int, ...]
    again: pl.Series
    pieces: tuple[str, ...]


def nothing_kept() -> Kept:
    """Everything is read and rated."""
    return Kept((), pl.Series("usage_no", [], pl.Int64), ())


def take_over(run: Run, lookups: RatingTables, specials: pl.Series) -> Kept | None:
    """Makes what an earlier rating of the month left this run's own, in the books and in the work folder; None where
    it left nothing that holds. No transaction may be open.

    specials: usage_no of the records that are what they are through others.
    """
    left = _left(run)
    if left is None:
        return None
    told = {int(file): content for file, content in left.facts["files"].items()}
    files = tuple(file for file, content in _files(run).items() if told.get(file) == content)
    before, now = Holders.read(left.folder), holders_of(run.store)
    touched = concerned(run.store, left.run_id, before, now, files)
    if touched is None:
        return None
    left_open = pl.read_parquet(left.folder / "open.parquet")["usage_no"]
    again = pl.concat([left_open, specials, touched]).unique().sort()
    is_over = pl.col("usage_no").is_in(again.implode()) | ~_of_files(files)
    places = _places_now(pl.read_parquet(left.folder / "agreed.parquet"), lookups)
    # Moved away first: what was left can be taken over once, and may be this very run's.
    folder = run.work.with_name(f"kept-{run.request.invoice_month}")
    shutil.rmtree(folder, ignore_errors=True)
    left.folder.parent.replace(folder)
    for name in PIECES:
        empty_folder(run.work / name)
        for piece in left.facts["pieces"]:
            _move(folder / name / piece, run.work / name / piece, is_over, lookups.book.agreed_from, places)
    shutil.rmtree(folder)
    _move_rows(run, left.run_id, again, files)
    return Kept(files, again, tuple(left.facts["pieces"]))


def leave(run: Run, lookups: RatingTables, pieces: Iterable[str], left_open: pl.Series) -> None:
    """Notes what the next rating of the month needs to know of this one. After its rows are stored: without the note,
    or with other rows in the books, nothing of it is taken over.

    left_open: usage_no of the records that the next one looks at whatever is kept.
    """
    folder = empty_folder(run.work / "kept")
    holders_of(run.store).write(folder)
    lookups.book.agreed.write_parquet(folder / "agreed.parquet")
    left_open.unique().sort().to_frame("usage_no").write_parquet(folder / "open.parquet")
    facts = {
        "run_id": run.run_id,
        "made_from": _made_from(run),
        "files": _files(run),
        "outcomes": count_outcomes(run.store, run.run_id),
        "pieces": list(pieces),
    }
    write_atomic(folder / "facts.json", json.dumps(facts, indent=2).encode())


@dataclass(frozen=True)
class _Left:
    """What a run left: its id, the folder kept/ in its work folder, and what facts.json there says."""

    run_id: str
    folder: Path
    facts: dict[str, Any]


def drop(run: Run) -> None:
    """Forgets earlier ratings of the month that left something and of which nothing was taken over, as if they had not
    been: a run of its own every day would tell nobody anything."""
    for run_id in _stopped(run):
        work = run.work.with_name(run_id)
        if run_id != run.run_id and (work / "kept").exists():
            with run.store.transaction():
                forget_rated(run.store, "run_id = $run", {"run": run_id})
                forget_run(run.store, run_id)
            shutil.rmtree(work)


def _left(run: Run) -> _Left | None:
    """The last rating of the month that drafted nothing, where its rows, its files and all it was made from are there
    as they were."""
    if run.request.accounts or run.kind != "regular":
        return None
    for run_id in _stopped(run):
        folder = run.work.with_name(run_id) / "kept"
        try:
            facts = json.loads((folder / "facts.json").read_bytes())
        except (OSError, ValueError):
            continue
        whole = facts["run_id"] == run_id and facts["made_from"] == _made_from(run)
        whole = whole and facts["outcomes"] == count_outcomes(run.store, run_id)
        if whole and all((folder.parent / name / piece).exists() for name in PIECES for piece in facts["pieces"]):
            return _Left(run_id, folder, facts)
    return None


def _stopped(run: Run) -> list[str]:
    """Runs of the month that have not drafted, the last one first."""
    rows = run.store.rows(
        "select run_id from runs where invoice_month = $1 and drafted_at is null order by run_seq desc",
        [run.request.invoice_month],
    )
    return [run_id for (run_id,) in rows]


def _made_from(run: Run) -> str:
    """A hash of what decides about records of whatever account and file."""
    settings = run.settings.model_dump(mode="json", include={"billing", "sellers", "decks", "sources"})
    erased = run.store.rows("select account_id, until_month from erased order by all")
    facts = [
        PROGRAM_VERSION, SCHEMA_VERSION, run.request.invoice_month, run.kind, settings, run.tables.hashes, erased,
        issued_sha256(run.store),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _files(run: Run) -> dict[int, str]:
    """Usage file -> what its records come to; a file without a note (flows.home.file_sums) is not kept."""
    rows = run.store.rows("select file_seq, records, row_xor, row_sum, legs_xor from file_sums")
    return {int(file): ":".join(map(str, sums)) for file, *sums in rows}


def _of_files(files: tuple[int, ...]) -> pl.Expr:
    return (pl.col("usage_no") // LINES_OF_A_FILE).is_in(list(files))


def _places_now(before: pl.DataFrame, lookups: RatingTables) -> pl.Series | None:
    """Place in the book of each row of agreed prices as they were; null where it is gone. None: where they stood."""
    book = lookups.book
    if before.equals(book.agreed):
        return None
    places = book.agreed.with_row_index("at", offset=book.agreed_from).unique(before.columns, keep="first")
    return before.join(places, on=before.columns, how="left", nulls_equal=True, maintain_order="left")["at"]


def _move(source: Path, target: Path, is_over: pl.Expr, agreed_from: int, agreed: pl.Series | None) -> None:
    """A piece's file from one work folder to another, without what is over, its rates by their places of now."""
    rows = pl.read_ipc(source)
    stays = rows.select(~is_over).to_series()
    moves = agreed is not None and "rate" in rows.columns
    if stays.all() and not moves:
        source.replace(target)
        return
    rows = rows.filter(stays)
    if agreed is not None and moves:
        is_agreed = rows["rate"] >= agreed_from
        now = agreed.gather(rows["rate"].filter(is_agreed) - agreed_from).cast(rows["rate"].dtype)
        if now.null_count():
            raise TollbookError("an agreed price is gone, and its account is none of those that changed: the run stops")
        rows = rows.with_columns(rows["rate"].scatter(is_agreed.arg_true(), now))
    rows.write_ipc(target)


_NOT_KEPT = f"usage_no in (select usage_no from _again) or not list_contains($files, usage_no // {LINES_OF_A_FILE})"


def _move_rows(run: Run, before: str, again: pl.Series, files: tuple[int, ...]) -> None:
    """Rows of an earlier run that hold become this run's; the others go, and so do estimates, which are made anew."""
    store = run.store
    rows_of = {"rated": "for_no in (select for_no from rated_for where run_id = $run)"}
    rows_of |= dict.fromkeys(("suspended_usage", "excluded_usage"), "run_id = $run")
    store.con.register("_again", again.to_frame("usage_no").to_arrow())
    try:
        with store.transaction():
            for table, mine in rows_of.items():
                values = {"run": before, "files": list(files)}
                store.con.execute(f"delete from {table} where {mine} and ({_NOT_KEPT})", values)
            for table in ("rated_for", "suspended_usage", "excluded_usage"):
                more = ", estimate = null" if table == "suspended_usage" else ""
                values = {"run": before, "now": run.run_id}
                store.con.execute(f"update {table} set run_id = $now{more} where run_id = $run", values)
            if before != run.run_id:
                # The run that goes on stands in its place, as if it alone had been.
                store.con.execute(
                    "update runs set run_seq = (select run_seq from runs where run_id = $1) where run_id = $2",
                    [before, run.run_id],
                )
                forget_run(store, before)
    finally:
        store.con.unregister("_again")
