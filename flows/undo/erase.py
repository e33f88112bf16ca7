"""An account's call detail erased on request, while totals, documents and hashes stay.

First one transaction: rows lose their numbers (flows.undo.erase_rows), and it is noted what was asked and which files
are to go. Then the files go, the database is written anew, and the snapshot after it. A kill in between is made good by
asking again; until then `doctor` says that it is not finished.
"""

import shutil
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from flows.books.previews import drop_stale_previews
from flows.books.publish import publish
from flows.books.runs import read_inputs, void_drafts
from flows.catalog.load import load_all
from flows.home import audit
from flows.home.file_sums import forget_file_sums, note_all_file_sums
from flows.home.objects import kept
from flows.home.rewrite import write_anew
from flows.home.settings import Home, Settings
from flows.home.store import Store
from flows.month.inputs import load_master
from flows.month.lookups import number_intervals
from flows.review.latest import forget
from flows.review.page import review
from flows.undo.erase_rows import Detail, blank_rows, find_detail, forget_detail
from schemas.counts import count_of
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.periods import month_bounds_utc, month_start, shift_month

_GONE = ("usage_csv", "mail", "source_copy")
"""Kinds of files that an erasure removes. A `review` is written anew; an `original` is not ours to remove."""


@dataclass
class Erasure:
    """What an erasure did. `originals`: files, as they came, in which the detail still stands: the operator's."""

    account_id: str
    until_month: str
    months: list[str] = field(default_factory=list)
    records: int = 0
    unreadable_lines: int = 0
    unbilled: int = 0
    removed: list[str] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)
    voided: list[str] = field(default_factory=list)
    incomplete: ClassVar[bool] = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        about = f"{self.account_id}: call detail up to {self.until_month} is erased"
        said = [f"{about}, {count_of(self.records, 'record')} of {', '.join(self.months)}" if self.records else about]
        if self.unbilled:
            said.append(
                f"{self.unbilled} of them were suspended and never billed; nothing can rate them any more. "
                "If they are owed, charge them by hand (feed `charges`)"
            )
        if self.unreadable_lines:
            said.append(f"{self.unreadable_lines} rejected or duplicate lines that name it are erased too")
        said += [f"removed: {file}" for file in self.removed]
        said += [f"drafts of run {run_id} are void; run the month again" for run_id in self.voided]
        if self.originals:
            said.append(
                "These files hold it as they came, with other accounts' calls. They are yours: delete them, or keep "
                "them elsewhere (a changed file of the same name in the inbox would be refused), and so back-ups"
            )
            said += [f"original: {file}" for file in self.originals]
        return said


def erase(home: Home, settings: Settings, account: str, until: str, *, reason: str, by: str, now: datetime) -> Erasure:
    """Erases the call detail of every usage month of the account up to and including `until`.

    Raises WrongUsage for an unknown account, a bad month or an empty reason; Refused while the months are not issued,
    or a draft rests on them; NothingToDo where there is none. An erasure that was cut short is brought to its end.
    """
    month_start(until)
    if not reason.strip():
        raise WrongUsage("--reason: say why the detail is erased; it is kept in the audit log")
    done = Erasure(account, until)
    with Store(home, settings.run.memory_limit_mb) as store:
        zone = _zone(store, account)
        is_cut_short = bool(store.rows("select 1 from erased where not is_complete limit 1"))
        if not is_cut_short:
            _may_be_erased(store, account, until)
        master = load_master(store, load_all(home, settings))
        owned = number_intervals(master).filter(pl.col("account_id") == account)
        end = month_bounds_utc(until, zone)[1]
        try:
            detail = find_detail(store, account, until, end, owned)
            copies = [sha256 for _, sha256 in detail.sources if kept(home, sha256).exists()]
            if detail.records or detail.lines or copies:
                _may_be_erased(store, account, until)
                _note(store, settings, done, detail, reason, by, now)
            elif not is_cut_short:
                raise NothingToDo(f"{account} has no call detail up to {until} that is not erased already.")
        finally:
            forget_detail(store)
        gone, done.originals = _listed(store)
    done.removed = [file for file in gone if (home.root / file).exists()]
    _finish(home, settings)
    return done


def _zone(store: Store, account: str) -> str:
    """The account's time zone, which decides its months."""
    zone: str | None = store.rows(
        "select max_by(time_zone, coalesce(effective_from, date '0001-01-01')) from feed_accounts "
        "where account_id = $1",
        [account],
    )[0][0]
    if zone is None:
        raise WrongUsage(f"found {account!r}; expected an account that feed accounts has named")
    return zone


