"""What lies in the inbox and was not taken in, and what was taken in twice: both stop an approval (RULES 15, 28)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from flows.home.inbox import look
from flows.home.settings import Home, Settings
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.counts import count_of
from schemas.errors import Fault

if TYPE_CHECKING:
    from flows.review.cells import Rows

LISTED = 200
"""Files that stop an approval one by one; the others are counted."""

_REFUSED = """
    select source_file, detail from source_files
    qualify row_number() over (partition by source_file order by file_seq desc) = 1 and state = 'refused'
    order by source_file"""

_TWICE = """
    select b.source_file, b.source, a.source_file, a.source, least(a.loaded, b.loaded)
    from source_files as a join source_files as b
        on b.sha256 = a.sha256 and b.feed = a.feed and b.file_seq > a.file_seq and b.source is distinct from a.source
    where a.state = 'loaded' and b.state = 'loaded' and a.loaded > 0 and b.loaded > 0
        and a.feed in ('calls', 'messages')
    qualify row_number() over (partition by b.file_seq order by a.file_seq) = 1
    order by 1, 3"""


def not_taken_in(store: Store, settings: Settings) -> list[Fault]:
    """Files that lie in the inbox now: those of no known kind, and those that were refused when they came last."""
    contents = look(store.home, settings)
    there = {*contents.names}
    refused = [
        Fault(file, None, None, "a refused file", "one that can be taken in", f"It was refused: {detail}")
        for file, detail in store.rows(_REFUSED)
        if file in there
    ]
    return sorted([*contents.passed_over, *refused], key=lambda fault: fault.file)


def still_refused(home: Home, settings: Settings, refused: "Rows") -> "Rows":
    """Of the review's rows of refused files (source_file) those whose file is there now, with what to do."""
    there = {*look(home, settings).names} if refused else set()
    return [
        {**row, "remedy": f"Mend it, then `tollbook ingest {row['source_file']}`."}
        for row in refused
        if row["source_file"] in there or _lies_elsewhere(home, row["source_file"])
    ]


def _lies_elsewhere(home: Home, file: str) -> bool:
    """Whether a file was named in a command, outside the inbox, and lies there still."""
    path = home.root / file
    return not path.is_relative_to(home.inbox) and path.exists()


def waiting_files(store: Store, settings: Settings) -> int:
    """How many files of the inbox nobody has looked at yet, going by their names."""
    return len(
        {*look(store.home, settings).names}
        - {file for (file,) in store.rows("select distinct source_file from source_files")}
    )


def inbox_stops(store: Store, settings: Settings) -> Iterator[Stop]:
    """A stop for each file that was not taken in, and for each whose records are loaded under two sources."""
    left = not_taken_in(store, settings)
    for fault in left[:LISTED]:
        yield Stop("not_taken_in", fault.file, f"{fault.found}. {fault.remedy}")
    if len(left) > LISTED:
        yield Stop("not_taken_in", "inbox", f"{count_of(len(left) - LISTED, 'more file')}; see `tollbook ingest`")
    for file, source, other, of_other, records in store.rows(_TWICE):
        are = "1 record is" if records == 1 else f"{records} records are"
        told = f"{are} loaded as those of {_named(source)} and, from {other}, of {_named(of_other)}"
        yield Stop("same_content", file, f"{told}. Take the wrong one back: `tollbook rollback {other}`, or {file}")


def _named(source: str | None) -> str:
    return f"source {source}" if source else "no source"
