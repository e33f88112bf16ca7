"""One ingested file taken back out, with everything that came from it and is not issued (RULES 18).

The books are left as if the file had never come: versions it superseded are in force again, and records of later
files that only repeated its records count. What was issued from it stays, and is listed as needing a correction.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.books.erased import INSTEAD, erased_of_file
from flows.books.ledger import balance_files
from flows.books.previews import drop_stale_previews
from flows.books.runs import read_inputs, void_drafts
from flows.catalog.load import load_all
from flows.home import audit
from flows.home.file_sums import forget_file_sums, note_all_file_sums
from flows.home.settings import Settings
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.again import FILE_COLUMNS, LoadedFile, settle_master_again, settle_usage_again, stage_again
from flows.ingest.record import forget_lines
from schemas.counts import count_of
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.feeds import FEEDS
from schemas.money import minor_digits, rounded

_RESOURCE_FEEDS = ("subscriptions", "devices", "numbers")


@dataclass(frozen=True)
class Effect:
    """An issued document that rests on the file: how, how many records, and for usage what they came to."""

    invoice_number: str
    account_id: str
    invoice_month: str
    because: str
    records: int
    amount: Decimal | None = None
    currency: str | None = None

    def line(self) -> str:
        worth = ""
        if self.amount is not None and self.currency is not None:
            worth = f", {rounded(self.amount, minor_digits(self.currency))} {self.currency}"
        return f"{self.invoice_number} of account {self.account_id}, {self.invoice_month}: {self.because}{worth}"


@dataclass
class Rollback:
    """What a rollback did."""

    source_file: str
    feed: str
    sha256: str
    records: int
    loaded: int
    restored: int = 0
    """Versions of master data that are in force again."""
    reloaded: dict[str, int] = field(default_factory=dict)
    """File -> how many more of its records count now."""
    voided: list[str] = field(default_factory=list)
    """Runs whose drafts rested on the file."""
    effects: list[Effect] = field(default_factory=list)

    @property
    def months(self) -> list[str]:
        return sorted({effect.invoice_month for effect in self.effects})

    @property
    def incomplete(self) -> bool:
        """Whether something issued rests on the file."""
        return bool(self.effects)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        said = [f"{self.source_file}: rolled back, {self.loaded} of its {count_of(self.records, 'record')} in use"]
        if self.restored:
            said.append(f"in force again: {count_of(self.restored, 'former version')}")
        said += [f"{file}: {count_of(count, 'more record')} in use now" for file, count in self.reloaded.items()]
        said += [f"drafts of run {run_id} are void; run the month again" for run_id in self.voided]
        said += [f"issued, needs a correction: {effect.line()}" for effect in self.effects]
        if self.effects:
            asked = ", ".join(f"`tollbook correct {month} --reason TEXT`" for month in self.months)
            said.append(f"What is issued does not change by itself: {asked}")
        said.append(f"It stays out until it is named: tollbook ingest {self.source_file}")
        return said


def rollback(
    store: Store, settings: Settings, target: str, *, by: str, now: datetime, reason: str | None = None
) -> Rollback:
    """Takes the loaded file named by path or hash back out.

    Raises WrongUsage for what names no file or several, NothingToDo when it is out already, Refused when issued
    documents would lose their account or a file that repeats it cannot be read again. All or nothing.
    """
    gone = _find(store, target)
    _has_its_detail(store, gone)
    tables = load_all(store.home, settings)
    done = Rollback(gone.source_file, gone.feed, gone.sha256, gone.records, gone.loaded)
    feed = FEEDS[gone.feed]
    settle.prepare(store, feed)
    store.con.execute(f"create or replace temp table taken_back as select * from feed_{feed.name} limit 0")
    try:
        with store.transaction():
            forget_file_sums(store)
            _remember(store, gone)
            _remove(store, gone)
            for later in _to_settle(store, gone):
                settle.empty(store)
                file, tally = stage_again(store, settings, later)
                if feed.is_usage:
                    more = settle_usage_again(store, file, later, gone.source_file)
                else:
                    more = settle_master_again(store, settings, file, later, tally)
                if more:
                    done.reloaded[later.source_file] = more
            _accounts_stay(store, gone)
            balance_files(store)
            note_all_file_sums(store)
            done.restored = _restored(store, gone)
            done.effects = _usage_effects(store) if feed.is_usage else _master_effects(store, gone)
            inputs = read_inputs(store, settings, tables).sha256
            done.voided = void_drafts(store, inputs, f"{gone.source_file} was rolled back", by, now)
            summary = f"{gone.loaded} records out, {len(done.effects)} issued documents rest on it"
            audit.record(store, "rollback", gone.source_file, by, now, reason, summary)
    finally:
        settle.clear(store)
        store.con.execute("drop table if exists temp.taken_back")
    store.checkpoint()
    drop_stale_previews(store)
    return done


def _find(store: Store, target: str) -> LoadedFile:
    """The loaded file that `target` names: as source_files has it, as a path, or by its hash (8 digits or more)."""
    path = Path(target)
    names = {target, store.home.relative(path), store.home.relative(store.home.root / path)}
    is_hash = len(target) >= 8 and set(target.lower()) <= set("0123456789abcdef")
    rows = store.rows(
        f"select state, {FILE_COLUMNS} from source_files "
        "where list_contains($1, source_file) or ($2 and starts_with(sha256, $3)) order by file_seq",
        [sorted(names), is_hash, target.lower()],
    )
    loaded = [LoadedFile(*row[1:]) for row in rows if row[0] == "loaded"]
    if len(loaded) > 1:
        listed = "; ".join(f"{file.source_file} {file.sha256[:12]} (feed {file.feed})" for file in loaded)
        raise WrongUsage(f"{target} names several files; give one by its hash: {listed}")
    if loaded:
        return loaded[0]
    states = {row[0] for row in rows}
    if "rolled_back" in states:
        raise NothingToDo(f"{target} is rolled back already; `tollbook ingest {target}` takes it in again.")
    if "refused" in states:
        raise NothingToDo(f"{target} was refused: nothing of it was taken in, so there is nothing to take out.")
    raise WrongUsage(f"found {target!r}; expected a file that was taken in, by its path or hash (view source_files)")


def _has_its_detail(store: Store, gone: LoadedFile) -> None:
    """What is erased of a file would be lost for the books, and its records would come back with the file."""
    if not FEEDS[gone.feed].is_usage:
        return
    erased = erased_of_file(store, gone.file_seq, gone.feed)
    if erased is not None:
        raise Refused(f"{gone.source_file} cannot be taken back out: {erased}. {INSTEAD}")


def _remember(store: Store, gone: LoadedFile) -> None:
    """Its rows that decide something today: usage, and the master data in force."""
    feed = FEEDS[gone.feed]
    rows = f"feed_{feed.name}" if feed.is_usage else f"current_{feed.name}"
    store.con.execute(f"insert into temp.taken_back from {rows} where file_seq = $1", [gone.file_seq])


def _remove(store: Store, gone: LoadedFile) -> None:
    take_rows(store, gone.feed, gone.file_seq)
    forget_lines(store, gone.feed, gone.source_file, gone.sha256)
    store.con.execute("update source_files set state = 'rolled_back' where file_seq = $1", [gone.file_seq])


def take_rows(store: Store, feed: str, file_seq: int) -> None:
    """A file's rows out of its feed. Of what was rated stays what it was: documents may hold it."""
    if FEEDS[feed].is_usage:
        store.con.execute(
            "insert into kept_usage select * from usage_records where usage_no in (select usage_no from rated) "
            f"and usage_no in (select usage_no from feed_{feed} where file_seq = $1)",
            [file_seq],
        )
    store.con.execute(f"delete from feed_{feed} where file_seq = $1", [file_seq])


