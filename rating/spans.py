"""Master data to spans: who had how much of which product from when to when (RULES 5, 6, 8, 18).

A span is one state of one resource: columns SPAN. `end` is half-open, null while it goes on. `changes_at_end`
says that the resource goes on in another state on the day `end`: that day still bills at the old state.
"""

from datetime import date, timedelta
from typing import Any

import polars as pl

from rating.cycles import MONTHLY_ANCHOR, cycle_containing
from schemas.catalog import Product
from schemas.money import EXACT
from schemas.periods import add_months

SPAN: dict[str, Any] = {
    "account_id": pl.String,
    "feed": pl.String,
    "resource_id": pl.String,
    "product_code": pl.String,
    "billing_group": pl.String,
    "location_id": pl.String,
    "is_low_usage": pl.Boolean,
    "start": pl.Date,
    "end": pl.Date,
    "changes_at_end": pl.Boolean,
    "quantity": EXACT,
    "agreed_price": EXACT,
    "interval_months": pl.Int64,
    "anchor": pl.Date,
    "term_start": pl.Date,
    "term_end": pl.Date,
}
"""Columns of a span; `quantity` is what bills: inside a term never below what was committed."""


def all_spans(
    devices: pl.DataFrame,
    numbers: pl.DataFrame,
    subscriptions: pl.DataFrame,
    leaving: dict[str, date],
    products: dict[str, Product],
) -> pl.DataFrame:
    """Every span that drives a fee. `leaving`: account -> its end_date (last day included)."""
    return pl.concat(
        [
            _inventory(devices, "devices", "device_id", leaving, products),
            _inventory(numbers, "numbers", "number", leaving, products),
            _subscriptions(subscriptions, leaving, products),
        ]
    ).sort("account_id", "feed", "resource_id", "product_code", "start")


def _billed_from(feed: str, products: dict[str, Product]) -> list[str]:
    return [code for code, product in products.items() if product.billed_from == feed]


def _versions(rows: pl.DataFrame, key: str, start: str, last_day: str, leaving: dict[str, date]) -> pl.DataFrame:
    """Rows of one key, in order of `start`, each cut where the next begins (RULES 18).

    What was to begin after an account's last day never does.
    """
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    ordered = rows.filter((pl.col(start) <= leaves).fill_null(True)).sort(key, start)
    following = pl.col(start).shift(-1).over(key)
    own_end = pl.col(last_day).dt.offset_by("1d")
    return ordered.with_columns(
        start=pl.col(start),
        end=pl.min_horizontal(own_end, following),
        # Not where the next row is another account's: a number that moves there has simply ended here.
        changes_at_end=(
            (pl.min_horizontal(own_end, following) == following)
            & (pl.col("account_id") == pl.col("account_id").shift(-1).over(key))
        ).fill_null(False),
    ).filter(pl.col("end").is_null() | (pl.col("end") > pl.col("start")))


def _inventory(
    rows: pl.DataFrame, feed: str, key: str, leaving: dict[str, date], products: dict[str, Product]
) -> pl.DataFrame:
    spans = _versions(rows, key, "active_from", "active_to", leaving).filter(
        pl.col("product_code").is_in(_billed_from(feed, products))
    )
    spans = spans.with_columns(end=_run_on(spans, leaving)).select(
        "account_id",
        feed=pl.lit(feed),
        resource_id=pl.col(key),
        product_code="product_code",
        extension="extension",
        billing_group="billing_group",
        location_id="location_id",
        is_low_usage=pl.col("is_low_usage").fill_null(False) if feed == "devices" else pl.lit(False),
        start="start",
        end="end",
        changes_at_end="changes_at_end",
        quantity=pl.lit(1).cast(EXACT),
        agreed_price=pl.lit(None, EXACT),
        interval_months=pl.lit(1, pl.Int64),
        anchor=pl.lit(MONTHLY_ANCHOR),
        term_start=pl.lit(None, pl.Date),
        term_end=pl.lit(None, pl.Date),
    )
    shared = pl.col("product_code").is_in([c for c, p in products.items() if p.per == "extension"])
    shared &= pl.col("extension").is_not_null()
    # Each device's own end comes first: an extension bills as long as the last of its devices does.
    removable = spans.with_columns(end=_unremoved(spans, products))
    return pl.concat([removable.filter(~shared).select(*SPAN), _per_extension(removable.filter(shared))])


def _run_on(spans: pl.DataFrame, leaving: dict[str, date]) -> pl.Series:
    """An account that leaves keeps what it had on its last day to the end of that month (RULES 5)."""
    leaves = pl.col("account_id").replace_strict(leaving, default=None, return_dtype=pl.Date)
    month_end = leaves.dt.month_start().dt.offset_by("1mo")
    return spans.select(
        end=pl.when(leaves.is_not_null() & (pl.col("end").is_null() | (pl.col("end") > leaves)))
        .then(month_end)
        .otherwise(pl.col("end"))
    )["end"]


def _unremoved(spans: pl.DataFrame, products: dict[str, Product]) -> pl.Series:
    """Products without a credit for removal bill to the end of the month in which they end."""
    no_credit = pl.col("product_code").is_in([c for c, p in products.items() if p.removal == "none"])
    last_day = pl.col("end").dt.offset_by("-1d")
    return spans.select(
        end=pl.when(no_credit & ~pl.col("changes_at_end"))
        .then(last_day.dt.month_start().dt.offset_by("1mo"))
        .otherwise(pl.col("end"))
    )["end"]


