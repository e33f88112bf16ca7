"""Short numbers (911, 112, 118 …): not of the numbering plan, so they cost what a plan says of them and nothing else.

A plan prices them by its rule `short_number`; without one its domestic deck does, by a row that is the whole number.
What neither of them lists stays a bad number: unrated is never free (RULES 17).
"""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from rating.ends import EXTENSION

LISTED: dict[str, Any] = {"plan": pl.String, "number": pl.String, "start": pl.Date, "end": pl.Date}


@dataclass(frozen=True)
class ShortNumbers:
    """plans: those that have a rule short_number. listed: plan, number, start, end (Date, the last day included), of
    plans whose domestic deck lists some."""

    plans: tuple[str, ...] = ()
    listed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LISTED))


def is_short(numbers: pl.Series) -> pl.Series:
    """Whether numbers dialled have the digits of short ones."""
    return numbers.str.contains(EXTENSION)


def priced_as(calls: pl.DataFrame, tables: ShortNumbers) -> pl.Series:
    """The category by which each call to a short number is priced; null where nothing prices it.

    calls: plan, number, local_date.
    """
    ruled = pl.when(pl.col("plan").is_in(list(tables.plans))).then(pl.lit("short_number"))
    numbered = calls.with_row_index("at")
    hits = numbered.join(tables.listed, on=["plan", "number"]).filter(
        pl.col("local_date").is_between(pl.col("start"), pl.col("end"))
    )
    by_deck = pl.when(pl.col("at").is_in(hits["at"].implode())).then(pl.lit("domestic"))
    return numbered.select(told=pl.coalesce(ruled, by_deck))["told"]
