"""A loaded file settled once more from the store's copy, after a file before it was taken back out (RULES 18).

Its rows stay what they were; what changes is their outcome: a duplicate of the file that went is loaded now, a row
that contradicted it is no longer rejected.
"""

from dataclasses import dataclass

from flows.books.erased import INSTEAD, is_erased_file
from flows.home.objects import kept
from flows.home.settings import Settings
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.files import FileRefused, InboxFile, fingerprint
from flows.ingest.layouts import layout_of
from flows.ingest.record import forget_lines, write_missing, write_rejects, write_staged
from flows.ingest.report import Tally
from flows.ingest.take_in import kind_of, stage_rows
from schemas.errors import Refused


@dataclass(frozen=True)
class LoadedFile:
    """A row of source_files in state `loaded`."""

    file_seq: int
    source_file: str
    feed: str
    source: str | None
    sha256: str
    records: int
    loaded: int
    rejected: int
    duplicate: int


FILE_COLUMNS = "file_seq, source_file, feed, source, sha256, records, loaded, rejected, duplicate"


def stage_again(store: Store, settings: Settings, known: LoadedFile) -> tuple[InboxFile, Tally]:
    """Stages the file's rows as they are stored. `settle.prepare` has made room for them.

    Raises Refused when the copy is gone or damaged, or says something else under today's settings.
    """
    declared = settings.sources.get(known.source) if known.source else None
    if known.source and declared is None:
        raise Refused(_unreadable(known, f"source {known.source!r} is no longer declared in tollbook.toml"))
    path = kept(store.home, known.sha256)
    file = InboxFile(path, known.source_file, known.feed, known.source, declared)
    tally = Tally()
    taken_in = store.rows("select ingested_at from source_files where file_seq = $1", [known.file_seq])[0][0]
    if is_erased_file(store, known.sha256):
        raise Refused(
            f"{known.source_file} repeats records of this file and would have to be read again from the store, but its "
            f"copy went when call detail in it was erased on request, so neither file can be taken back out. {INSTEAD}"
        )
    try:
        physical = fingerprint(file)
        kind = kind_of(file)
        if physical.sha256 != known.sha256 or kind is None:
            raise Refused(_unreadable(known, f"its copy {store.home.relative(path)} is not what was taken in"))
        stage_rows(store, file, layout_of(file.feed, file.source_name, declared, kind), physical, tally, taken_in)
    except FileRefused as refusal:
        raise Refused(_unreadable(known, str(refusal))) from None
    _same_rows(store, known)
    return file, tally


def _same_rows(store: Store, known: LoadedFile) -> None:
    changed = store.rows(
        f"select min(source_line) from feed_{known.feed} as f anti join staged as s using (source_line, row_md5) "
        "where f.file_seq = $1",
        [known.file_seq],
    )[0][0]
    if changed is not None:
        raise Refused(_unreadable(known, f"line {changed} reads differently with today's [sources] and columns"))


def _unreadable(known: LoadedFile, why: str) -> str:
    return (
        f"{known.source_file} repeats records of this file and would have to be read again from the store: {why}. "
        f"Mend that, or roll back {known.source_file} first and take it in again by name afterwards."
    )


def settle_usage_again(store: Store, file: InboxFile, known: LoadedFile, gone: str) -> int:
    """The file's lines that were duplicates of the file `gone`, settled anew; returns how many are loaded now."""
    mine = "sha256 = $1 and feed = $2 and source_file = $3 and of_file = $4"
    values = [known.sha256, known.feed, known.source_file, gone]
    store.con.execute(
        f"delete from temp.staged where source_line not in (select source_line from duplicate_records where {mine})",
        values,
    )
    store.con.execute(f"delete from duplicate_records where {mine}", values)
    settle.settle(store, file.feed, file.name, snapshot=False)
    loaded = write_staged(store, file, known.sha256, known.file_seq)
    store.con.execute(
        "update source_files set loaded = loaded + $1, duplicate = duplicate - $1 where file_seq = $2",
        [loaded, known.file_seq],
    )
    return loaded


def settle_master_again(store: Store, settings: Settings, file: InboxFile, known: LoadedFile, tally: Tally) -> int:
    """The whole file settled against the files before it; returns how many more of its rows are loaded now."""
    forget_lines(store, known.feed, known.source_file, known.sha256)
    store.con.execute(f"delete from feed_{known.feed} where file_seq = $1", [known.file_seq])
    mode = settings.feeds[known.feed].mode if known.feed in settings.feeds else "delta"
    settled = settle.settle(store, file.feed, file.name, mode == "snapshot", known.file_seq)
    tally.rejects.append(settled.rejects)
    loaded = write_staged(store, file, known.sha256, known.file_seq)
    write_rejects(store, file, known.sha256, tally)
    write_missing(store, file, known.sha256, settled.missing)
    store.con.execute(
        "update source_files set loaded = $1, rejected = $2, duplicate = $3 where file_seq = $4",
        [loaded, tally.rejected, settled.duplicates, known.file_seq],
    )
    return loaded - known.loaded
