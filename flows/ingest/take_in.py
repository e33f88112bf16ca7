"""Takes files of the inbox into the working database: whole or not at all, every line with an outcome (RULES 27).

Open first: `ingest`. A file is identified (files), its layout declared (layouts), its bytes read as cells of text
(csv_blocks, json_blocks, parquet_blocks, segments), these brought to canonical columns (sources) and given values
(parse, checks, numbers); rows are staged and settled against what is stored (settle) and committed (record).
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

import polars as pl

from flows.home import progress
from flows.home.settings import Settings
from flows.home.side_by_side import ahead, several
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.checked import Parsed
from flows.ingest.csv_blocks import Block, refuse_swallowed
from flows.ingest.files import FileRefused, InboxFile, Physical, find_files
from flows.ingest.known import KnownFile, dealt_with, known_files, loaded_files
from flows.ingest.layouts import KINDS, Layout, kinds_of, layout_of
from flows.ingest.many import batches, take_many
from flows.ingest.reading import (
    Candidate,
    billable,
    blocks_of,
    check_lines,
    guarded,
    keep,
    loaded,
    parsed_rows,
    read_sample,
    refuse_bad,
)
from flows.ingest.record import Act, refusal_of, refuse, write
from flows.ingest.report import FileResult, IngestReport, Tally
from flows.ingest.seen import Seen
from flows.ingest.straight import Straight, straight_for

__all__ = ["FileResult", "IngestReport", "ingest", "read_sample"]


def ingest(
    store: Store,
    settings: Settings,
    paths: Sequence[Path] | None,
    *,
    feed: str | None = None,
    source: str | None = None,
    now: datetime,
    today: date | None = None,
    by: str = "unknown",
) -> IngestReport:
    """Takes in every new file of the inbox, or the named `paths`; safe to repeat.

    `feed` or `source` says what paths outside inbox/ hold. A file refused before is tried again, a rolled back one only
    when named. Naming also allows a name that was loaded with other content. `now` is the clock column ingested_at and,
    or `today` where it is later, what no call starts more than a day after; `by` who the audit log says did it. Raises
    WrongUsage for paths and declarations that cannot be meant, before anything is loaded.
    """
    files, passed_over = find_files(store.home, settings, paths, feed, source)
    declared: dict[tuple[str, str | None, str], Layout] = {}
    layouts = [_layout(file, declared) for file in files]
    report, act = IngestReport(passed_over=passed_over), Act(by, now, today)
    seen, before = Seen(store.home), loaded_files(store, [file.name for file in files])
    with progress.stage("files", len(files)) as tick:
        for part in batches(zip(files, layouts, strict=True)):
            for it in part:
                it.physical = seen.fingerprint(it.file)
            results = take_many(store, settings, part, act) if len(part) > 1 else None
            if results is None:
                results = [_take_in(store, settings, it, act, before.get(it.file.name, [])) for it in part]
            for it in part:
                seen.note(it.file, it.physical)
            report.files += results
            tick(len(part))
    seen.keep(only=frozenset(file.name for file in files) if paths is None else None)
    if report.anything_new:
        store.checkpoint()
    return report


def _layout(file: InboxFile, declared: dict[tuple[str, str | None, str], Layout]) -> Layout | None:
    """The layout of a file, the same one for all of a kind that are declared alike."""
    kind = kind_of(file)
    if kind is None or file.trouble:
        return None
    key = (file.feed_name, file.source_name, kind)
    if key not in declared:
        declared[key] = layout_of(file.feed, file.source_name, file.source, kind)
    return declared[key]


def kind_of(file: InboxFile) -> str | None:
    """csv, jsonl, json, parquet or xlsx: as declared, else by the name; None where the two disagree or neither says."""
    name = file.name.lower().removesuffix(".gz")
    by_name = next((kind for kind in KINDS if name.endswith("." + kind)), None)
    if file.source is None:
        return None if by_name in ("json", "xlsx") else by_name
    declared = kinds_of(file.source)
    return declared[0] if by_name is None else by_name if by_name in declared else None


def _take_in(store: Store, settings: Settings, it: Candidate, act: Act, own: Sequence[KnownFile]) -> FileResult:
    """own: what was loaded under this file's name."""
    file, tally = it.file, Tally()
    try:
        physical = it.known()
        # The usual one, which has nothing new: what else has its name or its content makes no difference.
        before = [row for row in own if row.feed == file.feed_name and row.sha256 == physical.sha256]
        before = before or known_files(store, file.feed_name, [(file.name, physical.sha256)])
        if known := dealt_with(file, physical, before):
            return known
        layout = billable(file, it.layout, physical)
        settle.prepare(store, file.feed)
        try:
            return _load(store, settings, file, layout, physical, tally, act, before)
        finally:
            settle.clear(store)
    except FileRefused as refusal:
        return refuse(store, refusal_of(file, it.physical, refusal, tally), act)


def _load(
    store: Store,
    settings: Settings,
    file: InboxFile,
    layout: Layout,
    physical: Physical,
    tally: Tally,
    act: Act,
    before: Sequence[KnownFile],
) -> FileResult:
    straight = straight_for(store, file, physical.lines)
    # What goes straight into the feed goes there inside the transaction; `staged` is cheaper outside of one.
    with store.transaction() if straight else nullcontext():
        stage_rows(store, file, layout, physical, tally, act.latest, straight)
        mode = settings.feeds[file.feed_name].mode if file.feed_name in settings.feeds else "delta"
        settled = settle.settle(store, file.feed, file.name, mode == "snapshot")
        tally.rejects.append(settled.rejects)
        refuse_bad(settings, file, tally)
        result = loaded(file, physical, tally, settled.duplicates, before)
        result.snapshot_missing = settled.missing
        # First the copy: a kill in between leaves one too many, never a loaded file that cannot be read again.
        keep(store, file, physical)
        with nullcontext() if straight else store.transaction():
            write(store, file, result, tally, act, before)
    return result


def stage_rows(
    store: Store,
    file: InboxFile,
    layout: Layout,
    physical: Physical,
    tally: Tally,
    now: datetime,
    straight: Straight | None = None,
) -> None:
    """Reads, parses and stages every row of a file, counting as it goes. Raises FileRefused.

    now: when the file is taken in, or was; straight: where rows that are certainly new are not staged.
    """

    def parsed(block: Block) -> tuple[Block, Parsed]:
        return block, parsed_rows(block.rows, layout, now)

    def count_of() -> Iterator[pl.DataFrame]:
        for block, found in several(parsed, ahead(blocks_of(file, layout, physical))):
            tick(block.records)
            tally.records += block.records
            tally.lines += block.lines
            tally.is_closed = block.is_closed
            tally.rejects += [block.rejects, found.rejects]
            if layout.kind == "csv":
                refuse_swallowed(found.rejects, file.name, layout, block.rows.width - 2)
            if file.feed_name == "calls":
                tally.seconds += int(found.rows["duration_s"].sum())
            yield found.rows

    with progress.stage(file.name, units="records") as tick:
        if straight:
            straight.stage(store, guarded(file, count_of()))
        else:
            settle.stage(store, file.feed, guarded(file, count_of()))
    check_lines(file, layout, physical, tally)
