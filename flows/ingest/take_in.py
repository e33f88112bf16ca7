"""Takes files of the inbox into the working database: whole or not at all, every line with an outcome (RULES 27).

Open first: `ingest`. A file is identified (files), its layout declared (layouts), its bytes read as cells of text
(csv_blocks, json_blocks, parquet_blocks, segments), these brought to canonical columns (sources) and given values
(parse, checks, numbers); rows are staged and settled against what is stored (settle) and committed (record).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from flows.home import progress
from flows.home.objects import keep_file
from flows.home.settings import Settings
from flows.home.side_by_side import ahead, several
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.checks import row_checks
from flows.ingest.csv_blocks import Block, csv_blocks, refuse_swallowed
from flows.ingest.files import FileRefused, InboxFile, Physical, find_files, fingerprint, text_chunks
from flows.ingest.json_blocks import json_blocks, jsonl_blocks
from flows.ingest.layouts import KINDS, Layout, kinds_of, layout_of
from flows.ingest.numbers import e164_column
from flows.ingest.parquet_blocks import parquet_blocks
from flows.ingest.parse import Check, Parsed, parse
from flows.ingest.record import Act, commit, refuse
from flows.ingest.report import FileResult, IngestReport, Tally, shown
from flows.ingest.segments import number_segments
from flows.ingest.sources import canonical, layout_faults
from schemas.errors import Fault

__all__ = ["FileResult", "IngestReport", "ingest"]

_NUMBERS = {"calls": ("from_number", "to_number"), "messages": ("from_number", "to_number"), "numbers": ("number",)}


def ingest(
    store: Store,
    settings: Settings,
    paths: Sequence[Path] | None,
    *,
    feed: str | None = None,
    source: str | None = None,
    now: datetime,
    by: str = "unknown",
) -> IngestReport:
    """Takes in every new file of the inbox, or the named `paths`; safe to repeat.

    `feed` or `source` says what paths outside inbox/ hold. A file refused before is tried again, a rolled back one only
    when named. Naming also allows a name that was loaded with other content. `now` is only the clock column
    ingested_at, `by` who the audit log says did it. Raises WrongUsage for paths and declarations that cannot be
    meant, before anything is loaded.
    """
    files, ignored = find_files(store.home, settings, paths, feed, source)
    kinds = [(file, kind_of(file)) for file in files]
    layouts = [
        layout_of(file.feed, file.source_name, file.source, kind) if kind and not file.trouble else None
        for file, kind in kinds
    ]
    report = IngestReport(ignored=ignored)
    with progress.stage("files", len(files)) as tick:
        for file, layout in zip(files, layouts, strict=True):
            report.files.append(_take_in(store, settings, file, layout, Act(by, now)))
            tick(1)
    if report.anything_new:
        store.checkpoint()
    return report


def kind_of(file: InboxFile) -> str | None:
    """csv, jsonl, json or parquet: as declared, else by the name; None where the two disagree or neither says."""
    name = file.name.lower().removesuffix(".gz")
    by_name = next((kind for kind in KINDS if name.endswith("." + kind)), None)
    if file.source is None:
        return None if by_name == "json" else by_name
    declared = kinds_of(file.source)
    return declared[0] if by_name is None else by_name if by_name in declared else None


def _take_in(store: Store, settings: Settings, file: InboxFile, layout: Layout | None, act: Act) -> FileResult:
    physical: Physical | None = None
    tally = Tally()
    try:
        physical = fingerprint(file)
        if known := _known(store, file, physical):
            return known
        layout = _billable(file, layout, physical)
        settle.prepare(store, file.feed)
        return _load(store, settings, file, layout, physical, tally, act)
    except FileRefused as refusal:
        return refuse(store, file, physical, refusal, tally, act)
    finally:
        settle.clear(store)


def _known(store: Store, file: InboxFile, physical: Physical) -> FileResult | None:
    """The result when this content or this name was dealt with before; None when the file is to be loaded."""
    before = store.rows(
        "select state, records, source_file, sha256 from source_files "
        "where feed = $1 and (sha256 = $2 or source_file = $3)",
        [file.feed_name, physical.sha256, file.name],
    )
    states = {state for state, _, _, sha256 in before if sha256 == physical.sha256}
    if "loaded" in states:
        return FileResult(file.name, file.feed_name, "known", sha256=physical.sha256)
    if "rolled_back" in states and not file.named:
        return FileResult(file.name, file.feed_name, "rolled_back", sha256=physical.sha256)
    same_name = [row for row in before if row[2] == file.name and row[0] == "loaded"]
    if same_name and not file.named:
        found = f"other content than the file of this name already loaded ({same_name[0][1]} records)"
        remedy = f"Load it under another name, or name it: tollbook ingest {file.name}"
        raise FileRefused(Fault(file.name, None, None, found, "a new name for new content", remedy), physical.lines)
    return None


def _billable(file: InboxFile, layout: Layout | None, physical: Physical) -> Layout:
    """The layout, or a refusal of what cannot be a whole file of a feed we bill, before any of it is parsed."""
    if layout is None:
        kinds = f"a file of format {file.source.format}" if file.source else ".csv, .csv.gz, .parquet or .jsonl"
        raise FileRefused(Fault(file.name, None, None, f"the name {file.path.name}", kinds))
    if not physical.size:
        raise FileRefused(Fault(file.name, None, None, "an empty file", "records, or at least a header"))
    return layout


def _load(
    store: Store,
    settings: Settings,
    file: InboxFile,
    layout: Layout,
    physical: Physical,
    tally: Tally,
    act: Act,
) -> FileResult:
    stage_rows(store, file, layout, physical, tally)
    mode = settings.feeds[file.feed_name].mode if file.feed_name in settings.feeds else "delta"
    settled = settle.settle(store, file.feed, file.name, mode == "snapshot")
    tally.rejects.append(settled.rejects)
    rejected, percent = tally.rejected, settings.billing.max_reject_percent
    few = rejected <= settings.billing.max_reject_lines and rejected * 2 <= tally.records
    if rejected * 100 > percent * tally.records and not few:
        raise FileRefused(
            Fault(
                file.name,
                None,
                None,
                f"{rejected} bad lines of {tally.records}",
                f"at most {percent} % (billing.max_reject_percent)",
                f"The first: {shown(file.name, tally, 1)[0]}",
            ),
            tally.records,
        )
    loaded = tally.records - rejected - settled.duplicates
    result = FileResult(
        file.name, file.feed_name, "loaded", tally.records, loaded, rejected, settled.duplicates,
        shown(file.name, tally), settled.missing, physical.sha256, True,
    )  # fmt: skip
    if not tally.records:
        result.faults.append(Fault(file.name, None, None, "no records", "records, unless there were none"))
    # First the copy: a kill in between leaves one too many, never a loaded file that cannot be read again.
    keep_file(store.home, file.path, physical.sha256)
    commit(store, file, result, tally, act)
    return result


def stage_rows(store: Store, file: InboxFile, layout: Layout, physical: Physical, tally: Tally) -> None:
    """Reads, parses and stages every row of a file, counting as it goes. Raises FileRefused."""

    def parsed(block: Block) -> tuple[Block, Parsed]:
        return block, _parse(canonical(block.rows, layout), layout)

    def counted() -> Iterator[pl.DataFrame]:
        for block, found in several(parsed, ahead(_blocks(file, layout, physical))):
            tick(block.records)
            tally.records += block.records
            tally.lines += block.lines
            tally.rejects += [block.rejects, found.rejects]
            if layout.kind == "csv":
                refuse_swallowed(found.rejects, file.name, layout, block.rows.width - 2)
            yield found.rows

    with progress.stage(file.name, units="records") as tick:
        settle.stage(store, file.feed, counted())
    _check_lines(file, layout, physical, tally)


def _blocks(file: InboxFile, layout: Layout, physical: Physical) -> Iterator[Block]:
    if layout.kind == "parquet":
        yield from parquet_blocks(file, layout)
        if fingerprint(file) != physical:
            raise FileRefused(Fault(file.name, None, None, "a file that changed while it was read", "a finished file"))
    elif layout.kind == "jsonl":
        yield from jsonl_blocks(text_chunks(file, physical), file.name, layout)
    elif layout.kind == "json":
        yield from json_blocks(text_chunks(file, physical), file.name, layout)
    else:
        blocks = csv_blocks(text_chunks(file, physical), file.name, layout, physical.ends_with_newline)
        by_segment = layout.preset is not None and layout.preset.by_segment
        yield from number_segments(blocks, layout.name_of("message_id")) if by_segment else blocks


def _parse(text: pl.DataFrame, layout: Layout) -> Parsed:
    source = layout.source
    country = source.country if source else None
    bare = getattr(source, "number_format", None) == "e164_digits"
    numbers = {
        name: e164_column(text[name], country, digits_are_e164=bare) for name in _NUMBERS.get(layout.feed.name, ())
    }
    return parse(
        layout.feed,
        text,
        source.time_zone if source else None,
        replaced=numbers,
        text_checks=[Check(*fault) for fault in layout_faults(layout)],
        more_checks=lambda frame: row_checks(layout.feed, frame),
        name_of=layout.name_of,
    )


def _check_lines(file: InboxFile, layout: Layout, physical: Physical, tally: Tally) -> None:
    """A whole last line, and the independent count: what came out against line ends in the bytes (RULES 27)."""
    if layout.kind == "csv" and file.feed.is_usage and not physical.ends_with_newline:
        found = "a last line without line end"
        remedy = "It may be cut off. Nothing was loaded; have it sent again."
        raise FileRefused(Fault(file.name, physical.lines, None, found, "a whole file", remedy), physical.lines)
    expected = tally.records if layout.kind in ("parquet", "json") else physical.lines
    if tally.lines != expected:
        found = f"{tally.lines} lines accounted for"
        remedy = "This is a defect of the program; nothing was loaded."
        raise FileRefused(Fault(file.name, None, None, found, f"{expected}, the lines of the file", remedy), expected)
