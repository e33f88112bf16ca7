"""The slow twin of rating/call_price.py: one call at a time, plain fractions, second by second; no Polars.

It reads the case as CONTRACT, section 5 writes it and shares no code with the engine, rounding included.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def charge(case: Mapping[str, Any], included: int = 0) -> tuple[Fraction, int]:
    """(amount, billable units) of a call whose first `included` units an allowance covers."""
    seconds, minimum = Fraction(case["seconds"]), Fraction(case.get("minimum_s", "0"))
    if seconds == 0 or seconds <= Fraction(case.get("grace_s", "0")):
        return Fraction(0), 0
    total = max(seconds, minimum)
    at, amount = Fraction(0), Fraction(0)
    fee = Fraction(case.get("connect_fee", "0"))
    while at < total:
        band = _band(case, at)
        if at == 0 and band.get("connect_fee") is not None:
            fee = Fraction(band["connect_fee"])
        starts = [Fraction(step["from_s"]) for step in band["steps"]]
        step = band["steps"][max(i for i, start in enumerate(starts) if start <= at)]
        end = min([total, _band_end(case, at, total), *(start for start in starts if start > at)])
        increment = Fraction(step["increment_s"])
        reached = at + ceil((end - at) / increment) * increment
        charged = max(reached - max(at, Fraction(included)), Fraction(0))
        amount += charged * Fraction(step["price"]) / Fraction(step["per_s"])
        at = reached
    if included == 0:
        amount += fee
    rounding = case.get("rounding")
    if rounding is not None:
        amount = _rounded(amount, int(rounding["digits"]), rounding["mode"])
    if case.get("max_charge") is not None:
        amount = min(amount, Fraction(case["max_charge"]))
    return amount, ceil(at)


def _band(case: Mapping[str, Any], at: Fraction) -> Mapping[str, Any]:
    if not case.get("bands"):
        return {"steps": case["steps"]}
    local = _local(case, int(at))
    names = [_WEEK[local.weekday()]]
    if local.date() in {date.fromisoformat(day) for day in case.get("holidays", ())}:
        names.insert(0, "holiday")
    clock = f"{local:%H:%M:%S}"
    for name in names:
        for band in case["bands"]:
            if name in band["days"] and band["from"] <= clock < band["to"]:
                return dict(band)
    raise LookupError(f"no band at {local}")


def _band_end(case: Mapping[str, Any], at: Fraction, total: Fraction) -> Fraction:
    """The first whole second behind `at` that another band prices."""
    if not case.get("bands"):
        return total
    here, second = _band(case, at), int(at) + 1
    while second < total and _band(case, Fraction(second)) == here:
        second += 1
    return Fraction(second)


def _local(case: Mapping[str, Any], second: int) -> datetime:
    start: datetime = case["started_at"]
    return (start + timedelta(seconds=second)).astimezone(ZoneInfo(case["time_zone"]))


def _rounded(amount: Fraction, digits: int, mode: str) -> Fraction:
    units = abs(amount) * 10**digits
    low = units.numerator // units.denominator
    rest = units - low
    up = {
        "up": rest > 0,
        "down": False,
        "half_up": rest >= Fraction(1, 2),
        "half_even": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
    }[mode]
    return Fraction(low + up, 10**digits) * (-1 if amount < 0 else 1)
