"""How calls use up allowances (RULES 11).

Calls draw as they come, or category by category where the allowance says so; the call that straddles the limit is
split, its first units included. A call that may draw on several takes from each what those before it do not cover.
Allowances are used up turn by turn (schemas.allowance.ranks): when one's turn comes, every call knows what is left of
it, so this is what a clerk finds who takes the calls one by one. Only calls with an allowance are looked at, and only
those of pools that do not suffice are put in order.

An allowance of 100 minutes and three calls of a month, in seconds:

    started   need   used_before   left   included   charged
    09:00    5,400             0  6,000      5,400         0   within the allowance
    10:00    1,200         5,400    600        600       600   straddles the limit: its first 600 s are included
    11:00      300         6,600      0          0       300   beyond: charged whole
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from rating.codes import coded, largest, places_among
from rating.devices import devices_of
from rating.pools import NEXT, Pools, pools_of, single_lists

__all__ = ["NEXT", "Pools", "draw", "left_over", "pools_of"]

DRAW: dict[str, Any] = {"allowance_id": pl.String, "pool": pl.String, "units": pl.Int64}
"""What a call takes from one pool."""

DRAWS = pl.List(pl.Struct(DRAW))


Names = Callable[[pl.Series], pl.Series]
"""The usage_id of calls, which are given by their places."""


def draw(usage: pl.DataFrame, grants: pl.DataFrame, pools: Pools, names: Names | None = None) -> pl.DataFrame:
    """Adds included_units and charged_units to rated records, which add up to billable_units; pool and draws.

    usage: allowance_id as the rule lists them (null: none), account_id, usage_month, category, billing_group,
    billable_units, started_at, usage_id unless `names` tells it, and what rating.devices reads; texts may be
    categories. allowance_id becomes the last one that the call may draw on, the one it goes beyond; `draws` (DRAWS)
    says what it took where it could choose, else null.
    grants: as rating.allowances.grant_allowances returns.
    """
    grants, calls = grants.with_row_index("which"), usage.with_row_index("call")
    book = _Calls(usage["started_at"], names or usage["usage_id"].gather)
    is_single = calls["allowance_id"].is_in(single_lists(pools).implode()).fill_null(value=False)
    several = calls.filter(~is_single)
    parts = [_draw_severally(several, grants, pools, book)] if several.height else []
    if is_single.any() or not parts:
        parts.append(_draw_singly(calls.filter(is_single), grants, pools, book))
    drawn = parts[0] if len(parts) == 1 else pl.concat(parts).sort("call")
    # A record without an allowance, or one that came to an empty pool, has nothing included: all of it is charged.
    included = drawn["included_units"].fill_null(0)
    charged = (usage["billable_units"] - included).alias("charged_units")
    # Put beside: records have many columns, and none of them moves.
    return usage.drop("allowance_id").hstack(
        drawn.select("allowance_id", "pool", included, charged, "draws").get_columns()
    )


@dataclass(frozen=True)
class _Calls:
    """What puts calls in order, by their places in `usage`."""

    started: pl.Series
    names: Names


def _draw_singly(calls: pl.DataFrame, grants: pl.DataFrame, pools: Pools, book: _Calls) -> pl.DataFrame:
    """call, allowance_id, pool, included_units, draws of calls whose lists are single ones.

    The most frequent case, on a straight way: each call has one row throughout, and what it takes is put in its place.
    """
    code = pl.Categorical
    lists = pools.lists.select(pl.col("listed", "allowance_id").cast(code))
    allowance = lists["allowance_id"].gather(places_among(calls["allowance_id"].cast(code), lists["listed"]))
    asked = calls.select(
        "call", pl.col("account_id", "usage_month").cast(code), allowance.alias("allowance_id"), need="billable_units",
        turn=pl.lit(0, pl.Int64), place=_places_in_order(calls, allowance, pools),
    )  # fmt: skip
    shared = grants.filter(pl.col("pool").is_null())
    granted = shared.select("which", "granted_units").select(pl.all().gather(_found_among(asked, shared)))
    drawing = asked.hstack(granted).filter((pl.col("granted_units") > 0) & (pl.col("need") > 0))
    taken = _shared_out(drawing, book)
    included = pl.repeat(0, book.started.len(), dtype=pl.Int64, eager=True).scatter(taken["call"], taken["units"])
    return asked.select(
        "call", pl.col("allowance_id").cast(calls.schema["allowance_id"]), pool=pl.lit(None, grants.schema["pool"]),
        included_units=included.gather(asked["call"]), draws=pl.lit(None, DRAWS),
    )  # fmt: skip


def _found_among(asked: pl.DataFrame, grants: pl.DataFrame) -> pl.Series:
    """The place of each call's grant among `grants`, by account, month and allowance as one number; null: none."""
    key, known_key = (pl.repeat(0, frame.height, dtype=pl.Int64, eager=True) for frame in (asked, grants))
    size = 1
    for name in ("account_id", "usage_month", "allowance_id"):
        known = grants[name].cast(pl.Categorical)
        distinct = known.unique()
        size *= distinct.len()
        key = key * distinct.len() + places_among(asked[name], distinct)
        known_key = known_key * distinct.len() + places_among(known, distinct)
    if size <= _FEW * max(asked.height, grants.height):
        if known_key.n_unique() < grants.height:
            raise ValueError("an account has two grants of one allowance for one month; expected one")
        table = pl.repeat(None, size, dtype=pl.UInt32, eager=True)
        return table.scatter(known_key, pl.int_range(grants.height, dtype=pl.UInt32, eager=True)).gather(key)
    places = known_key.to_frame("key").with_row_index("place")
    joined = key.to_frame("key").join(places, on="key", how="left", validate="m:1", maintain_order="left")
    return joined["place"]


