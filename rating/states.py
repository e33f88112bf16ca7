"""The states of a resource, of which spans are made: who had how much of what, from when to when (RULES 5, 6, 8, 18).

A span is one state of one resource: columns SPAN. `end` is half-open, null while it goes on. `changes_at_end`
says that the resource goes on in another state on the day `end`: that day still bills at the old state, unless the
product of the one that follows counts its first day.
"""

from datetime import date
from typing import Any

import polars as pl

from rating.terms import TERM
from schemas.money import EXACT
from schemas.product import Product

SPAN: dict[str, Any] = {
    "account_id": pl.String,
    "feed": pl.String,
    "resource_id": pl.String,
    "product_code": pl.String,
    "billing_group": pl.String,
    "location_id": pl.String,
    "is_low_usage": pl.Boolean,
    "start": pl.Date,
    "end": pl.Date,
    "changes_at_end": pl.Boolean,
    "last_day": pl.Date,
    "quantity": EXACT,
    "agreed_price": EXACT,
    "interval": pl.String,
    "anchor": pl.Date,
    **TERM,
    "term_end": pl.Date,
}
"""Columns of a span; `quantity` is what bills: inside a term never below what was committed. `last_day` is the last
one in service, which may lie before what bills: to the end of the month, the cycle or the term."""

NO_TERM = {name: pl.lit(None, SPAN[name]) for name in (*TERM, "term_end")}
"""Columns of a state that has no term."""


def billed_from(feed: str, products: dict[str, Product]) -> list[str]:
    """Products whose fee this feed drives (RULES 8)."""
    return [code for code, product in products.items() if product.billed_from == feed]


def last_day_of(leaving: dict[str, date]) -> pl.Expr:
    """The last day in service of a state: its own, at most the account's; null while both go on."""
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    return pl.min_horizontal(pl.col("end").dt.offset_by("-1d"), leaves)


def following(name: str, *key: str) -> pl.Expr:
    """What the next row of the same key has, in rows that lie in the order of their keys; null for its last."""
    same = pl.all_horizontal(pl.col(column) == pl.col(column).shift(-1) for column in key)
    return pl.when(same).then(pl.col(name).shift(-1))


def versions(rows: pl.DataFrame, key: str, start: str, last_day: str, leaving: dict[str, date]) -> pl.DataFrame:
    """Rows of one key, in order of `start`, each cut where the next begins (RULES 18).

    What was to begin after an account's last day never does.
    """
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    ordered = rows.filter((pl.col(start) <= leaves).fill_null(True)).sort(key, start)
    begins = following(start, key)
    own_end = pl.col(last_day).dt.offset_by("1d")
    return ordered.with_columns(
        start=pl.col(start),
        end=pl.min_horizontal(own_end, begins),
        # Not where the next row is another account's: a number that moves there has simply ended here.
        changes_at_end=(
            (pl.min_horizontal(own_end, begins) == begins) & (pl.col("account_id") == following("account_id", key))
        ).fill_null(False),
    ).filter(pl.col("end").is_null() | (pl.col("end") > pl.col("start")))