def _may_be_erased(store: Store, account: str, until: str) -> None:
    """Detail is kept as long as it is needed to bill: until its months are issued, and no draft rests on it."""
    month = shift_month(until, 1)
    issued = store.rows(
        "select 1 from issued_documents where account_id = $1 and invoice_month >= $2 union all "
        "select 1 from run_accounts as a join run_states as r using (run_id) where a.account_id = $1 "
        "and r.invoice_month >= $2 and a.outcome in ('nothing_to_bill', 'closed', 'not_started') "
        "and r.state = 'approved' limit 1",
        [account, month],
    )
    if not issued:
        raise Refused(
            f"the usage of {until} goes on the documents of {month}, and those of {account} are not issued: its "
            "detail is needed to bill it. Erase up to an earlier month, or approve first."
        )
    drafts = store.rows(
        "select d.invoice_month, d.run_id from documents as d where d.account_id = $1 and d.run_id in "
        "(select run_id from run_states where state = 'drafted') and not exists "
        "(select 1 from issued_documents i where i.run_id = d.run_id and i.draft_id = d.draft_id) and "
        "(d.invoice_month <= $2 or exists (select 1 from rated_usage u where u.run_id = d.run_id and u.account_id = $1 "
        "and u.usage_month <= $3)) order by all limit 1",
        [account, month, until],
    )
    if drafts:
        raise Refused(
            f"a draft of {account} for {drafts[0][0]} (run {drafts[0][1]}) rests on this detail: approve it first."
        )


def _note(store: Store, settings: Settings, done: Erasure, detail: Detail, reason: str, by: str, now: datetime) -> None:
    """The one transaction that erases: afterwards nobody knows the numbers, and it is known which files hold them.

    Drafts of later months were made from feeds that read otherwise now, so nobody could approve them: they are void.
    """
    tables = load_all(store.home, settings)
    done.months, done.records, done.unbilled = detail.months, detail.records, detail.unbilled
    done.unreadable_lines = detail.lines
    with store.transaction():
        forget_file_sums(store)
        blank_rows(store, done.account_id)
        note_all_file_sums(store)
        store.con.execute(
            "insert into erased values ($1, $2, $3, $4, $5, false)",
            [done.account_id, done.until_month, by, now, reason],
        )
        rows = [(done.account_id, done.until_month, *row) for row in _files(store.home, detail)]
        schema = dict.fromkeys(["account_id", "until_month", "file", "sha256", "what"], pl.String)
        store.append("erased_files", pl.DataFrame(rows, schema=schema, orient="row"))
        summary = (
            f"up to {done.until_month}: {done.records} records, {detail.lines} unread lines, {len(rows)} files named"
        )
        audit.record(store, "erase", done.account_id, by, now, reason, summary)
        inputs = read_inputs(store, settings, tables).sha256
        done.voided = void_drafts(store, inputs, "call detail was erased", by, now)


def _files(home: Home, detail: Detail) -> list[tuple[str, str | None, str]]:
    """(file below the home, hash, what it is) of every file that holds the detail."""
    files: list[tuple[str, str | None, str]] = []
    for number, file, sha256 in detail.usage_files:
        files.append((file, sha256, "usage_csv"))
        mails = sorted((home.root / file).parents[1].glob(f"mail/{number}-*.eml"))
        files += [(home.relative(mail), None, "mail") for mail in mails]
    files += [
        (home.relative(kept(home, sha256)), sha256, "source_copy")
        for _, sha256 in sorted({*detail.sources, *detail.rolled_back})
        if kept(home, sha256).exists()
    ]
    if detail.rejected or detail.sources:
        # A review shows examples: a line of each fault, numbers of suspended usage. Either may be this account's.
        files += [(home.relative(page), None, "review") for page in sorted(home.root.glob("out/*/review.html"))]
    return files + [(file, sha256, "original") for file, sha256 in detail.sources if (home.root / file).exists()]


def _listed(store: Store) -> tuple[list[str], list[str]]:
    """Files that the unfinished erasures remove, and the operator's own that hold the detail."""
    rows = store.rows(
        "select distinct file, what from erased_files join erased using (account_id, until_month) "
        "where not is_complete order by what, file"
    )
    return [file for file, what in rows if what in _GONE], [file for file, what in rows if what == "original"]


def _finish(home: Home, settings: Settings) -> None:
    """Everything after the transaction, of all erasures that have not come to their end; safe to repeat."""
    limit = settings.run.memory_limit_mb
    with Store(home, limit) as store:
        gone, _ = _listed(store)
        reviews = store.rows(
            "select distinct file from erased_files join erased using (account_id, until_month) "
            "where not is_complete and what = 'review' order by 1"
        )
    for file in gone:
        (home.root / file).unlink(missing_ok=True)
    # What stages leave for the next one: no run is at work, and the next one makes its own.
    shutil.rmtree(home.store / "work", ignore_errors=True)
    shutil.rmtree(home.before_upgrade(0).parent, ignore_errors=True)
    write_anew(home, limit)
    shutil.rmtree(home.store / "tmp", ignore_errors=True)
    with Store(home, limit) as store:
        drop_stale_previews(store)
        for (page,) in reviews:
            _review_again(store, settings, Path(page).parent.name)
        publish(store)
        store.con.execute("update erased set is_complete = true where not is_complete")


def _review_again(store: Store, settings: Settings, month: str) -> None:
    """The month's review as it reads now; where no run of it stands any more its old pages go."""
    try:
        review(store, settings, month)
    except Refused:
        for page in ("review.html", "review.json", "review.xlsx"):
            (store.home.out(month) / page).unlink(missing_ok=True)
        forget(store.home, month)