def _places_in_order(calls: pl.DataFrame, allowance: pl.Series, pools: Pools) -> pl.Series:
    """The place of each call's category in its allowance's order of use; null where that is as the calls come."""
    if pools.places.is_empty():
        return pl.repeat(None, calls.height, dtype=pl.Int64, eager=True)
    asked = calls.select(pl.col("category").cast(pl.Categorical), allowance.alias("allowance_id"))
    on = ["allowance_id", "category"]
    return asked.join(coded(pools.places), on=on, how="left", validate="m:1", maintain_order="left")["place"]


def _draw_severally(calls: pl.DataFrame, grants: pl.DataFrame, pools: Pools, book: _Calls) -> pl.DataFrame:
    """The same of calls that may have several allowances to draw on, or one of a group or a device."""
    asked = _asked(calls, grants, pools)
    drawn = _by_call(asked, _taken(asked, grants, book), grants)
    return calls.select("call").join(drawn, on="call", how="left", validate="1:1", maintain_order="left")


def left_over(grants: pl.DataFrame, drawn: pl.DataFrame) -> pl.DataFrame:
    """Grants less what calls took. drawn: account_id, usage_month and what `draw` adds."""
    keys = ["account_id", "usage_month", "allowance_id", "pool"]
    taken_from = pl.col("draws").struct
    once = drawn.filter(pl.col("draws").is_null(), pl.col("allowance_id").is_not_null())
    several = drawn.filter(pl.col("draws").is_not_null()).explode("draws")
    taken = pl.concat(
        [
            once.select(*keys, units="included_units"),
            several.select(
                "account_id", "usage_month", *(taken_from.field(name) for name in ("allowance_id", "pool", "units"))
            ),
        ]
    )
    sums = taken.group_by(keys).agg(pl.col("units").sum())
    return (
        grants.join(sums, on=keys, how="left", nulls_equal=True, validate="1:1")
        .with_columns(granted_units=pl.col("granted_units") - pl.col("units").fill_null(0))
        .drop("units")
    )


