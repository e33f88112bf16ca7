"""A declaration tried on a sample of usage, through the very code of `ingest`, and what came of it."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from flows.ask.source_sample import SourceGuess
from flows.ingest.files import FileRefused, InboxFile
from flows.ingest.layouts import Layout, layout_of
from flows.ingest.take_in import kind_of, read_sample
from flows.presets.cells import FileRows
from flows.presets.known import PRESETS
from schemas.errors import Fault, WrongUsage
from schemas.feeds import FEEDS


@dataclass(frozen=True)
class Reading:
    """A declaration tried on a sample: what came of its records, or `reason`, why it cannot be read so."""

    guess: SourceGuess
    layout: Layout | None = None
    records: int = 0
    good: pl.DataFrame = field(default_factory=pl.DataFrame)
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejects: pl.DataFrame = field(default_factory=pl.DataFrame)
    reason: str = ""
    left_over: tuple[str, ...] = ()
    """Columns of a Parquet file, of which only the wanted ones are read."""

    @property
    def worth(self) -> tuple[int, ...]:
        """More records read; a declared source, then a system's own layout, before plain names (but not where nothing
        is read: then plain names say best what is missing); fewer rejected, fewer columns left over and questions.

        A layout that reads most of the records knows what it does with the others: what it rejects, plain names may
        only fail to see.
        """
        read, is_system = self.good.height, self.guess.label in PRESETS
        is_preset = is_system == bool(read)
        knows = (is_system or self.guess.is_declared) and read * 2 > self.records
        unsure = len(self.guess.asked) + len(self.guess.said.get("columns", ()))
        left = len(not_read(self)) + len(self.guess.said.get("constants", ()))
        rejected = -self.rejects.height if read else 0
        ranks = int(self.guess.is_declared), int(is_preset)
        return self.records if knows else read, *ranks, read, rejected, -left, -unsure

    @property
    def said(self) -> str:
        return self.reason if self.reason and not self.good.height else f"{self.good.height} of {self.records}"


def read(where: Path, name: str, guess: SourceGuess, now: datetime) -> Reading:
    """A declaration on a sample, through the code of `ingest`."""
    try:
        source = guess.settings
        file = InboxFile(where, name, source.feed, "sample", source, named=True)
        kind = kind_of(file)
        if kind is None:
            return Reading(guess, reason=f"a file of this name is none of format {source.format}")
        layout = layout_of(FEEDS[source.feed], "sample", source, kind)
    except (WrongUsage, ValueError) as error:
        return Reading(guess, reason=str(error).splitlines()[0])
    records, good, rows, rejects = 0, [], [], []
    reason = ""
    try:
        for block, parsed in read_sample(file, layout, now):
            records += block.records
            good.append(parsed.rows)
            rows.append(block.rows)
            rejects += [block.rejects, parsed.rejects]
    except FileRefused as refusal:
        reason = str(refusal)
        rejects.append(_refusal(refusal.fault))
    good_rows, read_rows, rejected = (
        pl.concat(part, how="diagonal_relaxed") if part else pl.DataFrame() for part in (good, rows, rejects)
    )
    return Reading(guess, layout, records, good_rows, read_rows, rejected, reason, _left_over(where, layout))


def _left_over(where: Path, layout: Layout) -> tuple[str, ...]:
    """The columns of a Parquet file that are none of the wanted ones."""
    if layout.kind != "parquet":
        return ()
    wanted = {name for column in layout.feed.columns for name in layout.names_of(column.name)}
    try:
        return tuple(name for name in pl.read_parquet_schema(where) if name not in wanted)
    except (pl.exceptions.PolarsError, OSError):
        return ()


def _refusal(fault: Fault) -> pl.DataFrame:
    """What refuses a whole file, as a reject."""
    said = replace(fault, file="", line=None, column=None)
    row = (fault.line, fault.column, str(said).removeprefix(": "), None)
    schema = {"source_line": pl.Int64, "column_name": pl.String, "reason": pl.String, "raw_line": pl.String}
    return pl.DataFrame([row], schema=schema, orient="row")


def not_read(reading: Reading) -> list[str]:
    """The file's columns (of JSON, keys) that nothing is made from."""
    layout, rows = reading.layout, reading.rows
    if layout is None or rows.is_empty():
        return []
    used = {f"file.{name}" for column in layout.feed.columns for name in layout.names_of(column.name)}
    if layout.preset:
        source = layout.source
        direction = (source.direction, source.directions) if source else (None, {})
        made = layout.preset.cells(FileRows(rows, layout.names, *direction, layout.joined))
        used |= {root for cell in made.values() for root in cell.meta.root_names()}
    if not layout.kind.startswith("json"):
        names = [*rows.columns, *(f"file.{name}" for name in reading.left_over)]
        return [name.removeprefix("file.") for name in names if name.startswith("file.") and name not in used]
    return _keys_not_read(rows["raw_line"].head(100).to_list(), {name.removeprefix("file.") for name in used})


def _keys_not_read(raw: list[str | None], used: set[str]) -> list[str]:
    import json

    keys: dict[str, None] = {}
    for line in raw:
        record = json.loads(line) if line else {}
        keys |= dict.fromkeys(record)
    return [key for key in keys if not any(name == key or name.startswith(f"{key}.") for name in used)]
