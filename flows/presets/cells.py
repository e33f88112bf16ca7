"""The cells of a file that layouts are made from: found by name, and the ways of writing a time. All of it is text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

SEGMENT = "#segment"
"""Of a layout whose rows are segments: which of its message's segments a row is (1, 2, …), counted while it is read."""

BLANKS = " \t\u00a0"
"""What may stand around a cell that is no text: hand-made and fixed-width exports pad with it."""

_LOOSE_TIME = r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(:\d{2})?(\.\d+)?$"
_MAIL_TIME = r"^(?:[A-Za-z]{3},\s*)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{2}:\d{2}:\d{2}) ([+-]\d{4})$"
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()

Fault = tuple[str, pl.Expr, str]
"""(column, what is wrong, what is expected), on the canonical text."""


@dataclass(frozen=True)
class FileRows:
    """Rows as read: the file's columns as `file.<name>`, all text. `names`: canonical -> theirs; `joined`: canonical ->
    theirs, of those that several columns make.

    `direction`, `directions` and `time_format` are what the declaration says (flows/home/file_settings.py).
    """

    frame: pl.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)
    direction: str | None = None
    directions: Mapping[str, str] = field(default_factory=dict)
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    time_format: str | None = None

    def name_of(self, canonical: str) -> str:
        """What the file calls a canonical column."""
        return self.names.get(canonical, canonical)

    def cell(self, name: str) -> pl.Expr:
        """The file's cell without the blanks around it, null when empty or when the file has no such column."""
        if f"file.{name}" not in self.frame.columns:
            return pl.lit(None, pl.String)
        found = pl.col(f"file.{name}")
        found = found.str.strip_chars(BLANKS) if self._has_blanks else found
        return pl.when(found != "").then(found)

    @cached_property
    def _has_blanks(self) -> bool:
        """Whether there may be blanks around a cell: most files of millions of lines have none at all, and looking for
        one in whole lines costs a fifth of taking them off every cell."""
        raw = self.frame["raw_line"] if "raw_line" in self.frame.columns else None
        if raw is None or raw.null_count():
            return True
        # A backslash may write one, in JSON.
        return any(raw.str.contains(mark, literal=True).any() for mark in (*BLANKS, "\\"))

    def named(self, canonical: str) -> pl.Expr:
        """The cell of a canonical column, under the file's name for it; of several columns, with a blank between."""
        parts = self.joined.get(canonical)
        if not parts:
            return self.cell(self.name_of(canonical))
        together = pl.concat_str([self.cell(part) for part in parts], separator=" ", ignore_nulls=True)
        return pl.when(together != "").then(together)

    def time(self, found: pl.Expr) -> pl.Expr:
        """ISO 8601 of a time that the layout reckons with; what it only hands on is read as declared later."""
        return declared_time(found, self.time_format) if self.time_format else found

    def as_written(self, canonical: str) -> pl.Expr:
        """As `named`, the blanks around it kept: text is kept as it is."""
        name = self.name_of(canonical)
        if canonical in self.joined or f"file.{name}" not in self.frame.columns:
            return self.named(canonical)
        found = pl.col(f"file.{name}")
        return pl.when(found != "").then(found)


def meaning(found: pl.Expr, meant: Mapping[str, str]) -> pl.Expr:
    """What a word means: as it stands, else by the longest of those that end in * and fit; null where none does."""
    words = {word: ours for word, ours in meant.items() if not word.endswith("*")}
    told = found.replace_strict(words, default=None, return_dtype=pl.String) if words else pl.lit(None, pl.String)
    for word in sorted((word for word in meant if word.endswith("*")), key=len, reverse=True):
        told = pl.coalesce(told, pl.when(found.str.starts_with(word[:-1])).then(pl.lit(meant[word])))
    return told


def loose_time(found: pl.Expr) -> pl.Expr:
    """2020/2/10 22:41 -> 2020-02-10T22:41:00; whatever looks different is left for the parser to reject."""
    part = found.str.extract_groups(_LOOSE_TIME).struct
    padded = pl.concat_str(
        part.field("1"),
        pl.lit("-"),
        part.field("2").str.zfill(2),
        pl.lit("-"),
        part.field("3").str.zfill(2),
        pl.lit("T"),
        part.field("4").str.zfill(2),
        pl.lit(":"),
        part.field("5"),
        part.field("6").fill_null(":00"),
        part.field("7").fill_null(""),
    )
    return pl.coalesce(padded, found)


def mail_time(found: pl.Expr) -> pl.Expr:
    """Thu, 04 Jun 2026 05:01:45 +0000 -> 2026-06-04T05:01:45+0000; other text as it is."""
    part = found.str.extract_groups(_MAIL_TIME).struct
    months = {name: f"{number:02}" for number, name in enumerate(_MONTHS, 1)}
    month = part.field("2").str.to_lowercase().replace_strict(months, default=None, return_dtype=pl.String)
    day = pl.concat_str(part.field("3"), month, part.field("1").str.zfill(2), separator="-")
    return pl.coalesce(pl.concat_str(day, pl.lit("T"), part.field("4"), part.field("5")), found)


def declared_time(found: pl.Expr, time_format: str) -> pl.Expr:
    """ISO 8601 of a time in the declared format; whatever looks different is left for the parser to reject."""
    if time_format in ("epoch", "epoch_ms"):
        return epoch_time(found, "s" if time_format == "epoch" else "ms")
    if "%z" in time_format or "%:z" in time_format:
        utc = found.str.to_datetime(time_format, strict=False, time_zone="UTC", time_unit="us")
        return pl.coalesce(utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"), found)
    naive = found.str.to_datetime(time_format, strict=False, time_unit="us")
    return pl.coalesce(naive.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"), found)


def epoch_time(found: pl.Expr, time_unit: str) -> pl.Expr:
    """Seconds (`s`) or milliseconds (`ms`) since 1970 -> ISO 8601 in UTC; zero, their never: null."""
    whole = found.str.extract(r"^([0-9]{1,13})$").cast(pl.Int64)
    at = pl.from_epoch(whole if time_unit == "ms" else whole * 1000, time_unit="ms")
    return pl.when(whole == 0).then(None).otherwise(pl.coalesce(at.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), found))
