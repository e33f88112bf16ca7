"""One file read: its bytes as blocks of cells, these with values, and all that can be wrong with a file as a whole.

What goes wrong while one file is read is that file's refusal, whatever it is; nothing here touches the database.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import polars as pl

from flows.home.objects import keep_pieces
from flows.home.settings import Settings
from flows.home.store import Store
from flows.ingest.checked import Check, Parsed
from flows.ingest.checks import row_checks
from flows.ingest.csv_blocks import Block, csv_blocks, refuse_swallowed
from flows.ingest.durations import answered_seconds, unit_checks, usage_checks
from flows.ingest.encodings import told_by_first_bytes
from flows.ingest.files import FileRefused, InboxFile, Physical, chunks, fingerprint, text_chunks
from flows.ingest.json_blocks import json_blocks, jsonl_blocks
from flows.ingest.known import KnownFile, note_twin
from flows.ingest.layouts import Layout, undeclared
from flows.ingest.numbers import e164_column
from flows.ingest.open_questions import question
from flows.ingest.parquet_blocks import parquet_blocks
from flows.ingest.parse import parse
from flows.ingest.report import FileResult, Tally, shown
from flows.ingest.segments import number_segments
from flows.ingest.sources import NUMBER_COLUMNS, canonical, layout_faults, present_in
from flows.ingest.time_forms import declaration_for
from flows.ingest.workbook_blocks import workbook_blocks
from schemas.counts import count_of
from schemas.errors import Fault, TollbookError

T = TypeVar("T")


@dataclass
class Candidate:
    """A file to look at, the layout it would have, and what it is as bytes once somebody has read it."""

    file: InboxFile
    layout: Layout | None
    physical: Physical | None = None

    def known(self) -> Physical:
        """Its fingerprint; reads the file the first time. Raises FileRefused."""
        if self.physical is None:
            self.physical = next(guarded(self.file, (fingerprint(file) for file in [self.file])))
        return self.physical


def guarded(file: InboxFile, parts: Iterable[T]) -> Iterator[T]:
    """The same parts; an error that nobody foresaw becomes the file's refusal: one file never stops the others."""
    try:
        yield from parts
    except TollbookError:
        raise
    except MemoryError:
        raise FileRefused(Fault(file.name, None, None, "more than the memory can hold", "smaller files")) from None
    except (Exception, pl.exceptions.PanicException) as error:
        told = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        fault = Fault(
            file.name, None, None, f"what the program cannot read ({told})", "a file that it can",
            "This is a defect of ours: please report it. Nothing of the file was loaded.",
        )  # fmt: skip
        raise FileRefused(fault) from error


def billable(file: InboxFile, layout: Layout | None, physical: Physical) -> Layout:
    """The layout, or a refusal of what cannot be a whole file of a feed we bill, before any of it is parsed."""
    if layout is None:
        kinds = f"a file of format {file.source.format}" if file.source else ".csv, .csv.gz, .parquet or .jsonl"
        told = told_by_first_bytes(next(chunks(file.path, file.name), b""))
        found = f"the name {file.name.rpartition('/')[2]}" + (f", and in it {told[0]}" if told else "")
        raise FileRefused(Fault(file.name, None, None, found, kinds, told[1] if told else ""))
    if not physical.size and not file.feed.is_usage:
        raise FileRefused(Fault(file.name, None, None, "an empty file", "records, or at least a header"))
    return layout


def refuse_bad(settings: Settings, file: InboxFile, tally: Tally) -> None:
    """Refuses a file of which more than the settings allow is bad. `tally` holds all of its rejects."""
    rejected, percent = tally.rejected, settings.billing.max_reject_percent
    few = rejected <= settings.billing.max_reject_lines and rejected * 2 <= tally.records
    if rejected * 100 > percent * tally.records and not few:
        more = undeclared(file.feed, file.source, file.name)
        first = f"The first: {shown(file.name, tally, 1)[0]}"
        raise FileRefused(
            Fault(
                file.name,
                None,
                None,
                f"{count_of(rejected, 'bad line')} of {tally.records}",
                f"at most {percent} % (billing.max_reject_percent)",
                f"{first}. {more}" if more else first,
            ),
            tally.records,
        )


def loaded(
    file: InboxFile, physical: Physical, tally: Tally, duplicates: int, before: Sequence[KnownFile]
) -> FileResult:
    """The result of a file about to be loaded. `before`: what was known of its name and content."""
    rejected = tally.rejected
    result = FileResult(
        file.name, file.feed_name, "loaded", tally.records, tally.records - rejected - duplicates, rejected, duplicates,
        shown(file.name, tally), [], physical.sha256, True,
    )  # fmt: skip
    if not tally.records:
        result.faults.append(Fault(file.name, None, None, "no records", "records, unless there were none"))
    note_twin(file, result, before)
    return result


