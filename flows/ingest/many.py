"""Many small files of usage taken in together: read one by one, settled and written as one.

Each is still loaded whole or refused alone, and is left as if it had come by itself: a switch that writes a file per
call would else need hours. What cannot be done together is left to be done one by one.
"""

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from flows.home.settings import Settings
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.checked import Parsed
from flows.ingest.csv_blocks import Block, refuse_swallowed
from flows.ingest.files import FileRefused, InboxFile
from flows.ingest.joint import Joint
from flows.ingest.known import KnownFile, dealt_with, known_files
from flows.ingest.layouts import Layout
from flows.ingest.reading import (
    Candidate,
    billable,
    check_lines,
    keep,
    loaded,
    parsed_rows,
    refuse_bad,
)
from flows.ingest.record import Act, Outcome, commit_many, is_told, refusal_of, refuse
from flows.ingest.report import FileResult, Tally
from flows.ingest.settle import LINES

MANY = 1000
"""Files of a batch at most."""
SMALL = 2**20
TOGETHER = 16 * 2**20
"""Bytes of one file of a batch, and of all of its files."""


@dataclass
class _Read:
    """A file of the batch, what is known of it and what becomes of it."""

    it: Candidate
    before: list[KnownFile]
    tally: Tally = field(default_factory=Tally)
    outcome: Outcome | None = None

    def refused(self, refusal: FileRefused) -> None:
        self.outcome = refusal_of(self.it.file, self.it.physical, refusal, self.tally)


def batches(files: Iterable[tuple[InboxFile, Layout | None]]) -> Iterator[list[Candidate]]:
    """The files in their order; small text files of a feed of usage that follow each other come together."""
    part: list[Candidate] = []
    size = 0
    for file, layout in files:
        it, own = Candidate(file, layout), _small(file, layout)
        if part and (
            own is None or file.feed_name != part[0].file.feed_name or len(part) == MANY or size + own > TOGETHER
        ):
            yield part
            part, size = [], 0
        if own is None:
            yield [it]
        else:
            part.append(it)
            size += own
    if part:
        yield part


def _small(file: InboxFile, layout: Layout | None) -> int | None:
    """The size of a file that may be one of a batch."""
    if layout is None or file.trouble or layout.kind in ("parquet", "xlsx") or not layout.feed.is_usage:
        return None
    if layout.source and layout.source.trailer:  # its last line decides whether the file is whole
        return None
    try:
        found = file.path.stat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) and 0 < found.st_size <= SMALL else None


def take_many(store: Store, settings: Settings, part: Sequence[Candidate], act: Act) -> list[FileResult] | None:
    """The result of every file; None, and nothing written of them, where they have to be taken one by one."""
    layout = part[0].layout
    if layout is None or len({it.file.name for it in part}) < len(part):
        return None
    results: dict[str, FileResult] = {}
    reads = _to_read(store, part, results, act)
    sizes = [read.it.known().size for read in reads]  # unpacked, where `batches` saw them packed
    if any(size > 4 * SMALL for size in sizes) or sum(sizes) > 4 * TOGETHER:
        return None
    rows = _parsed(reads, settings, act.latest)
    if rows is None:
        return None
    settle.prepare(store, layout.feed)
    try:
        if rows.height:
            settle.stage(store, layout.feed, [rows])
            settle.settle(store, layout.feed, "", snapshot=False)
        _finish(store, reads)
        new = {n: it for n, read in enumerate(reads) if (it := read.outcome) and not is_told(it, read.before)}
        if new:
            commit_many(store, layout.feed, new, act, [row for read in reads for row in read.before])
    except FileRefused:
        return None
    finally:
        settle.clear(store)
    results |= {read.it.file.name: read.outcome.result for read in reads if read.outcome}
    return [results[it.file.name] for it in part]


def _to_read(store: Store, part: Sequence[Candidate], results: dict[str, FileResult], act: Act) -> list[_Read]:
    """The files that are to be read; `results` gets those of files that were dealt with before or cannot be opened."""
    whole = []
    for it in part:
        try:
            it.known()
            whole.append(it)
        except FileRefused as refusal:
            results[it.file.name] = refuse(store, refusal_of(it.file, None, refusal, Tally()), act)
    rows = known_files(store, part[0].file.feed_name, [(it.file.name, it.known().sha256) for it in whole])
    by_content: dict[str, list[KnownFile]] = {}
    by_name: dict[str, list[KnownFile]] = {}
    for row in rows:
        by_content.setdefault(row.sha256, []).append(row)
        by_name.setdefault(row.name, []).append(row)
    reads = []
    for it in whole:
        sha256 = it.known().sha256
        others = [row for row in by_name.get(it.file.name, []) if row.sha256 != sha256]
        read = _Read(it, [*by_content.get(sha256, []), *others])
        try:
            known = dealt_with(it.file, it.known(), read.before)
        except FileRefused as refusal:
            known = None
            read.refused(refusal)
        if known:
            results[it.file.name] = known
        else:
            reads.append(read)
    return reads


