"""What is owed day by day up to an invoice month, and what of it was billed before (RULES 3, 4, 6 and 7)."""

from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from tests.properties.month.days import DAY, days_of, end_of, first
from tests.properties.month.facts import Account
from tests.properties.month.resources import Resource, State
from tests.properties.month.shelf import Shelf

Cycle = tuple[date, date]
Days = dict[Cycle, dict[date, State]]
"""Cycle -> billed day -> what is billed for it. A day without a state is not billed."""


Ledger = dict[Cycle, dict[date, Any]]
"""Days with whatever they are billed at."""


class Part(NamedTuple):
    """Days [start, end) of a cycle on which something was billed, or None, and something else is owed, or None."""

    cycle: Cycle
    start: date
    end: date
    before: Any
    now: Any
    is_new: bool
    """Whether nothing of the cycle was billed before."""


def seen_on(shelf: Shelf, account: Account, month: str) -> date | None:
    """The last day whose changes a month's invoice knows: its first, or the billing start soon after it."""
    start = first(month)
    if account.starts <= start:
        return start
    is_soon = account.starts < end_of(month) and account.starts.day <= int(shelf.billing["first_invoice_cutoff_day"])
    return account.starts if is_soon else None


def billed_on(shelf: Shelf, resource: Resource, when: date, seen: date | None = None) -> State | None:
    """The state that a day is billed at: a change takes effect on the day after, but where a cycle begins."""
    here = resource.on(when if seen is None else min(when, seen))
    yesterday = resource.on(when - DAY if seen is None else min(when - DAY, seen))
    if here is None or here.grid.cycle(when)[0] == when:
        return here
    if shelf.products[here.product].get("day_count") == "half_open":
        return here
    return yesterday


def owed(shelf: Shelf, resource: Resource, account: Account, month: str, since: date) -> Days:
    """Every cycle from the one of `since` on that begins before the month ends, as the month's invoice knows it."""
    seen = seen_on(shelf, account, month)
    found: Days = {}
    if seen is None:
        return found
    when = min([since, *(span.state.grid.cycle(since)[0] for span in resource.spans if span.start <= since < span.end)])
    current = resource.on(seen)
    horizon = current.grid.cycle(seen)[1] if current is not None else seen + DAY
    while when < horizon:
        state = billed_on(shelf, resource, when, seen)
        if state is not None:
            found.setdefault(state.grid.cycle(when), {})[when] = state
        when += DAY
    # Cycles that begin later in the month are billed in advance as they begin, of what had that cycle before.
    start = horizon
    while current is not None and start < end_of(month):
        state = resource.on(start)
        if state is None or state.grid != current.grid:
            break
        end = state.grid.cycle(start)[1]
        found[start, end] = dict.fromkeys(days_of(start, end), state)
        start = end
    return found


def parts(before: Ledger, now: Ledger, same: Any) -> list[Part]:
    """Where what is owed differs from what was billed; `same` of both is what has to agree."""
    found: list[Part] = []
    for cycle in sorted(before.keys() | now.keys()):
        old, new = before.get(cycle, {}), now.get(cycle, {})
        last: tuple[Any, Any] | None = None
        for when in days_of(*cycle):
            a, b = old.get(when), new.get(when)
            key = (a and same(a), b and same(b))
            if key[0] == key[1]:
                last = None
            elif key == last:
                found[-1] = found[-1]._replace(end=when + DAY)
            else:
                found.append(Part(cycle, when, when + DAY, a, b, not old))
                last = key
    return found


def fraction(part: Part) -> Fraction:
    return Fraction((part.end - part.start).days, (part.cycle[1] - part.cycle[0]).days)
