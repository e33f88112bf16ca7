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

_WHETHER_ANSWERED = {"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"}
"""How calls end in Asterisk and what is like it."""
_CAUSES = {"NORMAL_CLEARING", "ORIGINATOR_CANCEL", "USER_BUSY", "NO_ANSWER", "NO_USER_RESPONSE", "CALL_REJECTED"}
"""The commonest causes of hanging up, as FreeSWITCH writes them."""


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
        """What is known by its names; more records read and fewer rejected; a declared source, then a system's own
        layout, before plain names (but not where nothing is read: then plain names say best what is missing); one whose
        calls end in its system's own words; fewer columns left over and questions."""
        is_preset = (self.guess.label in PRESETS) == bool(self.good.height)
        unsure = len(self.guess.asked) + len(self.guess.said.get("columns", ()))
        left = len(not_read(self)) + len(self.guess.said.get("constants", ()))
        is_read = self.good.height, -self.rejects.height if self.good.height else 0
        is_own = int(self.guess.is_declared), int(is_preset), int(self._ends_as_its_system_does)
        return int(self._is_known_by_names), *is_read, *is_own, -left, -unsure

    @property
    def _is_known_by_names(self) -> bool:
        """Whether a declared source, or a system's layout by the names in the file's header, reads most of it: what it
        rejects then is no record of a call, though names that are alike could be read from it."""
        preset = PRESETS.get(self.guess.label)
        is_named = self.guess.is_declared or (preset is not None and not preset.columns)
        return is_named and self.good.height * 2 > self.records

    @property
    def _ends_as_its_system_does(self) -> bool:
        """Whether nothing in its words for how calls ended is of another system: of two layouts with the same columns,
        such as Asterisk's own and the one that FreeSWITCH can write, it tells one from the other."""
        preset = PRESETS.get(self.guess.label)
        if preset is None or "disposition" not in self.good.columns:
            return True
        words = {word.upper() for word in self.good["disposition"].drop_nulls().unique()}
        return words.isdisjoint(_WHETHER_ANSWERED if preset.ends_in_causes else _CAUSES)

    @property
    def said(self) -> str:
        return self.reason if self.reason and not self.good.height else f"{self.good.height} of {self.records}"


def read(where: Path, name: str, guess: SourceGuess, now: datetime) -> Reading:
    """A declaration on a sample, through the code of `ingest`."""
    called = guess.label.removeprefix("sources.") if guess.is_declared else "sample"
    try:
        source = guess.settings
        file = InboxFile(where, name, source.feed, called, source, named=True)
        kind = kind_of(file)
        if kind is None:
            return Reading(guess, reason=f"a file of this name is none of format {source.format}")
        layout = layout_of(FEEDS[source.feed], called, source, kind)
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
