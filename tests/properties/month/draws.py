"""Included units and what each call takes of them; charges of usage (RULES 10 to 13)."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.properties.month.charge import Books, Charge
from tests.properties.month.days import days_of, end_of, first
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
    """Seconds or credits that an allowance brings in a month."""
    allowance = books.shelf.plans[plan_name]["allowances"][code]
    units, of_minute = int(in_force(allowance["units"], first(month))), 60 if allowance["unit"] == "minute" else 1
    if allowance.get("per", "resource") == "account":
        holders: list[tuple[Fraction, Resource | None]] = [(Fraction(1), None)]
    else:
        holders = [
            (max(there), resource)
            for resource in resources(*books)
            for there in [_quantities(books, resource, allowance["products"], month)]
            if there
        ]
    if allowance.get("proration", "full") == "full":
        return sum(int(count * units) for count, _ in holders) * of_minute
    total = 0
    for count, resource in holders:
        shares = {name: _share(books, resource, name, allowance, count * units, month) for name in _plans(books, month)}
        before = sum(
            share for name, share in shares.items() if name < plan_name and _goes_before(books, name, plan_name)
        )
        total += min(shares[plan_name], max(int(count * units) - before, 0))
    return total * of_minute


def _quantities(books: Books, resource: Resource, products: list[str], month: str) -> list[Fraction]:
    there = [resource.on(when) for when in days_of(first(month), end_of(month)) if when < books.account.ends]
    return [state.quantity for state in there if state is not None and state.product in products]


def _plans(books: Books, month: str) -> list[str]:
    return list(dict.fromkeys(text(books.account.on(when), "plan") for when in days_of(first(month), end_of(month))))


def _goes_before(books: Books, one: str, other: str) -> bool:
    del books
    return one != other


def _share(
    books: Books, resource: Resource | None, plan: str, allowance: dict[str, Any], units: Fraction, month: str
) -> int:
    """By days: billed days of the month on which the plan holds and the resource is there; whole units up."""
    start, end = first(month), end_of(month)

    def is_there(when: date) -> bool:
        if not books.account.starts <= when < books.account.ends:
            return False
        return resource is None or resource.on(when) is not None

    def is_billed(when: date) -> bool:
        if not is_there(when):
            return False
        if when == start:
            return text(books.account.on(when), "plan") == plan
        before = when - (end - start) / (end - start).days
        return is_there(before) and text(books.account.on(before), "plan") == plan

    billed = sum(is_billed(when) for when in days_of(start, end))
    return ceil(units * billed / (end - start).days)


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
