"""Included units: what a plan grants for a usage month, and how calls draw on it (RULES 11).

A call draws in call order; the one that straddles the limit is split, its first units included.
"""

from datetime import date

import polars as pl

from schemas.catalog import Catalog
from schemas.dated import in_force
from schemas.periods import days

_UNITS_PER = {"minute": 60, "second": 1, "credit": 1}


def granted(
    spans: pl.DataFrame, account_versions: pl.DataFrame, usage_months: list[tuple[str, date, date]], catalog: Catalog
) -> pl.DataFrame:
    """What each pool holds: account_id, usage_month, allowance_id, pool (billing group, or null), granted_units.

    Units are what usage is measured in: seconds for minutes, credits for SMS. spans: rating.spans; a resource
    counts with the quantity it has on its last active day of the month, by_days with its share of the month.
    account_versions: account_id, version_from, version_to, plan, billing_start.
    """
    frames = []
    for name, plan in catalog.plans.items():
        on_plan = account_versions.filter(pl.col("plan") == name)
        if on_plan.is_empty():
            continue
        for code, allowance in plan.allowances.items():
            for month, start, end in usage_months:
                units = in_force(allowance.units, start) or 0
                held = _held(spans, on_plan, start, end, allowance.products if allowance.per == "resource" else None)
                free = allowance.day_count == "start_day_free"
                share = _share(start, end, allowance.proration, free)
                pool = pl.col("billing_group") if allowance.pool == "billing_group" else pl.lit(None, pl.String)
                frames.append(
                    held.select(
                        "account_id",
                        usage_month=pl.lit(month),
                        allowance_id=pl.lit(f"{name}:{code}"),
                        pool=pool,
                        granted_units=_whole_units(units, share) * _UNITS_PER[allowance.unit],
                    )
                    .group_by("account_id", "usage_month", "allowance_id", "pool", maintain_order=True)
                    .agg(pl.col("granted_units").sum())
                )
    schema = {"account_id": pl.String, "usage_month": pl.String, "allowance_id": pl.String, "pool": pl.String}
    empty = pl.DataFrame(schema={**schema, "granted_units": pl.Int64})
    return pl.concat([*frames, empty])


def _held(
    spans: pl.DataFrame, on_plan: pl.DataFrame, start: date, end: date, products: list[str] | None
) -> pl.DataFrame:
    """account_id, billing_group, quantity, from_, to: what was active in the month, once billing had begun."""
    present = on_plan.filter(pl.col("version_from") < end, pl.col("version_to") > start, pl.col("billing_start") < end)
    present = present.unique("account_id", keep="last", maintain_order=True)
    if products is None:
        return present.select(
            "account_id",
            billing_group=pl.lit(None, pl.String),
            quantity=pl.lit(1, pl.Int64),
            from_=pl.max_horizontal("billing_start", pl.lit(start)),
            to=pl.lit(end),
        )
    active = spans.filter(
        pl.col("product_code").is_in(products), pl.col("start") < end, pl.col("end").is_null() | (pl.col("end") > start)
    ).join(present.select("account_id", "billing_start"), on="account_id")
    return (
        active.sort("account_id", "feed", "resource_id", "start")
        .group_by("account_id", "feed", "resource_id", "product_code", maintain_order=True)
        .agg(
            pl.col("billing_group").last(),
            pl.col("quantity").last().cast(pl.Int64),
            from_=pl.max_horizontal(pl.col("start").min(), pl.col("billing_start").first(), pl.lit(start)),
            to=pl.col("end").last().fill_null(end).clip(upper_bound=end),
        )
        .filter(pl.col("from_") < pl.col("to"))
        .select("account_id", "billing_group", "quantity", "from_", "to")
    )


def _share(start: date, end: date, proration: str, start_day_free: bool) -> tuple[pl.Expr, int]:
    """Billed days of the month as (days, days of the month); the whole month when not prorated."""
    length = days(start, end)
    if proration == "full":
        return pl.lit(length), length
    active = (pl.col("to") - pl.col("from_")).dt.total_days()
    late = (pl.col("from_") > start).cast(pl.Int64) if start_day_free else pl.lit(0)
    return active - late, length


def _whole_units(units: int, share: tuple[pl.Expr, int]) -> pl.Expr:
    """units × share, up to the next whole unit, per resource; times how many there are."""
    billed, length = share
    return ((units * billed + length - 1) // length * pl.col("quantity")).cast(pl.Int64)


def draw(usage: pl.DataFrame, grants: pl.DataFrame, pools: pl.DataFrame) -> pl.DataFrame:
    """Adds included_units and charged_units to rated records; both add up to billable_units.

    grants: as `granted` returns. pools: allowance_id, is_grouped (whether its pool is the billing group).
    """
    keys = ["account_id", "usage_month", "allowance_id", "pool"]
    usage = usage.join(pools, on="allowance_id", how="left", validate="m:1").with_columns(
        pool=pl.when(pl.col("is_grouped").fill_null(False)).then("billing_group")
    )
    usage = usage.join(grants, on=keys, how="left", validate="m:1", nulls_equal=True)
    units_used_before = pl.col("billable_units").cum_sum().over(keys) - pl.col("billable_units")
    allowance_left_before = (pl.col("granted_units").fill_null(0) - units_used_before).clip(lower_bound=0)
    included = pl.when(pl.col("allowance_id").is_not_null()).then(
        pl.min_horizontal("billable_units", allowance_left_before)
    )
    return (
        usage.sort("started_at", "usage_id")
        .with_columns(included_units=included.fill_null(0))
        .with_columns(charged_units=pl.col("billable_units") - pl.col("included_units"))
        .drop("is_grouped", "granted_units")
    )
