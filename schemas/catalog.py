"""The catalogue as an operator writes it: products, plans, usage rules, rate decks. Every value may be dated.

A dated value is either plain (`"24.95"`, in force always) or a map of valid-from dates
(`{2025-01-01: "24.95", 2026-04-01: "25.95"}`); the last date not after the day asked for is in force.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schemas.money import PRICE_LIMIT

Section = Literal[
    "service_fees",
    "phone_numbers",
    "prorated_charges",
    "included_minutes",
    "premium_minutes",
    "outbound_overage",
    "toll_free_minutes",
    "international_minutes",
    "sms_included",
    "sms_overage",
    "contact_center",
    "rentals",
    "broadband",
    "one_time",
    "adjustments",
]
SECTIONS: tuple[str, ...] = get_args(Section)
"""In the order in which they are printed."""

Category = Literal["domestic", "internal", "premium", "toll_free", "inbound", "international", "sms"]
"""Class of a usage record: what it is before it is priced."""

T = TypeVar("T")


def _dated(value: Any) -> Any:
    return value if isinstance(value, dict) else {date.min: value}


def _exact(value: Any) -> Any:
    """Numbers of money are quoted text in YAML and TOML: a bare 0.1 has already been through a float."""
    if isinstance(value, float):
        raise ValueError(f'found {value}, a binary number; quote it: "{value}"')
    number = Decimal(str(value))
    exponent = number.as_tuple().exponent
    if not number.is_finite() or abs(number) >= PRICE_LIMIT or (isinstance(exponent, int) and exponent < -12):
        raise ValueError(f"found {value}; expected a number below {PRICE_LIMIT} with at most 12 decimals")
    return number


Exact = Annotated[Decimal, BeforeValidator(_exact)]


def _price(number: Decimal) -> Decimal:
    """Prices are multiplied with quantities of up to four decimals; together they must fit twelve."""
    if -int(number.as_tuple().exponent) > 8:
        raise ValueError(f"found {number}; expected at most 8 decimals")
    return number


DatedPrice = Annotated[dict[date, Annotated[Exact, AfterValidator(_price)]], BeforeValidator(_dated)]
DatedExact = Annotated[dict[date, Exact], BeforeValidator(_dated)]
DatedInt = Annotated[dict[date, int], BeforeValidator(_dated)]
DatedText = Annotated[dict[date, str], BeforeValidator(_dated)]
InterstateMethod = Literal["safe_harbour", "measured", "all", "none"]
DatedMethod = Annotated[dict[date, InterstateMethod], BeforeValidator(_dated)]
Texts = Annotated[dict[str, str], BeforeValidator(lambda v: v if isinstance(v, dict) else {"en": v})]
"""A text per language; a bare text is English."""


def in_force(dated: dict[date, T], day: date) -> T | None:
    """The value whose valid-from date is the last one not after `day`; None when there is none yet."""
    dates = [d for d in dated if d <= day]
    return dated[max(dates)] if dates else None


def in_language(texts: dict[str, str], locale: str) -> str:
    """The text for a locale such as fr_CA: its language, else English, else whatever there is."""
    return texts.get(locale[:2]) or texts.get("en") or next(iter(texts.values()))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Product(_Model):
    """Something with a price, or the printed line of a usage rule."""

    name: Texts
    section: Section
    billed_from: Literal["subscriptions", "devices", "numbers", "charges", "usage"]
    per: Literal["resource", "extension"] = "resource"
    day_count: Literal["start_day_free", "half_open"] = "start_day_free"
    removal: Literal["credit", "none"] = "credit"
    unit: Texts = Field(default_factory=lambda: {"en": "unit"})
    prices: dict[str, DatedPrice] = Field(default_factory=dict)
    """currency -> price of one unit for one month (for a longer interval: for one cycle)."""
    tax_class: DatedText
    telecom_percent: DatedExact
    interstate: DatedMethod
    by_location: bool = False


class Rate(_Model):
    """A price of its own for a usage rule: `price` for `per` units, billed in whole increments."""

    price: DatedExact
    per: int = Field(60, gt=0)
    increment: int = Field(1, gt=0)
    minimum: int = Field(0, ge=0)
    connect_fee: DatedExact = Field(default_factory=lambda: {date.min: Decimal(0)})


class UsageRule(_Model):
    """How one category of a plan is priced: exactly one of a deck, a rate, or free.

    Units covered by `allowance` are printed as product `included`, the rest as product `charged`.
    """

    deck: str | None = None
    rate: Rate | None = None
    free: bool = False
    allowance: str | None = None
    included: str | None = None
    charged: str | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "UsageRule":
        if sum([self.deck is not None, self.rate is not None, self.free]) != 1:
            raise ValueError("expected exactly one of deck, rate, free")
        if not self.free and self.charged is None:
            raise ValueError("expected `charged`: the product that prints what is charged")
        if (self.allowance is None) != (self.included is None):
            raise ValueError("allowance and included go together")
        return self


class Allowance(_Model):
    """Units a plan includes each usage month (RULES 11)."""

    name: Texts
    unit: Literal["minute", "second", "credit"]
    units: DatedInt
    per: Literal["account", "resource"] = "resource"
    products: list[str] = Field(default_factory=list)
    """With per: resource, the products whose active devices, numbers or subscription quantities each bring `units`."""
    pool: Literal["account", "billing_group"] = "account"
    proration: Literal["full", "by_days"] = "full"
    day_count: Literal["start_day_free", "half_open"] = "start_day_free"


class Plan(_Model):
    """What an account's usage costs; prices here beat the product's own (RULES 9)."""

    name: Texts
    currency: str
    domestic: list[str]
    """ISO countries that count as domestic; other destinations are international."""
    usage: dict[Category, UsageRule]
    allowances: dict[str, Allowance] = Field(default_factory=dict)
    prices: dict[str, DatedPrice] = Field(default_factory=dict)
    """product -> price, in the plan's currency."""


class Catalog(_Model):
    """All of `catalog/*.yaml`, merged; a key in two files is refused."""

    products: dict[str, Product] = Field(default_factory=dict)
    plans: dict[str, Plan] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _known_names(self) -> "Catalog":
        for code, plan in self.plans.items():
            for category, rule in plan.usage.items():
                for product in filter(None, (rule.included, rule.charged)):
                    known = self.products.get(product)
                    if known is None or known.billed_from != "usage":
                        raise ValueError(f"plan {code}, {category}: {product!r} is not a product billed_from usage")
                if rule.allowance is not None and rule.allowance not in plan.allowances:
                    raise ValueError(f"plan {code}, {category}: unknown allowance {rule.allowance!r}")
            for name, allowance in plan.allowances.items():
                for product in allowance.products:
                    if product not in self.products:
                        raise ValueError(f"plan {code}, allowance {name}: unknown product {product!r}")
            for product in plan.prices:
                if product not in self.products:
                    raise ValueError(f"plan {code}, prices: unknown product {product!r}")
        return self


DECK_COLUMNS: dict[str, str | None] = {
    "prefix": None,
    "destination": None,
    "price": None,
    "per_s": "60",
    "increment_s": "60",
    "minimum_s": "0",
    "connect_fee": "0",
    "valid_from": "",
    "valid_to": "",
    "class": "",
    "max_charge": "",
    "round_digits": "",
    "round_mode": "",
}
"""Columns of a rate deck and what an absent or empty cell means; None: required (CONTRACT, section 2)."""
