"""Products priced by the quantity of a period: what a subscription's cycle or a line's usage month costs.

A price model is not linear, so units cannot be priced one by one. A subscription's *state* is: so many units cost so
much for a whole cycle. Parts of a cycle are charged in proportion to their days, and a change of quantity charges the
new state and gives back the old one, which is price(both) - price(already) for the days that are left.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rating.period_price import QuantityNotPriced, list_amount, shown
from rating.prices import is_listed
from schemas.codes import ParkedCode
from schemas.dated import in_force
from schemas.frames import PARKED
from schemas.money import EXACT
from schemas.pricing import Pricing
from schemas.product import Product

_LARGEST = 10**18
_FINE = (None, None)
_WRONG = {"code": pl.String, "detail": pl.String}
"""What is wrong with a state or a line, as columns of PARKED; null where nothing is."""
_UNITS_IN = {"minute": 60, "second": 1, "credit": 1}


def pricing_in_force(products: dict[str, Product], code: str, currency: str, day: date) -> Pricing | None:
    """How a product prices a period that begins on `day`; None where it has plain prices, or none at all."""
    product = products.get(code)
    return in_force(product.pricing.get(currency, {}), day) if product else None


def with_states(
    parts: pl.DataFrame, currencies: pl.DataFrame, products: dict[str, Product]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Prices parts that no agreed price and no list priced, by their product's pricing.

    parts: rating.owed.parts_owed with unit_price (null where there is none); currencies: account_id, currency.
    Adds `price_model` (null: a plain price, agreed or listed) and `priced_units`: then the model was asked for so many
    units, `unit_price` is what they cost for a whole cycle and `quantity` is 1. Second frame: schemas.frames.PARKED.
    """
    asked = ["product_code", "currency", "priced_on", "quantity"]
    rows = parts.join(currencies, on="account_id", how="left", validate="m:1", maintain_order="left")
    # Each state is priced once, however many accounts and parts are in it.
    unpriced = rows.filter(pl.col("unit_price").is_null() & is_listed(products)).select(asked).unique().sort(asked)
    states = pl.DataFrame(
        [(*row, *state) for row in unpriced.iter_rows() if (state := _state(products, *row)) is not None],
        schema={
            **{name: rows.schema[name] for name in asked},
            "price_model": pl.String,
            "priced_units": EXACT,
            "state_price": EXACT,
            **_WRONG,
        },
        orient="row",
    )
    own = pl.col("unit_price").is_null() & is_listed(products)
    answered = rows.filter(own).join(states, on=asked, how="inner", validate="m:1")
    problems = answered.filter(pl.col("code").is_not_null()).select(list(PARKED))
    priced = rows.join(states, on=asked, how="left", validate="m:1", maintain_order="left").with_columns(_own=own)
    by_state = pl.col("_own") & pl.col("priced_units").is_not_null()
    # The units of a state are in its price; as a quantity too they would count twice.
    return priced.with_columns(
        price_model=pl.when("_own").then("price_model"),
        priced_units=pl.when("_own").then("priced_units"),
        unit_price=pl.when("_own").then("state_price").otherwise("unit_price"),
        quantity=pl.when(by_state).then(pl.lit(1).cast(EXACT)).otherwise("quantity"),
    ).drop("_own", "state_price", "code", "detail", "currency"), problems


def _state(
    products: dict[str, Product], code: str, currency: str, day: date, quantity: Decimal
) -> tuple[str, Decimal | None, Decimal | None, ParkedCode | None, str | None] | None:
    """price_model, priced_units, price and what is wrong; None where the product has no pricing then."""
    pricing = pricing_in_force(products, code, currency, day)
    if pricing is None:
        return None
    if pricing.is_plain:
        return pricing.model, None, pricing.unit_price, *_FINE
    try:
        price = _finite(list_amount(pricing, Fraction(quantity)))
    except QuantityNotPriced as error:
        return pricing.model, quantity, Decimal(0), "quantity_not_priced", f"product {code} on {day}: {error}"
    except ValueError as error:
        return pricing.model, quantity, Decimal(0), "amount_not_exact", f"product {code} on {day}: {error}"
    return pricing.model, quantity, price, *_FINE


