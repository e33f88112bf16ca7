"""Check files' subjects of a period: price, proration, recurring (CONTRACT, section 5), on the code that bills.

Each takes the case's mapping with every scalar as text, and returns the one value the case expects, by its name.
Raises WrongUsage for a key or a value that says nothing.
"""

import calendar
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from pydantic import ValidationError

from rating.checks.given import day, given, number, without_nulls
from rating.owed import billed_days, parts_owed
from rating.period_price import Billed, price, shown
from rating.states import SPAN
from schemas.errors import WrongUsage
from schemas.periods import add_months, next_day
from schemas.pricing import Pricing
from schemas.product import Product
from schemas.reading import fault_text

_FAR = date(9999, 1, 1)
_YES, _NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_DAY_COUNTS = ("start_day_free", "half_open")


def _count(mapping: Mapping[str, Any], key: str) -> int:
    count = number(mapping, key)
    if count.denominator != 1 or count < 1:
        raise WrongUsage(f"{key}: found {mapping[key]!r}, expected a whole number above zero")
    return int(count)


def _choice(mapping: Mapping[str, Any], key: str, choices: tuple[str, ...], default: Any = None) -> str:
    choice = str(given(mapping, key, default))
    if choice not in choices:
        raise WrongUsage(f"{key}: found {choice!r}, expected one of {', '.join(choices)}")
    return choice


def _price(case: Mapping[str, Any]) -> dict[str, str]:
    own = ("quantity", "already_billed", "period_closes")
    keys = {key: without_nulls(value) for key, value in case.items() if key not in own}
    try:
        pricing = Pricing(**keys)
    except ValidationError as error:
        raise WrongUsage(fault_text(error.errors()[0])) from None
    before = without_nulls(case.get("already_billed"))
    already = Billed(number(before, "quantity", "0"), number(before, "amount", "0")) if before else None
    closes = given(case, "period_closes", "true").lower()
    if closes not in (*_YES, *_NO):
        raise WrongUsage(f"period_closes: found {case['period_closes']!r}, expected true or false")
    return {"amount": shown(price(pricing, number(case, "quantity"), already, period_closes=closes in _YES))}


def _proration(case: Mapping[str, Any]) -> dict[str, str]:
    """The share of a period that a part of it bills: the days that rating.owed counts, over the period's days."""
    period, part = _two_days(case, "period"), _two_days(case, "part")
    if period[0] >= period[1]:
        raise WrongUsage("period: expected its end after its start")
    days = billed_days(_choice(case, "day_count", _DAY_COUNTS), part[0], part[1], period[0], period[1])
    return {"fraction": str(Fraction(days, (period[1] - period[0]).days))}


def _two_days(case: Mapping[str, Any], key: str) -> tuple[date, date]:
    dates = given(case, key)
    if len(dates) != 2:
        raise WrongUsage(f"{key}: found {len(dates)} dates, expected two: [from, to)")
    return day(dates[0], key), day(dates[1], key)


def _recurring(case: Mapping[str, Any]) -> dict[str, str]:
    """Cycles billed in advance, by the engine's own grid of cycles and its parts of them."""
    start, until = day(given(case, "start"), "start"), day(given(case, "billed_until"), "billed_until")
    end = day(case["end"], "end") if given(case, "end", "-") != "-" else None
    interval = _count(case, "interval_months")
    if until < start or (end is not None and end <= start):
        return {"cycles": "0"}
    span = {
        **dict.fromkeys(SPAN),
        **dict.fromkeys(("account_id", "resource_id", "product_code"), "-"),
        "feed": "subscriptions",
        "start": start,
        "end": end,
        "changes_at_end": False,
        "quantity": Decimal(1),
        "interval": f"P{interval}M",
        "anchor": _anchor(start, interval, _count(case, "bill_day")),
    }
    spans = pl.DataFrame([span], schema=SPAN)
    # An end is known from the beginning here, so nothing is billed ahead of it: the horizon is far away.
    account = pl.DataFrame({"account_id": ["-"], "billing_start": [start], "horizon": [_FAR]})
    product = _product(_choice(case, "day_count", _DAY_COUNTS))
    parts = parts_owed(spans, account, start, next_day(until), {"-": product})
    shares = parts.select(
        (pl.col("part_end") - pl.col("part_start")).dt.total_days().alias("days"),
        (pl.col("cycle_end") - pl.col("cycle_start")).dt.total_days().alias("of"),
    )
    return {"cycles": str(sum((Fraction(days, of) for days, of in shares.iter_rows()), Fraction(0)))}


def _anchor(start: date, interval: int, bill_day: int) -> date:
    """A day of the grid of bill dates, in a month long enough for the bill day: an anchor's day never drifts.

    The first bill date is bill_day in the start's month, or that plus an interval: the same grid either way.
    """
    if bill_day > 31:
        raise WrongUsage(f"bill_day: found {bill_day}, expected 1 to 31")
    month = start.replace(day=1)
    grid = [add_months(month, interval * step) for step in range(12) if month.year + interval * step // 12 < 9000]
    longest = max(grid, key=lambda first: min(bill_day, calendar.monthrange(first.year, first.month)[1]))
    return add_months(longest, 0, bill_day)


def _product(day_count: str) -> Product:
    return Product.model_validate(
        {"name": "-", "section": "service_fees", "billed_from": "subscriptions", "day_count": day_count,
         "tax_class": "-", "telecom_percent": "0", "interstate": "none"}
    )  # fmt: skip


SUBJECTS: dict[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "price": _price,
    "proration": _proration,
    "recurring": _recurring,
}
