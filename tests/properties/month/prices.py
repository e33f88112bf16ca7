"""Which price a charge has (RULES 6 and 9), and what a whole period's quantity costs (CONTRACT, section 5)."""

from datetime import date
from fractions import Fraction
from math import ceil
from typing import Any

from tests.properties.month.days import interval, last_day
from tests.properties.month.facts import Account, Rows, day, of, text
from tests.properties.month.resources import State
from tests.properties.month.shelf import Shelf, in_force


def rounded(amount: Fraction, digits: int = 2) -> Fraction:
    """Half up on the absolute value."""
    units = abs(amount) * 10**digits
    whole = units.numerator // units.denominator
    whole += units - whole >= Fraction(1, 2)
    return Fraction(whole if amount >= 0 else -whole, 10**digits)


def unit_price(
    shelf: Shelf, rows: Rows, account: Account, product: str, own: Fraction | None, when: date, every: tuple[str, int]
) -> Fraction:
    """Of one unit for one interval: agreed, then plan, then list; of another interval only what says so."""
    if own is not None:
        return own
    known, currency = shelf.products[product], text(account.versions[0], "currency")
    if every != interval(known.get("price_interval", "P1M")):
        lists = {interval(name): prices for name, prices in known.get("interval_prices", {}).items()}
        return Fraction(in_force(lists[every][currency], when))
    agreed = [
        row
        for row in of(rows, "prices", account.id)
        if row.get("product_code") == product
        and (day(row, "valid_from") or when) <= when < last_day(text(row, "valid_to"))
    ]
    if agreed:
        return Fraction(text(max(agreed, key=lambda row: text(row, "valid_from")), "unit_price"))
    plan = shelf.plans.get(text(account.on(when), "plan"), {})
    of_plan = in_force(plan.get("prices", {}).get(product), when)
    return Fraction(of_plan if of_plan is not None else in_force(known["prices"][currency], when))


def pricing_of(shelf: Shelf, account: Account, state: State, when: date) -> dict[str, Any] | None:
    """The model of a product that has no price per unit, unless the subscription has one of its own."""
    dated = shelf.products[state.product].get("pricing", {}).get(text(account.versions[0], "currency"))
    found: dict[str, Any] | None = None if dated is None or state.own_price is not None else in_force(dated, when)
    return found


def by_model(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    """What a whole period's quantity costs, before discounts of the feed, minimum and maximum."""
    amount = _MODELS[pricing["model"]](pricing, quantity)
    return amount * (1 - Fraction(pricing.get("discount_percent", "0")) / 100)


def bounded(pricing: dict[str, Any], amount: Fraction) -> Fraction:
    least, most = pricing.get("minimum"), pricing.get("maximum")
    amount = amount if least is None else max(amount, Fraction(least))
    return amount if most is None else min(amount, Fraction(most))


def _standard(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    return quantity * Fraction(pricing["unit_price"])


def _package(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    paid = max(quantity - Fraction(pricing.get("free_units", "0")), Fraction(0))
    return ceil(paid / Fraction(pricing["package_size"])) * Fraction(pricing["package_price"])


def _percentage(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    return quantity * Fraction(pricing["percent"]) / 100


def _volume(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    tier = next(t for t in pricing["tiers"] if t.get("up_to") is None or quantity <= Fraction(t["up_to"]))
    return quantity * Fraction(tier.get("unit_price", "0")) + Fraction(tier.get("flat_fee", "0"))


def _graduated(pricing: dict[str, Any], quantity: Fraction) -> Fraction:
    amount, low = Fraction(0), Fraction(0)
    for n, tier in enumerate(pricing["tiers"]):
        high = quantity if tier.get("up_to") is None else min(quantity, Fraction(tier["up_to"]))
        if n and quantity <= low:
            break
        price = Fraction(tier["percent"]) / 100 if "percent" in tier else Fraction(tier.get("unit_price", "0"))
        amount += (high - low) * price + Fraction(tier.get("flat_fee", "0"))
        low = high
    return amount


_MODELS = {
    "standard": _standard,
    "package": _package,
    "percentage": _percentage,
    "volume": _volume,
    "graduated": _graduated,
    "graduated_percentage": _graduated,
}
