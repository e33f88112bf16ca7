"""Master data to spans: who had how much of which product from when to when (RULES 5, 6, 8, 18)."""

from datetime import date

import polars as pl

from rating.inventory import inventory_spans
from rating.service_days import without_suspended
from rating.subscriptions import subscription_spans
from schemas.product import Product


def all_spans(
    devices: pl.DataFrame,
    numbers: pl.DataFrame,
    subscriptions: pl.DataFrame,
    leaving: dict[str, date],
    products: dict[str, Product],
    suspensions: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Every span that drives a fee (rating.states.SPAN). `leaving`: account -> its end_date (last day included).
    `suspensions`: the feed."""
    spans = pl.concat(
        [
            inventory_spans(devices, "devices", "device_id", leaving, products),
            inventory_spans(numbers, "numbers", "number", leaving, products),
            subscription_spans(subscriptions, leaving, products),
        ]
    )
    if suspensions is not None:
        spans = without_suspended(spans, suspensions, products)
    return spans.sort("account_id", "feed", "resource_id", "product_code", "start")
