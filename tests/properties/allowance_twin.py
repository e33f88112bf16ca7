"""The slow twin of rating/allowances.py, draws.py and devices.py: one call at a time, plain dicts and fractions.

It reads the plan as the catalogue writes it and shares no code with the engine.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from fractions import Fraction
from math import ceil
from typing import Any

Pool = tuple[str, str, str, str | None]
"""account, month, allowance, who shares it."""


def device_of(call: Mapping[str, Any], devices: list[dict[str, Any]], numbers: Mapping[str, str]) -> dict[str, Any]:
    """The charged device of a call and whether it is of low usage."""
    at: datetime = call["started_at"]
    there = [d for d in devices if d["account_id"] == call["account_id"] and d["from_at"] <= at < d["to_at"]]
    there.sort(key=lambda d: (d["from_at"], d["device_id"]))
    near = call["to_number"] if call["direction"] == "inbound" else call["from_number"]
    extension = call["extension"] or (near if near.isdigit() else numbers.get(near))
    named = [d for d in there if d["device_id"] == call["device_id"]]
    named = named or [d for d in there if extension is not None and d["extension"] == extension]
    if not named:
        return {"device": None, "is_low_usage": False}
    return next(d for d in there if d["device"] == named[0]["device"])


def used(
    calls: Iterable[Mapping[str, Any]], plan: Mapping[str, Any], granted: Mapping[Pool, int]
) -> dict[str, list[tuple[str, str | None, int]]]:
    """usage_id -> (allowance, pool, units) in the order in which the call draws; call after call.

    calls carry `device` and `is_low_usage`. An allowance that names categories lets a call have only what all calls
    of the categories before its own would leave: these are counted out first, whenever they were made.
    """
    left = dict(granted)
    ordered = sorted(calls, key=lambda call: (call["started_at"], call["usage_id"]))
    first = next((a["order"] for a in plan["allowances"].values() if isinstance(a["order"], list)), None)
    if first is not None:
        ordered.sort(key=lambda call: first.index(call["category"]) if call["category"] in first else 0)
    found: dict[str, list[tuple[str, str | None, int]]] = {}
    for call in ordered:
        need, draws = call["billable_units"], []
        for name in plan["usage"][call["category"]]["allowance"]:
            allowance = plan["allowances"][name]
            if allowance["devices"] not in ("all", "low_usage" if call["is_low_usage"] else "standard"):
                continue
            pool = None if allowance["pool"] == "account" else call[allowance["pool"]]
            key = (call["account_id"], call["usage_month"], f"p:{name}", pool)
            units = 0
            while units < need and left.get(key, 0) > 0:
                units, left[key] = units + 1, left[key] - 1
            need -= units
            if units:
                draws.append((f"p:{name}", pool, units))
        found[call["usage_id"]] = draws
    return found


def units_of(units: int, first: date, last: date, start: date, end: date, by_days: bool, half_open: bool) -> int:
    """What one device brings that is there from `first` to `last`, both days included, in the month [start, end)."""
    days = [start.fromordinal(n) for n in range(start.toordinal(), end.toordinal())]
    there = [day for day in days if first <= day <= last]
    if not there:
        return 0
    if not by_days:
        return units
    billed = len(there) if half_open or there[0] == start else len(there) - 1
    return ceil(Fraction(units * billed, len(days)))
