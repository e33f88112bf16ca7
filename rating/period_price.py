"""What a period's quantity costs: one function per model, exact (CONTRACT, section 5, subject `price`).

The order is that of RULES 10: the model's amount, less what the period was charged for units already billed; then
the discount; then the minimum, then the maximum. Nothing is rounded here: that happens once, on the printed line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from schemas.errors import TollbookError
from schemas.pricing import Pricing, Tier


class QuantityNotPriced(TollbookError):
    """A quantity for which the model says no price: above the last tier, or below zero."""


@dataclass(frozen=True)
class Billed:
    """What the period was billed before: units, and the amount after discount, minimum and maximum."""

    quantity: Fraction = Fraction(0)
    amount: Fraction = Fraction(0)


def price(pricing: Pricing, quantity: Fraction, already: Billed | None = None, period_closes: bool = True) -> Fraction:
    """The exact amount for `quantity` units more; negative where the whole period now costs less than before.

    The minimum is asked only of a period that closes; minimum and maximum are less what was already billed.
    Raises QuantityNotPriced.
    """
    amount = list_amount(pricing, quantity)
    if already is not None:
        # Not the amount of the new units alone: they fall into the tiers and packages behind those already billed.
        amount = list_amount(pricing, already.quantity + quantity) - list_amount(pricing, already.quantity)
    amount = less_percent(amount, pricing.discount_percent)
    return bounded(amount, pricing, already.amount if already else Fraction(0), period_closes=period_closes)


def list_amount(pricing: Pricing, quantity: Fraction) -> Fraction:
    """The model's amount for a whole period, before discount, minimum and maximum. Raises QuantityNotPriced."""
    return _MODELS[pricing.model](pricing, Fraction(quantity))


def less_percent(amount: Fraction, percent: Decimal | None) -> Fraction:
    """`amount` less a discount in percent; null is none."""
    return amount if percent is None else amount * (100 - Fraction(percent)) / 100


def bounded(
    amount: Fraction, pricing: Pricing, already: Fraction = Fraction(0), *, period_closes: bool = True
) -> Fraction:
    """`amount` raised to the minimum, then cut at the maximum, both less what the period was billed before."""
    if pricing.minimum is not None and period_closes:
        amount = max(amount, Fraction(pricing.minimum) - already)
    if pricing.maximum is not None:
        amount = min(amount, Fraction(pricing.maximum) - already)
    return amount


def _standard(pricing: Pricing, quantity: Fraction) -> Fraction:
    return quantity * _given(pricing.unit_price)


def _percentage(pricing: Pricing, quantity: Fraction) -> Fraction:
    return quantity * _given(pricing.percent) / 100


def _package(pricing: Pricing, quantity: Fraction) -> Fraction:
    """Every package that is started is charged whole; free units come first."""
    _not_negative(quantity)
    charged = max(quantity - _given(pricing.free_units), Fraction(0))
    # The floor of the negative is the ceiling, and exact for fractions.
    started = -(-charged // _given(pricing.package_size))
    return started * _given(pricing.package_price)


def _volume(pricing: Pricing, quantity: Fraction) -> Fraction:
    """The whole quantity at the tier it falls in, so that more units may cost less."""
    _not_negative(quantity)
    for tier in pricing.tiers or []:
        if tier.up_to is None or quantity <= tier.up_to:
            return quantity * _given(tier.unit_price) + Fraction(tier.flat_fee)
    raise _above(pricing, quantity)


def _graduated(pricing: Pricing, quantity: Fraction) -> Fraction:
    return _by_tier(pricing, quantity, lambda tier: _given(tier.unit_price))


def _graduated_percentage(pricing: Pricing, quantity: Fraction) -> Fraction:
    return _by_tier(pricing, quantity, lambda tier: _given(tier.percent) / 100)


def _by_tier(pricing: Pricing, quantity: Fraction, unit_price: Callable[[Tier], Fraction]) -> Fraction:
    """Each tier's part at its own price, plus the flat fee of every tier entered; the first is entered at 0."""
    _not_negative(quantity)
    amount, from_ = Fraction(0), Fraction(0)
    for position, tier in enumerate(pricing.tiers or []):
        if position > 0 and quantity <= from_:
            return amount
        to = quantity if tier.up_to is None else min(quantity, Fraction(tier.up_to))
        amount += (to - from_) * unit_price(tier) + Fraction(tier.flat_fee)
        if tier.up_to is None:
            return amount
        from_ = Fraction(tier.up_to)
    if quantity > from_:
        raise _above(pricing, quantity)
    return amount


_MODELS: dict[str, Callable[[Pricing, Fraction], Fraction]] = {
    "standard": _standard,
    "package": _package,
    "volume": _volume,
    "graduated": _graduated,
    "graduated_percentage": _graduated_percentage,
    "percentage": _percentage,
}


def _given(value: Decimal | None) -> Fraction:
    """What a key says; one that is optional and absent says zero (schemas.pricing refuses the others)."""
    return Fraction(0) if value is None else Fraction(value)


def _not_negative(quantity: Fraction) -> None:
    if quantity < 0:
        raise QuantityNotPriced(f"a quantity below zero ({shown(quantity)}) has no price")


def _above(pricing: Pricing, quantity: Fraction) -> QuantityNotPriced:
    last = (pricing.tiers or [])[-1].up_to
    return QuantityNotPriced(f"quantity {shown(quantity)} is above the last tier, which ends at {last}")


def shown(number: Fraction) -> str:
    """A number for a reader: with decimals where that is exact, else as a fraction."""
    # Only a denominator without any other prime than 2 and 5 makes decimals that end.
    twos_and_fives = number.denominator
    for prime in (2, 5):
        while twos_and_fives % prime == 0:
            twos_and_fives //= prime
    if twos_and_fives != 1:
        return str(number)
    digits = 0
    while (number * 10**digits).denominator != 1:
        digits += 1
    units = abs(int(number * 10**digits))
    whole, part = divmod(units, 10**digits)
    return ("-" if number < 0 else "") + (f"{whole}.{part:0{digits}d}" if digits else str(whole))
