"""A plan of the catalogue and its usage rules: what an account's usage costs. What a call may cost under a plan's own
rate is in schemas/call_rate.py, what a month includes in schemas/allowance.py.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from schemas.allowance import Allowance
from schemas.call_rate import Rate
from schemas.dated import Model, Texts
from schemas.product import DatedPrice

Category = Literal[
    "domestic",
    "internal",
    "premium",
    "toll_free",
    "inbound",
    "international",
    "sms",
    "on_net",
    "emergency",
    "short_number",
    "fixed",
    "mobile",
    "voip",
    "toll_free_dialled",
    "shared_cost",
    "special",
    "international_fixed",
    "international_mobile",
    "international_voip",
    "international_toll_free",
    "international_premium",
    "international_shared_cost",
    "international_special",
]
"""What a usage record is before it is priced. `on_net`, `emergency`, `short_number` and those of CLASS_CATEGORIES hold
in plans that have a rule for them; in the others their calls stay domestic or international."""

CLASS_CATEGORIES: dict[str, tuple[Category, Category]] = {
    "fixed": ("fixed", "international_fixed"),
    "mobile": ("mobile", "international_mobile"),
    "voip": ("voip", "international_voip"),
    "toll_free": ("toll_free_dialled", "international_toll_free"),
    "premium": ("premium", "international_premium"),
    "shared_cost": ("shared_cost", "international_shared_cost"),
    "special": ("special", "international_special"),
}
"""Class of the number called (data/reference/numbering_plan.csv) -> its category at home and abroad."""


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class UsageRule(Model):
    """How one category of a plan is priced: exactly one of a deck, a rate, or free.

    Units covered by `allowance` are printed as product `included`, the rest as product `charged`.
    """

    deck: Annotated[tuple[str, ...] | None, BeforeValidator(_listed)] = Field(None, examples=[["promotions", "world"]])
    """One deck, or several: each is searched where those before it have no row."""
    rate: Rate | None = Field(None, examples=[{"price": "0.02", "per": "60"}])
    """A price of its own."""
    free: bool = Field(False, examples=[True])
    """Whether it costs nothing."""
    allowance: Annotated[tuple[str, ...] | None, BeforeValidator(_listed)] = Field(None, examples=[["minutes"]])
    """One allowance, or several: a call takes from each what those before it do not cover."""
    included: str | None = Field(None, examples=["included_minutes"])
    """The product that prints what an allowance covers."""
    charged: str | None = Field(None, examples=["outbound_overage"])
    """The product that prints what is charged."""

    @model_validator(mode="after")
    def _one_price(self) -> "UsageRule":
        if sum([self.deck is not None, self.rate is not None, self.free]) != 1:
            raise ValueError("expected exactly one of deck, rate, free")
        if not self.free and self.charged is None:
            raise ValueError("expected `charged`: the product that prints what is charged")
        if (self.allowance is None) != (self.included is None):
            raise ValueError("allowance and included go together")
        if self.allowance is not None and len(set(self.allowance)) != max(len(self.allowance), 1):
            raise ValueError("allowance: expected one or more, each once")
        if self.rate is not None and (gaps := self.rate.uncovered()):
            raise ValueError(f"no band prices {', '.join(gaps)}: unrated is never free")
        return self


class Plan(Model):
    """What an account's usage costs; prices here beat the product's own (RULES 9)."""

    name: Texts = Field(examples=[{"en": "Office"}])
    """What documents call it."""
    currency: str = Field(examples=["USD"])
    """ISO 4217: all its prices are in it."""
    domestic: list[str] = Field(examples=[["US", "CA"]])
    """ISO countries that count as domestic; other destinations are international."""
    usage: dict[Category, UsageRule] = Field(
        examples=[{"domestic": {"deck": "domestic", "charged": "outbound_overage"}}]
    )
    """category -> how it is priced."""
    allowances: dict[str, Allowance] = Field(
        default_factory=dict, examples=[{"minutes": {"name": "Minutes", "unit": "minute", "units": 1000}}]
    )
    """name -> units included."""
    on_net: Literal["account", "seller"] = Field("account", examples=["seller"])
    """Whose numbers calls of category `on_net` are made to: the account's own, or any customer's of its seller."""
    prices: dict[str, DatedPrice] = Field(default_factory=dict, examples=[{"seat": "19.95"}])
    """product -> price, in the plan's currency."""
    holidays: list[date] = Field(default_factory=list, examples=[["2026-12-25"]])
    """Local dates on which the bands named `holiday` price calls, for rates that list none of their own."""

    @model_validator(mode="after")
    def _calls_have_a_length(self) -> "Plan":
        sms = self.usage.get("sms")
        if sms is not None and sms.rate is not None and sms.rate.bands:
            raise ValueError("sms: bands cut calls by the clock, and a message has no length; give steps or a price")
        if sms is not None and sms.rate is not None:
            self.usage["sms"] = sms.model_copy(update={"rate": sms.rate.of_credits()})
        return self
