"""In which form a sample writes its times, where that is not ISO 8601: tried on every layout that fits but for them."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from flows.ask.source_reading import Reading, read
from flows.ask.source_sample import SourceGuess
from flows.home.file_settings import SourceSettings
from flows.ingest.layouts import Layout
from flows.ingest.sources import canonical
from flows.ingest.time_forms import best_forms, odd_times

_MOST_FORMS = 4
_RECENT = timedelta(days=800)
"""A sample is younger than that: of two readings the one that says otherwise is not meant."""


def in_its_form(reading: Reading, where: Path, name: str, now: datetime) -> Reading:
    """The reading, or the better one with the form that its times are written in.

    Where several forms read as much and nothing tells which one is meant, `time_format` is asked about.
    """
    layout, guess = reading.layout, reading.guess
    if layout is None or guess.is_declared or "time_format" in guess.said or not _has_odd_times(reading, layout):
        return reading
    forms = best_forms(_times(reading, layout))[:_MOST_FORMS]
    tries = [read(where, name, replace(guess, said=guess.said | {"time_format": form}), now) for form in forms]
    most = max((tried.good.height for tried in tries), default=0)
    if most <= reading.good.height:
        return reading
    equal = [tried for tried in tries if tried.good.height == most]
    likely = [tried for tried in equal if _is_recent(tried, now)] or equal
    others = [str(tried.guess.said["time_format"]) for tried in likely[1:]]
    return replace(likely[0], guess=_asking(likely[0].guess, others)) if others else likely[0]


def _asking(guess: SourceGuess, others: list[str]) -> SourceGuess:
    listed = " or ".join(f'"{form}"' for form in others)
    question = f"or {listed}: day and month cannot be told apart in this file; which one is it?"
    return replace(guess, asked=guess.asked | {"time_format": question})


def _instants(layout: Layout) -> list[str]:
    return [column.name for column in layout.feed.columns if column.kind == "instant"]


def _has_odd_times(reading: Reading, layout: Layout) -> bool:
    """Whether some records are rejected for a time."""
    if reading.rejects.is_empty() or reading.rows.is_empty():
        return False
    blamed = [layout.name_of(name) for name in _instants(layout)]
    return bool(reading.rejects["column_name"].is_in(blamed).any())


def _times(reading: Reading, layout: Layout) -> pl.Series:
    """What stands for times once the layout has made its columns, before `time_format`."""
    plain = layout if layout.source is None else replace(layout, source=_without_form(layout))
    cells = canonical(reading.rows, plain)
    return pl.concat([cells[name].alias("time") for name in _instants(layout)])


def _without_form(layout: Layout) -> SourceSettings | None:
    return layout.source.model_copy(update={"time_format": None}) if layout.source else None


def _is_recent(reading: Reading, now: datetime) -> bool:
    layout = reading.layout
    first = next((name for name in _instants(layout) if name in reading.good.columns), None) if layout else None
    oldest = reading.good[first].min() if first else None
    return isinstance(oldest, datetime) and oldest > now.astimezone(oldest.tzinfo) - _RECENT


def times_as_read(reading: Reading) -> str:
    """Which form the times took, with one of them; empty where they are ISO 8601."""
    layout, form = reading.layout, reading.guess.said.get("time_format")
    if layout is None or form is None or reading.guess.is_declared or reading.good.is_empty():
        return ""
    written = odd_times(_times(reading, layout))
    example = f", such as {written[0]}" if written.len() else ""
    return f"times are read as {form}{example}"
