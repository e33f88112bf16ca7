"""Calls that stay in the house: the number called belongs to the caller's account, or to its seller, at that instant.

Category `on_net` holds in plans that have a rule for it; only their calls are looked at.
"""

from dataclasses import dataclass, field

import polars as pl

from rating.intervals import Intervals
from schemas.catalog import Catalog

_TEXT = pl.String


@dataclass(frozen=True)
class OnNet:
    """plans: plan, by_seller, for plans that have a rule for calls on net. sellers: account_id, seller_id."""

    plans: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"plan": _TEXT, "by_seller": pl.Boolean}))
    sellers: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={"account_id": _TEXT, "seller_id": _TEXT})
    )


def on_net_of(catalog: Catalog, sellers: pl.DataFrame) -> OnNet:
    """The plans of the catalogue that price calls on net."""
    plans = [(name, plan.on_net == "seller") for name, plan in catalog.plans.items() if "on_net" in plan.usage]
    return OnNet(pl.DataFrame(plans, schema={"plan": _TEXT, "by_seller": pl.Boolean}, orient="row"), sellers)


def on_net(usage: pl.DataFrame, numbers: Intervals, tables: OnNet) -> pl.DataFrame:
    """Category on_net for outbound calls to a number that is owned in the house when they start.

    numbers: number -> account_id, as rating.owners.own takes them. What is no outbound call to a domestic
    or international number keeps its category: extensions, messages and inbound calls have their own.
    """
    if tables.plans.is_empty():
        return usage
    numbered = usage.with_row_index("_call")
    calls = (
        numbered.lazy()
        .filter(
            pl.col("reason").is_null(),
            pl.col("direction") == "outbound",
            (pl.col("category") == "domestic") | (pl.col("category") == "international"),
        )
        .select("_call", pl.col("account_id", "plan").cast(pl.String), "to_number", "started_at")
        .join(tables.plans.lazy(), on="plan")
        .join(tables.sellers.lazy(), on="account_id", how="left")
        .collect()
    )
    owner = numbers.rows.select("account_id").select(
        pl.all().gather(numbers.at(calls.select(number="to_number"), calls["started_at"]))
    )
    far = owner.join(tables.sellers, on="account_id", how="left", validate="m:1", maintain_order="left")
    same = (pl.col("far_account") == pl.col("account_id")) | (
        pl.col("by_seller") & (pl.col("far_seller") == pl.col("seller_id"))
    )
    in_the_house = (
        calls.with_columns(far_account=far["account_id"], far_seller=far["seller_id"])
        .filter(same)
        .select("_call", on_net=pl.lit("on_net", pl.Categorical))
    )
    return (
        numbered.join(in_the_house, on="_call", how="left", validate="1:1", maintain_order="left")
        .with_columns(category=pl.coalesce("on_net", "category"))
        .drop("_call", "on_net")
    )
