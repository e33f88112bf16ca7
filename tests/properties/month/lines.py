"""Printed lines: equal charges together, discounted, rounded once (RULES 10, 12)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from tests.properties.month.charge import Books, Charge
from tests.properties.month.discounts import in_force_on, kept_of, months_valid, spread
from tests.properties.month.facts import Row, text
from tests.properties.month.prices import bounded, rounded

SECTIONS = (
    "service_fees phone_numbers prorated_charges included_minutes premium_minutes outbound_overage toll_free_minutes "
    "international_minutes sms_included sms_overage contact_center rentals broadband one_time adjustments"
).split()


Key = tuple[Any, ...]


class Line(NamedTuple):
    """A printed line and what taxes ask of it."""

    section: str
    product: str
    group: str
    country: str
    start: date
    end: date
    quantity: Fraction
    amount: Fraction
    location: str
    reverses: bool
    line_count: Fraction


def lines(books: Books, charges: Iterable[Charge], given: dict[str, int]) -> list[Line]:
    """Lines in the order of print. `given`: on how many documents fixed discounts have been, counted on here."""
    together: dict[Key, list[Charge]] = defaultdict(list)
    off: dict[Key, list[Row]] = {}
    for charge in charges:
        home_section = books.shelf.products[charge.product]["section"]
        found: list[Row] = []
        if not charge.is_credit and charge.fixed is None:
            found = in_force_on(books, charge.discounted_on, home_section, charge.product, charge.subscription)
        key = (
            SECTIONS.index(charge.section), charge.group, charge.product, charge.country, charge.start, charge.end,
            charge.share, charge.price is None, charge.price or 0, charge.location, charge.reverses,
            charge.own, charge.is_credit, tuple(text(row, "discount_id") for row in found), charge.fixed is None,
        )  # fmt: skip
        together[key].append(charge)
        off[key] = found
    keys = sorted(together)
    nets = [_net(together[key], kept_of(off[key])) for key in keys]
    _fixed(keys, nets, off, given)
    return [
        Line(
            section=charge.section,
            product=charge.product,
            group=charge.group,
            country=charge.country,
            start=charge.start,
            end=charge.end,
            quantity=sum((c.quantity for c in together[key]), Fraction(0)),
            amount=net,
            location=charge.location,
            reverses=charge.reverses,
            line_count=sum((c.line_count for c in together[key]), Fraction(0)),
        )
        for key, net in zip(keys, nets, strict=True)
        for charge in [together[key][0]]
    ]


def _net(charges: list[Charge], kept: Fraction) -> Fraction:
    exact = Fraction(0)
    for charge in charges:
        if charge.fixed is not None:
            exact += charge.fixed
        elif charge.bounds is None:
            exact += charge.list_amount * kept
        else:
            pricing, now, before = charge.bounds
            states = [
                bounded(pricing, amount * kept) if amount is not None else Fraction(0) for amount in (now, before)
            ]
            exact += (states[0] - states[1]) * charge.share
    return rounded(exact)


def _fixed(keys: list[Key], nets: list[Fraction], off: dict[Key, list[Row]], given: dict[str, int]) -> None:
    """Fixed amounts, once to a document and to no more documents than they are valid for months."""
    rows = {text(row, "discount_id"): row for key in keys for row in off[key] if text(row, "amount")}
    for id_, row in sorted(rows.items(), key=lambda item: (text(item[1], "applies_to") == "account", item[0])):
        reached = [n for n, key in enumerate(keys) if row in off[key] and nets[n] > 0]
        if not reached or given.get(id_, 0) >= months_valid(row):
            continue
        given[id_] = given.get(id_, 0) + 1
        shares = spread(int(Fraction(text(row, "amount")) * 100), [int(nets[n] * 100) for n in reached])
        for n, share in zip(reached, shares, strict=True):
            nets[n] -= Fraction(share, 100)
