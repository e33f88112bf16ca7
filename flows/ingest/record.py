"""What ingest writes: a file's rows, rejects, duplicates and its own row, or its refusal; many files at once.

A file of a batch is told from the others by its lines: those of the n-th are counted from n * LINES on (flows/ingest/
many.py). `staged_files` then says whose they are; a file alone keeps its lines as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from flows.home import audit
from flows.home.file_sums import note_file_sums
from flows.home.schema import USAGE_NO
from flows.home.store import Store
from flows.ingest.files import FileRefused, InboxFile, Physical
from flows.ingest.known import KnownFile, known_files
from flows.ingest.report import FileResult, Tally, masked, shown
from flows.ingest.settle import LINES
from schemas.errors import Fault
from schemas.feed import Feed
from schemas.feeds import FEEDS

_NOT_ASIDE = """
    anti join staged_duplicates as d on d.source_line = s.source_line
    anti join staged_rejects as r on r.source_line = s.source_line
"""

_COLUMNS = [
    "file_seq", "source_file", "feed", "source", "sha256", "records", "loaded", "rejected", "duplicate", "state",
    "detail", "ingested_at",
]  # fmt: skip


@dataclass(frozen=True)
class Act:
    """Who takes a file in, and when; `today` where the command was given a day."""

    by: str
    now: datetime
    today: date | None = None

    @property
    def latest(self) -> datetime:
        """The clock, or the day that the command was given where that is later."""
        if self.today is None:
            return self.now
        return max(self.now, datetime(self.today.year, self.today.month, self.today.day, tzinfo=UTC))


@dataclass(frozen=True)
class Outcome:
    """What became of a file and is to be written: `tally` holds its rejects, `result.state` loaded or refused."""

    file: InboxFile
    result: FileResult
    tally: Tally


def write(
    store: Store, file: InboxFile, result: FileResult, tally: Tally, act: Act, before: Sequence[KnownFile]
) -> None:
    """Rows, rejects, duplicates and the file itself, inside a transaction. `before`: what was known of it."""
    _forget(store, file, result, before)
    sequence = _sequences(store, 1)[0]
    write_staged(store, file, result.sha256, sequence)
    loaded = store.rows(f"select count(*) from feed_{file.feed.name} where file_seq = $1", [sequence])[0][0]
    _same_seconds(store, file.feed, file.name, sequence, tally.seconds)
    if loaded != result.loaded:
        raise _not_all(file, result, loaded)
    note_file_sums(store, file.feed.name)
    _record(store, [Outcome(file, result, tally)], [sequence], act)
    write_missing(store, file, result.sha256, result.snapshot_missing)


def commit_many(
    store: Store, feed: Feed, outcomes: Mapping[int, Outcome], act: Act, before: Sequence[KnownFile]
) -> None:
    """The same for many files of usage, loaded and refused ones, by their number in the batch. All or nothing."""
    some = list(outcomes.values())
    with store.transaction():
        if any(row.state != "loaded" for row in before):
            for it in some:
                _forget(store, it.file, it.result, before)
        sequences = _sequences(store, len(some))
        rows = zip(outcomes, (it.file.name for it in some), sequences, (it.result.sha256 for it in some), strict=True)
        schema = {"file_no": pl.Int64, "name": pl.String, "seq": pl.Int64, "sha": pl.String}
        store.append("staged_files", pl.DataFrame(list(rows), schema=schema, orient="row"))
        inserted = _write_staged_many(store, feed)
        _same_seconds(store, feed, some[0].file.name, sequences[0], _staged_seconds(store, feed))
        for it, sequence in zip(some, sequences, strict=True):
            if inserted.get(sequence, 0) != it.result.loaded:
                raise _not_all(it.file, it.result, inserted.get(sequence, 0))
        note_file_sums(store, feed.name)
        _record(store, some, sequences, act)


def _sequences(store: Store, count: int) -> list[int]:
    return sorted(seq for (seq,) in store.rows("select nextval('file_seq') from range($1)", [count]))


def _not_all(file: InboxFile, result: FileResult, inserted: int) -> FileRefused:
    found = f"{result.records} records, of which {inserted} loaded, {result.rejected} rejected"
    fault = Fault(file.name, None, None, found, f"{result.duplicate} duplicates to make up the rest")
    return FileRefused(fault, result.records)


def _staged_seconds(store: Store, feed: Feed) -> int:
    query = "select coalesce(sum(duration_s), 0) from staged"
    return int(store.rows(query)[0][0]) if feed.name == "calls" else 0


def _same_seconds(store: Store, feed: Feed, name: str, since: int, read: int) -> None:
    """Seconds read = loaded + duplicate (RULES 27); what was stored is added up by the database, from the file `since`
    on."""
    if feed.name != "calls":
        return
    loaded, repeated = store.rows(
        """
        select (select coalesce(sum(duration_s), 0) from feed_calls where file_seq >= $1),
            (select coalesce(sum(duration_s), 0) from staged join staged_duplicates using (source_line))""",
        [since],
    )[0]
    if read != loaded + repeated:
        raise FileRefused(
            Fault(name, None, None, f"{read} seconds", f"{loaded} loaded and {repeated} of duplicates to make up")
        )


def write_staged(store: Store, file: InboxFile, sha256: str, sequence: int) -> int:
    """The staged rows that are neither rejected nor duplicate, and the duplicates; returns how many were loaded."""
    feed = file.feed.name
    number = f", {USAGE_NO.format(file_seq='$seq', source_line='s.source_line')} as usage_no"
    more = number if file.feed.is_usage else ""
    inserted: int = store.rows(
        f"""
        insert into feed_{feed} by name
        select s.* exclude (raw_line) replace ($file as source_file, $seq as file_seq){more}
        from staged as s {_NOT_ASIDE}
        """,
        {"file": file.name, "seq": sequence},
    )[0][0]
    store.con.execute(
        """
        insert into duplicate_records by name
        select $feed as feed, $file as source_file, s.source_line, d.of_file, d.of_line,
            coalesce(s.raw_line, to_json(s)::varchar) as raw_line, $sha as sha256
        from staged_duplicates as d join staged as s using (source_line)
        """,
        {"feed": feed, "file": file.name, "sha": sha256},
    )
    _note_variants(store, file.feed)
    return inserted


def _write_staged_many(store: Store, feed: Feed) -> dict[int, int]:
    """As `write_staged`, of every file of the batch; returns how many rows were loaded per file_seq."""
    whose = f"join staged_files as f on f.file_no = s.source_line // {LINES}"
    number = USAGE_NO.format(file_seq="f.seq", source_line=f"(s.source_line % {LINES})")
    store.con.execute(
        f"""
        insert into feed_{feed.name} by name
        select s.* exclude (raw_line)
            replace (f.name as source_file, f.seq as file_seq, s.source_line % {LINES} as source_line),
            {number} as usage_no
        from staged as s {whose} {_NOT_ASIDE}
        """
    )
    store.con.execute(
        f"""
        insert into duplicate_records by name
        select $1 as feed, f.name as source_file, s.source_line % {LINES} as source_line,
            coalesce(o.name, d.of_file) as of_file, d.of_line % {LINES} as of_line, s.raw_line, f.sha as sha256
        from staged_duplicates as d join staged as s using (source_line) {whose}
        left join staged_files as o on d.of_file = '' and o.file_no = d.of_line // {LINES}
        """,
        [feed.name],
    )
    _note_variants(store, feed)
    return dict(
        store.rows(
            f"select file_seq, count(*) from feed_{feed.name} where file_seq >= (select min(seq) from staged_files) "
            "group by file_seq"
        )
    )


def _note_variants(store: Store, feed: Feed) -> None:
    """Each identity once, however often its variants come again."""
    if feed.is_usage:
        identity = " || ':' || ".join(f"coalesce({key}, '-')" for key in feed.key)
        store.con.execute(
            f"insert into usage_variants select $1, {identity} from staged_again except from usage_variants",
            [feed.name],
        )


def write_missing(store: Store, file: InboxFile, sha256: str, keys: list[str]) -> None:
    """Keys of an earlier snapshot that this file lacks."""
    missing = pl.DataFrame({"row_key": keys}, schema={"row_key": pl.String})
    store.append(
        "snapshot_missing",
        missing.with_columns(feed=pl.lit(file.feed.name), source_file=pl.lit(file.name), sha256=pl.lit(sha256)),
    )


def _record(store: Store, outcomes: Sequence[Outcome], sequences: Sequence[int], act: Act) -> None:
    """The files' own rows, their rejects and the acts in the audit log; inside the caller's transaction."""
    store.append_each(
        "rejected_records", (part for it in outcomes for part in _rejects(it.file, it.result.sha256, it.tally))
    )
    entries = []
    rows: list[list[object]] = []
    for it, sequence in zip(outcomes, sequences, strict=True):
        file, result = it.file, it.result
        rows.append([
            sequence, file.name, file.feed_name, file.source_name, result.sha256, result.records, result.loaded,
            result.rejected, result.duplicate, result.state, result.detail, act.now,
        ])  # fmt: skip
        told = f"{result.records} records: {result.loaded} loaded, {result.rejected} rejected, "
        told += f"{result.duplicate} duplicate" + (f"; {result.detail}" if result.detail else "")
        told = str(result.detail) if result.state == "refused" else told
        entries.append(audit.Entry("ingest", file.name, None, f"{result.state}, {told}"))
    store.append_rows("source_files", _COLUMNS, rows)
    audit.record_all(store, entries, act.by, act.now)


def write_rejects(store: Store, file: InboxFile, sha256: str, tally: Tally) -> None:
    """Every reject of the tally, under its file."""
    store.append_each("rejected_records", _rejects(file, sha256, tally))


def _rejects(file: InboxFile, sha256: str, tally: Tally) -> Iterator[pl.DataFrame]:
    origin = {"feed": pl.lit(file.feed_name), "source_file": pl.lit(file.name), "sha256": pl.lit(sha256)}
    # A line that could not be cut into cells says nothing of whose it is; of usage nobody asks.
    is_master = file.feed_name in FEEDS and not file.feed.is_usage
    nobody = pl.lit("{}" if is_master else None, pl.String)
    for part in tally.rejects:
        if part.height:
            whose = pl.col("row_key").fill_null(nobody) if "row_key" in part.columns else nobody
            yield part.with_columns(**origin, row_key=whose)


def forget_lines(store: Store, feed: str, name: str, sha256: str) -> None:
    """What was said of a file's single lines: its rejects, duplicates and what a snapshot of it lacked."""
    for table in ("rejected_records", "duplicate_records", "snapshot_missing"):
        store.con.execute(
            f"delete from {table} where sha256 = $1 and feed = $2 and source_file = $3", [sha256, feed, name]
        )


