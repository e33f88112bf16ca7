"""Laws of a period's price: a slow twin that counts unit by unit, a period billed in pieces, amounts spread."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rating.period_price import Billed, QuantityNotPriced, less_percent, price
from schemas.money import spread
from schemas.pricing import Pricing

CENTS = st.integers(0, 10**6).map(lambda n: Decimal(n).scaleb(-4))
WHOLE = st.integers(0, 60)


@st.composite
def tiers(draw: st.DrawFn, key: str, falling: bool = True) -> list[dict[str, Any]]:
    """Tiers that end at whole units; not falling: every further unit costs something or nothing, never less."""
    ends = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    found: list[dict[str, Any]] = [{"up_to": end, key: draw(CENTS), "flat_fee": draw(CENTS)} for end in [*ends, None]]
    if not falling:
        for before, tier in pairwise(found):
            tier[key], tier["flat_fee"] = max(before[key], tier[key]), max(before["flat_fee"], tier["flat_fee"])
    return found


@st.composite
def pricings(draw: st.DrawFn, bounds: bool = False) -> Pricing:
    model = draw(st.sampled_from(["standard", "package", "volume", "graduated", "graduated_percentage", "percentage"]))
    keys: dict[str, Any] = {"model": model}
    if model == "standard":
        keys["unit_price"] = draw(CENTS)
    elif model == "percentage":
        keys["percent"] = draw(CENTS)
    elif model == "package":
        keys |= {"package_size": draw(st.integers(1, 9)), "package_price": draw(CENTS), "free_units": draw(WHOLE)}
    else:
        keys["tiers"] = draw(tiers("percent" if model == "graduated_percentage" else "unit_price", falling=False))
    if bounds:
        keys["discount_percent"] = draw(st.none() | st.integers(0, 100))
        least = draw(st.none() | CENTS)
        keys["minimum"] = least
        keys["maximum"] = draw(st.none() | CENTS.map(lambda more: (least or 0) + more))
    return Pricing(**keys)


def _tier_of(unit: int, steps: list[dict[str, Any]]) -> int:
    return next(i for i, tier in enumerate(steps) if tier["up_to"] is None or unit <= tier["up_to"])


@given(steps=tiers("unit_price"), quantity=WHOLE)
def test_graduated_is_every_unit_at_the_price_of_its_tier(steps: list[dict[str, Any]], quantity: int) -> None:
    twin, entered = Fraction(0), {0}
    for unit in range(1, quantity + 1):
        entered.add(_tier_of(unit, steps))
        twin += Fraction(steps[_tier_of(unit, steps)]["unit_price"])
    twin += sum(Fraction(steps[number]["flat_fee"]) for number in entered)
    assert price(Pricing(model="graduated", tiers=steps), Fraction(quantity)) == twin


@given(steps=tiers("unit_price"), quantity=WHOLE)
def test_volume_is_every_unit_at_the_price_of_the_last_one(steps: list[dict[str, Any]], quantity: int) -> None:
    tier = steps[_tier_of(quantity, steps)]
    twin = sum([Fraction(tier["unit_price"])] * quantity, Fraction(tier["flat_fee"]))
    assert price(Pricing(model="volume", tiers=steps), Fraction(quantity)) == twin


@given(pricing=pricings(bounds=True), pieces=st.lists(WHOLE, min_size=1, max_size=4))
def test_a_period_billed_in_pieces_costs_what_it_costs_at_once(pricing: Pricing, pieces: list[int]) -> None:
    already = None
    for number, quantity in enumerate(pieces):
        closes = number == len(pieces) - 1
        amount = price(pricing, Fraction(quantity), already, period_closes=closes)
        before = already or Billed()
        already = Billed(before.quantity + quantity, before.amount + amount)
    assert already is not None
    assert already.amount == price(pricing, Fraction(sum(pieces)))


@given(pricing=pricings(bounds=True), quantity=WHOLE)
def test_minimum_and_maximum_come_after_the_discount(pricing: Pricing, quantity: int) -> None:
    plain = pricing.model_copy(update={"minimum": None, "maximum": None, "discount_percent": None})
    less = less_percent(price(plain, Fraction(quantity)), pricing.discount_percent)
    found = price(pricing, Fraction(quantity))
    if pricing.maximum is not None:
        assert found <= pricing.maximum
    if pricing.minimum is not None:
        assert found >= pricing.minimum
    assert found in (less, pricing.minimum, pricing.maximum)


def test_a_quantity_that_no_tier_prices_is_an_error() -> None:
    last = {"up_to": "20", "unit_price": "5"}
    for model in ("graduated", "volume"):
        pricing = Pricing(model=model, tiers=[{"up_to": "10", "unit_price": "9"}, last])
        assert price(pricing, Fraction(20)) > 0
        with pytest.raises(QuantityNotPriced, match=r"20\.5 is above the last tier, which ends at 20"):
            price(pricing, Fraction("20.5"))
        with pytest.raises(QuantityNotPriced, match="below zero"):
            price(pricing, Fraction(-1))


@given(
    units=st.integers(-(10**9), 10**9),
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(any),
    digits=st.sampled_from([0, 2, 3]),
)
def test_spread_adds_up_and_no_part_is_a_unit_off(units: int, weights: list[int], digits: int) -> None:
    amount, unit = Decimal(units).scaleb(-digits), Fraction(1, 10**digits)
    parts = spread(amount, weights, digits)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * weight / sum(weights)) < unit
    assert spread(-amount, weights, digits) == [-part for part in parts]


def test_spread_gives_what_is_left_to_the_largest_remainder_then_to_the_first() -> None:
    assert spread(Decimal("10.00"), [1, 1, 1], 2) == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
    assert spread(Decimal("0.05"), [1, 2], 2) == [Decimal("0.02"), Decimal("0.03")]
    assert spread(Decimal(100), [3, 3, 1], 0) == [Decimal(43), Decimal(43), Decimal(14)]
    assert spread(Decimal("0.05"), [3, -1, 3], 2) == [Decimal("0.03"), Decimal("-0.01"), Decimal("0.03")]
    for wrong in ([0, 0], [1, -1]):
        with pytest.raises(ValueError, match="weights"):
            spread(Decimal(1), wrong, 2)
    with pytest.raises(ValueError, match="at most 2 decimals"):
        spread(Decimal("0.005"), [1], 2)


def test_pricing_refuses_what_would_price_nothing() -> None:
    for keys, wrong in (
        ({"model": "standard"}, "expected unit_price"),
        ({"model": "standard", "unit_price": "1", "tiers": [{"unit_price": "1"}]}, "has no tiers"),
        ({"model": "graduated", "tiers": []}, "at least one"),
        ({"model": "graduated", "tiers": [{"unit_price": "1"}, {"up_to": "5", "unit_price": "1"}]}, "only the last"),
        ({"model": "volume", "tiers": [{"up_to": "5"}, {"up_to": "5"}]}, "above the one before"),
        ({"model": "package", "package_size": "0", "package_price": "1"}, "greater than 0"),
        ({"model": "standard", "unit_price": 0.1}, "expected a quoted number"),
    ):
        with pytest.raises(ValueError, match=wrong):
            Pricing(**keys)