def keep(store: Store, file: InboxFile, physical: Physical) -> None:
    """The store's copy of a file, by the hash of its content: one for all files of the same content."""
    if not keep_pieces(store.home, chunks(file.path, file.name), physical.sha256):
        raise _changed(file)


def blocks_of(file: InboxFile, layout: Layout, physical: Physical) -> Iterator[Block]:
    """The cells of a file, exactly those of `physical`. Raises FileRefused."""
    for block in _blocks_of(file, layout, physical):
        if layout.asks and block.rows.height:
            raise FileRefused(question(file.name, layout.asks[0], block.rows))
        yield block


def _blocks_of(file: InboxFile, layout: Layout, physical: Physical) -> Iterator[Block]:
    if not physical.size:
        return
    if layout.kind == "xlsx":
        yield from workbook_blocks(file, layout, physical)
    elif layout.kind == "parquet":
        yield from parquet_blocks(file, layout)
        if fingerprint(file) != physical:
            raise _changed(file)
    elif layout.kind == "jsonl":
        yield from jsonl_blocks(text_chunks(file, physical), file.name, layout)
    elif layout.kind == "json":
        yield from json_blocks(text_chunks(file, physical), file.name, layout)
    else:
        blocks = csv_blocks(text_chunks(file, physical), file.name, layout, physical.ends_with_newline)
        by_segment = layout.preset is not None and layout.preset.by_segment
        yield from number_segments(blocks, layout.name_of("message_id")) if by_segment else blocks


def _changed(file: InboxFile) -> FileRefused:
    return FileRefused(Fault(file.name, None, None, "a file that changed while it was read", "a finished file"))


def parsed_rows(cells: pl.DataFrame, layout: Layout, now: datetime) -> Parsed:
    """The values of a block's cells. now: when the file is taken in."""
    source, feed, text = layout.source, layout.feed, canonical(cells, layout)
    country = source.country if source else None
    bare = source is not None and source.number_format == "e164_digits"
    ends = {name: text[name] for name in NUMBER_COLUMNS if name in text.columns}
    replaced = {name: e164_column(cells, country, digits_are_e164=bare) for name, cells in ends.items()}
    are_e164 = {name for name, cells in ends.items() if replaced[name] is cells}
    if feed.name == "calls" and (answered := answered_seconds(text, layout, present_in(cells))) is not None:
        replaced["duration_s"] = answered
    return parse(
        feed,
        text,
        source.time_zone if source else None,
        replaced=replaced,
        sound=are_e164,
        text_checks=[*unit_checks(feed, source), *(Check(*fault) for fault in layout_faults(layout))],
        more_checks=lambda frame: [
            *(check for check in row_checks(feed, frame) if check.column not in are_e164),
            *usage_checks(feed, source, now, frame),
        ],
        name_of=layout.name_of,
        declaration_of=lambda cells: declaration_for(
            cells, layout.source_value if source else "", source.time_format if source else None
        ),
    )


def read_sample(file: InboxFile, layout: Layout, now: datetime) -> Iterator[tuple[Block, Parsed]]:
    """A file's blocks and what `ingest` makes of them, of which nothing is kept. Raises FileRefused as it does."""
    tally, physical = Tally(), fingerprint(file)
    billable(file, layout, physical)
    for block in guarded(file, blocks_of(file, layout, physical)):
        parsed = parsed_rows(block.rows, layout, now)
        tally.records += block.records
        tally.lines += block.lines
        tally.is_closed = block.is_closed
        if layout.kind == "csv":
            refuse_swallowed(parsed.rejects, file.name, layout, block.rows.width - 2)
        yield block, parsed
    check_lines(file, layout, physical, tally)


def check_lines(file: InboxFile, layout: Layout, physical: Physical, tally: Tally) -> None:
    """A whole last line, and the independent count: what came out against line ends in the bytes (RULES 27)."""
    is_whole = physical.ends_with_newline or tally.is_closed or not physical.size
    if layout.kind == "csv" and file.feed.is_usage and not is_whole:
        found = "a last line without line end"
        remedy = "It may be cut off. Nothing was loaded; have it sent again."
        raise FileRefused(Fault(file.name, physical.lines, None, found, "a whole file", remedy), physical.lines)
    expected = tally.records if layout.kind in ("parquet", "json") else physical.lines
    # The lines of a sheet are counted where it is read.
    if layout.kind != "xlsx" and tally.lines != expected:
        found = f"{count_of(tally.lines, 'line')} accounted for"
        remedy = "This is a defect of the program; nothing was loaded."
        raise FileRefused(Fault(file.name, None, None, found, f"{expected}, the lines of the file", remedy), expected)
