"""Cells of the call logs that hosted systems export: times between stamps, durations as a clock shows them, ids."""

import polars as pl

from flows.presets.cells import FileRows
from rating.ends import EXTENSION

_NEVER = r"^(?:0+|0001-01-01.*|-+)$"
"""What stands where a call has no such time."""


def first_of(rows: FileRows, *names: str) -> pl.Expr:
    """The first of these columns that has something."""
    return pl.coalesce(rows.cell(name) for name in names)


def declared_account(rows: FileRows) -> pl.Expr:
    """The account where the declaration maps a column to it: what the vendor calls an account is its own customer."""
    return rows.named("account_id") if "account_id" in rows.names else pl.lit(None, pl.String)


def stamp(found: pl.Expr) -> pl.Expr:
    """A time; null where the system writes the beginning of its calendar, a zero or a dash for none."""
    return pl.when(~found.str.contains(_NEVER)).then(found)


def seconds_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Text of whole seconds, rounded half up, between two times in ISO 8601; null where one of them is none."""
    begun, ended = (_instant(at) for at in (start, end))
    return (((ended - begun).dt.total_microseconds() + 500_000) // 1_000_000).cast(pl.String)


def _instant(found: pl.Expr) -> pl.Expr:
    text = found.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T").str.replace(r"Z$", "+00:00")
    text = text.str.replace(r"(\.\d{6})\d+", "$1").str.replace(r"([+-]\d{2})(\d{2})$", "$1:$2")
    with_offset = pl.when(text.str.contains(r"[+-]\d{2}:\d{2}$")).then(text).otherwise(text + pl.lit("+00:00"))
    return with_offset.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_zone="UTC", time_unit="us")


def clock_seconds(found: pl.Expr) -> pl.Expr:
    """1:02:03 or 02:03 -> text of whole seconds; other text as it is."""
    part = found.str.extract_groups(r"^(?:([0-9]{1,4}):)?([0-9]{1,2}):([0-5][0-9])$").struct
    hours, minutes, seconds = (part.field(str(place)).cast(pl.Int64) for place in (1, 2, 3))
    return pl.coalesce((hours.fill_null(0) * 3600 + minutes * 60 + seconds).cast(pl.String), found)


def if_inside(number: pl.Expr) -> pl.Expr:
    """A number where it is an extension, else null."""
    return pl.when(number.str.contains(EXTENSION)).then(number)


def id_of_content(*cells: pl.Expr) -> pl.Expr:
    """An id of records that have none: the same for the same content in whatever file."""
    return pl.concat_str(*(cell.fill_null("-") for cell in cells), separator=" ")


def is_word(found: pl.Expr, *words: str) -> pl.Expr:
    """Whether a word is one of these, compared without case, blanks and signs; false where there is none."""
    return found.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "").is_in(list(words)).fill_null(False)
