"""Charges of what bills by time: fees in advance, prorations, what an earlier system billed (RULES 3 to 9)."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from tests.properties.month.charge import Books, Charge
from tests.properties.month.days import DAY, days_of, first, shift
from tests.properties.month.discounts import discount_off
from tests.properties.month.facts import Row, day, of, text
from tests.properties.month.owed import Cycle, Days, Part, billed_on, fraction, owed, parts
from tests.properties.month.prices import by_model, pricing_of, rounded, unit_price
from tests.properties.month.resources import Resource, State, first_of_months, phones_of, resources
from tests.properties.month.shelf import in_force


class Priced(NamedTuple):
    """A state with its price: what has to agree between what was billed and what is owed."""

    quantity: Fraction
    product: str
    group: str
    location: str
    price: Fraction | None
    model: str


class Billed(NamedTuple):
    """What a day was or is billed at. from_document: whether one of ours holds it, or an earlier system."""

    priced: Priced
    pricing: dict[str, Any] | None
    discounted_on: date
    from_document: bool


Ledger = dict[tuple[str, str], dict[Cycle, dict[date, Billed]]]
"""(kind, id) -> cycle -> day -> what it is billed at."""

Held = dict[tuple[str, str], dict[Cycle, dict[date, Billed | None]]]
"""Days that documents hold; None: given back whole."""


def owed_by(books: Books, month: str) -> Ledger:
    """Everything that is owed up to an invoice month, with prices."""
    since = first(shift(books.shelf.first_month, -1))
    return {
        (resource.kind, resource.id): _priced(books, owed(books.shelf, resource, books.account, month, since))
        for resource in resources(*books)
    }


def earlier(books: Books) -> tuple[Ledger, list[Charge]]:
    """What the system before ours billed: each cycle in advance as it then stood, or what `billed_until` says.

    Beside it what its amounts lack, where they are no number of units.
    """
    found, lacking = owed_by(books, shift(books.shelf.first_month, -1)), []
    for resource in resources(*books):
        for row in told_until(books, resource):
            found[resource.kind, resource.id], charge = _up_to(books, resource, row)
            lacking += [charge] if charge is not None else []
    return found, lacking


def told_until(books: Books, resource: Resource) -> list[Row]:
    """Rows of `billed_until` for a resource: its id, or the id of a device that bills as its extension."""
    phones = phones_of(books.rows, books.account.id)
    own = {resource.id} if resource.kind != "extension" else {d for d, ext in phones.items() if ext == resource.id}
    return [row for row in of(books.rows, "billed_until", books.account.id) if text(row, "resource_id") in own]


def _up_to(books: Books, resource: Resource, row: Row) -> tuple[dict[Cycle, dict[date, Billed]], Charge | None]:
    """What was there up to its last day; with an amount, as many units from the cycle's first day as it comes to.

    Else what the amount lacks of what was owed up to that day, as a charge of its own.
    """
    last = day(row, "billed_until") or date.min
    since = first(shift(books.shelf.first_month, -1))
    days: Days = {}
    for when in days_of(min(since, last), last + DAY):
        state = billed_on(books.shelf, resource, when)
        if state is not None:
            days.setdefault(state.grid.cycle(when), {})
    for cycle, of_cycle in days.items():
        for when in days_of(cycle[0], min(cycle[1], last + DAY)):
            state = billed_on(books.shelf, resource, when)
            if state is not None and state.grid.cycle(when) == cycle:
                of_cycle[when] = state
    found = _priced(books, days)
    if not text(row, "amount") or not found:
        return found, None
    cycle = max(found)
    billed, amount = found[cycle][min(found[cycle])], Fraction(text(row, "amount"))
    keep = 1 - discount_off(books, billed.priced.product, resource.id, cycle[0])
    of_one = (billed.priced.price or 0) * keep * Fraction(len(found[cycle]), (cycle[1] - cycle[0]).days)
    units = Fraction(round(amount / of_one)) if of_one else Fraction(0)
    if billed.pricing is None and rounded(units * of_one) == amount:
        as_billed = billed._replace(priced=billed.priced._replace(quantity=units))
        found[cycle] = dict.fromkeys(found[cycle], as_billed) if units else {}
        return found, None
    monthly = sum(((day_.priced.price or 0) * day_.priced.quantity for day_ in found[cycle].values()), Fraction(0))
    lacks = rounded(monthly * keep / (cycle[1] - cycle[0]).days) - amount
    part = Part(cycle, cycle[0], last + DAY, None, billed, is_new=False)
    charge = _charge(books, (resource.kind, resource.id), part, billed, Fraction(1 if lacks > 0 else -1), None)
    return found, charge._replace(fixed=lacks, list_amount=lacks, line_count=Fraction(0), price=None)


def _priced(books: Books, days: Days) -> dict[Cycle, dict[date, Billed]]:
    return {
        cycle: {when: _billed(books, state, cycle, min(of_cycle)) for when, state in of_cycle.items()}
        for cycle, of_cycle in days.items()
    }


def _billed(books: Books, state: State, cycle: Cycle, first_billed: date) -> Billed:
    """Priced on the first day of its cycle or term; what is new in the cycle, on its first billed day."""
    when = state.priced_on or max(cycle[0], first_billed)
    pricing = pricing_of(books.shelf, books.account, state, when)
    every = (state.grid.unit, state.grid.every)
    price = None
    if pricing is None or pricing["model"] == "standard":
        own = state.own_price if pricing is None else Fraction(pricing["unit_price"])
        price = unit_price(*books, state.product, own, when, every)
    location = state.location if books.shelf.products[state.product].get("by_location") else ""
    model = "" if pricing is None else str(pricing)
    return Billed(
        Priced(state.quantity, state.product, state.group, location, price, model),
        pricing,
        max(cycle[0], first_billed),
        from_document=False,
    )


def held(before: Ledger, now: Ledger) -> Held:
    """Days that a month's document bills at something else than was billed before, or gives back whole."""
    found: Held = {}
    for key in before.keys() | now.keys():
        for cycle in before.get(key, {}).keys() | now.get(key, {}).keys():
            old, new = before.get(key, {}).get(cycle, {}), now.get(key, {}).get(cycle, {})
            for when in old.keys() | new.keys():
                a, b = old.get(when), new.get(when)
                if (a and a.priced) != (b and b.priced):
                    day = b._replace(from_document=True) if b is not None else None
                    found.setdefault(key, {}).setdefault(cycle, {})[when] = day
    return found


