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
        on_plan = _times_on(account_versions.filter(pl.col("plan") == name))
        if on_plan.is_empty():
            continue
        for code, allowance in plan.allowances.items():
            for month, start, end in usage_months:
                held = _held(spans, on_plan, start, end, allowance)
                pool = pl.lit(None, pl.String) if allowance.pool == "account" else pl.col(allowance.pool)
                units, per = in_force(allowance.units, start) or 0, _UNITS_PER[allowance.unit]
                whole = (pl.col("quantity") * (units * per)).cast(pl.Int64)
                frames.append(
                    held.select(
                        "account_id",
                        usage_month=pl.lit(month),
                        plan=pl.lit(name),
                        allowance=pl.lit(code),
                        allowance_id=pl.lit(allowance_id(name, code)),
                        pool=pool,
                        granted_units=_whole_units(units, _share(start, end, allowance)) * per,
                        whole_units=whole,
                        since="from_",
                    )
                    .group_by(list(_POOL), maintain_order=True)
                    .agg(pl.col("granted_units", "whole_units").sum(), pl.col("since").min())
                )
    numbers = {"granted_units": pl.Int64, "whole_units": pl.Int64, "since": pl.Date}
    return _capped(pl.concat([*frames, pl.DataFrame(schema={**dict.fromkeys(_POOL, pl.String), **numbers})]))


def _times_on(versions: pl.DataFrame) -> pl.DataFrame:
    """Versions of one plan that follow each other as one time on it: account_id, billing_start, on_from, on_to."""
    ordered = versions.sort("account_id", "version_from")
    is_other = pl.col("account_id") != pl.col("account_id").shift(1)
    anew = (is_other | (pl.col("version_from") != pl.col("version_to").shift(1))).fill_null(True)
    return (
        ordered.with_columns(time=anew.cum_sum())
        .group_by("account_id", "time", maintain_order=True)
        .agg(pl.col("billing_start").last(), on_from=pl.col("version_from").first(), on_to=pl.col("version_to").last())
        .drop("time")
    )


def _held(spans: pl.DataFrame, on_plan: pl.DataFrame, start: date, end: date, allowance: Allowance) -> pl.DataFrame:
    """account_id, device, billing_group, quantity, from_, to, goes_over: what was active in the month on the plan, once
    billing had begun; a row for each time on it. goes_over: whether the account went on in another plan on day `to`.
    """
    on = on_plan.filter(pl.col("on_from") < end, pl.col("on_to") > start, pl.col("billing_start") < end)
    if allowance.per == "account":
        rows = on.with_columns(
            device=pl.lit(None, pl.String),
            billing_group=pl.lit(None, pl.String),
            quantity=pl.lit(1, pl.Int64),
            starts=pl.lit(start),
            ends=pl.lit(end),
        )
    else:
        low_usage = pl.col("is_low_usage")
        meant = {"all": pl.lit(True), "low_usage": low_usage, "standard": ~low_usage}[allowance.devices]
        active = spans.filter(
            pl.col("product_code").is_in(allowance.products),
            pl.col("start") < end,
            pl.col("end").is_null() | (pl.col("end") > start),
        ).join(on, on="account_id")
        resource = ["account_id", "on_from", "feed", "resource_id", "product_code"]
        rows = (
            active.filter(pl.col("start") < pl.col("on_to"), pl.col("end").fill_null(date.max) > pl.col("on_from"))
            .sort(*resource, "start")
            .group_by(resource, maintain_order=True)
            .agg(
                pl.col("billing_group", "is_low_usage", "billing_start", "on_to").last(),
                pl.col("quantity").last().cast(pl.Int64),
                starts=pl.col("start").min(),
                ends=pl.col("end").last().fill_null(end).clip(upper_bound=end),
            )
            .filter(meant)
            .with_columns(device="resource_id")
        )
    timed = rows.with_columns(
        from_=pl.max_horizontal("starts", "billing_start", "on_from", pl.lit(start)),
        to=pl.min_horizontal("ends", "on_to"),
        goes_over=pl.col("on_to") < pl.col("ends"),
    ).filter(pl.col("from_") < pl.col("to"))
    columns = ["account_id", "device", "billing_group", "quantity", "from_", "to", "goes_over"]
    if allowance.proration == "by_days":
        return timed.select(columns)
    return timed.unique(["account_id", "device"], keep="last", maintain_order=True).select(columns)


def _share(start: date, end: date, allowance: Allowance) -> tuple[pl.Expr, int]:
    """Billed days of the month as (days, days of the month); the whole month when not prorated."""
    length = days(start, end)
    if allowance.proration == "full":
        return pl.lit(length), length
    active = (pl.col("to") - pl.col("from_")).dt.total_days()
    if allowance.day_count == "half_open":
        return active, length
    # The first day of a part is free, and that of a change of plan is still the old plan's (RULES 3).
    return active - (pl.col("from_") > start).cast(pl.Int64) + pl.col("goes_over").cast(pl.Int64), length


def _whole_units(units: int, share: tuple[pl.Expr, int]) -> pl.Expr:
    """units × share, up to the next whole unit, per resource; times how many there are."""
    billed, length = share
    return ((units * billed + length - 1) // length * pl.col("quantity")).cast(pl.Int64)


def _capped(grants: pl.DataFrame) -> pl.DataFrame:
    """The parts of a month on several plans, each rounded up, are together never more than the larger plan's whole: the
    last one is cut (RULES 11)."""
    of_month = ["account_id", "usage_month", "allowance", "pool"]
    over = pl.col("granted_units").sum().over(of_month) - pl.col("whole_units").max().over(of_month)
    is_last = (pl.col("since") == pl.col("since").max().over(of_month)) & (pl.len().over(of_month) > 1)
    cut = pl.when(is_last & (over > 0)).then(pl.min_horizontal(over, "granted_units")).otherwise(0)
    return grants.with_columns(granted_units=pl.col("granted_units") - cut).drop("whole_units", "since")
