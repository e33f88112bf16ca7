"""Checks of cells, and what is said of the rows that fail one: per row what was found and what would be right."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import polars as pl

from schemas.feed import Feed

_REASON = "r.reason"
"""Feeds have a column `reason` of their own."""


@dataclass(frozen=True)
class Check:
    """`bad` is true where the row is to be rejected, on a frame of text columns and their values (`v.<name>`)."""

    column: str
    bad: pl.Expr
    expected: str
    is_of_form: bool = False
    """Whether the column's source may declare in which form it is written."""


@dataclass(frozen=True)
class Parsed:
    """`rows`: source_line, raw_line and typed columns; `rejects`: source_line, column_name, reason, raw_line; of master
    data also row_key, what can be read of whose row it is (`row_key`)."""

    rows: pl.DataFrame
    rejects: pl.DataFrame


def told_of_bad(feed: Feed) -> list[str]:
    """What a reject is made of: without the values of its other cells, which nobody asks for."""
    names = ["source_line", "raw_line", "failed", *(column.name for column in feed.columns)]
    return names if feed.is_usage else [*names, *(f"v.{column.name}" for column in feed.columns)]


def rejects_of(
    bad: pl.DataFrame,
    checks: list[Check],
    feed: Feed,
    name_of: Callable[[str], str],
    declaration_of: Callable[[pl.Series], pl.Series] | None,
) -> pl.DataFrame:
    """Says per row what was found and expected; the raw line is rebuilt where the file has no lines (Parquet)."""
    parts = []
    for (index,), failed in bad.group_by("failed", maintain_order=True):
        check = checks[int(index)]
        columns = check.column.split("|")
        rows = failed.join(_reasons(failed, check, declaration_of), on=columns, nulls_equal=True, maintain_order="left")
        parts.append(
            rows.select(
                "source_line",
                pl.lit("|".join(name_of(name) for name in columns)).alias("column_name"),
                pl.col(_REASON).alias("reason"),
                _raw_line(failed, feed),
                *([] if feed.is_usage else [row_key(feed, set(columns), "v.")]),
            )
        )
    return pl.concat([no_rejects(feed), *parts]).sort("source_line")


def _raw_line(rows: pl.DataFrame, feed: Feed) -> pl.Expr:
    if rows["raw_line"].null_count() == 0:
        return pl.col("raw_line")
    return pl.coalesce("raw_line", pl.struct([column.name for column in feed.columns]).struct.json_encode())


def no_rejects(feed: Feed) -> pl.DataFrame:
    """No reject, in the columns of some."""
    told = ("column_name", "reason", "raw_line", *(() if feed.is_usage else ("row_key",)))
    return pl.DataFrame(schema={"source_line": pl.Int64, **dict.fromkeys(told, pl.String)})


def _reasons(rows: pl.DataFrame, check: Check, declaration_of: Callable[[pl.Series], pl.Series] | None) -> pl.DataFrame:
    """What is said of the check's cells, once for all rows that hold the same: _REASON beside its columns."""
    columns = check.column.split("|")
    cells = rows.select(columns).unique(maintain_order=True)
    shown = [(pl.lit("'") + pl.col(name).str.slice(0, 60) + pl.lit("'")).fill_null("nothing") for name in columns]
    more = declaration_of(cells[check.column]) if declaration_of and check.is_of_form else pl.Series([""])
    return cells.with_columns(
        pl.concat_str(
            pl.lit("found "), pl.concat_str(shown, separator=" and "), pl.lit(f"; expected {check.expected}"), more
        ).alias(_REASON)
    )


def row_key(feed: Feed, faulty: AbstractSet[str] = frozenset(), prefix: str = "") -> pl.Expr:
    """JSON of the cells that say whose row it is and which: the account, its seller, the feed's key; null where a cell
    is empty or at fault. Times of the day are left out: they have no one spelling."""
    names = ["account_id", *(name for name in ("seller_id",) if feed.name == "accounts"), *feed.key]
    known = {column.name: column.kind for column in feed.columns}
    cells = [
        (pl.lit(None) if name in faulty else pl.col(prefix + name)).cast(pl.String).alias(name)
        for name in dict.fromkeys(names)
        if name in known and known[name] != "instant"
    ]
    told = pl.struct(cells).struct.json_encode() if cells else pl.lit(None, pl.String)
    return told.alias("row_key")
