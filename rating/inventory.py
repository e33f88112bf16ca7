"""Devices and numbers to spans: each bills one, or an extension bills one for all its devices (RULES 5, 8)."""

from datetime import date

import polars as pl

from rating.cycles import MONTHLY, MONTHLY_ANCHOR
from rating.states import NO_TERM, SPAN, billed_from, last_day_of, versions
from schemas.money import EXACT
from schemas.product import Product


def inventory_spans(
    rows: pl.DataFrame, feed: str, key: str, leaving: dict[str, date], products: dict[str, Product]
) -> pl.DataFrame:
    """Spans (SPAN) of feed devices or numbers. key: its id. leaving: account -> last day."""
    spans = versions(rows, key, "active_from", "active_to", leaving).filter(
        pl.col("product_code").is_in(billed_from(feed, products))
    )
    spans = spans.with_columns(last_day=last_day_of(leaving), end=_run_on(spans, leaving)).select(
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
        last_day="last_day",
        quantity=pl.lit(1).cast(EXACT),
        agreed_price=pl.lit(None, EXACT),
        interval=pl.lit(MONTHLY),
        anchor=pl.lit(MONTHLY_ANCHOR),
        **NO_TERM,
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
    """One resource per extension over the days on which it has any of its devices, in states side by side (RULES 8).

    On each day it stands in the billing group and at the location of the earliest device in service that day, and is of
    low usage as that is; where one of them changes, a new state begins (RULES 3).
    """
    keys = ["account_id", "extension", "product_code"]
    far = pl.lit(date.max)
    rows = spans.sort(*keys, "resource_id", "start").with_columns(_end=pl.col("end").fill_null(far))
    # A device that comes back later begins anew; its rows side by side are one time in service.
    gap = (pl.col("start") > pl.col("_end").shift(1).over(*keys, "resource_id")).fill_null(True)
    rows = rows.with_columns(_time=gap.cum_sum().over(*keys, "resource_id"))
    rows = rows.with_columns(_since=pl.col("start").min().over(*keys, "resource_id", "_time"))
    days = pl.concat([rows.select(*keys, day="start"), rows.select(*keys, day="_end")]).unique().sort(*keys, "day")
    pieces = days.with_columns(day_after=pl.col("day").shift(-1).over(keys)).filter(pl.col("day_after").is_not_null())
    states = (
        pieces.join(rows, on=keys)
        .filter(pl.col("start") <= pl.col("day"), pl.col("day") < pl.col("_end"))
        .sort(*keys, "day", "_since", "resource_id")
        .unique([*keys, "day"], keep="first", maintain_order=True)
    )
    attributes = ["billing_group", "location_id", "is_low_usage"]
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1).over(keys)) for name in attributes)
    joined = (pl.col("day") == pl.col("day_after").shift(1).over(keys)).fill_null(False)
    spells = (
        states.with_columns(state=(~(same & joined)).cum_sum().over(keys))
        .group_by(*keys, "state", maintain_order=True)
        .agg(
            pl.col("feed", *attributes).first(),
            pl.col("last_day").last(),
            start=pl.col("day").first(),
            end=pl.col("day_after").last(),
        )
    )
    following = pl.col("start").shift(-1).over(keys)
    return spells.select(
        "account_id",
        "feed",
        pl.concat_str(pl.lit("ext:"), "extension").alias("resource_id"),
        "product_code",
        *attributes,
        "start",
        pl.when(pl.col("end") < far).then("end"),
        (pl.col("end") == following).fill_null(False).alias("changes_at_end"),
        "last_day",
        pl.lit(1).cast(EXACT).alias("quantity"),
        pl.lit(None, EXACT).alias("agreed_price"),
        pl.lit(MONTHLY).alias("interval"),
        pl.lit(MONTHLY_ANCHOR).alias("anchor"),
        **NO_TERM,
    ).select(*SPAN)
