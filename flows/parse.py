"""Cells to values: text columns become typed ones, and a row with a bad cell becomes a reject that says why.

Everything is a Polars expression over whole columns. A check names its column, what is bad and what would be right;
the first check a row fails is its reason. Nothing is rounded, guessed or repaired here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from schemas.feeds import Column, Feed
from schemas.money import EXACT, PRICE_LIMIT, UNITS_LIMIT

MAX_TEXT = 10_000
MAX_ID = 255
MAX_ACCOUNT_ID = 100
FIRST_DAY, LAST_DAY = pl.date(1900, 1, 1), pl.date(2199, 12, 31)

_INSTANT = r"^(\d{4}-\d{2}-\d{2})[T ]([01]\d|2[0-3]):([0-5]\d)(:[0-5]\d)?(\.\d{1,9})?(Z|[+-]\d{2}(?::?\d{2})?)?$"
_DAY = r"^\d{4}-\d{2}-\d{2}$"


@dataclass(frozen=True)
class Check:
    """`bad` is true where the row is to be rejected, on a frame of text columns and their values (`v.<name>`)."""

    column: str
    bad: pl.Expr
    expected: str


@dataclass(frozen=True)
class Parsed:
    """`rows`: source_line, raw_line and typed columns; `rejects`: source_line, column_name, reason, raw_line."""

    rows: pl.DataFrame
    rejects: pl.DataFrame


ValueOf = Callable[[Column, pl.Expr], pl.Expr]


def parse(
    feed: Feed,
    text: pl.DataFrame,
    zone: str | None,
    *,
    replaced: dict[str, pl.Expr] | None = None,
    text_checks: Sequence[Check] = (),
    more_checks: Callable[[pl.DataFrame], list[Check]] = lambda _frame: [],
    name_of: Callable[[str], str] = lambda name: name,
) -> Parsed:
    """Gives every cell of `text` (canonical columns as text, empty = null) its value.

    `zone` is for instants without offset. `replaced` holds values computed elsewhere for text columns, such as
    E.164 numbers; `text_checks` are tried before and `more_checks(frame with values)` after the cells' own.
    """
    checks, values = list(text_checks), {}
    for column in feed.columns:
        own_values, own_checks = _READERS[column.kind](column, zone)
        values.update({column.name: replaced[column.name]} if replaced and column.name in replaced else own_values)
        checks += own_checks
    frame = text.with_columns(expr.alias(f"v.{name}") for name, expr in values.items())
    checks += [_one_of(a, b) for a, b in feed.one_of]
    checks += more_checks(frame)
    failed = pl.coalesce(
        [pl.when(check.bad.fill_null(False)).then(pl.lit(i, pl.Int32)) for i, check in enumerate(checks)]
    )
    frame = frame.with_columns(failed.alias("failed"))
    good = frame.filter(pl.col("failed").is_null()).select(
        "source_line", "raw_line", *(pl.col(name).alias(name[2:]) for name in frame.columns if name.startswith("v."))
    )
    bad = frame.filter(pl.col("failed").is_not_null())
    return Parsed(good, _rejects(bad, checks, feed, name_of))


def _rejects(bad: pl.DataFrame, checks: list[Check], feed: Feed, name_of: Callable[[str], str]) -> pl.DataFrame:
    """Says per row what was found and expected; the raw line is rebuilt where the file has no lines (Parquet)."""
    parts = []
    for (index,), rows in bad.group_by("failed", maintain_order=True):
        check = checks[int(index)]
        columns = check.column.split("|")
        quoted = [pl.lit("'") + pl.col(name).str.slice(0, 60) + pl.lit("'") for name in columns]
        shown = [cell.fill_null("nothing") for cell in quoted]
        reason = pl.concat_str(
            pl.lit("found "), pl.concat_str(shown, separator=" and "), pl.lit(f"; expected {check.expected}")
        )
        parts.append(
            rows.select(
                "source_line",
                pl.lit("|".join(name_of(name) for name in columns)).alias("column_name"),
                reason.alias("reason"),
                pl.coalesce(
                    pl.col("raw_line"), pl.struct([column.name for column in feed.columns]).struct.json_encode()
                ).alias("raw_line"),
            )
        )
    empty = pl.DataFrame(
        schema={"source_line": pl.Int64, "column_name": pl.String, "reason": pl.String, "raw_line": pl.String}
    )
    return pl.concat([empty, *parts]).sort("source_line")


def _missing(column: Column) -> list[Check]:
    return [Check(column.name, pl.col(column.name).is_null(), "a value")] if column.required else []


def _one_of(a: str, b: str) -> Check:
    both = pl.col(a).is_not_null() == pl.col(b).is_not_null()
    return Check(f"{a}|{b}", both, f"exactly one of {a} and {b}")


Reader = Callable[[Column, str | None], tuple[dict[str, pl.Expr], list[Check]]]


def _text(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell = pl.col(column.name)
    limit = MAX_ACCOUNT_ID if column.name == "account_id" else MAX_ID if column.name.endswith("_id") else MAX_TEXT
    # The text of a message may have lines; nothing else may: names and addresses end up in mail headers.
    forbidden = r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x{9f}]" if column.name == "text" else r"[\x00-\x1f\x7f-\x{9f}]"
    return {column.name: cell}, [
        *_missing(column),
        Check(column.name, cell.str.len_chars() > limit, f"at most {limit} characters"),
        Check(column.name, cell.str.contains(forbidden), "text without control characters"),
    ]


def _choice(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    value = pl.col(column.name).str.to_lowercase()
    listed = ", ".join(column.choices)
    return {column.name: value}, [
        *_missing(column),
        Check(column.name, ~pl.col(f"v.{column.name}").is_in(list(column.choices)), f"one of {listed}"),
    ]


def _boolean(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    lower = pl.col(column.name).str.to_lowercase()
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    value = lower.replace_strict(words, default=None, return_dtype=pl.Boolean)
    return {column.name: value}, [*_missing(column), _unread(column.name, "true or false, yes or no, 1 or 0")]


def _unread(name: str, expected: str) -> Check:
    return Check(name, pl.col(name).is_not_null() & pl.col(f"v.{name}").is_null(), expected)


def _integer(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell, value = pl.col(column.name), pl.col(f"v.{column.name}")
    # 13.000000, as some switches write whole seconds, is the whole number 13; 13.4 is refused, never rounded.
    whole = cell.str.extract(r"^(-?[0-9]{1,18})(?:\.0+)?$").cast(pl.Int64, strict=False)
    return {column.name: whole}, [
        *_missing(column),
        Check(column.name, cell.str.contains(r"^-?[0-9]+\.[0-9]*[1-9][0-9]*$"), "a whole number, no fraction"),
        Check(column.name, cell.str.contains(r"^[0-9]{10,}(\.0+)?$"), f"a number below {UNITS_LIMIT}"),
        _unread(column.name, "a whole number"),
        Check(column.name, value < 0, "a number that is not negative"),
        Check(column.name, value >= UNITS_LIMIT, f"a number below {UNITS_LIMIT}"),
    ]


def _decimal(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell, value = pl.col(column.name), pl.col(f"v.{column.name}")
    plain = pl.when(cell.str.contains(r"^-?[0-9]{1,20}(\.[0-9]{1,12})?$")).then(cell).cast(EXACT, strict=False)
    return {column.name: plain}, [
        *_missing(column),
        Check(column.name, cell.str.contains(r"^-?[0-9]+\.[0-9]{13,}$"), "at most 12 decimals"),
        Check(column.name, cell.str.contains(r"^-?0*[1-9][0-9]{9,}(\.|$)"), f"a number below {PRICE_LIMIT}"),
        _unread(column.name, "a decimal number such as 12.50"),
        Check(column.name, value.abs() >= PRICE_LIMIT, f"a number below {PRICE_LIMIT}"),
    ]


def _date(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell, value = pl.col(column.name), pl.col(f"v.{column.name}")
    day = pl.when(cell.str.contains(_DAY)).then(cell).str.to_date("%Y-%m-%d", strict=False)
    return {column.name: day}, [
        *_missing(column),
        _unread(column.name, "a day of the calendar as YYYY-MM-DD"),
        Check(column.name, ~value.is_between(FIRST_DAY, LAST_DAY), "a day from 1900 to 2199; empty for no end"),
    ]


@dataclass(frozen=True)
class _InstantParts:
    """A text cell read as an instant: its local time (no zone), whether an offset was written, the offset's minutes."""

    local: pl.Expr
    has_offset: pl.Expr
    minutes: pl.Expr


