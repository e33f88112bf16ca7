"""Cells to values: text columns become typed ones, and a row with a bad cell becomes a reject that says why.

Everything is a Polars expression over whole columns. A check names its column, what is bad and what would be right;
the first check a row fails is its reason. Nothing is rounded, guessed or repaired here.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from flows.ingest.checked import Check, Parsed, no_rejects, rejects_of, told_of_bad
from flows.ingest.plain_cells import one_form, plain_values
from schemas.feed import Column, Feed
from schemas.limits import PRICE_LIMIT, UNITS_LIMIT
from schemas.money import EXACT

MAX_TEXT = 10_000
MAX_ID = 255
MAX_ACCOUNT_ID = 100
FIRST_DAY, LAST_DAY = pl.date(1900, 1, 1), pl.date(2199, 12, 31)

_INSTANT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]"
    r"(:[0-5][0-9](\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}(:?[0-5][0-9])?)?$"
)
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def parse(
    feed: Feed,
    text: pl.DataFrame,
    zone: str | None,
    *,
    replaced: Mapping[str, pl.Series] | None = None,
    sound: Collection[str] = (),
    text_checks: Sequence[Check] = (),
    more_checks: Callable[[pl.DataFrame], list[Check]] = lambda _frame: [],
    name_of: Callable[[str], str] = lambda name: name,
    declaration_of: Callable[[pl.Series], pl.Series] | None = None,
) -> Parsed:
    """Gives every cell of `text` (canonical columns as text, empty = null) its value.

    `zone` is for instants without offset. `replaced` holds values computed elsewhere for text columns, such as
    E.164 numbers; `sound` names those whose cells have nothing wrong. `text_checks` are tried before and
    `more_checks(text)` after the cells' own. `declaration_of`: times that cannot be read -> what their source may
    declare, for the rejects.
    """
    checks = list(text_checks)
    values: dict[str, pl.Expr] = {}
    for column in feed.columns:
        cells, done = text[column.name], replaced.get(column.name) if replaced else None
        own_values, own_checks = _read(column, cells, zone, is_sound=column.name in sound)
        values.update(own_values if done is None else {column.name: pl.lit(done)})
        checks += own_checks
    checks += [_one_of(a, b) for a, b in feed.one_of]
    checks += more_checks(text)
    # Lazy, so that expressions that several cells share are worked out once.
    typed = text.lazy().with_columns(expr.alias(f"v.{name}") for name, expr in values.items())
    bad = pl.any_horizontal(pl.lit(value=False), *(check.bad.fill_null(False) for check in checks))
    frame = typed.with_columns(bad.alias("is_bad")).collect()
    stored = [name for name in values if not name.endswith("?")]
    told = ["source_line", "raw_line", *(pl.col(f"v.{name}").alias(name) for name in stored)]
    if not frame["is_bad"].any():
        return Parsed(frame.select(told), no_rejects(feed))
    good = frame.filter(~pl.col("is_bad")).select(told)
    failed = pl.coalesce(
        pl.when(check.bad.fill_null(False)).then(pl.lit(i, pl.Int32)) for i, check in enumerate(checks)
    )
    worse = frame.lazy().filter("is_bad").with_columns(failed.alias("failed")).select(told_of_bad(feed)).collect()
    del frame
    return Parsed(good, rejects_of(worse, checks, feed, name_of, declaration_of))


def _read(
    column: Column, cells: pl.Series, zone: str | None, *, is_sound: bool
) -> tuple[dict[str, pl.Expr], list[Check]]:
    """A column's values and checks, those left out that no cell of it can fail."""
    missing = _missing(column) if cells.null_count() else []
    if is_sound:
        return {column.name: pl.lit(cells)}, missing
    form = one_form(cells) if column.kind == "instant" else None
    own_values, own_checks = _instant(column, zone, form=form) if form else _reader(column)(column, zone)
    if cells.null_count() == cells.len():
        # Most files lack most of the optional columns: nothing is there to be read or wrong.
        return _nothing(cells, own_values), missing
    plain = plain_values(column, cells, form, _limit(column), is_id=_is_id(column))
    return (own_values, own_checks) if plain is None else ({column.name: pl.lit(plain)}, missing)


def _reader(column: Column) -> Callable[[Column, str | None], tuple[dict[str, pl.Expr], list[Check]]]:
    return _id if _is_id(column) else _READERS[column.kind]


