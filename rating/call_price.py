"""The price of calls whose rate is more than one price: steps, bands, minimum, grace, rounding, cap.

A call is walked from its first second on, stretch by stretch: a stretch is a step inside a band. What an
increment reaches over the end of its stretch is charged whole at its own price and is gone from the next one, be
that the next step or the next band. The loop runs over the stretches of a call, never over calls. Arithmetic is
in whole numbers: prices in units of 10^-12 (Int128), times in ticks (rating/tariffs.py, which keeps both small
enough: an amount stays below 10^24 before it is divided, and below 10^37 in units of its last digit).

Order: grace, minimum, increments; then what an allowance includes is cut off from the front; then fee and
stretches are summed, rounded if the rate says so, and capped last.
"""

from typing import Any

import polars as pl

from rating.pieces import pieces
from rating.tariffs import Tariffs
from schemas.money import EXACT, round_each

CALL: dict[str, Any] = {
    "call": pl.UInt32,
    "rate_id": pl.String,
    "answered": pl.Int64,  # ticks
    "started_at": pl.Datetime("us", "UTC"),  # read where the rate has bands, and then to the second
    "time_zone": pl.String,  # the same
}
"""A call to price; `with_rates_of` adds what its rate says."""

STRETCH: dict[str, Any] = {
    "call": pl.UInt32,
    "band": pl.Int64,
    "start": pl.Int64,  # ticks into the call
    "charged": pl.Int64,  # ticks, in whole increments
    "own": pl.Int64,  # of these, the ticks that would be charged without the minimum
    "price": EXACT,
    "per": pl.Int64,
}

PART: dict[str, Any] = {
    "component": pl.String,  # connect_fee, charged, minimum, rounding, cap
    "units": pl.Int64,
    "price": EXACT,
    "per": pl.Int64,
    "amount_num": EXACT,
    "amount_den": pl.Int64,
}
"""One summand of a call's amount, as line_usage shows it. Units are whole: of half a second only its beginning
counts, so that they add up to the call's; the amount is exact all the same."""

PARTS = pl.List(pl.Struct(PART))