def _asked(usage: pl.DataFrame, grants: pl.DataFrame, pools: Pools) -> pl.DataFrame:
    """call, turn, allowance_id, which (of the grants; null where there is none), need, place in the order of use.

    A row per call and allowance that it may draw on.
    """
    calls = usage.lazy().filter(pl.col("allowance_id").is_not_null())
    lists = pools.lists.lazy()
    asked = calls.select(
        "call", "account_id", "usage_month", "category", "billing_group", listed="allowance_id", need="billable_units"
    ).join(lists, on="listed")
    listed = usage.lazy().select(listed="allowance_id").drop_nulls().unique().join(lists, on="listed").collect()
    if listed["needs_device"].any():
        about = calls.join(lists.filter("needs_device"), left_on="allowance_id", right_on="listed", how="semi")
        texts = about.with_columns(pl.col(pl.Categorical).cast(pl.String)).collect()
        devices = devices_of(texts, pools.inventory).with_columns(pl.col("device").cast(grants["pool"].dtype))
        asked = asked.join(devices.lazy(), on="call", how="left", validate="m:1")
        low_usage = pl.col("is_low_usage").fill_null(False)
        asked = asked.filter((pl.col("devices") == "all") | ((pl.col("devices") == "low_usage") == low_usage))
    frames = []
    for shared_by in listed["shared_by"].unique().sort():
        # A pool of the whole account has no name of its own; one of a group or device is found by that name as well.
        own = [] if shared_by == "account" else [shared_by]
        keys = ["account_id", "usage_month", "allowance_id"]
        held = grants.lazy().filter(pl.col("pool").is_null()) if not own else grants.lazy()
        frames.append(
            asked.filter(pl.col("shared_by") == shared_by).join(
                held.select(*keys, "which", *(pl.col("pool").alias(name) for name in own)),
                on=keys + own,
                how="left",
                validate="m:1",
                nulls_equal=True,
            )
        )
    rows = pl.concat(frames) if frames else asked.with_columns(which=pl.lit(None, pl.UInt32))
    if pools.places.is_empty():
        rows = rows.with_columns(place=pl.lit(None, pl.Int64))
    else:
        rows = rows.join(pools.places.lazy(), on=["allowance_id", "category"], how="left", validate="m:1")
    return rows.select("call", "turn", "allowance_id", "which", "need", "place").collect()


def _taken(asked: pl.DataFrame, grants: pl.DataFrame, book: _Calls) -> pl.DataFrame:
    """call, turn, which, units: what each call takes from each pool, where it takes something."""
    taken: list[pl.DataFrame] = []
    granted = grants.select("which", "granted_units").filter(pl.col("granted_units") > 0)
    drawing = asked.drop("allowance_id").filter(pl.col("need") > 0).join(granted, on="which", validate="m:1")
    for turn in drawing["turn"].unique().sort():
        now = drawing.filter(pl.col("turn") == turn)
        if taken:
            # Who got all of it at an earlier turn asks no more; the others ask for what is still uncovered.
            before = pl.concat(taken).group_by("call").agg(had=pl.col("units").sum())
            now = now.join(before, on="call", how="left", validate="1:1")
            now = now.with_columns(need=pl.col("need") - pl.col("had").fill_null(0)).filter(pl.col("need") > 0)
        taken.append(_shared_out(now, book))
    return pl.concat([asked.head(0).select("call", "turn", "which", units="need"), *taken])


def _by_call(asked: pl.DataFrame, taken: pl.DataFrame, grants: pl.DataFrame) -> pl.DataFrame:
    """call, allowance_id and pool (its last), included_units, draws: a row per call that may draw on any."""
    pooled = grants.select("which", "pool", "allowance_id")
    # Most plans have one turn: then nobody could choose, and the list of draws would only say the same again.
    if asked["turn"].n_unique() <= 1:
        last = asked.join(taken.select("call", included_units="units"), on="call", how="left", validate="1:1")
        last = last.with_columns(draws=pl.lit(None, DRAWS))
    else:
        several = asked.filter(pl.len().over("call") > 1).select("call").unique()
        chosen = taken.join(several, on="call", how="semi").join(pooled, on="which").sort("call", "turn")
        draws = chosen.group_by("call", maintain_order=True).agg(
            draws=pl.struct(pl.col(name).cast(dtype) for name, dtype in DRAW.items())
        )
        sums = taken.group_by("call").agg(included_units=pl.col("units").sum())
        last = asked.sort("turn").unique("call", keep="last", maintain_order=True)
        last = last.join(sums, on="call", how="left", validate="1:1")
        last = last.join(draws, on="call", how="left", validate="1:1")
    shared = pooled.filter(pl.col("pool").is_not_null()).drop("allowance_id")
    if shared.is_empty():
        last = last.with_columns(pool=pl.lit(None, grants["pool"].dtype))
    else:
        last = last.join(shared, on="which", how="left", validate="m:1")
    return last.select("call", "allowance_id", "pool", "included_units", "draws")