def _parsed(reads: Sequence[_Read], settings: Settings, now: datetime) -> pl.DataFrame | None:
    """The rows of all files that stand, their lines counted by LINES; files that cannot stand are refused.

    None where the files cannot be given values together: then nobody knows yet which one is to blame.
    """
    joints: dict[int, Joint] = {}
    for n, read in enumerate(reads):
        layout = read.it.layout
        if not read.outcome and layout:
            _read(joints.setdefault(id(layout), Joint(layout)), n, read)
    blocks: list[Block] = []
    parts: list[Parsed] = []
    try:
        for joint in joints.values():
            alike: dict[tuple[str, ...], list[pl.DataFrame]] = {}
            for block in joint.blocks():
                blocks.append(block)
                alike.setdefault(tuple(block.rows.columns), []).append(block.rows)
            parts += [parsed_rows(pl.concat(frames), joint.layout, now) for frames in alike.values()]
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001 whichever it is, one file is to blame
        return None
    unread, bad = _by_file(block.rejects for block in blocks), _by_file(part.rejects for part in parts)
    records = _by_file(block.rows.select("source_line") for block in blocks)
    for n, read in enumerate(reads):
        if not read.outcome and read.it.layout:
            joint = joints[id(read.it.layout)]
            read.tally.rejects = [frames[n] for frames in (unread, bad) if n in frames]
            read.tally.records = sum(frames[n].height for frames in (unread, records) if n in frames)
            read.tally.lines = read.tally.records + joint.aside[n]
            _check(read, read.it.layout, settings, bad.get(n), joint.widths.get(n))
    gone = [n for n, read in enumerate(reads) if read.outcome]
    rows = [part.rows.filter(~_FILE.is_in(gone)) for part in parts]
    return pl.concat(rows) if rows else pl.DataFrame()


_FILE = pl.col("source_line") // LINES


def _by_file(frames: Iterable[pl.DataFrame]) -> dict[int, pl.DataFrame]:
    """The rows of each file, their lines as they are in it."""
    some = [frame for frame in frames if frame.height]
    if not some:
        return {}
    rows = pl.concat(some).with_columns(_FILE.alias("no"), pl.col("source_line") % LINES)
    return {int(n): part for (n,), part in rows.partition_by("no", include_key=False, as_dict=True).items()}


def _check(read: _Read, layout: Layout, settings: Settings, bad: pl.DataFrame | None, width: int | None) -> None:
    """What is asked of a file once all of its lines are read, as of one that comes alone."""
    file = read.it.file
    try:
        if bad is not None and width is not None:
            refuse_swallowed(bad, file.name, layout, width)
        check_lines(file, layout, read.it.known(), read.tally)
        refuse_bad(settings, file, read.tally)
    except FileRefused as refusal:
        read.refused(refusal)


def _read(joint: Joint, n: int, read: _Read) -> None:
    file, physical = read.it.file, read.it.known()
    try:
        billable(file, read.it.layout, physical)
        joint.add(n, file, physical)
    except FileRefused as refusal:
        read.refused(refusal)


def _finish(store: Store, reads: Sequence[_Read]) -> None:
    """The outcome of every file that stands, and the store's copy of it."""
    duplicates = dict(
        store.rows(f"select source_line // {LINES}, count(*) from staged_duplicates group by source_line // {LINES}")
    )
    fresh: dict[str, list[KnownFile]] = {}
    for n, read in enumerate(reads):
        if read.outcome:
            continue
        file, physical = read.it.file, read.it.known()
        twins = fresh.setdefault(physical.sha256, [])
        result = loaded(file, physical, read.tally, duplicates.get(n, 0), [*read.before, *twins])
        twins.append(KnownFile("loaded", result.records, file.name, physical.sha256, file.source_name))
        # First the copy: a kill in between leaves one too many, never a loaded file that cannot be read again.
        keep(store, file, physical)
        read.outcome = Outcome(file, result, read.tally)
