"""Whether a file was dealt with before. A file is (feed, source, bytes); its name says which of several equals it is.

The same bytes under another name are another file: it counts for days and sequences, and its records, which are
duplicates, count once (RULES 15).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.home.store import Store
from flows.ingest.files import FileRefused, InboxFile, Physical
from flows.ingest.report import FileResult
from schemas.counts import count_of
from schemas.errors import Fault


@dataclass(frozen=True)
class KnownFile:
    """A row of source_files."""

    state: str
    records: int
    name: str
    sha256: str
    source: str | None
    detail: str | None = None
    is_erased: bool = False
    """Whether an erasure took call detail of this content: then no other file brings it back."""
    feed: str | None = None
    """Where it is asked of files of several feeds."""


def loaded_files(store: Store, names: Sequence[str]) -> dict[str, list[KnownFile]]:
    """Name -> the rows of files loaded under it, in the order they came."""
    found: dict[str, list[KnownFile]] = {}
    for row in store.rows(
        "select state, records, source_file, sha256, source, detail, false, feed from source_files "
        "where state = 'loaded' and source_file in (select unnest($1::varchar[])) order by file_seq",
        [list(names)],
    ):
        found.setdefault(row[2], []).append(KnownFile(*row))
    return found


def known_files(store: Store, feed: str, files: Sequence[tuple[str, str]]) -> list[KnownFile]:
    """The rows that share a name or the content with one of `files` (name, SHA-256), in the order they came."""
    rows = store.rows(
        "select state, records, source_file, sha256, source, detail, sha256 in "
        "(select e.sha256 from erased_files as e where e.what <> 'original') from source_files where feed = $1 and "
        "(sha256 in (select unnest($2::varchar[])) or source_file in (select unnest($3::varchar[]))) order by file_seq",
        [feed, [sha256 for _, sha256 in files], [name for name, _ in files]],
    )
    return [KnownFile(*row) for row in rows]


def dealt_with(file: InboxFile, physical: Physical, before: Sequence[KnownFile]) -> FileResult | None:
    """The result when this file was dealt with before; None when it is to be loaded. `before`: as `known_files`.

    Raises FileRefused for a loaded name with other content.
    """
    same = [row for row in before if row.sha256 == physical.sha256]
    own = [row for row in same if row.name == file.name]
    result = FileResult(file.name, file.feed_name, "known", sha256=physical.sha256)
    if loaded := [row for row in own if row.state == "loaded"]:
        if loaded[0].source != file.source_name:
            result.faults = [_other_source(file, loaded[0])]
        return result
    if not own and any(row.is_erased for row in same):
        return result
    here = {row.state for row in same if row.source == file.source_name}
    is_out = any(row.state == "rolled_back" for row in own) or ("rolled_back" in here and "loaded" not in here)
    if is_out and not file.named:
        result.state = "rolled_back"
        return result
    same_name = [row for row in before if row.name == file.name and row.state == "loaded"]
    if same_name and not file.named:
        found = f"other content than the file of this name already loaded ({count_of(same_name[0].records, 'record')})"
        remedy = f"Load it under another name, or name it: tollbook ingest {file.name}"
        raise FileRefused(Fault(file.name, None, None, found, "a new name for new content", remedy), physical.lines)
    return None


def note_twin(file: InboxFile, result: FileResult, before: Sequence[KnownFile]) -> None:
    """Says of a file about to be loaded under which other name its content was loaded already."""
    twins = [row for row in before if row.sha256 == result.sha256 and row.name != file.name and row.state == "loaded"]
    twins.sort(key=lambda row: row.source != file.source_name)
    if not twins:
        return
    twin = twins[0]
    if twin.source == file.source_name:
        result.detail = f"same content as {twin.name}"
        fault = Fault(file.name, None, None, f"the same content as {twin.name}", "new content; its records count once")
    else:
        result.detail = f"same content as {twin.name} of {_named(twin.source)}"
        remedy = "" if not twin.records else _take_back(twin)
        found = f"the same content as {twin.name}, loaded as that of {_named(twin.source)}"
        fault = Fault(file.name, None, None, found, "each file under one source", remedy)
    result.faults.append(fault)


def _take_back(twin: KnownFile) -> str:
    return f"Its records are loaded under both. If that was the wrong one: tollbook rollback {twin.name}"


def _other_source(file: InboxFile, loaded: KnownFile) -> Fault:
    found = f"a file that is loaded as that of {_named(loaded.source)} and belongs to {_named(file.source_name)} now"
    remedy = f"To have it under the other: tollbook rollback {file.name}, then tollbook ingest {file.name}"
    return Fault(file.name, None, None, found, "each file under one source", remedy)


def _named(source: str | None) -> str:
    return f"source {source!r}" if source else "no source"