def _to_settle(store: Store, gone: LoadedFile) -> list[LoadedFile]:
    """Files whose outcomes may have rested on it, in their order."""
    columns = ", ".join(f"s.{name.strip()}" for name in FILE_COLUMNS.split(","))
    if FEEDS[gone.feed].is_usage:
        rows = store.rows(
            f"select {columns} from source_files s where state = 'loaded' and feed = $1 and exists "
            "(from duplicate_records d where d.feed = $1 and d.of_file = $2 and d.sha256 = s.sha256 "
            "and d.source_file = s.source_file) order by file_seq",
            [gone.feed, gone.source_file],
        )
    else:
        rows = store.rows(
            f"select {columns} from source_files s where state = 'loaded' and feed = $1 and file_seq > $2 and "
            "(duplicate > 0 or rejected > 0 or exists (select 1 from snapshot_missing m "
            "where m.feed = s.feed and m.sha256 = s.sha256 and m.source_file = s.source_file)) order by file_seq",
            [gone.feed, gone.file_seq],
        )
    return [LoadedFile(*row) for row in rows]


def _accounts_stay(store: Store, gone: LoadedFile) -> None:
    """Issued documents keep an account that is known: without it nothing of them could be corrected."""
    lost = store.rows(
        "select distinct account_id from issued_documents anti join feed_accounts using (account_id) order by 1"
    )
    if lost:
        named = ", ".join(account for (account,) in lost[:10])
        raise Refused(
            f"only {gone.source_file} knows {named}, and documents are issued for them. Take in a file with the right "
            "rows of these accounts first; then this one can go."
        )


