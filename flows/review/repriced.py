"""Drafts that bill periods of before anew, because the catalogue's price of days already billed is another one now.

A run bills what is owed less what is issued (RULES 7), so that a price which is overwritten instead of dated reaches
back over `lookback_months`, for every customer. What somebody agreed late with one customer (feed `prices`, a plan, a
quantity) does too, and is meant.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from flows.books.kept_catalogue import catalogue_files, inputs_of
from flows.catalog.load import catalog_of
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.catalog import Catalog
from schemas.counts import count_of
from schemas.dated import in_force
from schemas.errors import TollbookError
from schemas.money import EXACT, minor_digits, rounded
from schemas.periods import month_start

_TABLE = ["seller_id", "currency", "product_code"]

_OF_BEFORE = """
    select d.seller_id, d.currency, c.account_id, c.product_code, c.resource_kind, c.resource_id, c.cycle_start,
        c.quantity, c.unit_price, c.amount_num, c.amount_den
    from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
    where d.invoice_month = $month and d.corrects is null and not d.is_issued
        and c.charge_type in ('recurring', 'proration') and c.cycle_start < $first"""
_ISSUED_WITH = """
    with back as (
        select distinct c.account_id, c.product_code, c.resource_kind, c.resource_id, c.cycle_start, d.run_id
        from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
        where d.invoice_month = $month and d.corrects is null and not d.is_issued and d.seller_id = $seller
            and d.currency = $currency and c.product_code = $product and c.cycle_start < $first and c.quantity < 0)
    select distinct r.inputs_sha256, c.cycle_start as day
    from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
    join back b on b.account_id = c.account_id and b.product_code = c.product_code and b.cycle_start = c.cycle_start
        and b.resource_kind is not distinct from c.resource_kind and b.resource_id is not distinct from c.resource_id
        and b.run_id <> c.run_id
    join run_states r on r.run_id = c.run_id
    where d.is_issued and c.quantity > 0 order by all"""


def repriced(store: Store, catalog: Catalog, month: str) -> Iterator[Stop]:
    """One stop per seller, currency and product whose catalogue price of earlier days has changed since it was billed.
    Inside publish.in_force."""
    first = month_start(month)
    for row in _billed_anew(store.sql(_OF_BEFORE, {"month": month, "first": first})).iter_rows(named=True):
        seller, currency, product = row["seller_id"], row["currency"], row["product_code"]
        asked = {"month": month, "first": first, "seller": seller, "currency": currency, "product": product}
        # Nothing is found of what an earlier system billed, at prices of its own.
        billed = store.rows(_ISSUED_WITH, asked)
        then = {digest: _catalogue_of(store, digest) for digest in {digest for digest, _ in billed}}
        if not any(_differs(then[digest], catalog, product, currency, day) for digest, day in billed):
            continue
        amount = rounded(row["amount"], minor_digits(currency))
        told = (
            f"{amount:+f} {currency} for periods before {month} that are billed already, "
            f"{count_of(row['accounts'], 'account')}: the catalogue's price of those days is another one now "
            f"({_told(row['before'])}, now {_told(row['after'])})"
        )
        yield Stop("repriced", f"{seller} {currency} {product}", told, seller)


def _billed_anew(charges: pl.DataFrame) -> pl.DataFrame:
    """seller_id, currency, product_code, accounts, amount, before and after (prices): of periods of which something is
    given back at one price and charged at another."""
    price, is_back = pl.col("unit_price"), pl.col("quantity") < 0
    periods = charges.group_by(*_TABLE, "account_id", "resource_kind", "resource_id", "cycle_start").agg(
        amount=(pl.col("amount_num") / pl.col("amount_den")).cast(EXACT).sum(),
        before=price.filter(is_back).unique(),
        after=price.filter(~is_back).unique(),
    )
    anew = (pl.col("before").list.len() > 0) & (pl.col("after").list.len() > 0)
    moved = periods.filter(anew & (pl.col("before").list.set_intersection("after").list.len() == 0))
    return (
        moved.group_by(_TABLE)
        .agg(
            pl.col("amount").sum(),
            pl.col("before", "after").explode().unique().sort(),
            accounts=pl.col("account_id").n_unique(),
        )
        .sort(_TABLE)
    )


def _catalogue_of(store: Store, inputs_sha256: str) -> Catalog | None:
    """The catalogue that a run has read; None where it cannot be read any more."""
    inputs = inputs_of(store, inputs_sha256)
    files = catalogue_files(store, inputs) if inputs else None
    try:
        return catalog_of(files) if files else None
    except (TollbookError, ValueError):  # written for a program that was less strict
        return None


def _differs(then: Catalog | None, now: Catalog, product: str, currency: str, day: date) -> bool:
    """Whether the price of a day is another one in the catalogue now; one that cannot be read any more may differ."""
    if then is None:
        return True
    before, after = (_prices(catalog, product, currency, day) for catalog in (then, now))
    return any(before[key] != after[key] for key in before.keys() & after.keys())


def _prices(catalog: Catalog, product: str, currency: str, day: date) -> dict[tuple[str, ...], Any]:
    """The prices of the product in a currency that are in force on a day: its own, of other intervals, of a whole
    quantity, of plans."""
    found = catalog.products.get(product)
    dated: dict[tuple[str, ...], dict[date, Any]] = {}
    if found is not None:
        dated[("own",)] = found.prices.get(currency, {})
        dated[("quantity",)] = found.pricing.get(currency, {})
        dated |= {("interval", name): by.get(currency, {}) for name, by in found.interval_prices.items()}
    for name, plan in catalog.plans.items():
        if plan.currency == currency and product in plan.prices:
            dated["plan", name] = plan.prices[product]
    return {key: in_force(of, day) for key, of in dated.items() if of}


def _told(prices: list[Decimal]) -> str:
    shown = [f"{price.normalize():f}" for price in prices[:3]]
    return ", ".join(shown) + (" …" if len(prices) > 3 else "")
