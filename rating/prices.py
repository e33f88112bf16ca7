"""Which price: agreed beats list (RULES 9). A price is looked up on a stated day and never converted."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from rating.cycles import MONTHLY
from schemas.catalog import Catalog
from schemas.money import EXACT
from schemas.periods import in_months_or_days
from schemas.product import Product

_SPAN_PRICE: dict[str, Any] = {"currency": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, "price": EXACT}
_LIST: dict[str, Any] = {"product_code": pl.String, **_SPAN_PRICE}


def _intervals(dated: dict[date, Decimal]) -> list[tuple[date, date, Decimal]]:
    starts = sorted(dated)
    return [(a, b, dated[a]) for a, b in zip(starts, [*starts[1:], date.max], strict=True)]


def catalogue_prices(catalog: Catalog) -> pl.DataFrame:
    """product_code, currency, valid_from, valid_to (half-open), price."""
    return pl.DataFrame(
        [
            (code, currency, *interval)
            for code, product in catalog.products.items()
            for currency, dated in product.prices.items()
            for interval in _intervals(dated)
        ],
        schema=_LIST,
        orient="row",
    )


def plan_prices(catalog: Catalog) -> pl.DataFrame:
    """The same with `plan` in front."""
    return pl.DataFrame(
        [
            (name, code, plan.currency, *interval)
            for name, plan in catalog.plans.items()
            for code, dated in plan.prices.items()
            for interval in _intervals(dated)
        ],
        schema={"plan": pl.String, **_LIST},
        orient="row",
    )


def interval_prices(catalog: Catalog) -> pl.DataFrame:
    """Prices of other intervals than a product's own: product_code, interval, currency, valid_from, valid_to
    (half-open), price."""
    return pl.DataFrame(
        [
            (code, in_months_or_days(interval), currency, *span)
            for code, product in catalog.products.items()
            for interval, prices in product.interval_prices.items()
            for currency, dated in prices.items()
            for span in _intervals(dated)
        ],
        schema={"product_code": pl.String, "interval": pl.String, **_SPAN_PRICE},
        orient="row",
    )


def is_listed(products: dict[str, Product]) -> pl.Expr:
    """Whether the cycle of a part (product_code, interval) is the one that its product's prices are for."""
    intervals = {code: in_months_or_days(product.price_interval) for code, product in products.items()}
    own = pl.col("product_code").replace_strict(intervals, default=MONTHLY, return_dtype=pl.String)
    return pl.col("interval") == own


def agreed_prices(prices: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Feed `prices` with a product: account_id, product_code, currency, valid_from, valid_to (half-open), price.

    A later row of the same account, product and currency ends the earlier one. A subscription that costs nothing until
    a day is a trial: from then on it is the free plan, until somebody agrees on a price for it (RULES 6).
    """
    trial = is_trial(products)
    keys = ["account_id", "product_code", "currency"]
    ordered = prices.filter(pl.col("product_code").is_not_null()).sort(*keys, "valid_from")
    return ordered.select(
        *keys,
        "valid_from",
        valid_to=pl.min_horizontal(
            pl.when(~trial).then(pl.col("valid_to").dt.offset_by("1d")), pl.col("valid_from").shift(-1).over(keys)
        ).fill_null(date.max),
        price=pl.col("unit_price").cast(EXACT),
    )


def is_trial(products: dict[str, Product]) -> pl.Expr:
    """Whether a row of feed `prices` is a trial: nothing to pay for a subscription until a day."""
    subscribed = [code for code, product in products.items() if product.billed_from == "subscriptions"]
    ends = pl.col("valid_to").is_not_null()
    return ((pl.col("unit_price") == 0) & ends & pl.col("product_code").is_in(subscribed)).fill_null(value=False)


def with_prices(
    asked: pl.DataFrame, catalog: Catalog, account_versions: pl.DataFrame, agreed: pl.DataFrame
) -> pl.DataFrame:
    """Adds `unit_price` (null where there is none) to rows with account_id, product_code, priced_on, agreed_price,
    interval. A price is for the interval that its product says: of another one only `unit_price` of the
    subscription and the catalogue's `interval_prices` are asked (RULES 6).

    account_versions: account_id, version_from, version_to (half-open), plan, currency.
    """
    rows = asked.with_row_index("_row").join(
        account_versions.select("account_id", "currency").unique(), on="account_id", how="left"
    )
    candidates = rows.select("_row", price_1="agreed_price")
    listed = rows.filter(is_listed(catalog.products))
    for number, (asking, table, keys) in enumerate(
        [
            (listed, agreed, ["account_id", "product_code", "currency"]),
            (listed, _plan_per_account(catalog, account_versions), ["account_id", "product_code", "currency"]),
            (listed, catalogue_prices(catalog), ["product_code", "currency"]),
            (rows, interval_prices(catalog), ["product_code", "currency", "interval"]),
        ],
        start=2,
    ):
        hit = (
            asking.select("_row", "priced_on", *keys)
            .join(table, on=keys)
            .filter(pl.col("valid_from") <= pl.col("priced_on"), pl.col("priced_on") < pl.col("valid_to"))
            .select("_row", pl.col("price").alias(f"price_{number}"))
        )
        candidates = candidates.join(hit, on="_row", how="left", validate="1:1", maintain_order="left")
    return asked.with_columns(
        candidates.select(unit_price=pl.coalesce("price_1", "price_2", "price_3", "price_4", "price_5"))["unit_price"]
    )


def _plan_per_account(catalog: Catalog, account_versions: pl.DataFrame) -> pl.DataFrame:
    """A plan's prices while the account is on that plan."""
    return (
        account_versions.select("account_id", "plan", "version_from", "version_to")
        .join(plan_prices(catalog), on="plan")
        .with_columns(
            valid_from=pl.max_horizontal("valid_from", "version_from"),
            valid_to=pl.min_horizontal("valid_to", "version_to"),
        )
        .filter(pl.col("valid_from") < pl.col("valid_to"))
    )