def _instant_parts(cell: pl.Expr) -> _InstantParts:
    part = cell.str.extract_groups(_INSTANT).struct
    written = pl.concat_str(
        part.field("1"),
        pl.lit("T"),
        part.field("2"),
        pl.lit(":"),
        part.field("3"),
        part.field("4").fill_null(":00"),
        part.field("5").fill_null(".0"),
    )
    local = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")
    offset = part.field("6")
    digits = offset.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    minutes = digits.str.slice(0, 2).cast(pl.Int32, strict=False) * 60 + digits.str.slice(2, 2).cast(
        pl.Int32, strict=False
    )
    signed = pl.when(offset == "Z").then(0).when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes)
    return _InstantParts(local, offset.is_not_null(), signed)


def _instant(column: Column, zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    name, cell = column.name, pl.col(column.name)
    parts = _instant_parts(cell)
    fixed = (parts.local - pl.duration(minutes=parts.minutes)).dt.replace_time_zone("UTC")
    sane = parts.minutes.abs() <= 14 * 60
    if zone is None:
        value: pl.Expr = pl.when(parts.has_offset & sane).then(fixed)
        trouble = [Check(name, parts.local.is_not_null() & ~parts.has_offset, "a time with offset, or a declared zone")]
    else:
        naive = parts.local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        first = parts.local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        value = (
            pl.when(parts.has_offset & sane).then(fixed).when(~parts.has_offset).then(naive.dt.convert_time_zone("UTC"))
        )
        lost = _unread(name, "").bad & parts.local.is_not_null() & ~parts.has_offset
        trouble = [
            Check(name, lost & first.is_not_null(), f"a time with offset: the clocks of {zone} show this one twice"),
            Check(name, lost & first.is_null(), f"a time that exists in {zone}: the clocks skip this one"),
        ]
    return {name: value}, [*_missing(column), *trouble, _unread(name, "a time in ISO 8601, as 2026-05-01T12:00:00Z")]


def _moment(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    """A date, or an instant with offset whose civil date is the one written."""
    name, cell, value = column.name, pl.col(column.name), pl.col(f"v.{column.name}")
    parts = _instant_parts(cell)
    timed = parts.has_offset & (parts.minutes.abs() <= 14 * 60)
    instant = pl.when(timed).then((parts.local - pl.duration(minutes=parts.minutes)).dt.replace_time_zone("UTC"))
    bare = pl.when(cell.str.contains(_DAY)).then(cell).str.to_date("%Y-%m-%d", strict=False)
    day = pl.when(timed).then(parts.local.dt.date()).otherwise(bare)
    return {name: day, f"{name}_at": instant}, [
        *_missing(column),
        Check(name, parts.local.is_not_null() & ~parts.has_offset, "a day, or a time with its offset from UTC"),
        _unread(name, "a day as YYYY-MM-DD, or a time with offset as 2026-05-01T14:00:00-04:00"),
        Check(name, ~value.is_between(FIRST_DAY, LAST_DAY), "a day from 1900 to 2199; empty for no end"),
    ]


_READERS: dict[str, Reader] = {
    "text": _text,
    "choice": _choice,
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "instant": _instant,
    "moment": _moment,
}
