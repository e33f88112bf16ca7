"""Calls to the emergency services, such as 112 or 911: they are never barred, whatever is not paid (RULES 35).

They are known by the number as it is dialled where the caller is, from the short numbers of the phonenumbers library.
Category `emergency` holds in plans that have a rule for it.
"""

from functools import cache

import polars as pl
from phonenumbers.shortnumberinfo import is_emergency_number

from rating.ends import EXTENSION


def is_emergency(usage: pl.DataFrame) -> pl.Series:
    """Whether each record is an outbound call to the emergency services of the near number's country, else of the
    account's. usage: direction, kind, to_number, near_country, account_country."""
    number = pl.col("to_number")
    dialled = (pl.col("kind") == "voice") & (pl.col("direction") == "outbound") & number.str.contains(EXTENSION)
    asked = usage.select(dialled.fill_null(value=False)).to_series()
    if not asked.any():
        return pl.repeat(value=False, n=usage.height, dtype=pl.Boolean, eager=True)
    calls = usage.filter(asked).select(
        country=pl.coalesce(pl.col("near_country", "account_country").cast(pl.String)), number=number
    )
    distinct = calls.unique(maintain_order=True)
    told = [country is not None and _answers(country, digits) for country, digits in distinct.iter_rows()]
    distinct = distinct.with_columns(told=pl.Series(told, dtype=pl.Boolean))
    on = ["country", "number"]
    answers = calls.join(distinct, on=on, how="left", nulls_equal=True, validate="m:1", maintain_order="left")
    return asked.scatter(asked.arg_true(), answers["told"])


def with_emergency(usage: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Adds is_emergency, true for calls of plans that have a rule for them. rules: plan, category."""
    plans = rules.filter(pl.col("category") == "emergency")["plan"]
    if plans.is_empty():
        return usage.with_columns(is_emergency=pl.lit(value=False))
    has_rule = pl.col("plan").is_in(plans.implode()).fill_null(value=False)
    return usage.with_columns(is_emergency=has_rule & is_emergency(usage))


@cache
def _answers(country: str, digits: str) -> bool:
    return is_emergency_number(digits, country)