def with_held(before: Ledger, documents: Held) -> Ledger:
    """What an earlier system billed, as it is known now, and over it what documents hold."""
    return {
        key: {
            cycle: {
                when: day
                for when, day in {**before.get(key, {}).get(cycle, {}), **documents.get(key, {}).get(cycle, {})}.items()
                if day is not None
            }
            for cycle in before.get(key, {}).keys() | documents.get(key, {}).keys()
        }
        for key in before.keys() | documents.keys()
    }


def charges(books: Books, before: Ledger, now: Ledger) -> Iterator[Charge]:
    """What a month bills: the difference, day by day."""
    for key in sorted(before.keys() | now.keys()):
        for part in parts(before.get(key, {}), now.get(key, {}), lambda billed: billed.priced):
            yield from _of_part(books, key, part)


def _of_part(books: Books, key: tuple[str, str], part: Part) -> Iterator[Charge]:
    old, new = part.before, part.now
    if old is not None and new is not None and old.priced[1:] == new.priced[1:]:
        yield _charge(books, key, part, new, new.priced.quantity, old)
        return
    if old is not None:
        yield _charge(books, key, part, old, None, old)
    if new is not None:
        yield _charge(books, key, part, new, new.priced.quantity, None)


def _charge(
    books: Books, key: tuple[str, str], part: Part, billed: Billed, quantity: Fraction | None, old: Billed | None
) -> Charge:
    """From the units billed before to `quantity` units, for the days of a part."""
    priced, pricing = billed.priced, billed.pricing
    product = books.shelf.products[priced.product]
    units = (quantity or 0) - (old.priced.quantity if old is not None else Fraction(0))
    is_whole = part.is_new and (part.start, part.end) == part.cycle
    lines = Fraction(in_force(product.get("access_lines", "0"), part.start) or "0")
    states = [
        None if count is None else by_model(pricing, count) if pricing is not None else count * (priced.price or 0)
        for count in (quantity, None if old is None else old.priced.quantity)
    ]
    return Charge(
        section=product["section"] if is_whole else "prorated_charges",
        product=priced.product,
        group=priced.group,
        start=part.start,
        end=part.end,
        quantity=units,
        list_amount=((states[0] or 0) - (states[1] or 0)) * fraction(part),
        price=priced.price,
        share=fraction(part),
        location=priced.location,
        reverses=(states[0] or 0) < (states[1] or 0) and old is not None and old.from_document,
        discounted_on=(billed if old is None else old).discounted_on,
        line_count=units * lines * first_of_months(part.start, part.end),
        own=f"{key}" if pricing is not None and (pricing["model"] != "standard" or "minimum" in pricing) else "",
        subscription=key[1] if key[0] == "subscription" else "",
        bounds=(pricing, states[0], states[1]) if pricing is not None else None,
    )
