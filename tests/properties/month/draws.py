"""Included units and what each call takes of them; charges of usage (RULES 10 to 13)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.properties.month.charge import Books, Charge
from tests.properties.month.days import DAY, days_of, end_of, first
from tests.properties.month.facts import text
from tests.properties.month.resources import Resource, resources
from tests.properties.month.shelf import in_force
from tests.properties.month.usage import Record


class Rated(NamedTuple):
    """A rated record: what of its units is included, and what it costs."""

    record: Record
    included: int
    amount: Fraction


def rated(books: Books, records: list[Record], month: str) -> list[Rated]:
    """An account's records of a usage month, in the order in which they draw on its allowances."""
    left: dict[tuple[str, str], int] = {}
    found = []
    for record in sorted(records, key=lambda r: (r.started_at, r.id)):
        plan_name = text(books.account.on(record.started_at.astimezone(_zone(books)).date()), "plan")
        rule = books.shelf.plans[plan_name]["usage"][record.category]
        allowance = rule.get("allowance")
        included = 0
        if allowance is not None:
            key = (plan_name, allowance)
            if key not in left:
                left[key] = granted(books, plan_name, allowance, month)
            included = min(record.units, left[key])
            left[key] -= included
        charged = record.units - included
        fee = record.fee if charged and not included else Fraction(0)
        found.append(Rated(record, included, charged * record.price / record.per + fee))
    return found


def _zone(books: Books) -> ZoneInfo:
    return ZoneInfo(text(books.account.versions[0], "time_zone"))


def granted(books: Books, plan_name: str, code: str, month: str) -> int:
    """Seconds or credits that an allowance of a plan brings in a month. The parts of a month on several plans are never
    more than the larger plan's whole: the last one is cut (RULES 11)."""
    plans = [name for name in _plans(books, month) if code in books.shelf.plans[name].get("allowances", {})]
    parts = {name: _part(books, name, code, month) for name in plans}
    own = parts[plan_name][0]
    if len(plans) > 1 and plan_name == plans[-1]:
        over = sum(part for part, _ in parts.values()) - max(whole for _, whole in parts.values())
        own -= min(max(over, 0), own)
    return own


def _plans(books: Books, month: str) -> list[str]:
    """In the order in which the account was on them."""
    return list(dict.fromkeys(text(books.account.on(when), "plan") for when in days_of(first(month), end_of(month))))


def _part(books: Books, plan_name: str, code: str, month: str) -> tuple[int, int]:
    """What a plan brings for its time in a month, and what it would bring for the whole month."""
    allowance = books.shelf.plans[plan_name]["allowances"][code]
    units, of_minute = int(in_force(allowance["units"], first(month))), 60 if allowance["unit"] == "minute" else 1
    found: tuple[int, int] = (0, 0)
    for resource in [None] if allowance.get("per", "resource") == "account" else resources(*books):
        there = _there(books, resource, allowance, plan_name, month)
        if there:
            count = int(there[-1])
            by_days = allowance.get("proration", "full") == "by_days"
            share = _share(books, resource, plan_name, units, month) if by_days else units
            found = (found[0] + share * count * of_minute, found[1] + units * count * of_minute)
    return found


def _is_on(books: Books, plan_name: str, when: date) -> bool:
    """Whether the account is served on a day, on that plan."""
    is_served = books.account.starts <= when < books.account.ends
    return is_served and text(books.account.on(when), "plan") == plan_name


def _there(
    books: Books, resource: Resource | None, allowance: dict[str, Any], plan_name: str, month: str
) -> list[Fraction]:
    """How many there are on each day of the month on which the plan holds."""
    days = [when for when in days_of(first(month), end_of(month)) if _is_on(books, plan_name, when)]
    if resource is None:
        return [Fraction(1) for _ in days]
    states = [resource.on(when) for when in days]
    return [state.quantity for state in states if state is not None and state.product in allowance["products"]]


def _share(books: Books, resource: Resource | None, plan_name: str, units: int, month: str) -> int:
    """By days: billed days on which the plan holds and the resource is there; whole units up. The first day of a part
    is free, and that of a change of plan is still the old plan's (RULES 3)."""
    start, end = first(month), end_of(month)

    def is_billed(when: date) -> bool:
        decides = when if when == start else when - DAY
        if not _is_on(books, plan_name, decides) or not when < books.account.ends:
            return False
        return resource is None or (resource.on(decides) is not None and resource.on(when) is not None)

    billed = sum(is_billed(when) for when in days_of(start, end))
    return ceil(Fraction(units * billed, (end - start).days))


def usage_charges(books: Books, found: list[Rated], month: str) -> Iterator[Charge]:
    """What the records of a month bring to lines: included units at nothing, the others at their price."""
    totals: dict[tuple[str, str, str], list[Any]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for one in found:
        plan = books.shelf.plans[text(books.account.on(one.record.started_at.astimezone(_zone(books)).date()), "plan")]
        rule = plan["usage"][one.record.category]
        if rule.get("free"):
            continue
        charged = one.record.units - one.included
        for product, units, amount in (
            (rule.get("included"), one.included, Fraction(0)),
            (rule["charged"], charged, one.amount),
        ):
            if units:
                section = books.shelf.products[product]["section"]
                country = one.record.country if section in ("premium_minutes", "international_minutes") else ""
                total = totals[product, one.record.group, country]
                total[0] += units
                total[1] += amount
    for (product, group, country), (units, amount) in totals.items():
        yield Charge(
            section=books.shelf.products[product]["section"],
            product=product,
            group=group,
            country=country,
            start=first(month),
            end=end_of(month),
            quantity=units,
            list_amount=amount,
            discounted_on=first(month),
        )
