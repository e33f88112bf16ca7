"""What ingest writes: a file's rows, rejects, duplicates and its own row, in one transaction; or its refusal."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from flows.home import audit
from flows.home.store import Store
from flows.ingest.files import FileRefused, InboxFile, Physical
from flows.ingest.report import FileResult, Tally, masked, shown
from schemas.errors import Fault

_NOT_ASIDE = """
    anti join staged_duplicates as d on d.source_line = s.source_line
    anti join staged_rejects as r on r.source_line = s.source_line
"""


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


def commit(store: Store, file: InboxFile, result: FileResult, tally: Tally, act: Act) -> None:
    """Rows, rejects, duplicates and the file itself in one transaction."""
    with store.transaction():
        _forget(store, file, result.sha256, ["refused", "rolled_back"])
        sequence = store.rows("select nextval('file_seq')")[0][0]
        inserted = write_staged(store, file, result.sha256, sequence)
        _same_seconds(store, file, sequence)
        if inserted != result.loaded:
            found = f"{result.records} records, of which {inserted} loaded, {result.rejected} rejected"
            fault = Fault(file.name, None, None, found, f"{result.duplicate} duplicates to make up the rest")
            raise FileRefused(fault, result.records)
        _record(store, file, result, tally, act, sequence, None)
        write_missing(store, file, result.sha256, result.snapshot_missing)


def _same_seconds(store: Store, file: InboxFile, sequence: int) -> None:
    """Seconds read = loaded + duplicate (RULES 27), added up by the database."""
    if file.feed.name != "calls":
        return
    read, loaded, repeated = store.rows(
        """
        select (select coalesce(sum(duration_s), 0) from staged),
            (select coalesce(sum(duration_s), 0) from feed_calls where file_seq = $1),
            (select coalesce(sum(duration_s), 0) from staged join staged_duplicates using (source_line))""",
        [sequence],
    )[0]
    if read != loaded + repeated:
        fault = Fault(
            file.name, None, None, f"{read} seconds", f"{loaded} loaded and {repeated} of duplicates to make up"
        )
        raise FileRefused(fault)


def write_staged(store: Store, file: InboxFile, sha256: str, sequence: int) -> int:
    """The staged rows that are neither rejected nor duplicate, and the duplicates; returns how many were loaded."""
    feed = file.feed.name
    inserted: int = store.rows(
        f"""
        insert into feed_{feed} by name
        select s.* exclude (raw_line) replace ($file as source_file, $seq as file_seq) from staged as s {_NOT_ASIDE}
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
    if file.feed.is_usage:
        identity = " || ':' || ".join(f"coalesce({key}, '-')" for key in file.feed.key)
        store.con.execute(f"insert into usage_variants select distinct $1, {identity} from staged_again", [feed])
    return inserted


def write_missing(store: Store, file: InboxFile, sha256: str, keys: list[str]) -> None:
    """Keys of an earlier snapshot that this file lacks."""
    missing = pl.DataFrame({"row_key": keys}, schema={"row_key": pl.String})
    store.append(
        "snapshot_missing",
        missing.with_columns(feed=pl.lit(file.feed.name), **_literals({"file": file.name, "sha": sha256})),
    )


def _literals(origin: dict[str, str]) -> dict[str, pl.Expr]:
    return {"source_file": pl.lit(origin["file"]), "sha256": pl.lit(origin["sha"])}


def _record(
    store: Store,
    file: InboxFile,
    result: FileResult,
    tally: Tally,
    act: Act,
    sequence: int,
    detail: str | None,
) -> None:
    """The file's own row, its rejects and the act in the audit log; inside the caller's transaction."""
    write_rejects(store, file, result.sha256, tally)
    store.con.execute(
        "insert into source_files values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        [
            sequence, file.name, file.feed_name, file.source_name, result.sha256, result.records, result.loaded,
            result.rejected, result.duplicate, result.state, detail, act.now,
        ],
    )  # fmt: skip
    told = f"{result.records} records: {result.loaded} loaded, {result.rejected} rejected, {result.duplicate} duplicate"
    audit.record(store, "ingest", file.name, act.by, act.now, None, f"{result.state}, {detail or told}")


def write_rejects(store: Store, file: InboxFile, sha256: str, tally: Tally) -> None:
    """Every reject of the tally, under its file."""
    origin = _literals({"file": file.name, "sha": sha256})
    for rejects in tally.rejects:
        store.append("rejected_records", rejects.with_columns(feed=pl.lit(file.feed_name), **origin))


def _forget(store: Store, file: InboxFile, sha256: str, states: list[str]) -> None:
    """What was said of the same content before is no longer so: its row in one of `states`, its rejects."""
    key = [sha256, file.feed_name]
    store.con.execute(
        "delete from source_files where sha256 = $1 and feed = $2 and list_contains($3, state)", [*key, states]
    )
    store.con.execute("delete from rejected_records where sha256 = $1 and feed = $2", key)
    store.con.execute("delete from duplicate_records where sha256 = $1 and feed = $2", key)


def refuse(
    store: Store, file: InboxFile, physical: Physical | None, refusal: FileRefused, tally: Tally, act: Act
) -> FileResult:
    """Records a refusal, once per content. Every record of a refused file counts as rejected."""
    sha256 = physical.sha256 if physical else f"unread:{file.name}"
    records = refusal.records or tally.records
    result = FileResult(file.name, file.feed_name, "refused", records, 0, records, 0, sha256=sha256)
    result.faults = [masked(refusal.fault), *shown(file.name, tally)]
    detail = str(masked(refusal.fault))
    before = store.rows(
        "select detail from source_files where sha256 = $1 and feed = $2 and state = 'refused'",
        [sha256, file.feed_name],
    )
    if before == [(detail,)]:
        return result
    result.is_new = not before
    with store.transaction():
        _forget(store, file, sha256, ["refused"])
        sequence = store.rows("select nextval('file_seq')")[0][0]
        _record(store, file, result, tally, act, sequence, detail)
    return result
