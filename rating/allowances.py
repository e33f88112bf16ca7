"""Included units: what a plan grants for a usage month, and to whom (RULES 11). How calls use it: rating/draws.py."""

from datetime import date

import polars as pl

from schemas.allowance import Allowance, allowance_id
from schemas.catalog import Catalog
from schemas.dated import in_force
from schemas.periods import days

_UNITS_PER = {"minute": 60, "second": 1, "credit": 1}

_POOL = ("account_id", "usage_month", "plan", "allowance", "allowance_id", "pool")


def grant_allowances(
    spans: pl.DataFrame, account_versions: pl.DataFrame, usage_months: list[tuple[str, date, date]], catalog: Catalog
) -> pl.DataFrame:
    """What each pool holds: account_id, usage_month, plan, allowance (its code in the plan), allowance_id, pool (group,
    device or null), granted_units.

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
                held = _held(spans, on_plan, start, end, allowance)
                free = allowance.day_count == "start_day_free"
                share = _share(start, end, allowance.proration, free)
                pool = pl.lit(None, pl.String) if allowance.pool == "account" else pl.col(allowance.pool)
                frames.append(
                    held.select(
                        "account_id",
                        usage_month=pl.lit(month),
                        plan=pl.lit(name),
                        allowance=pl.lit(code),
                        allowance_id=pl.lit(allowance_id(name, code)),
                        pool=pool,
                        granted_units=_whole_units(units, share) * _UNITS_PER[allowance.unit],
                    )
                    .group_by(list(_POOL), maintain_order=True)
                    .agg(pl.col("granted_units").sum())
                )
    return pl.concat([*frames, pl.DataFrame(schema={**dict.fromkeys(_POOL, pl.String), "granted_units": pl.Int64})])


def _held(spans: pl.DataFrame, on_plan: pl.DataFrame, start: date, end: date, allowance: Allowance) -> pl.DataFrame:
    """account_id, device, billing_group, quantity, from_, to: what was active in the month, once billing had begun."""
    present = on_plan.filter(pl.col("version_from") < end, pl.col("version_to") > start, pl.col("billing_start") < end)
    present = present.unique("account_id", keep="last", maintain_order=True)
    if allowance.per == "account":
        return present.select(
            "account_id",
            device=pl.lit(None, pl.String),
            billing_group=pl.lit(None, pl.String),
            quantity=pl.lit(1, pl.Int64),
            from_=pl.max_horizontal("billing_start", pl.lit(start)),
            to=pl.lit(end),
        )
    active = spans.filter(
        pl.col("product_code").is_in(allowance.products),
        pl.col("start") < end,
        pl.col("end").is_null() | (pl.col("end") > start),
    ).join(present.select("account_id", "billing_start"), on="account_id")
    low_usage = pl.col("is_low_usage")
    meant = {"all": pl.lit(True), "low_usage": low_usage, "standard": ~low_usage}[allowance.devices]
    return (
        active.sort("account_id", "feed", "resource_id", "start")
        .group_by("account_id", "feed", "resource_id", "product_code", maintain_order=True)
        .agg(
            pl.col("billing_group", "is_low_usage").last(),
            pl.col("quantity").last().cast(pl.Int64),
            from_=pl.max_horizontal(pl.col("start").min(), pl.col("billing_start").first(), pl.lit(start)),
            to=pl.col("end").last().fill_null(end).clip(upper_bound=end),
        )
        .filter(pl.col("from_") < pl.col("to"), meant)
        .select("account_id", pl.col("resource_id").alias("device"), "billing_group", "quantity", "from_", "to")
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
