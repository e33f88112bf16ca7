"""How calls use up allowances (RULES 11).

Calls draw as they come, or category by category where the allowance says so; the call that straddles the limit is
split, its first units included. A call that may draw on several takes from each what those before it do not cover.
Allowances are used up turn by turn (schemas.allowance.ranks): when one's turn comes, every call knows what is left of
it, so this is what a clerk finds who takes the calls one by one. Only calls with an allowance are looked at, and only
those of pools that do not suffice are put in order.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from rating.devices import Devices, devices_of
from schemas.allowance import ranks
from schemas.catalog import Catalog

NEXT = "\x1f"
"""Between the allowances of a rule, in the order in which its calls draw on them; in no name."""

DRAW: dict[str, Any] = {"allowance_id": pl.String, "pool": pl.String, "units": pl.Int64}
"""What a call takes from one pool."""

DRAWS = pl.List(pl.Struct(DRAW))


@dataclass(frozen=True)
class Pools:
    """Which allowances there are to draw on, and how.

    lists: listed (as rating.decks.rules names them), allowance_id, turn, shared_by (account, billing_group, device),
    devices (all, low_usage, standard), needs_device. places: allowance_id, category, place, for those that are used
    category by category.
    """

    lists: pl.DataFrame
    places: pl.DataFrame
    inventory: Devices


def pools_of(catalog: Catalog, inventory: Devices) -> Pools:
    """The allowances of all plans."""
    lists: dict[tuple[str, str], tuple[object, ...]] = {}
    places = []
    for name, plan in catalog.plans.items():
        listed = [rule.allowance for rule in plan.usage.values() if rule.allowance]
        turns = ranks(listed)
        for codes in listed:
            ids = NEXT.join(f"{name}:{code}" for code in codes)
            for code in codes:
                one = plan.allowances[code]
                lists[ids, code] = (ids, f"{name}:{code}", turns[code], one.pool, one.devices, one.needs_device)
        for code, one in plan.allowances.items():
            if isinstance(one.order, list):
                places += [(f"{name}:{code}", category, place) for place, category in enumerate(one.order)]
    text, flag = pl.String, pl.Boolean
    columns = {"listed": text, "allowance_id": text, "turn": pl.Int64, "shared_by": text, "devices": text}
    return Pools(
        pl.DataFrame(list(lists.values()), schema={**columns, "needs_device": flag}, orient="row"),
        pl.DataFrame(places, schema={"allowance_id": text, "category": text, "place": pl.Int64}, orient="row"),
        inventory,
    )


def draw(usage: pl.DataFrame, grants: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """Adds included_units and charged_units to rated records, which add up to billable_units; pool and draws.

    usage: allowance_id as the rule lists them (null: none), account_id, usage_month, category, billing_group,
    billable_units, started_at, usage_id, and what rating.devices reads. allowance_id becomes the last one that the
    call may draw on, the one it goes beyond; `draws` (DRAWS) says what it took where it could choose, else null.
    grants: as rating.allowances.granted returns.
    """
    calls = (
        usage.lazy()
        .with_row_index("call")
        .filter(pl.col("allowance_id").is_not_null())
        .select(
            "call", "account_id", "usage_month", "category", "billing_group", "billable_units", "started_at",
            "usage_id", listed="allowance_id",
        )
        .collect()
    )  # fmt: skip
    asked = _asked(calls, usage, grants, pools)
    taken = _taken(asked)
    included = pl.col("included_units").fill_null(0)
    return (
        usage.drop("allowance_id")
        .with_row_index("call")
        .join(_by_call(asked, taken), on="call", how="left", validate="1:1", maintain_order="left")
        .with_columns(included_units=included, charged_units=pl.col("billable_units") - included)
        .drop("call")
    )


def left_over(grants: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Grants less what calls took. drawn: account_id, usage_month and what `draw` adds."""
    keys = ["account_id", "usage_month", "allowance_id", "pool"]
    part = pl.col("draws").struct
    once = drawn.filter(pl.col("draws").is_null(), pl.col("allowance_id").is_not_null())
    several = drawn.filter(pl.col("draws").is_not_null()).explode("draws")
    taken = pl.concat(
        [
            once.select(*keys, units="included_units"),
            several.select(
                "account_id", "usage_month", *(part.field(name) for name in ("allowance_id", "pool", "units"))
            ),
        ]
    )
    sums = taken.group_by(keys).agg(pl.col("units").sum())
    return (
        grants.join(sums, on=keys, how="left", nulls_equal=True, validate="1:1")
        .with_columns(granted_units=pl.col("granted_units") - pl.col("units").fill_null(0))
        .drop("units")
    )