def _restored(store: Store, gone: LoadedFile) -> int:
    """How many of its keys have a former version that is in force again."""
    feed = FEEDS[gone.feed]
    if feed.is_usage:
        return 0
    same = " and ".join(f"f.{name} is not distinct from t.{name}" for name in feed.key)
    count: int = store.rows(
        f"select count(*) from temp.taken_back t where exists (select 1 from feed_{feed.name} f where {same} "
        "and f.row_md5 <> t.row_md5)"
    )[0][0]
    return count


def _usage_effects(store: Store) -> list[Effect]:
    """Documents that bill its calls or messages, but for those that another file brought as well."""
    rows = store.rows("""
        select d.invoice_number, d.account_id, d.invoice_month, count(*), sum(r.amount), any_value(r.currency)
        from rated_usage r join issued_documents d on d.run_id = r.run_id and d.draft_id = r.draft_id
        where r.usage_id in (select usage_id from temp.taken_back)
            and r.usage_id not in (select usage_id from feed_calls union all select usage_id from feed_messages)
        group by all order by 1""")
    return [
        Effect(number, account, month, f"{count_of(records, 'record')} of it", records, amount, currency)
        for number, account, month, records, amount, currency in rows
    ]


def _master_effects(store: Store, gone: LoadedFile) -> list[Effect]:
    """Documents drafted since the file came that bill what its rows said and nothing says any more."""
    feed = gone.feed
    wanted = "true"
    if feed in _RESOURCE_FEEDS:
        wanted = "c.account_id = t.account_id and c.product_code = t.product_code and c.resource_kind || 's' = $feed"
    elif feed == "charges":
        wanted = "c.resource_kind = 'charge' and c.resource_id = t.charge_id"
    if "account_id" not in {column.name for column in FEEDS[feed].columns}:
        return []
    rows = store.rows(
        f"""
        select d.invoice_number, d.account_id, d.invoice_month, count(distinct t.row_md5)
        from temp.taken_back t
        join issued_documents d on d.account_id = t.account_id
        join runs r on r.run_id = d.run_id
        join source_files s on s.file_seq = $seq
        where s.ingested_at <= r.drafted_at
            and t.row_md5 not in (select row_md5 from feed_{feed})
            and exists (select 1 from charges c where c.run_id = d.run_id and c.draft_id = d.draft_id and {wanted})
        group by all order by 1""",
        {"seq": gone.file_seq} | ({"feed": feed} if "$feed" in wanted else {}),
    )
    return [
        Effect(number, account, month, f"{count_of(records, 'row')} of feed {feed}", records)
        for number, account, month, records in rows
    ]
