"""How a product prices a period's quantity, as the catalogue and the check files write it (CONTRACT, section 5)."""

from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.dated import Model, quoted_number

PriceModel = Literal["standard", "package", "volume", "graduated", "graduated_percentage", "percentage"]

_OWN_KEYS: dict[str, tuple[set[str], set[str]]] = {
    "standard": ({"unit_price"}, set()),
    "package": ({"package_size", "package_price"}, {"free_units"}),
    "volume": ({"tiers"}, set()),
    "graduated": ({"tiers"}, set()),
    "graduated_percentage": ({"tiers"}, set()),
    "percentage": ({"percent"}, set()),
}
"""model -> (keys it needs, keys it may have). Any other key of a model would silently price nothing."""


Number = Annotated[Decimal, BeforeValidator(quoted_number)]
"""Exact and finite, of any size: an upper end may be as far away as its author likes."""

NotNegative = Annotated[Number, Field(ge=0)]


class Tier(Model):
    """Units up to and including `up_to` (null: without end), each at `unit_price` or at `percent`, plus `flat_fee`."""

    up_to: NotNegative | None = Field(None, examples=["100"])
    """Last unit of the tier; without it, all that is left."""
    unit_price: Number | None = Field(None, examples=["0.50"])
    """Of each unit in it."""
    percent: Number | None = Field(None, examples=["2.5"])
    """Of the amount in it."""
    flat_fee: Number = Field(Decimal(0), examples=["5.00"])
    """Once, where the tier is reached."""


class Pricing(Model):
    """What a period's quantity costs. Keys beside `model` are those of the model, and the last four of any model."""

    model: PriceModel = Field(examples=["graduated"])
    """How the quantity is priced."""
    unit_price: Number | None = Field(None, examples=["0.50"])
    """Of a unit."""
    package_size: Annotated[Number, Field(gt=0)] | None = Field(None, examples=["100"])
    """Units in a package."""
    package_price: Number | None = Field(None, examples=["5.00"])
    """Of each package begun."""
    free_units: NotNegative | None = Field(None, examples=["10"])
    """Units that cost nothing."""
    percent: Number | None = Field(None, examples=["2.5"])
    """Of the amount."""
    tiers: list[Tier] | None = Field(None, examples=[[{"up_to": "100", "unit_price": "0.50"}, {"unit_price": "0.40"}]])
    """In rising order."""
    unit: Literal["minute", "second", "credit"] | None = Field(None, examples=["minute"])
    """Products billed_from usage: what the quantity counts; minutes are exact sixtieths of seconds."""
    discount_percent: Annotated[Number, Field(ge=0, le=100)] | None = Field(None, examples=["10"])
    """Off the whole."""
    minimum: NotNegative | None = Field(None, examples=["10.00"])
    """Least that a period costs."""
    maximum: NotNegative | None = Field(None, examples=["500.00"])
    """Most that a period costs."""

    @model_validator(mode="after")
    def _keys_of_the_model(self) -> "Pricing":
        needed, optional = _OWN_KEYS[self.model]
        every = set().union(*(a | b for a, b in _OWN_KEYS.values()))
        given = {key for key in every if getattr(self, key) is not None}
        if needed - given:
            raise ValueError(f"model {self.model}: expected {', '.join(sorted(needed - given))}")
        if given - needed - optional:
            raise ValueError(f"model {self.model} has no {', '.join(sorted(given - needed - optional))}")
        return self

    @model_validator(mode="after")
    def _tiers_in_order(self) -> "Pricing":
        if self.tiers is None:
            return self
        if not self.tiers:
            raise ValueError("tiers: expected at least one")
        unused = "unit_price" if self.model == "graduated_percentage" else "percent"
        ends = [tier.up_to for tier in self.tiers]
        if None in ends[:-1]:
            raise ValueError("tiers: only the last may be without up_to")
        finite = [end for end in ends if end is not None]
        if any(a >= b for a, b in pairwise(finite)):
            raise ValueError("tiers: expected each up_to above the one before")
        if any(getattr(tier, unused) is not None for tier in self.tiers):
            raise ValueError(f"tiers: model {self.model} has no {unused}")
        return self

    @property
    def is_bounded(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    @property
    def is_plain(self) -> bool:
        """A price per unit and nothing that depends on how many units there are."""
        return self.model == "standard" and not self.is_bounded

    @property
    def of_amount(self) -> bool:
        """Whether the quantity is an amount of money."""
        return self.model in ("percentage", "graduated_percentage")


def _dated(value: Any) -> Any:
    """One pricing, or a map of valid-from dates to pricings."""
    if isinstance(value, dict) and "model" not in value:
        return value
    return {date.min: value}


DatedPricing = Annotated[dict[date, Pricing], BeforeValidator(_dated)]