def _nothing(cells: pl.Series, values: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Nulls of the kinds that these values have."""
    text = pl.LazyFrame(schema={cells.name: cells.dtype})
    kinds = text.select(expr.alias(name) for name, expr in values.items()).collect_schema()
    return {name: pl.lit(None, kind) for name, kind in kinds.items()}


def _missing(column: Column) -> list[Check]:
    return [Check(column.name, pl.col(column.name).is_null(), "a value")] if column.required else []


def _one_of(a: str, b: str) -> Check:
    both = pl.col(a).is_not_null() == pl.col(b).is_not_null()
    return Check(f"{a}|{b}", both, f"exactly one of {a} and {b}")


# What reads a column: its values by name (a name that ends in ? is only for checks) and its checks.
Reader = Callable[[Column, str | None], tuple[dict[str, pl.Expr], list[Check]]]


_IDS = frozenset(
    ("account_id", "subscription_id", "device_id", "location_id", "charge_id", "discount_id", "product_code", "plan")
)
"""What other rows name: no blanks around it, nothing in it that nobody sees."""


def _is_id(column: Column) -> bool:
    return column.name in _IDS and column.kind == "text"


def _limit(column: Column) -> int:
    """Characters that a text has at most."""
    if column.name == "account_id":
        return MAX_ACCOUNT_ID
    return MAX_ID if column.name.endswith("_id") else MAX_TEXT


_UNSEEN = r"[\x{ad}\x{61c}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{2069}\x{feff}]"


def _id(column: Column, zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    """A name that others must match: without the blanks around it, composed as everybody composes it."""
    trimmed = pl.col(column.name).str.strip_chars()
    _, checks = _text(column, zone)
    return {column.name: trimmed}, [
        *checks,
        Check(column.name, trimmed == "", "a name, not blanks"),
        Check(column.name, trimmed.str.contains(_UNSEEN), "a name without marks that nobody sees"),
        Check(column.name, trimmed != trimmed.str.normalize("NFC"), "a name with composed letters (Unicode NFC)"),
    ]


def _text(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell, limit = pl.col(column.name), _limit(column)
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


def whole_number(cell: pl.Expr) -> pl.Expr:
    """13.000000, as some switches write whole seconds, is the whole number 13; 13.4 is refused, never rounded."""
    return cell.str.extract(r"^(-?[0-9]{1,18})(?:\.0+)?$").cast(pl.Int64, strict=False)


def _integer(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    cell, value = pl.col(column.name), pl.col(f"v.{column.name}")
    return {column.name: whole_number(cell)}, [
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

    @property
    def utc(self) -> pl.Expr:
        """The instant where an offset was written and can be one, else null."""
        utc = (self.local - pl.duration(minutes=self.minutes)).dt.replace_time_zone("UTC")
        return pl.when(self.has_offset & (self.minutes.abs() <= 14 * 60)).then(utc)


def _instant_parts(cell: pl.Expr) -> _InstantParts:
    # Cut by position and parsed by a format of fixed width: several times as fast as groups of a pattern.
    shaped = pl.when(cell.str.contains(_INSTANT)).then(cell)
    seconds = pl.when(shaped.str.slice(16, 1) == ":").then(shaped.str.slice(16, 3)).otherwise(pl.lit(":00"))
    written = pl.concat_str(shaped.str.slice(0, 10), pl.lit("T"), shaped.str.slice(11, 5), seconds)
    whole = written.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    fraction = shaped.str.extract(r"\.([0-9]+)").str.pad_end(6, "0").str.slice(0, 6).cast(pl.Int64)
    offset = shaped.str.extract(r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)$")
    digits = offset.str.replace_all(r"[^0-9]", "").str.pad_end(4, "0")
    hours, minutes = (digits.str.slice(at, 2).cast(pl.Int32, strict=False) for at in (0, 2))
    total = hours * 60 + minutes
    signed = pl.when(offset == "Z").then(0).when(offset.str.starts_with("-")).then(-total).otherwise(total)
    has_offset = shaped.str.contains(r"Z$|.{16}.*[+-]")
    return _InstantParts(whole + pl.duration(microseconds=fraction.fill_null(0)), has_offset, signed)


def _parts_of_form(cell: pl.Expr, form: str) -> _InstantParts:
    """As `_instant_parts`, of cells that are all in one form: a tenth of the time."""
    local = cell.str.to_datetime(form, strict=False, time_unit="us")
    return _InstantParts(local, pl.when(cell.is_not_null()).then(form.endswith("Z")), pl.lit(0))


def instant(cell: pl.Expr, zone: str | None) -> pl.Expr:
    """The instant (UTC) that a cell of text says, in `zone` where it has no offset; null where it says none."""
    return _instant(Column("at", "instant"), zone, cell)[0]["at"]


_NO_ZONE, _TWICE, _SKIPPED = 1, 2, 3


def _instant(
    column: Column, zone: str | None, cell: pl.Expr | None = None, *, form: str | None = None
) -> tuple[dict[str, pl.Expr], list[Check]]:
    """form: that of all its cells, where they have one."""
    name = column.name
    cell = pl.col(name) if cell is None else cell
    parts = _parts_of_form(cell, form) if form else _instant_parts(cell)
    if zone is None:
        value = parts.utc
        code: pl.Expr = pl.when(~parts.has_offset).then(_NO_ZONE)
    else:
        only = parts.local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        first = parts.local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        value = pl.when(parts.has_offset).then(parts.utc).otherwise(only.dt.convert_time_zone("UTC"))
        naive = parts.local.is_not_null() & ~parts.has_offset
        code = pl.when(naive & first.is_null()).then(_SKIPPED).when(naive & only.is_null()).then(_TWICE)
    why = pl.col(f"v.{name}?")
    return {name: value, f"{name}?": code}, [
        *_missing(column),
        Check(name, why == _NO_ZONE, "a time with offset, or a declared time_zone of its source"),
        Check(name, why == _TWICE, f"a time with offset: the clocks of {zone} show this one twice"),
        Check(name, why == _SKIPPED, f"a time that exists in {zone}: the clocks skip this one"),
        replace(_unread(name, "a time in ISO 8601, as 2026-05-01T12:00:00Z"), is_of_form=True),
    ]


def _moment(column: Column, _zone: str | None) -> tuple[dict[str, pl.Expr], list[Check]]:
    """A date, or an instant with offset whose civil date is the one written."""
    name, cell, value = column.name, pl.col(column.name), pl.col(f"v.{column.name}")
    parts = _instant_parts(cell)
    bare = pl.when(cell.str.contains(_DAY)).then(cell).str.to_date("%Y-%m-%d", strict=False)
    day = pl.when(parts.utc.is_not_null()).then(parts.local.dt.date()).otherwise(bare)
    return {name: day, f"{name}_at": parts.utc, f"{name}?": pl.when(~parts.has_offset).then(_NO_ZONE)}, [
        *_missing(column),
        Check(name, pl.col(f"v.{name}?") == _NO_ZONE, "a day, or a time with its offset from UTC"),
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
