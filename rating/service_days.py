"""On which days a service is billed: from its confirmation on, and not while it is suspended (RULES 6, 35)."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from schemas.product import Product


def with_service_start(rows: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Adds `serves_from`: the day of a version's start, or of the confirmation that it waits for; null while it waits.

    What a version confirmed holds for those after it that do not say themselves that they wait.
    """
    awaiting = [code for code, product in products.items() if product.awaits_confirmation]
    pending = pl.col("pending").fill_null(value=False)
    known = pl.col("confirmed_on").forward_fill().over("subscription_id", order_by="start_date")
    confirmed = pl.when(pending).then("confirmed_on").otherwise(known)
    waits = pending | known.is_not_null() | pl.col("product_code").is_in(awaiting)
    serves_from = pl.when(waits).then(pl.max_horizontal("start_date", confirmed)).otherwise("start_date")
    return rows.with_columns(serves_from=pl.when(~waits | confirmed.is_not_null()).then(serves_from))


def without_suspended(spans: pl.DataFrame, suspensions: pl.DataFrame, products: dict[str, Product]) -> pl.DataFrame:
    """Spans without the days on which their account's service was suspended, where their product is not billed then.

    spans: account_id, product_code, start, end, changes_at_end and what else they have. The beginning and the end of a
    suspension are changes: their day bills at the state before (RULES 3).
    """
    stopping = [code for code, product in products.items() if product.when_suspended == "stop"]
    if suspensions.is_empty() or not stopping:
        return spans
    off: dict[str, list[tuple[date, date]]] = {}
    for account, start, last in (
        suspensions.sort("account_id", "valid_from").select("account_id", "valid_from", "valid_to").iter_rows()
    ):
        off.setdefault(account, []).append((start, date.max if last is None else last + timedelta(days=1)))
    hit = pl.col("product_code").is_in(stopping) & pl.col("account_id").is_in(list(off))
    rows = []
    for span in spans.filter(hit).iter_rows(named=True):
        pieces = [span]
        for start, after in off[span["account_id"]]:
            pieces = [piece for before in pieces for piece in _cut_out(before, start, after)]
        rows += pieces
    return pl.concat([spans.filter(~hit), pl.DataFrame(rows, schema=spans.schema)])


def _cut_out(span: dict[str, Any], start: date, after: date) -> list[dict[str, Any]]:
    """A span without the days [start, after): what lies before them and what lies behind."""
    end = span["end"] or date.max
    if after <= span["start"] or end <= start:
        return [span]
    before = span | {"end": start, "changes_at_end": True}
    behind = span | {"start": after}
    return [*([before] if span["start"] < start else []), *([behind] if after < end else [])]