def _forget(store: Store, file: InboxFile, result: FileResult, before: Sequence[KnownFile]) -> None:
    """What was said before and is no longer so. A load ends the refusals of the same content, under any name, and of
    a file that could not be read, and its own rolling back; a refusal takes the place of its own file's last one."""
    for row in before:
        if _is_over(row, file, result):
            store.con.execute(
                "delete from source_files where sha256 = $1 and feed = $2 and source_file = $3 and state = $4",
                [row.sha256, file.feed_name, row.name, row.state],
            )
            forget_lines(store, file.feed_name, row.name, row.sha256)


def _is_over(row: KnownFile, file: InboxFile, result: FileResult) -> bool:
    is_own, is_same = row.name == file.name, row.sha256 == result.sha256
    if row.state == "refused" and is_own and (is_same or row.sha256 == unread(file.name)):
        return True
    return result.state == "loaded" and is_same and (row.state == "refused" or (row.state == "rolled_back" and is_own))


def unread(name: str) -> str:
    """What stands for the hash of a file that could not be read."""
    return f"unread:{name}"


def refusal_of(file: InboxFile, physical: Physical | None, refusal: FileRefused, tally: Tally) -> Outcome:
    """The outcome of a refused file. Every record of it counts as rejected."""
    records = refusal.records or tally.records
    sha256 = physical.sha256 if physical else unread(file.name)
    result = FileResult(file.name, file.feed_name, "refused", records, 0, records, 0, sha256=sha256)
    result.faults = [masked(refusal.fault), *shown(file.name, tally)]
    result.detail = str(masked(refusal.fault))
    return Outcome(file, result, tally)


def is_told(outcome: Outcome, before: Sequence[KnownFile]) -> bool:
    """Whether this very refusal is recorded already; else it is new when the file was not refused before."""
    result = outcome.result
    told = [
        row.detail
        for row in before
        if row.state == "refused" and row.name == outcome.file.name and row.sha256 == result.sha256
    ]
    result.is_new = not told
    return told == [result.detail]


def refuse(store: Store, outcome: Outcome, act: Act) -> FileResult:
    """Records the refusal of one file, once per content."""
    before = known_files(store, outcome.file.feed_name, [(outcome.file.name, outcome.result.sha256)])
    if not is_told(outcome, before):
        with store.transaction():
            _forget(store, outcome.file, outcome.result, before)
            _record(store, [outcome], _sequences(store, 1), act)
    return outcome.result
