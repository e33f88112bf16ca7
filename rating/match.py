"""Longest prefix match: decks and numbering plans cut once into disjoint intervals, then searched.

A prefix of digits is the interval of all 15-digit numbers that begin with it. Nested prefixes are cut so that
each interval names the longest prefix that covers it; a number is then found by one sorted search, whatever
the number of prefixes. Rows with validity dates are cut once per epoch: a span of days in which the same rows
are in force, so an expired longer prefix loses to an active shorter one. Several tables that are asked for the
same numbers are cut at each other's edges too (`Cells`): one search then serves them all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import pairwise

import polars as pl

from rating.codes import coded

DIGITS = 15
"""E.164 allows 15 digits; a longer number is no telephone number."""

_PADDING = pl.Series([10 ** (DIGITS - length) for length in range(DIGITS + 1)])


@dataclass(frozen=True)
class Epoch:
    """Days [start, end) with one set of rows in force; `bounds` has `lower` (Int64) and `row` (UInt32, null = gap)."""

    start: date
    end: date
    bounds: pl.DataFrame


@dataclass(frozen=True)
class PrefixTable:
    """Rows with a `prefix` (and perhaps valid_from, valid_to), ready to be searched by `longest_prefix`."""

    rows: pl.DataFrame
    epochs: tuple[Epoch, ...]

    @cached_property
    def coded(self) -> pl.DataFrame:
        """`rows` with their texts as categories."""
        return coded(self.rows)

    @cached_property
    def lengths(self) -> pl.Series:
        """Digits of each row's prefix."""
        return self.rows["prefix"].str.len_bytes().cast(pl.UInt8)


def compile_prefixes(rows: pl.DataFrame) -> PrefixTable:
    """`rows`: prefix (digits, unique among the rows in force on any one day), valid_from and valid_to (Date,
    valid_to is the last day included, null = open); missing date columns mean always in force.
    """
    if "valid_from" not in rows.columns:
        rows = rows.with_columns(valid_from=pl.lit(None, pl.Date), valid_to=pl.lit(None, pl.Date))
    rows = rows.with_row_index("row")
    in_force = rows.select(
        "row",
        "prefix",
        start=pl.col("valid_from").fill_null(date.min),
        end=pl.col("valid_to").dt.offset_by("1d").fill_null(date.max),
    )
    edges = sorted({date.min, date.max, *in_force["start"], *in_force["end"]})
    epochs = []
    # Nothing begins or ends between two edges: one set of rows is in force throughout.
    for start, end in pairwise(edges):
        active = in_force.filter(pl.col("start") <= start, pl.col("end") > start)
        epochs.append(Epoch(start, end, _bounds(active)))
    return PrefixTable(rows.drop("row"), tuple(epochs))


