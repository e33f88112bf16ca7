"""Short numbers (911, 112, 118 …): not of the numbering plan, so they cost what a plan says of them and nothing else.

A plan prices them by its rule `short_number`; without one its domestic deck does, by a row that is the whole number.
A rule with one price for all of them takes those that the caller's country has, by the numbering data, and those of the
deck: a colleague's extension or a misdialled number is no directory call. What neither of them lists stays a bad
number: unrated is never free (RULES 17).
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Any

import polars as pl
from phonenumbers import PhoneNumber, country_code_for_region
from phonenumbers.shortnumberinfo import is_emergency_number, is_valid_short_number_for_region

from rating.ends import EXTENSION

LISTED: dict[str, Any] = {"plan": pl.String, "number": pl.String, "start": pl.Date, "end": pl.Date}


@dataclass(frozen=True)
class ShortNumbers:
    """plans: those that have a rule short_number. flat: those of them whose rule has one price for all. listed: plan,
    number, start, end (Date, the last day included), of plans whose domestic deck lists some."""

    plans: tuple[str, ...] = ()
    flat: tuple[str, ...] = ()
    listed: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LISTED))


def is_short(numbers: pl.Series) -> pl.Series:
    """Whether numbers dialled have the digits of short ones."""
    return numbers.str.contains(EXTENSION)


def priced_as(calls: pl.DataFrame, tables: ShortNumbers) -> pl.Series:
    """The category by which each call to a short number is priced; null where nothing prices it.

    calls: plan, number, local_date, country (of the caller).
    """
    numbered = calls.with_row_index("at")
    hits = numbered.join(tables.listed, on=["plan", "number"]).filter(
        pl.col("local_date").is_between(pl.col("start"), pl.col("end"))
    )
    is_listed = pl.col("at").is_in(hits["at"].implode())
    any_number = pl.col("plan").is_in([plan for plan in tables.plans if plan not in tables.flat])
    own_number = pl.col("plan").is_in(list(tables.flat)) & (is_listed | _are_known(calls))
    return numbered.select(
        told=pl.when(any_number | own_number).then(pl.lit("short_number")).when(is_listed).then(pl.lit("domestic"))
    )["told"]


def is_known_short_number(number: str, country: str | None) -> bool:
    """Whether the numbering data has it as a short number, or an emergency number, of the country."""
    return country is not None and _is_known(number, country)


def _are_known(calls: pl.DataFrame) -> pl.Series:
    pairs = calls.select("number", "country").unique()
    known = [is_known_short_number(number, country) for number, country in pairs.iter_rows()]
    flags = pairs.with_columns(known=pl.Series(known, dtype=pl.Boolean))
    return calls.join(flags, on=["number", "country"], how="left", nulls_equal=True, maintain_order="left")["known"]


@cache
def _is_known(number: str, country: str) -> bool:
    zeros = len(number) - len(number.lstrip("0"))
    dialled = PhoneNumber(
        country_code=country_code_for_region(country), national_number=int(number), italian_leading_zero=zeros > 0,
        number_of_leading_zeros=zeros or None,
    )  # fmt: skip
    return is_valid_short_number_for_region(dialled, country) or is_emergency_number(number, country)
