"""Stage rate: loaded usage to rated, suspended and excluded usage (flows.month.usage.pieces says how).

Usage of a month that is issued already for its account does not go the common way: its month is rated anew
(flows.month.usage.late).
"""

import shutil
from itertools import chain
from pathlib import Path

import polars as pl

from flows.books.run import Run, empty_folder
from flows.engine.frames import handed
from flows.home import progress
from flows.home.side_by_side import ahead, several
from flows.home.store import Store
from flows.month.inputs import master_of
from flows.month.lookups import rating_tables
from flows.month.usage.covers import covered_otherwise, price_again
from flows.month.usage.kept import PIECES, Kept, drop, leave, nothing_kept, take_over
from flows.month.usage.late import Late, rate_late
from flows.month.usage.others_numbers import others_numbers
from flows.month.usage.pieces import classify_pieces, draw_allowances, piece_rows, price_pieces
from flows.month.usage.read import Piece, usage_reader
from flows.month.usage.rows import count_outcomes, rated_and_left, write_estimates, write_settled
from flows.month.usage.stored import RatedWriter, forget_rated
from rating.usage import RatingTables
from schemas.periods import month_start


def rate(run: Run, *, goes_on: bool = False) -> dict[str, int]:
    """Writes the run's rated, suspended and excluded usage, and what the next stages need into its work folder:
    rated/*.arrow (flows.month.usage.rows), late/*.arrow, grants.parquet, usage_findings.parquet. Returns how many
    records took which way.

    What an earlier rating of the month left and what still holds of it is not rated again (flows.month.usage.kept).
    goes_on: whether this one is to leave the like for the next.
    """
    store, settings, tables = run.store, run.settings, run.tables
    master = master_of(run)
    lookups = rating_tables(store, settings, run.request.invoice_month, master, tables)
    late = Late.of(settings, master, run.request.month_first)
    rows, begin = piece_rows(settings), _Begin(run, lookups)

    def tables_from(usage_month: str) -> RatingTables:
        """The run's tables, or others that look back further."""
        if month_start(usage_month) >= lookups.oldest_usage_day:
            return lookups
        return rating_tables(store, settings, run.request.invoice_month, master, tables, since=usage_month)

    def set_apart(piece: Piece, records: pl.DataFrame) -> None:
        write_settled(store, run, piece.feed, late.set_apart(records))

    with (
        handed(settings, store.home, "usage", lookups) as workers,
        usage_reader(store, settings, lookups.oldest_usage_day, rows, begin) as reader,
        store.transaction(),
    ):
        kept, waiting = begin.kept, run.work / "classed"
        new = list(classify_pieces(reader, lookups, waiting, set_apart, workers=workers, first=len(kept.pieces)))
        files = [*(waiting / piece for piece in kept.pieces), *(path for _, path in new)]
        included = draw_allowances(files, lookups, rows)
        again = covered_otherwise(run, kept, included)
        of_new = {place - len(kept.pieces): frames for place, frames in included.items()}

        def leave_piece(item: tuple[Path, pl.DataFrame]) -> pl.DataFrame:
            path, records = item
            tick(1)
            return rated_and_left(run, records, run.work / "rated" / path.name)

        with progress.stage("price", len(new), "pieces") as tick:
            priced = several(leave_piece, ahead(price_pieces(new, of_new, lookups, workers)))
            RatedWriter(store, run).write(chain(price_again(run, again, lookups), priced))
        rate_late(store, run, settings, late, rows, tables_from)
        write_estimates(store, run.run_id)
        noticed = others_numbers(store, settings, run.run_id, lookups.owners.numbers)
        noticed.write_parquet(run.work / "usage_findings.parquet")
    counts = count_outcomes(store, run.run_id)
    store.checkpoint()
    lookups.grants.write_parquet(run.work / "grants.parquet")
    if goes_on:
        leave(run, lookups, [path.name for path in files], pl.concat([begin.specials, late.records()["usage_no"]]))
    else:
        shutil.rmtree(waiting)
    return counts


class _Begin:
    """What is done before usage is read: what is left of an earlier rating is taken over, the rest of it forgotten."""

    def __init__(self, run: Run, lookups: RatingTables) -> None:
        self._run, self._lookups = run, lookups
        self.kept = nothing_kept()
        self.specials = self.kept.again

    def __call__(self, specials: pl.Series) -> Kept | None:
        kept = take_over(self._run, self._lookups, specials)
        self.specials, self.kept = specials, kept or self.kept
        _forget(self._run.store, self._run, with_own=kept is None)
        if not self._run.request.accounts:
            drop(self._run)
        if kept is None:
            for name in PIECES:
                empty_folder(self._run.work / name)
        return kept


def _forget(store: Store, run: Run, *, with_own: bool) -> None:
    """Rows of runs of the month, or of months that are over, that were stopped before they drafted; with_own: those of
    an earlier try of this run too, whether it drafted or not."""
    stopped = """case when run_id = $run then $own else run_id in (
        select run_id from runs where drafted_at is null and (invoice_month = $month
            or invoice_month <= (select max(invoice_month) from issued_documents))) end"""
    values = {"run": run.run_id, "own": with_own, "month": run.request.invoice_month}
    forget_rated(store, stopped, values)
    for table in ("suspended_usage", "excluded_usage"):
        store.con.execute(f"delete from {table} where {stopped}", values)
