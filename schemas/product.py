"""A product of the catalogue: something with a price, or the printed line of a usage rule. Every value may be dated
(schemas/dated.py); what a whole period's quantity costs is in schemas/pricing.py.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.dated import DatedExact, DatedText, Exact, Model, Texts, as_dated
from schemas.periods import in_months_or_days
from schemas.pricing import DatedPricing

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


def _price(number: Decimal) -> Decimal:
    """Prices are multiplied with quantities of up to four decimals; together they must fit twelve."""
    if -int(number.as_tuple().exponent) > 8:
        raise ValueError(f"found {number}; expected at most 8 decimals")
    return number


Interval = Annotated[str, Field(pattern=r"^P[1-9][0-9]{0,2}[DWMY]$")]
"""A billing interval of days, weeks, months or years (ISO 8601)."""
DatedPrice = Annotated[dict[date, Annotated[Exact, AfterValidator(_price)]], BeforeValidator(as_dated)]
InterstateMethod = Literal["safe_harbour", "measured", "all", "none"]
DatedMethod = Annotated[dict[date, InterstateMethod], BeforeValidator(as_dated)]


class Product(Model):
    """Something with a price, or the printed line of a usage rule."""

    name: Texts = Field(examples=[{"en": "Desk phone", "fr": "Poste fixe"}])
    """What documents call it: one text, or language -> text."""
    section: Section = Field(examples=["service_fees"])
    """Where it stands on a document."""
    billed_from: Literal["subscriptions", "devices", "numbers", "charges", "usage"] = Field(examples=["subscriptions"])
    """The feed whose rows it bills; rows of other feeds only entitle."""
    per: Literal["resource", "extension"] = Field("resource", examples=["resource"])
    """Whether each row counts, or each extension once."""
    day_count: Literal["start_day_free", "half_open"] = Field("start_day_free", examples=["half_open"])
    """How the days of a part of a month are counted; start_day_free does not count the first."""
    removal: Literal["credit", "none"] = Field("credit", examples=["credit"])
    """What is given back when it is taken away in mid-period."""
    when_suspended: Literal["bill", "stop"] = Field("bill", examples=["stop"])
    """Whether its fee goes on while feed suspensions has the account's service suspended; what is not billed then is
    not made up for afterwards."""
    awaits_confirmation: bool = Field(False, examples=[True])
    """Products billed_from subscriptions: whether nothing is billed before feed subscriptions says `confirmed_on`, such
    as a broadband circuit that its carrier has to activate."""
    unit: Texts = Field(default_factory=lambda: {"en": "unit"}, examples=[{"en": "seat"}])
    """What one of it is called."""
    prices: dict[str, DatedPrice] = Field(default_factory=dict, examples=[{"USD": "24.95"}])
    """currency -> price of one unit for one `price_interval`."""
    price_interval: Interval = Field("P1M", examples=["P1Y"])
    """The interval that `prices`, plans' and agreed prices are for. A subscription of another one has its own
    `unit_price` or a price in `interval_prices`; else its account is parked: a month's price is never a year's."""
    interval_prices: dict[Interval, dict[str, DatedPrice]] = Field(
        default_factory=dict, examples=[{"P1Y": {"USD": "249.00"}}]
    )
    """Other interval -> currency -> price of one unit for one such interval."""
    pricing: dict[str, DatedPricing] = Field(
        default_factory=dict, examples=[{"USD": {"model": "package", "package_size": "100", "package_price": "5.00"}}]
    )
    """currency -> what a whole period's quantity costs, where that is not a price per unit (schemas/pricing.py)."""
    minimum: dict[str, DatedPrice] = Field(default_factory=dict, examples=[{"USD": "10.00"}])
    """Products billed_from usage that calls have prices for: currency -> least that a usage month costs whoever's plan
    charges this product, used or not, cut by days. Where the product has `pricing`, that says its `minimum`."""
    shortfall_product: str | None = Field(None, examples=["minimum_usage"])
    """Which product's line, with its tax class, brings what a month's usage lacks of the minimum; else its own."""
    tax_class: DatedText = Field(examples=["telephony"])
    """Which taxes reach it."""
    telecom_percent: DatedExact = Field(examples=["100"])
    """How much of it is telecommunications, in percent."""
    interstate: DatedMethod = Field(examples=["safe_harbour"])
    """How it counts for USF; may be dated."""
    by_location: bool = Field(False, examples=[True])
    """Whether taxes follow the location of the resource instead of the billing address."""
    access_lines: DatedExact = Field(default_factory=lambda: {date.min: Decimal(0)}, examples=["1"])
    """Lines or numbers that one unit is to taxes per line, such as 9-1-1 levies."""

    @model_validator(mode="after")
    def _each_interval_once(self) -> "Product":
        given = [in_months_or_days(interval) for interval in self.interval_prices]
        if self.prices:
            given.append(in_months_or_days(self.price_interval))
        if twice := sorted({interval for interval in given if given.count(interval) > 1}):
            raise ValueError(f"two prices for one interval, {twice[0]}; expected each once (P1Y is P12M, P1W is P7D)")
        return self

    @model_validator(mode="after")
    def _of_their_feeds(self) -> "Product":
        if self.awaits_confirmation and self.billed_from != "subscriptions":
            raise ValueError("awaits_confirmation is for products billed_from subscriptions")
        return self._minimum_of_usage()

    def _minimum_of_usage(self) -> "Product":
        if (self.minimum or self.shortfall_product) and self.billed_from != "usage":
            raise ValueError(
                f"minimum and shortfall_product are for products billed_from usage, not {self.billed_from}"
            )
        if twice := sorted(set(self.minimum) & set(self.pricing)):
            raise ValueError(f"{twice[0]} stands in minimum and in pricing; expected pricing: {{…, minimum}} there")
        if any(amount < 0 for dated in self.minimum.values() for amount in dated.values()):
            raise ValueError("minimum: expected no amount below zero")
        bounded = self.minimum or any(p.minimum is not None for d in self.pricing.values() for p in d.values())
        if self.shortfall_product and not bounded:
            raise ValueError("shortfall_product: there is no minimum that anything could fall short of")
        return self

    @model_validator(mode="after")
    def _one_way_to_price(self) -> "Product":
        if not self.pricing:
            return self
        if self.billed_from not in ("subscriptions", "usage"):
            raise ValueError(f"pricing: a product billed_from {self.billed_from} has no quantity to price; use prices")
        twice = sorted(set(self.prices) & set(self.pricing))
        if twice:
            raise ValueError(f"{twice[0]} stands in prices and in pricing; expected it in one of them")
        for pricing in (pricing for dated in self.pricing.values() for pricing in dated.values()):
            usage = self.billed_from == "usage"
            if usage and not pricing.of_amount and pricing.unit is None:
                raise ValueError("pricing.unit: expected minute, second or credit, because it is billed_from usage")
            if pricing.unit is not None and not usage:
                raise ValueError("pricing.unit is for products billed_from usage")
        return self
