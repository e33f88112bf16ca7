"""The catalogue as an operator writes it, whole: products (schemas/product.py), plans (schemas/plan.py), and that they
fit each other; the columns of a rate deck.
"""

from pydantic import Field, model_validator

from schemas.allowance import Allowance, allowance_id, ranks
from schemas.dated import Model
from schemas.errors import EntryFault, said_by
from schemas.plan import Plan, UsageRule
from schemas.product import Product


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