def with_rates_of(calls: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """calls (call, rate_id, …) with ticks, den, minimum, grace, max_charge, digits, mode, clock."""
    return calls.join(tariffs.rates, on="rate_id", how="left", validate="m:1", maintain_order="left")


def walk(calls: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """The STRETCH rows of calls (CALL and their rates), in the order of each call.

    A call of no length, or within its grace, has none. Raises WrongUsage where no band prices a part of a call.
    """
    long_enough = calls.filter(pl.col("answered") > 0, pl.col("answered") > pl.col("grace"))
    to_price = long_enough.with_columns(total=pl.max_horizontal("answered", "minimum"))
    stretches = (
        pieces(to_price, tariffs.clocks)
        .join(tariffs.steps, on=["rate_id", "band"])
        .with_columns(start=pl.max_horizontal("piece_from", "step_from"), end=pl.min_horizontal("piece_to", "step_to"))
        .filter(pl.col("start") < pl.col("end"))
        .sort("call", "start")
        .with_columns(turn=pl.int_range(pl.len()).over("call"))
    )
    reached = to_price.select("call", reached=pl.lit(0, pl.Int64))
    done = [pl.DataFrame(schema=STRETCH)]
    # The first stretch of every call, then every second one: few turns, however many calls.
    for turn in stretches.partition_by("turn", maintain_order=True):
        taken = turn.join(reached, on="call", validate="1:1").with_columns(start=pl.max_horizontal("start", "reached"))
        taken = taken.with_columns(charged=_lots("end"), own=_lots(pl.min_horizontal("end", "answered")))
        # An increment that runs over the end of its stretch is charged whole: the next stretch begins behind it.
        reached = taken.select("call", reached=pl.col("start") + pl.col("charged"))
        done.append(taken.filter(pl.col("charged") > 0).select(pl.col(name).cast(t) for name, t in STRETCH.items()))
    return pl.concat(done).sort("call", "start")


def _lots(end: str | pl.Expr) -> pl.Expr:
    """Ticks from `start` to `end` in whole increments; none where an earlier increment has swallowed them."""
    end = pl.col(end) if isinstance(end, str) else end
    lot = pl.col("increment")
    return ((end - pl.col("start")).clip(lower_bound=0) + lot - 1) // lot * lot


def units_used(calls: pl.DataFrame, stretches: pl.DataFrame) -> pl.DataFrame:
    """call, units: how much of its allowance a call uses or, beyond it, is charged; a unit begun is a unit."""
    reached = stretches.group_by("call").agg(reached=(pl.col("start") + pl.col("charged")).max())
    return (
        calls.select("call", "ticks")
        .join(reached, on="call", how="left", validate="1:1", maintain_order="left")
        .select("call", units=_whole(pl.col("reached").fill_null(0)))
    )


def _whole(ticks: pl.Expr) -> pl.Expr:
    return (ticks + pl.col("ticks") - 1) // pl.col("ticks")


def price(calls: pl.DataFrame, stretches: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """One row per call, in order: call, amount_num, amount_den, parts (PARTS, which add up to the amount).

    calls: CALL, their rates and `included` (units, counted from the start of the call). A call that begins inside
    an allowance pays no connect fee.
    """
    metered = _metered(calls, stretches)
    fees = _fees(calls, stretches, tariffs)
    charged = pl.concat([fees, metered])
    # At one denominator per call, so that the sum is one of whole numbers.
    exact = charged.join(calls.select("call", "den"), on="call").select(
        "call", num=pl.col("amount_num").to_physical() * (pl.col("den") // pl.col("amount_den")).cast(pl.Int128)
    )
    sums = calls.select("call", "den", "digits", "mode", "max_charge").join(
        exact.group_by("call").agg(pl.col("num").sum()), on="call", how="left", validate="1:1", maintain_order="left"
    )
    rounded = round_each(sums.with_columns(num=pl.col("num").fill_null(pl.lit(0, pl.Int128))))
    cap = pl.col("max_charge").to_physical()
    over = rounded.with_columns(cap=cap, over=cap * pl.col("den").cast(pl.Int128) - pl.col("num"))
    capped = over.with_columns(is_capped=(pl.col("over") < 0).fill_null(False))
    # Rounding and cap are parts of their own, so that all parts still add up to the amount.
    corrections = [
        _correction(capped.filter(pl.col("change_num") != 0), "rounding", "change_num", "change_den"),
        _correction(capped.filter(pl.col("is_capped")), "cap", "over", "den"),
    ]
    parts = pl.concat([charged, *corrections]).group_by("call", maintain_order=True).agg(parts=pl.struct(*PART))
    return capped.select(
        "call",
        amount_num=pl.when("is_capped").then("cap").otherwise("num").reinterpret(dtype=EXACT),
        amount_den=pl.when("is_capped").then(pl.lit(1, pl.Int64)).otherwise("den"),
    ).join(parts, on="call", how="left", validate="1:1", maintain_order="left")


def _metered(calls: pl.DataFrame, stretches: pl.DataFrame) -> pl.DataFrame:
    """`charged` and `minimum` parts: each stretch behind what is included, the call's own ticks first."""
    behind = stretches.join(calls.select("call", "ticks", "included"), on="call", validate="m:1", maintain_order="left")
    behind = behind.with_columns(
        low=pl.max_horizontal("start", pl.col("included") * pl.col("ticks")),
        middle=pl.col("start") + pl.col("own"),
        high=pl.col("start") + pl.col("charged"),
    ).with_columns(pl.max_horizontal("low", "middle").alias("middle"))
    both = [
        behind.filter(pl.col(high) > pl.col(low)).select(
            "call",
            component=pl.lit(component),
            units=_whole(pl.col(high)) - _whole(pl.col(low)),
            # Per tick is no price a reader knows: so many ticks make a unit, so price and per both grow by them.
            price=(pl.col("price").to_physical() * pl.col("ticks").cast(pl.Int128)).reinterpret(dtype=EXACT),
            per="per",
            amount_num=(pl.col("price").to_physical() * (pl.col(high) - pl.col(low)).cast(pl.Int128)).reinterpret(
                dtype=EXACT
            ),
            amount_den="per",
        )
        for component, low, high in (("charged", "low", "middle"), ("minimum", "middle", "high"))
    ]
    return pl.concat(both)


def _fees(calls: pl.DataFrame, stretches: pl.DataFrame, tariffs: Tariffs) -> pl.DataFrame:
    """`connect_fee` parts: the fee of the band in which the call starts, once its first unit is charged."""
    first = stretches.unique("call", keep="first", maintain_order=True).select("call", "band")
    fees = (
        calls.filter(pl.col("included") == 0)
        .join(first, on="call", validate="1:1")
        .join(tariffs.bands, on=["rate_id", "band"], validate="m:1")
        .filter(pl.col("connect_fee") != 0)
    )
    single = pl.lit(1, pl.Int64)
    fee = pl.col("connect_fee")
    return fees.select(
        "call", component=pl.lit("connect_fee"), units=single, price=fee, per=single, amount_num=fee, amount_den=single
    )


def _correction(calls: pl.DataFrame, component: str, num: str, den: str) -> pl.DataFrame:
    """The part by which rounding or a cap changes the sum."""
    amount = pl.col(num).reinterpret(dtype=EXACT)
    return calls.select(
        "call", component=pl.lit(component), units=pl.lit(1, pl.Int64), price=amount, per=den, amount_num=amount,
        amount_den=den,
    )  # fmt: skip
