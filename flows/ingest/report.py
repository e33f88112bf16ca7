"""What ingest says of files: a result each, the report of all, and how bad lines are shown."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import polars as pl

from schemas.counts import count_of
from schemas.errors import Fault, LeftOpen, NothingToDo, Refused
from schemas.states import FileState

MAX_SHOWN = 20
"""Faults of one file that are shown; all rejects are in rejected_records."""


@dataclass
class FileResult:
    """What became of one file. `state`: loaded, refused, known (nothing to do) or rolled_back (waits to be named).

    records = loaded + rejected + duplicate; a refused file's records are all rejected. `is_new`: something was written.
    """

    source_file: str
    feed: str
    state: FileState | Literal["known"]
    records: int = 0
    loaded: int = 0
    rejected: int = 0
    duplicate: int = 0
    faults: list[Fault] = field(default_factory=list)
    snapshot_missing: list[str] = field(default_factory=list)
    sha256: str = ""
    is_new: bool = False
    detail: str | None = None
    """Of a loaded file, what there is to know of it: that its content came under another name as well."""


@dataclass
class IngestReport:
    """One result per file, and a fault for each file of the inbox that was passed over."""

    files: list[FileResult] = field(default_factory=list)
    passed_over: list[Fault] = field(default_factory=list)

    @property
    def refused(self) -> list[FileResult]:
        return [file for file in self.files if file.state == "refused"]

    @property
    def anything_new(self) -> bool:
        """Whether a file was loaded, or refused for the first time."""
        return any(file.is_new for file in self.files)

    @property
    def incomplete(self) -> bool:
        """Whether a file could not be taken in, was passed over, or belongs to another source than it was taken for."""
        return bool(self.refused or self.passed_over or self.misplaced)

    @property
    def rejects(self) -> list[str]:
        """Of every file loaded just now that has rejected lines: why the first one was, and how many there are more."""
        found = [file for file in self.files if file.state == "loaded" and file.rejected and file.faults]
        more = [f" (and {file.rejected - 1} more)" if file.rejected > 1 else "" for file in found]
        return [f"rejected: {file.faults[0]}{rest}" for file, rest in zip(found, more, strict=True)]

    @property
    def misplaced(self) -> list[FileResult]:
        """Files that are known as those of another source than they would belong to now."""
        return [file for file in self.files if file.state == "known" and file.faults]

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"file": f.source_file, "feed": f.feed, "state": f.state, "records": f.records, "loaded": f.loaded,
             "rejected": f.rejected, "duplicate": f.duplicate,
             "detail": f.detail or (str(f.faults[0]) if f.faults else None)}
            for f in self.files
        ] + [
            {"file": fault.file, "feed": None, "state": "passed_over", "records": 0, "loaded": 0, "rejected": 0,
             "duplicate": 0, "detail": str(fault)}
            for fault in self.passed_over
        ]  # fmt: skip

    def lines(self) -> list[str]:
        """For the terminal."""
        said = "{file}: {state}, {counted}, {loaded} loaded, {rejected} rejected, {duplicate} duplicate"
        taken = [
            said.format(**file, counted=count_of(file["records"], "record"))
            for file in self.as_json() if file["state"] != "passed_over"
        ]  # fmt: skip
        return taken + [f"{fault.file}: passed over, {fault.found}" for fault in self.passed_over]

    def notes(self) -> list[str]:
        """For the reader beside the data: every fault of a file, and every file that was passed over."""
        return [str(fault) for file in self.files for fault in file.faults] + [str(it) for it in self.passed_over]


def refused_line(name: str) -> str:
    """A refused file, for an act that is about something else."""
    return f"refused file {name}; see `tollbook ingest {name}`"


@contextmanager
def files_left_open(refused: Sequence[str], others: Sequence[str] = (), rejects: Sequence[str] = ()) -> Iterator[None]:
    """An act that may have nothing to do, or be refused, beside taking in the inbox: files that were refused, others
    that were not taken in and lines that were rejected are told all the same. Files leave something open where there
    was nothing to do; rejected lines do not (CONTRACT, section 3)."""
    try:
        yield
    except (NothingToDo, Refused) as error:
        if not (refused or others or rejects):
            raise
        told = "\n".join([str(error), *map(refused_line, refused), *others, *rejects])
        if isinstance(error, NothingToDo):
            raise (LeftOpen if refused or others else NothingToDo)(told) from None
        raise Refused(told) from None


@dataclass
class Tally:
    """Running counts while a file is read."""

    records: int = 0
    lines: int = 0
    seconds: int = 0
    """Of the calls among its records."""
    rejects: list[pl.DataFrame] = field(default_factory=list)
    is_closed: bool = False
    """Whether the file's last line is one that ends a file."""

    @property
    def rejected(self) -> int:
        return sum(frame.height for frame in self.rejects)


def shown(name: str, tally: Tally, count: int = MAX_SHOWN) -> list[Fault]:
    """The first bad lines as faults, telephone numbers masked."""
    first = [frame.bottom_k(count, by="source_line") for frame in tally.rejects if frame.height]
    if not first:
        return []
    faults = []
    for row in pl.concat(first, how="diagonal").sort("source_line").head(count).iter_rows(named=True):
        found, _, expected = row["reason"].removeprefix("found ").partition("; expected ")
        faults.append(masked(Fault(name, row["source_line"], row["column_name"], found, expected)))
    return faults


def masked(fault: Fault) -> Fault:
    """Without the last four digits of anything that may be a telephone number; the file's own name stays whole."""
    return replace(
        fault, found=_hidden(fault.found), remedy=fault.file.join(map(_hidden, fault.remedy.split(fault.file)))
    )


def _hidden(text: str) -> str:
    return re.sub(r"(\d{3,})\d{4}(?!\d)", r"\1****", text)
