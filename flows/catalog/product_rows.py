"""The products of a catalogue as rows: one per currency, interval and time in which nothing about the price changes."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

import polars as pl

from schemas.catalog import Catalog
from schemas.dated import in_force, in_language
from schemas.money import EXACT
from schemas.product import Product

PRODUCT_ROW: dict[str, Any] = {
    **dict.fromkeys(
        (
            "product_code", "plan", "name", "section", "billed_from", "per", "day_count", "removal", "unit", "currency",
            "price_interval",
        ),
        pl.String,
    ),
    "unit_price": EXACT, "price_model": pl.String, "tax_class": pl.String, "telecom_percent": EXACT,
    "interstate": pl.String, "valid_from": pl.Date, "valid_to": pl.Date,
}  # fmt: skip
"""`plan`: whose price it is, null for the product's own. valid_from null: always; valid_to: half-open, null: open."""


def product_rows(catalog: Catalog) -> pl.DataFrame:
    """PRODUCT_ROW of every product: its own prices first, then those of plans. One without any price is there too."""
    rows = [row for code, product in catalog.products.items() for row in _rows(code, product, catalog)]
    return pl.DataFrame(rows, schema=PRODUCT_ROW, orient="row")


def _rows(code: str, product: Product, catalog: Catalog) -> Iterator[tuple[Any, ...]]:
    own = product.price_interval
    prices: list[tuple[str | None, str | None, str | None, Mapping[date, Any]]] = [
        (None, currency, own, dated) for currency, dated in product.prices.items()
    ]
    prices += [
        (None, currency, interval, dated)
        for interval, by_currency in product.interval_prices.items()
        for currency, dated in by_currency.items()
    ]
    prices += [(None, currency, own, dated) for currency, dated in product.pricing.items()]
    prices += [
        (name, plan.currency, own, plan.prices[code]) for name, plan in catalog.plans.items() if code in plan.prices
    ]
    for plan_name, currency, interval, dated in prices or [(None, None, None, {})]:
        facts = (
            code, plan_name, in_language(product.name, "en"), product.section, product.billed_from, product.per,
            product.day_count, product.removal, in_language(product.unit, "en"), currency, interval,
        )  # fmt: skip
        for start, end in _times(product, dated):
            yield (*facts, *_price(dated, start), *_taxed(product, start), _day(start), _day(end))


def _times(product: Product, dated: Mapping[date, Any]) -> Iterator[tuple[date, date]]:
    """Times [start, end) in which price and tax facts stay the same; a price of later begins where it begins."""
    facts: list[Mapping[date, Any]] = [product.tax_class, product.telecom_percent, product.interstate]
    changes = sorted({day for values in (dated, *facts) for day in values} | ({date.min} if not dated else set()))
    first = min(dated, default=date.min)
    yield from pairwise([*(day for day in changes if day >= first), date.max])


def _price(dated: Mapping[date, Any], day: date) -> tuple[Decimal | None, str | None]:
    """unit_price and price_model on a day."""
    value = in_force(dict(dated), day)
    if value is None or isinstance(value, Decimal):
        return value, None
    return (value.unit_price, None) if value.is_plain else (None, value.model)


def _taxed(product: Product, day: date) -> tuple[str | None, Decimal | None, str | None]:
    return in_force(product.tax_class, day), in_force(product.telecom_percent, day), in_force(product.interstate, day)


def _day(day: date) -> date | None:
    """A day; None for those that stand for always and for open."""
    return None if day in (date.min, date.max) else day
