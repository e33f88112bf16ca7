"""The catalogue as an operator writes it: products, plans, usage rules, rate decks. Every value may be dated
(schemas/dated.py); what a call may cost under a plan's own rate is in schemas/call_rate.py.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.allowance import Allowance, allowance_id, ranks
from schemas.call_rate import Rate
from schemas.dated import DatedExact, DatedText, Exact, Model, Texts, as_dated
from schemas.errors import EntryFault, said_by
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


def in_language(texts: dict[str, str], locale: str) -> str:
    """The text for a locale such as fr_CA: its language, else English, else whatever there is."""
    return texts.get(locale[:2]) or texts.get("en") or next(iter(texts.values()))


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


class Catalog(Model):
    """All of `catalog/*.yaml`, merged; a key in two files is refused."""

    products: dict[str, Product] = Field(
        default_factory=dict, examples=[{"seat": {"name": "Seat", "section": "service_fees"}}]
    )
    """code -> product."""
    plans: dict[str, Plan] = Field(default_factory=dict, examples=[{"office": {"name": "Office", "currency": "USD"}}])
    """name -> plan."""

    @model_validator(mode="after")
    def _known_names(self) -> "Catalog":
        for code, asked in self.products.items():
            if asked.shortfall_product is not None and asked.shortfall_product not in self.products:
                said = f"product {code}, shortfall_product: unknown product {asked.shortfall_product!r}"
                raise EntryFault(said, ("products", code, "shortfall_product"))
        for code, plan in self.plans.items():
            with said_by("plans", code):
                self._plan_fits(code, plan)
        self._allowances_apart()
        return self

    def _plan_fits(self, code: str, plan: Plan) -> None:
        for category, rule in plan.usage.items():
            with said_by("plans", code, "usage", category):
                for product_code in filter(None, (rule.included, rule.charged)):
                    product = self.products.get(product_code)
                    if product is None or product.billed_from != "usage":
                        raise ValueError(
                            f"plan {code}, {category}: {product_code!r} is not a product billed_from usage"
                        )
                self._priced_once(f"plan {code}, {category}", plan, rule)
        self._allowances_fit(code, plan)
        for product_code in plan.prices:
            if product_code not in self.products:
                said = f"plan {code}, prices: unknown product {product_code!r}"
                raise EntryFault(said, ("plans", code, "prices", product_code))

    def _allowances_apart(self) -> None:
        """Plan `a` with allowance `b:c` and plan `a:b` with allowance `c` would draw on each other's units."""
        holder: dict[str, str] = {}
        for name, plan in self.plans.items():
            for code in plan.allowances:
                id_ = allowance_id(name, code)
                if id_ in holder:
                    said = f"plan {name}, allowance {code}: {holder[id_]} is called {id_} too; rename one"
                    raise EntryFault(said, ("plans", name, "allowances", code))
                holder[id_] = f"allowance {code} of plan {name}"

    def _allowances_fit(self, code: str, plan: Plan) -> None:
        drawing: dict[str, set[str]] = {name: set() for name in plan.allowances}
        for category, rule in plan.usage.items():
            for name in rule.allowance or ():
                keys = ("plans", code, "usage", category, "allowance")
                if name not in plan.allowances:
                    raise EntryFault(f"plan {code}, {category}: unknown allowance {name!r}", keys)
                drawing[name].add(category)
                if (plan.allowances[name].unit == "credit") != (category == "sms"):
                    raise EntryFault(f"plan {code}, {category}: {name!r} counts {plan.allowances[name].unit}s", keys)
        try:
            ranks(rule.allowance for rule in plan.usage.values() if rule.allowance)
        except ValueError as error:
            raise ValueError(f"plan {code}: {error}") from None
        for name, allowance in plan.allowances.items():
            with said_by("plans", code, "allowances", name):
                self._allowance_fits(f"plan {code}, allowance {name}", allowance, drawing[name])

    def _allowance_fits(self, where: str, allowance: Allowance, drawing: set[str]) -> None:
        for product_code in allowance.products:
            product = self.products.get(product_code)
            if product is None:
                raise ValueError(f"{where}: unknown product {product_code!r}")
            if product.billed_from != "devices" and (allowance.pool == "device" or allowance.devices == "low_usage"):
                raise ValueError(f"{where}: {product_code!r} is billed_from {product.billed_from}, not from devices")
        if isinstance(allowance.order, list) and set(allowance.order) != drawing:
            expected = ", ".join(sorted(drawing))
            raise ValueError(f"{where}: order must name each category that draws on it once: {expected}")
        if allowance.devices == "low_usage" and "internal" in drawing:
            raise ValueError(f"{where}: calls between extensions do not count against a low-usage pool")

    def _priced_once(self, where: str, plan: Plan, rule: UsageRule) -> None:
        """Units that a product's pricing prices by the month carry no price of their own, and never end without one."""
        if rule.included is not None and self.products[rule.included].pricing:
            raise ValueError(f"{where}: {rule.included!r} prints what an allowance covers; it cannot have pricing")
        product = self.products[rule.charged] if rule.charged is not None else None
        if product is None or not product.pricing:
            return
        dated = product.pricing.get(plan.currency)
        if dated is None:
            raise ValueError(f"{where}: {rule.charged!r} has pricing, but none in {plan.currency}")
        if all(pricing.of_amount for pricing in dated.values()):
            return
        rate = rule.rate
        if rate is None or rate.price is None or any([*rate.price.values(), *rate.connect_fee.values()]):
            raise ValueError(
                f'{where}: {rule.charged!r} prices the month\'s units; expected rate: {{price: "0"}} and no fee here'
            )


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
    "jurisdiction": "",
    "first_increment_s": "",
}
"""Columns of a rate deck and what an absent or empty cell means; None: required (CONTRACT, section 2)."""