def _per_extension(spans: pl.DataFrame) -> pl.DataFrame:
    """One span per unbroken stretch in which an extension has any of its devices (RULES 8).

    The stretch stands in the billing group and at the location of its earliest device, and is of low usage as that is.
    """
    keys = ["account_id", "extension", "product_code"]
    far = pl.lit(date.max)
    ordered = spans.sort(*keys, "start", "resource_id").with_columns(_end=pl.col("end").fill_null(far))
    # A device that begins on the very day on which all before it have ended leaves no gap.
    reached = pl.col("_end").cum_max().shift(1).over(keys)
    return (
        ordered.with_columns(stretch=(pl.col("start") > reached).fill_null(True).cum_sum().over(keys))
        .group_by(*keys, "stretch", maintain_order=True)
        .agg(
            pl.col("feed").first(),
            pl.col("billing_group").first(),
            pl.col("location_id").first(),
            pl.col("is_low_usage").first(),
            pl.col("start").min(),
            end=pl.when(pl.col("_end").max() < far).then(pl.col("_end").max()),
            changes_at_end=pl.lit(False),
            quantity=pl.lit(1).cast(EXACT),
            agreed_price=pl.lit(None, EXACT),
            interval_months=pl.lit(1, pl.Int64),
            anchor=pl.lit(MONTHLY_ANCHOR),
            term_start=pl.lit(None, pl.Date),
            term_end=pl.lit(None, pl.Date),
        )
        .with_columns(resource_id="ext:" + pl.col("extension"))
        .select(*SPAN)
    )


def _subscriptions(rows: pl.DataFrame, leaving: dict[str, date], products: dict[str, Product]) -> pl.DataFrame:
    months = pl.col("billing_interval").fill_null("P1M").str.extract(r"^P(\d+)[MY]$", 1).cast(pl.Int64)
    years = pl.col("billing_interval").str.ends_with("Y").fill_null(False)
    interval = pl.when(years).then(months * 12).otherwise(months)
    first_start = pl.col("start_date").min().over("subscription_id")
    anchored = rows.filter(pl.col("product_code").is_in(_billed_from("subscriptions", products))).with_columns(
        interval_months=interval,
        anchor=pl.coalesce("bill_anchor", pl.when(interval == 1).then(pl.lit(MONTHLY_ANCHOR)).otherwise(first_start)),
        last_day=pl.coalesce("end_date", "cancel_requested_on"),
    )
    spans = _versions(anchored, "subscription_id", "start_date", "last_day", leaving)
    ends = [
        _served_until(leaving, *row)
        for row in spans.select(
            "account_id", "end", "changes_at_end", "anchor", "interval_months", "term_start", "term_months"
        ).iter_rows()
    ]
    in_term = pl.col("term_start").is_not_null() & pl.col("term_months").is_not_null()
    term_months = pl.col("term_months").cast(pl.String).fill_null("0") + "mo"
    states = spans.with_columns(
        pl.Series("end", ends, dtype=pl.Date),
        term_start=pl.when(in_term).then("term_start"),
        term_end=pl.when(in_term).then(pl.col("term_start").dt.offset_by(term_months)),
    )
    return _committed(states).select(
        "account_id",
        feed=pl.lit("subscriptions"),
        resource_id="subscription_id",
        product_code="product_code",
        billing_group="billing_group",
        location_id=pl.lit(None, pl.String),
        is_low_usage=pl.lit(False),
        start="start",
        end="end",
        changes_at_end="changes_at_end",
        quantity=pl.col("quantity").cast(EXACT),
        agreed_price=pl.col("unit_price").cast(EXACT),
        interval_months="interval_months",
        anchor="anchor",
        term_start="term_start",
        term_end="term_end",
    )


def _committed(states: pl.DataFrame) -> pl.DataFrame:
    """Inside its term a state bills at least what was committed; where the term ends inside it, it is cut (RULES 6)."""
    floor = (pl.col("committed_quantity") > pl.col("quantity")).fill_null(False)
    floor &= (pl.col("start") < pl.col("term_end")).fill_null(False)
    outlives = pl.col("end").is_null() | (pl.col("end") > pl.col("term_end"))
    raised = states.filter(floor).with_columns(
        quantity="committed_quantity",
        end=pl.when(outlives).then("term_end").otherwise("end"),
        changes_at_end=pl.col("changes_at_end") | outlives,
    )
    # Behind the term the state goes on, at the quantity it really has.
    after = states.filter(floor & outlives).with_columns(start="term_end")
    return pl.concat([states.filter(~floor), raised, after])


def _served_until(
    leaving: dict[str, date],
    account_id: str,
    end: date | None,
    changes_at_end: bool,
    anchor: date,
    interval_months: int,
    term_start: date | None,
    term_months: int | None,
) -> date | None:
    """A cancelled subscription is billed to the end of its cycle, or of its term; no refund (RULES 5)."""
    # A change is no cancellation: the state that follows takes over on that very day.
    if changes_at_end:
        return end
    last_day = end - timedelta(days=1) if end else None
    if account_id in leaving:
        last_day = min(last_day or date.max, leaving[account_id])
    if last_day is None:
        return None
    if term_start and term_months:
        term_end = add_months(term_start, term_months)
        if last_day < term_end:
            return term_end
    return cycle_containing(last_day, anchor, interval_months)[1]
