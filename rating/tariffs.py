"""Rates that are more than one price: steps, time bands, rounding, caps, as the frames that rating/call_price.py joins.

Times inside are ticks: the smallest part of a unit in which a rate's steps, increments and `per` are whole
(a second has one tick, unless something is 0.5 s long).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import polars as pl

from rating.clocks import Clock
from schemas.call_rate import Rate, Step
from schemas.dated import in_force
from schemas.errors import WrongUsage
from schemas.limits import UNITS_LIMIT
from schemas.money import EXACT

_END = 2**62
"""Later than any tick of a call: UNITS_LIMIT seconds of a million ticks are 10^15."""

RATES: dict[str, Any] = {
    "rate_id": pl.String,
    "ticks": pl.Int64,  # per unit
    "den": pl.Int64,  # common multiple of every step's per
    "minimum": pl.Int64,  # ticks
    "grace": pl.Int64,  # ticks
    "max_charge": EXACT,  # null: none
    "digits": pl.Int64,  # null: a call is not rounded by itself
    "mode": pl.String,
    "clock": pl.Int64,  # place in Tariffs.clocks; null: no bands
}
BANDS: dict[str, Any] = {"rate_id": pl.String, "band": pl.Int64, "connect_fee": EXACT}
STEPS: dict[str, Any] = {
    "rate_id": pl.String,
    "band": pl.Int64,
    "step_from": pl.Int64,  # ticks
    "step_to": pl.Int64,
    "price": EXACT,
    "per": pl.Int64,  # ticks
    "increment": pl.Int64,  # ticks
}


@dataclass(frozen=True)
class Tariffs:
    """Frames RATES, BANDS (a rate without bands has band 0) and STEPS, and the clocks that RATES name."""

    rates: pl.DataFrame
    bands: pl.DataFrame
    steps: pl.DataFrame
    clocks: tuple[Clock, ...] = ()


@dataclass(frozen=True)
class RateOn:
    """A rate as it stands from `day` on, under the name by which its usage is found."""

    rate_id: str
    rate: Rate
    day: date
    holidays: tuple[date, ...] = ()


def change_dates(rate: Rate) -> list[date]:
    """The days on which something in a rate changes."""
    steps = [*rate.own_steps(), *(step for band in rate.bands for step in band.steps)]
    dated = [rate.connect_fee, *(step.price for step in steps)]
    dated += [band.connect_fee for band in rate.bands if band.connect_fee] + ([rate.max_charge or {}])
    return sorted({day for values in dated for day in values})


def is_priced(rate: Rate, day: date) -> bool:
    """Whether every step has a price on that day."""
    steps = [*rate.own_steps(), *(step for band in rate.bands for step in band.steps)]
    return all(in_force(step.price, day) is not None for step in steps)


def is_plain(rate: Rate) -> bool:
    """Whether price x units / per, from the first second on, is all there is to it."""
    whole = all(size % 1 == 0 for size in (rate.per, rate.increment, rate.minimum))
    more = rate.grace > 0 or rate.rounding is not None or rate.max_charge is not None
    return rate.price is not None and whole and not more


def compile_rates(entries: Iterable[RateOn]) -> Tariffs:
    """The frames of these rates.

    Raises WrongUsage when a rate's numbers are so far apart that its amounts would not fit.
    """
    rates: list[tuple[Any, ...]] = []
    bands: list[tuple[Any, ...]] = []
    steps: list[tuple[Any, ...]] = []
    clocks: dict[Clock, int] = {}
    for entry in entries:
        rate, day = entry.rate, entry.day
        groups = [(band.connect_fee, band.steps) for band in rate.bands] or [(None, rate.own_steps())]
        ticks = _ticks(rate, [step for _, group in groups for step in group])
        rows = [
            (entry.rate_id, number, *row)
            for number, (_, group) in enumerate(groups)
            for row in _rows(group, day, ticks)
        ]
        fees = [(entry.rate_id, number, _fee(rate, fee, day)) for number, (fee, _) in enumerate(groups)]
        den = lcm(*(per for *_, per, _ in rows))
        clock = None
        if rate.bands:
            clock = clocks.setdefault(Clock.of(rate.bands, entry.holidays), len(clocks))
        _fits(entry, rows, max(fee for *_, fee in fees), den, ticks)
        cap = in_force(rate.max_charge, day) if rate.max_charge else None
        rounding = (rate.rounding.digits, rate.rounding.mode) if rate.rounding else (None, None)
        minimum, grace = int(rate.minimum * ticks), int(rate.grace * ticks)
        rates.append((entry.rate_id, ticks, den, minimum, grace, cap, *rounding, clock))
        bands += fees
        steps += rows
    return Tariffs(
        pl.DataFrame(rates, schema=RATES, orient="row"),
        pl.DataFrame(bands, schema=BANDS, orient="row"),
        pl.DataFrame(steps, schema=STEPS, orient="row"),
        tuple(clocks),
    )


def of_deck(rows: pl.DataFrame) -> Tariffs:
    """The frames of deck rows that round or cap a call, or whose first increment is of a length of its own: one step in
    whole seconds, or two, of which the first is that increment.

    rows: rate_id, price, per, increment, minimum, connect_fee, max_charge, round_digits, round_mode, first_increment.
    """
    zero = pl.lit(0, pl.Int64)
    band = zero.alias("band")
    first, end = pl.col("first_increment"), pl.lit(_END, pl.Int64)
    own = rows.filter(first.is_not_null())
    steps = [
        own.select("rate_id", band, "price", "per", step_from=zero, step_to=first, increment=first),
        rows.select("rate_id", band, "price", "per", "increment", step_from=first.fill_null(0), step_to=end),
    ]
    return Tariffs(
        rows.select(
            "rate_id", "minimum", "max_charge", ticks=pl.lit(1, pl.Int64), den="per", grace=zero,
            digits="round_digits", mode="round_mode", clock=pl.lit(None, pl.Int64),
        ).select(pl.col(name).cast(dtype) for name, dtype in RATES.items()),
        rows.select("rate_id", band, pl.col("connect_fee").cast(EXACT)),
        pl.concat(step.select(pl.col(name).cast(dtype) for name, dtype in STEPS.items()) for step in steps),
    )  # fmt: skip


def join_tariffs(own: Tariffs, decks: Iterable[Tariffs]) -> Tariffs:
    """One set of frames; decks have no clocks."""
    all_ = [own, *decks]
    return Tariffs(
        pl.concat([tariffs.rates for tariffs in all_]),
        pl.concat([tariffs.bands for tariffs in all_]),
        pl.concat([tariffs.steps for tariffs in all_]),
        own.clocks,
    )


def can_round(price: Fraction, fee: Decimal, digits: int) -> bool:
    """Whether the longest call at `price` a unit, rounded to `digits`, still fits the 38 digits of an amount."""
    largest = abs(price) * 2 * UNITS_LIMIT + abs(Fraction(fee))
    return largest < Fraction(10) ** (37 - digits)


def _ticks(rate: Rate, steps: list[Step]) -> int:
    sizes = [rate.minimum, rate.grace, *(size for step in steps for size in (step.from_, step.per, step.increment))]
    return lcm(*(Fraction(size).denominator for size in sizes))


def _rows(steps: list[Step], day: date, ticks: int) -> list[tuple[int, int, Decimal | None, int, int]]:
    starts = [int(step.from_ * ticks) for step in steps]
    return [
        (start, end, in_force(step.price, day), int(step.per * ticks), int(step.increment * ticks))
        for step, start, end in zip(steps, starts, [*starts[1:], _END], strict=True)
    ]


def _fee(rate: Rate, of_band: dict[date, Decimal] | None, day: date) -> Decimal:
    dated = rate.connect_fee if of_band is None else of_band
    return in_force(dated, day) or Decimal(0)


def _fits(entry: RateOn, rows: list[tuple[Any, ...]], fee: Decimal, den: int, ticks: int) -> None:
    """Amounts are Decimal(38, 12), 26 digits before the point: the dearest call stays a hundredfold below."""
    dearest = max(abs(Fraction(price)) * ticks / per for *_, price, per, _ in rows)
    if den > UNITS_LIMIT or (dearest * 2 * UNITS_LIMIT + abs(Fraction(fee))) * den >= 10**24:
        raise WrongUsage(f"rate {entry.rate_id}: its prices and sizes are too far apart to be added exactly")
    digits = entry.rate.rounding.digits if entry.rate.rounding else 0
    if not can_round(dearest, fee, digits):
        raise WrongUsage(f"rate {entry.rate_id}: amounts of this size cannot be rounded to {digits} digits")