def _shared_out(now: pl.DataFrame, book: _Calls) -> pl.DataFrame:
    """call, turn, which, units: all that is needed where the pool suffices, else what the calls before have left."""
    now = now.select("call", "turn", "which", "need", "granted_units", "place")
    suffices = _needed(now).gather(now["which"]) <= now["granted_units"]
    short = now.filter(~suffices)
    order = _order(short.with_columns(started_at=book.started.gather(short["call"])), book.names)
    columns = ["call", "turn", "which", "units"]
    # What calls before asked for, not what they got: once a pool is empty `left` stays at 0 either way. The sum runs
    # on from pool to pool, so it counts from where the pool began, as the largest beginning so far.
    before = pl.col("need").cum_sum() - pl.col("need")
    begins = pl.col("which").ne_missing(pl.col("which").shift(1))
    used_before = before - pl.when(begins).then(before).otherwise(0).cum_max()
    left = (pl.col("granted_units") - used_before).clip(lower_bound=0)
    short = (
        short.select(pl.col("call", "turn", "which", "need", "granted_units").gather(order))
        .with_columns(units=pl.min_horizontal("need", left))
        .filter(pl.col("units") > 0)
    )
    return pl.concat([now.filter(suffices).with_columns(units="need").select(columns), short.select(columns)])


def _needed(now: pl.DataFrame) -> pl.Series:
    """What all calls together need of each pool, by its number."""
    sums = now.group_by("which").agg(pl.col("need").sum())
    none = pl.repeat(0, largest(sums["which"]) + 1, dtype=pl.Int64, eager=True)
    return none.scatter(sums["which"], sums["need"])


def _order(short: pl.DataFrame, names: Names) -> pl.Series:
    """The rows by pool, place and start, then usage_id. Texts are slow to sort: only calls of one instant are told
    apart so."""
    keys = _keyed(short)
    one, *others = keys.get_columns()
    order = keys.select(pl.arg_sort_by(keys.columns)).to_series() if others else one.arg_sort()
    ordered = keys.select(pl.all().gather(order))
    before = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in keys.columns)
    same = ordered.select(before).to_series() & (pl.int_range(ordered.height, eager=True) > 0)
    is_tied = same | same.shift(-1, fill_value=False)
    if not is_tied.any():
        return order
    places, rows = is_tied.arg_true(), order.filter(is_tied)
    # The groups of equals keep their places; only inside of them the order changes.
    tied = ordered.filter(is_tied).with_columns(last=names(short["call"].gather(rows)), row=rows)
    return order.scatter(places, tied.sort(*keys.columns, "last")["row"])


LARGEST_KEY = 2**63 - 1
_FEW = 4
"""Up to so many possible keys per row a table of all of them is made faster than they are looked up."""


def _keyed(short: pl.DataFrame) -> pl.DataFrame:
    """Pool, place and start as one number, which sorts in half the time; as they are where no number is so large."""
    place = pl.col("place").fill_null(-1) + 1
    since_first = (pl.col("started_at") - pl.col("started_at").min()).dt.total_microseconds()
    numbers = short.select(pl.col("which").cast(pl.Int64), place=place, instant=since_first)
    places, instants = (largest(numbers[name]) + 1 for name in ("place", "instant"))
    if (largest(numbers["which"]) + 1) * places * instants > LARGEST_KEY:
        return numbers
    return numbers.select(key=(pl.col("which") * places + pl.col("place")) * instants + pl.col("instant"))
