"""How long a call was answered, from however its source writes it: text that the parser reads as whole seconds.

Rounded half up to the nearest second, which over many calls favours nobody. What cannot be read so is left, marked, for
the parser to reject.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from flows.home.file_settings import SourceSettings
from flows.ingest.checked import Check
from flows.ingest.layouts import Layout
from flows.ingest.parse import instant, whole_number
from rating.dispositions import is_cause, says_unanswered
from schemas.feed import Feed

_HMS = r"^(?:([0-9]{1,3})\.)?([0-9]{1,5}):([0-5][0-9]):([0-5][0-9])(?:\.([0-9])[0-9]*)?$"
"""H:MM:SS, with days in front or a fraction behind as .NET writes a span of time."""

_NO_HMS, _NO_MS, _NO_SECONDS = " (not H:MM:SS)", " ms", " (no seconds)"
"""Marks of what is in another unit than declared: without them 75 would be read as seconds."""


def as_seconds(cell: pl.Expr, unit: str) -> pl.Expr:
    """Text of whole seconds, from text in a unit of SourceSettings.duration_unit."""
    if unit == "milliseconds":
        whole = cell.str.extract(r"^([0-9]{1,15})(?:\.0+)?$").cast(pl.Int64)
        return pl.coalesce(((whole + 500) // 1000).cast(pl.String), cell + pl.lit(_NO_MS))
    if unit == "decimal_seconds":
        part = cell.str.extract_groups(r"^([0-9]{0,15})(?:\.([0-9])[0-9]*)?$").struct
        whole = pl.when(cell != "").then(part.field("1").replace("", "0")).cast(pl.Int64) + _half_up(part.field("2"))
        return pl.coalesce(whole.cast(pl.String), cell + pl.lit(_NO_SECONDS))
    if unit == "hms":
        part = cell.str.extract_groups(_HMS).struct
        days, hours, minutes, seconds = (part.field(str(place)).cast(pl.Int64) for place in (1, 2, 3, 4))
        whole = days.fill_null(0) * 86400 + hours * 3600 + minutes * 60 + seconds + _half_up(part.field("5"))
        return pl.coalesce(whole.cast(pl.String), cell + pl.lit(_NO_HMS))
    return cell


def _half_up(tenths: pl.Expr) -> pl.Expr:
    """A second more where the first digit behind the point is 5 or higher."""
    return (tenths.cast(pl.Int64) >= 5).fill_null(False).cast(pl.Int64)


def talked(frame: pl.DataFrame, layout: Layout, present: Sequence[str]) -> pl.Expr:
    """duration_s of canonical text: between two of its times where declared so, and 0 where it is blank and nobody
    answered. present: the file's columns."""
    cell, source = pl.col("duration_s"), layout.source
    if source and source.duration_from:
        start, end = (instant(pl.col(name), source.time_zone) for name in source.duration_from)
        whole = ((end - start).dt.total_microseconds() + 500_000) // 1_000_000
        cell = whole.cast(pl.String)
    elif not frame["duration_s"].null_count():
        return cell
    return pl.when(cell.is_null() & unanswered(frame, layout, present)).then(pl.lit("0")).otherwise(cell)


def unanswered(frame: pl.DataFrame, layout: Layout, present: Sequence[str]) -> pl.Expr:
    """Whether disposition or the answer's blank stamp says of a record that nobody answered."""
    words = pl.DataFrame({"word": frame["disposition"].unique().drop_nulls()}, schema={"word": pl.String})
    meaning = words.select(pl.col("word").filter(says_unanswered(pl.col("word")) | is_cause(pl.col("word"))))
    said_so = pl.col("disposition").is_in(meaning["word"].implode()).fill_null(False)
    return said_so | stamp_is_blank(layout, present)


def stamp_is_blank(layout: Layout, present: Sequence[str]) -> pl.Expr:
    """Whether the file says when calls were answered, and of this one nothing."""
    return pl.col("answered_at").is_null() if layout.is_mapped("answered_at", present) else pl.lit(False)


def answered_seconds(text: pl.DataFrame, layout: Layout, present: Sequence[str]) -> pl.Series | None:
    """All values where some seconds stand beside a blank answer stamp: those were not answered. Else None."""
    if not layout.is_mapped("answered_at", present) or not text["answered_at"].null_count():
        return None
    blank = stamp_is_blank(layout, present)
    seconds = whole_number(pl.col("duration_s"))
    rows = text.select(zero=blank & (seconds > 0), seconds=seconds)
    if not rows["zero"].any():
        return None
    return rows.select(pl.when(pl.col("zero").fill_null(False)).then(0).otherwise("seconds")).to_series()


def unit_checks(feed: Feed, source: SourceSettings | None) -> list[Check]:
    """What a duration must look like in the unit declared, on canonical text."""
    if feed.name != "calls" or source is None:
        return []
    marks = {
        "hms": (_NO_HMS, "H:MM:SS, as 0:01:30"),
        "milliseconds": (_NO_MS, "whole milliseconds, as 61250"),
        "decimal_seconds": (_NO_SECONDS, "seconds with a decimal point, as 29.517"),
    }
    return [
        Check("duration_s", pl.col("duration_s").str.ends_with(mark), expected)
        for unit, (mark, expected) in marks.items()
        if unit == source.duration_unit
    ]


def usage_checks(feed: Feed, source: SourceSettings | None, now: datetime, text: pl.DataFrame) -> list[Check]:
    """What the times of a call or message must agree in (RULES 15), on values as `v.<name>`. text: the cells."""
    if not feed.is_usage:
        return []
    checks = [_start_check("started_at" if feed.name == "calls" else "sent_at", now)]
    if feed.name != "calls":
        return checks
    there = {name for name in ("answered_at", "ended_at") if text[name].null_count() < text.height}
    return checks + [check for name, check in _call_checks(source) if name in there]


def _call_checks(source: SourceSettings | None) -> list[tuple[str, Check]]:
    """Checks, each with the time that there must be for it to say anything."""
    started, answered, ended = (pl.col(f"v.{name}") for name in ("started_at", "answered_at", "ended_at"))
    checks = [
        ("answered_at", Check("answered_at", answered < started, "an answer after the call was set up")),
        (
            "ended_at",
            Check("ended_at", ended < pl.coalesce(answered, started), "an end after the call was answered or set up"),
        ),
    ]
    if source is None or not source.duration_from:
        seconds = pl.duration(seconds=pl.col("v.duration_s"))
        off = ((ended - answered) - seconds).abs() > timedelta(seconds=1)
        off &= ~says_unanswered(pl.col("disposition"))
        expected = "the seconds from answered_at to ended_at: it may count the ringing, or another unit"
        checks.append(("ended_at", Check("duration_s", off, expected)))
    return checks


def _start_check(column: str, now: datetime) -> Check:
    """A start before there were such records, or later than a day after the clock."""
    first, last = datetime(2000, 1, 1, tzinfo=UTC), now.astimezone(UTC) + timedelta(days=1)
    expected = (
        f"a start from {first:%Y-%m-%d} to {last:%Y-%m-%d}: look at the unit that the time counts in (time_format, "
        "epoch or epoch_ms; from which year) and at the switch's clock"
    )
    value = pl.col(f"v.{column}")
    return Check(column, (value < pl.lit(first)) | (value > pl.lit(last)), expected)