def _by_call(asked: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """call, allowance_id and pool (its last), included_units, draws: a row per call that may draw on any."""
    if asked["turn"].n_unique() <= 1:
        one = taken.select("call", included_units="units")
        last = asked.select("call", "allowance_id", "pool")
        return last.join(one, on="call", how="left", validate="1:1").with_columns(draws=pl.lit(None, DRAWS))
    several = asked.filter(pl.len().over("call") > 1).select("call").unique()
    chosen = taken.join(several, on="call", how="semi").sort("call", "turn")
    last = asked.sort("turn").unique("call", keep="last", maintain_order=True).select("call", "allowance_id", "pool")
    return last.join(
        taken.group_by("call").agg(included_units=pl.col("units").sum()), on="call", how="left", validate="1:1"
    ).join(
        chosen.group_by("call", maintain_order=True).agg(draws=pl.struct(*DRAW)), on="call", how="left", validate="1:1"
    )


def _asked(calls: pl.DataFrame, usage: pl.DataFrame, grants: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """A row per call and allowance it may draw on: what it needs, its pool, and its place in the order of use."""
    asked = calls.join(pools.lists, on="listed")
    if asked["needs_device"].any():
        wanted = asked.filter("needs_device").select("call").unique()
        about = usage.lazy().with_row_index("call").join(wanted.lazy(), on="call", how="semi").collect()
        asked = asked.join(devices_of(about, pools.inventory), on="call", how="left", validate="m:1")
    else:
        asked = asked.with_columns(device=pl.lit(None, pl.String), is_low_usage=pl.lit(False))
    low_usage = pl.col("is_low_usage").fill_null(False)
    shared_by = pl.col("shared_by")
    asked = asked.filter(
        (pl.col("devices") == "all") | ((pl.col("devices") == "low_usage") == low_usage),
    ).with_columns(
        pool=pl.when(shared_by == "billing_group").then("billing_group").when(shared_by == "device").then("device"),
    )
    keys = ["account_id", "usage_month", "allowance_id", "pool"]
    asked = asked.join(grants.with_row_index("which"), on=keys, how="left", validate="m:1", nulls_equal=True).join(
        pools.places, on=["allowance_id", "category"], how="left", validate="m:1"
    )
    return asked.select(
        "call", "turn", "allowance_id", "pool", "which", "granted_units", "billable_units", "place", "started_at",
        "usage_id",
    )  # fmt: skip


def _taken(asked: pl.DataFrame) -> pl.DataFrame:
    """call, turn, allowance_id, pool, units: what each call takes from each pool, where it takes something."""
    taken: list[pl.DataFrame] = []
    granted = asked.filter(pl.col("granted_units") > 0, pl.col("billable_units") > 0)
    for turn in granted["turn"].unique().sort():
        now = granted.filter(pl.col("turn") == turn).with_columns(need="billable_units")
        if taken:
            before = pl.concat(taken).group_by("call").agg(had=pl.col("units").sum())
            now = now.join(before, on="call", how="left", validate="1:1")
            now = now.with_columns(need=pl.col("need") - pl.col("had").fill_null(0)).filter(pl.col("need") > 0)
        taken.append(_shared_out(now).select("call", "turn", "allowance_id", "pool", "units"))
    empty = asked.head(0).select("call", "turn", "allowance_id", "pool", units="billable_units")
    return pl.concat([empty, *taken])


def _shared_out(now: pl.DataFrame) -> pl.DataFrame:
    """Adds units: all that is needed where the pool suffices, else what the calls before have left."""
    enough = pl.col("need").sum().over("which") <= pl.col("granted_units")
    now = now.with_columns(suffices=enough)
    short = now.filter(~pl.col("suffices")).sort("which", "place", "started_at", "usage_id")
    used_before = pl.col("need").cum_sum().over("which") - pl.col("need")
    left = (pl.col("granted_units") - used_before).clip(lower_bound=0)
    short = short.with_columns(units=pl.min_horizontal("need", left)).filter(pl.col("units") > 0)
    return pl.concat([now.filter("suffices").with_columns(units="need"), short])
