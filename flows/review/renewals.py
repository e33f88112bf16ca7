"""What renews soon: terms, and years outside a term, with the price that is known for that day (RULES 6)."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from flows.catalog.load import Tables
from flows.home.store import Store
from rating.prices import agreed_prices, with_prices
from rating.spans import all_spans
from rating.terms import renewals
from schemas.periods import month_start

DAYS = 60
"""How many days after the 1st of the invoice month are looked at."""


def upcoming(store: Store, tables: Tables, month: str) -> list[dict[str, Any]]:
    """renews_on, account_id, name, subscription_id, product_code, quantity, renews_for (P12M), unit_price (null where a
    price is of all units together, or none is known), currency; the soonest first."""
    first = month_start(month)
    current = {feed: store.current(feed) for feed in ("accounts", "devices", "numbers", "subscriptions", "prices")}
    versions = _versions(current["accounts"])
    last = versions.unique("account_id", keep="last", maintain_order=True)
    leaving = dict(last.filter(pl.col("end_date").is_not_null()).select("account_id", "end_date").iter_rows())
    # Of what comes the subscriptions alone: a device or a number has no term.
    devices, numbers = (current[feed].clear() for feed in ("devices", "numbers"))
    spans = all_spans(devices, numbers, current["subscriptions"], leaving, tables.catalog.products)
    coming = renewals(spans, first, first + timedelta(days=DAYS))
    priced = with_prices(coming, tables.catalog, versions, agreed_prices(current["prices"], tables.catalog.products))
    return (
        priced.join(last.select("account_id", "name", "currency"), on="account_id", validate="m:1")
        .select(
            "renews_on", "account_id", "name", pl.col("resource_id").alias("subscription_id"), "product_code",
            "quantity", "renews_for", "unit_price", "currency",
        )
        .sort("renews_on", "account_id", "subscription_id")
        .to_dicts()
    )  # fmt: skip


def _versions(accounts: pl.DataFrame) -> pl.DataFrame:
    """Account rows with version_from and version_to, side by side."""
    ordered = accounts.with_columns(version_from=pl.col("effective_from").fill_null(date.min))
    ordered = ordered.sort("account_id", "version_from")
    return ordered.with_columns(version_to=pl.col("version_from").shift(-1).over("account_id").fill_null(date.max))