def _bounds(active: pl.DataFrame) -> pl.DataFrame:
    """The disjoint intervals of one epoch, by lower bound: each edge is looked up once per length of a prefix, so that
    the longest one that covers it stands last."""
    lower, length = pl.col("prefix").str.pad_end(DIGITS, "0").cast(pl.Int64), pl.col("prefix").str.len_bytes()
    prefixes = active.select("row", lower=lower, size=pl.lit(_PADDING).gather(length)).sort("row")
    edges = pl.concat([pl.Series([0]), prefixes["lower"], prefixes["lower"] + prefixes["size"]]).unique().sort()
    bounds = pl.DataFrame({"edge": edges}).with_columns(row=pl.lit(None, pl.UInt32))
    for (size,), of_size in sorted(prefixes.group_by("size"), key=lambda part: -part[0][0]):
        begins = of_size.unique("lower", keep="last").select("lower", own="row")
        covered = bounds.with_columns(lower=pl.col("edge") // size * size)
        covered = covered.join(begins, on="lower", how="left", validate="m:1", maintain_order="left")
        bounds = covered.select("edge", row=pl.coalesce("own", "row"))
    moves = pl.col("row").ne_missing(pl.col("row").shift(1)) | (pl.col("edge") == 0)
    return bounds.filter(moves).select(lower="edge", row="row")


@dataclass(frozen=True)
class Dialled:
    """Numbers ready to be searched: `keys` has digits (UInt8, how many) and key (Int64, padded to 15 digits);
    both are null where the text is no number. `numbers`: texts, without the X of a masked one."""

    keys: pl.DataFrame
    numbers: pl.Series

    @classmethod
    def of(cls, numbers: pl.Series) -> "Dialled":
        """numbers: text of digits, with or without +. A masked number, +4420794600XX, is the digits that it shows."""
        # A cast reads the + too, so only what it makes nothing of, or no positive number, is looked at closely.
        read = pl.DataFrame({"number": numbers, "value": numbers.cast(pl.Int64, strict=False)})
        odd = read.select(pl.col("number").is_not_null() & (pl.col("value").fill_null(0) <= 0)).to_series()
        if odd.any():
            closely = _read_closely(numbers.filter(odd))
            numbers = numbers.clone().scatter(odd.arg_true(), closely["number"])
            read = pl.DataFrame({"number": numbers, "value": read["value"].scatter(odd.arg_true(), closely["value"])})
        number = pl.col("number")
        length = number.str.len_bytes().cast(pl.UInt8, strict=False) - number.str.starts_with("+").cast(pl.UInt8)
        keyed = read.select("value", digits=pl.when(pl.col("value").is_not_null() & (length <= DIGITS)).then(length))
        return cls(keyed.select("digits", key=pl.col("value") * pl.lit(_PADDING).gather(pl.col("digits"))), numbers)

    @property
    def is_international(self) -> pl.Series:
        """Whether a number has a + before its digits, of which the first is none of 0; false where there is none."""
        begins: pl.Series = self.keys["key"] >= _PADDING[1]
        return (begins & self.numbers.str.starts_with("+")).fill_null(value=False)


def _read_closely(numbers: pl.Series) -> pl.DataFrame:
    """number, value (Int64): what is no number, or a masked one, and zeros."""
    shown = pl.DataFrame({"number": numbers.str.strip_chars_end("X")})
    digits = pl.col("number").str.strip_prefix("+")
    # A cast to Int64 would read a second sign as part of the number.
    sign = digits.str.starts_with("+") | digits.str.starts_with("-")
    return shown.with_columns(value=pl.when(~sign).then(digits).cast(pl.Int64, strict=False))


@dataclass(frozen=True)
class Cells:
    """Prefix tables cut at all their edges at once; the place of a number among them is its cell.

    `lowers`: where each cell begins (Int64, sorted). `rows`: per table and epoch, the table's row of every cell.
    """

    lowers: pl.Series
    tables: Mapping[str, PrefixTable]
    rows: Mapping[str, tuple[pl.Series, ...]]

    def located(self, dialled: Dialled) -> pl.Series:
        """The cell of each number (UInt32); null where there is no number."""
        key = dialled.keys["key"]
        cell = (self.lowers.search_sorted(key.fill_null(0), side="right") - 1).cast(pl.UInt32)
        return cell if key.null_count() == 0 else pl.select(pl.when(key.is_not_null()).then(cell)).to_series()

    def row_of(self, name: str, cells: pl.Series, dialled: Dialled, days: pl.Series | None) -> pl.Series:
        """The row of table `name` with the longest prefix in force, for each number on its day; null without one.

        days: Date, without nulls; None for a table whose rows have no dates.
        """
        table = self.tables[name]
        row = self.rows[name][0].gather(cells)
        for epoch, rows_of_epoch in zip(table.epochs[1:], self.rows[name][1:], strict=True):
            if days is None:
                raise ValueError(f"the rows of table {name!r} have dates, so numbers need a day to be looked up on")
            row = rows_of_epoch.gather(cells).zip_with(days >= epoch.start, row)  # epochs follow one another
        # A number shorter than the prefix was padded into its interval: look it up again, the plain way.
        short = (table.lengths.gather(row) > dialled.keys["digits"]).fill_null(False)
        if short.any():
            again = _short(table, dialled.numbers.filter(short), days if days is None else days.filter(short))
            row = row.scatter(short.arg_true(), again)
        return row


def cut_cells(tables: Mapping[str, PrefixTable]) -> Cells:
    """Makes the cells of `tables`, whose numbers will be searched together."""
    edges = [epoch.bounds["lower"] for table in tables.values() for epoch in table.epochs]
    lowers = pl.concat([*edges, pl.Series([0])]).unique().sort()
    rows = {
        name: tuple(
            epoch.bounds["row"].gather(epoch.bounds["lower"].search_sorted(lowers, side="right") - 1)
            for epoch in table.epochs
        )
        for name, table in tables.items()
    }
    return Cells(lowers, dict(tables), rows)


def longest_prefix(table: PrefixTable, numbers: pl.DataFrame) -> pl.DataFrame:
    """`numbers` (number: text of digits, with or without +; day: Date) -> the table's row of each, in order.

    One output row per input row, with the columns of `table.rows`; nulls where no prefix is in force.
    """
    cells, dialled = cut_cells({"": table}), Dialled.of(numbers["number"])
    row = cells.row_of("", cells.located(dialled), dialled, numbers["day"])
    return table.rows.select(pl.all().gather(row))


def _short(table: PrefixTable, numbers: pl.Series, days: pl.Series | None) -> pl.Series:
    """Rows of the few numbers that are shorter than the prefix of their cell, by one look-up per length."""
    day = date.min if days is None else days
    asked = pl.select(digits=numbers.str.strip_prefix("+"), day=pl.lit(day, pl.Date)).with_row_index("at")
    rows = table.rows.with_row_index("row").select(
        "row", "prefix", pl.col("valid_from").fill_null(date.min), pl.col("valid_to").fill_null(date.max)
    )
    hits = [
        asked.filter(pl.col("digits").str.len_bytes() >= length)
        .with_columns(prefix=pl.col("digits").str.head(length))
        .join(rows, on="prefix")
        .filter(pl.col("valid_from") <= pl.col("day"), pl.col("day") <= pl.col("valid_to"))
        .select("at", "row")
        for length in sorted(table.lengths.unique())
    ]
    # The lengths rise, so the last hit is the longest prefix.
    best = pl.concat(hits).group_by("at", maintain_order=True).agg(pl.col("row").last())
    return asked.select("at").join(best, on="at", how="left", maintain_order="left")["row"]