def _finite(amount: Fraction) -> Decimal:
    """An amount as the columns hold it. Raises ValueError where twelve decimals are not enough, or it is too large."""
    scaled = amount * 10**12
    if scaled.denominator != 1 or abs(amount) >= _LARGEST:
        raise ValueError(f"the amount {shown(amount)} cannot be kept exactly; expected at most 12 decimals")
    return Decimal(int(scaled)).scaleb(-12)


def with_usage_pricing(
    charges: pl.DataFrame, currencies: pl.DataFrame, products: dict[str, Product]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Usage lines whose product prices the month: their amount is the model's, of the line's charged units.

    charges: rating.charges.usage_charges, with `priced_on`, the month's first day. Models of an amount take the exact
    sum of the line's usage as their quantity; the others take its units, minutes as sixtieths of seconds. A priced
    line keeps one row. Second frame: schemas.frames.PARKED.
    """
    codes = [code for code, product in products.items() if product.pricing and product.billed_from == "usage"]
    is_priced = pl.col("product_code").is_in(codes)
    keys = ["account_id", "line_key"]
    lines = (
        charges.filter(is_priced)
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("product_code", "priced_on").first(),
            pl.col("quantity").sum(),
            nums="amount_num",
            dens="amount_den",
        )
        .join(currencies, on="account_id", how="left", validate="m:1", maintain_order="left")
    )
    results = [(row["account_id"], row["line_key"], *_month(products, row)) for row in lines.iter_rows(named=True)]
    priced = pl.DataFrame(
        results,
        schema={
            "account_id": pl.String,
            "line_key": pl.String,
            "price_model": pl.String,
            "_unit_price": EXACT,
            "_per": pl.Int64,
            "_num": EXACT,
            "_den": pl.Int64,
            **_WRONG,
        },
        orient="row",
    )
    rows = (
        charges.filter(is_priced)
        .with_columns(quantity=pl.col("quantity").sum().over(keys))
        # The model priced the line as a whole: a row for each of its denominators would bill that again.
        .unique(keys, keep="first", maintain_order=True)
        .drop("price_model")
        .join(priced, on=keys, validate="1:1", maintain_order="left")
        .with_columns(unit_price="_unit_price", per="_per", amount_num="_num", amount_den="_den")
    )
    return (
        pl.concat([charges.filter(~is_priced), rows.select(charges.columns)]),
        priced.filter(pl.col("code").is_not_null()).select(list(PARKED)),
    )


def _month(
    products: dict[str, Product], line: dict[str, Any]
) -> tuple[str | None, Decimal | None, int | None, Decimal, int, ParkedCode | None, str | None]:
    """price_model, the unit price of a standard model and its `per`, the amount as a pair, and what is wrong."""
    pricing = pricing_in_force(products, line["product_code"], line["currency"], line["priced_on"])
    if pricing is None:
        what = f"no pricing in {line['currency']} for product {line['product_code']} on {line['priced_on']}"
        return None, None, None, Decimal(0), 1, "no_pricing", what
    size = _UNITS_IN[pricing.unit or "second"]
    quantity = Fraction(line["quantity"]) / size
    if pricing.of_amount:
        # A percentage is one of money: the sum is kept exact, for only the printed line is rounded.
        quantity = sum((Fraction(n) / d for n, d in zip(line["nums"], line["dens"], strict=True)), Fraction(0))
    try:
        amount = list_amount(pricing, quantity)
    except QuantityNotPriced as error:
        what = f"product {line['product_code']}: {error}"
        return pricing.model, None, None, Decimal(0), 1, "quantity_not_priced", what
    # The columns of the pair hold so much and no more.
    if max(abs(amount.numerator), amount.denominator) >= _LARGEST:
        what = f"product {line['product_code']}: the amount {shown(amount)} cannot be kept exactly"
        return pricing.model, None, None, Decimal(0), 1, "amount_not_exact", what
    per = size if pricing.unit_price is not None else None
    return pricing.model, pricing.unit_price, per, Decimal(amount.numerator), amount.denominator, *_FINE
