"""Longest prefix match: decks and numbering plans cut once into disjoint intervals, then searched.

A prefix of digits is the interval of all 15-digit numbers that begin with it. Nested prefixes are cut so that
each interval names the longest prefix that covers it; a number is then found by one sorted search, whatever
the number of prefixes. Rows with validity dates are cut once per epoch: a span of days in which the same rows
are in force, so an expired longer prefix loses to an active shorter one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import polars as pl

DIGITS = 15
"""E.164 allows 15 digits; a longer number is no telephone number."""


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
    for start, end in pairwise(edges):
        active = in_force.filter(pl.col("start") <= start, pl.col("end") > start)
        epochs.append(Epoch(start, end, _bounds(active)))
    return PrefixTable(rows.drop("row"), tuple(epochs))


def _bounds(active: pl.DataFrame) -> pl.DataFrame:
    """The disjoint intervals of one epoch, by lower bound: a walk over nested prefixes with a stack."""
    lowers: list[int] = [0]
    owners: list[int | None] = [None]
    open_: list[tuple[int, int]] = []  # (upper, row) of the prefixes around the current point

    def mark(at: int, row: int | None) -> None:
        if lowers[-1] == at:
            owners[-1] = row
        else:
            lowers.append(at)
            owners.append(row)

    for prefix, row in sorted(active.select("prefix", "row").iter_rows(), key=lambda r: (r[0], len(r[0]))):
        lower = int(prefix.ljust(DIGITS, "0"))
        upper = lower + 10 ** (DIGITS - len(prefix))
        while open_ and open_[-1][0] <= lower:
            closed, _ = open_.pop()
            mark(closed, open_[-1][1] if open_ else None)
        mark(lower, row)
        open_.append((upper, row))
    while open_:
        closed, _ = open_.pop()
        mark(closed, open_[-1][1] if open_ else None)
    return pl.DataFrame({"lower": lowers, "row": owners}, schema={"lower": pl.Int64, "row": pl.UInt32})


def longest_prefix(table: PrefixTable, numbers: pl.DataFrame) -> pl.DataFrame:
    """`numbers` (number: text of digits, with or without +; day: Date) -> the table's row of each, in order.

    One output row per input row, with the columns of `table.rows`; nulls where no prefix is in force.
    """
    digits = pl.col("number").str.strip_prefix("+")
    keyed = numbers.select(
        at=pl.int_range(pl.len(), dtype=pl.UInt32),
        digits=digits,
        day=pl.col("day"),
        key=pl.when(digits.str.contains(r"^[0-9]{1,15}$"))
        .then(digits.str.pad_end(DIGITS, "0"))
        .otherwise(None)
        .cast(pl.Int64),
    )
    found = pl.concat([*_search(table, keyed), keyed.head(0).select("at", row=pl.lit(None, pl.UInt32))])
    return (
        keyed.select("at")
        .join(found, on="at", how="left", maintain_order="left")
        .join(table.rows.with_row_index("row"), on="row", how="left", maintain_order="left")
        .drop("at", "row")
    )


def _search(table: PrefixTable, keyed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    lengths = table.rows.with_row_index("row").select("row", length=pl.col("prefix").str.len_chars())
    for epoch in table.epochs:
        part = keyed.filter(pl.col("day") >= epoch.start, pl.col("day") < epoch.end, pl.col("key").is_not_null())
        if part.is_empty():
            continue
        hit = (
            part.sort("key")
            .join_asof(epoch.bounds, left_on="key", right_on="lower", strategy="backward")
            .join(lengths, on="row", how="left")
        )
        # A number shorter than the prefix was padded into its interval: look it up again, the plain way.
        short = hit.filter(pl.col("length") > pl.col("digits").str.len_chars())
        yield hit.filter((pl.col("length") <= pl.col("digits").str.len_chars()).fill_null(True)).select("at", "row")
        if not short.is_empty():
            yield _search_short(table, epoch, short)


def _search_short(table: PrefixTable, epoch: Epoch, short: pl.DataFrame) -> pl.DataFrame:
    in_force = (
        table.rows.with_row_index("row")
        .filter(
            pl.col("valid_from").fill_null(date.min) <= epoch.start,
            pl.col("valid_to").fill_null(date.max) >= epoch.start,
        )
        .select("row", "prefix")
    )
    hits = [
        short.filter(pl.col("digits").str.len_chars() >= length)
        .select("at", prefix=pl.col("digits").str.head(length))
        .join(in_force, on="prefix")
        .select("at", "row", length=pl.lit(length))
        for length in in_force["prefix"].str.len_chars().unique()
    ]
    best = pl.concat(hits).sort("length").group_by("at").agg(pl.col("row").last())
    return short.select("at").join(best, on="at", how="left")
