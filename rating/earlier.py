"""What an earlier system billed, as parts to hold against what is owed (RULES 7, feed `billed_until`).

That system says up to which day it billed a resource and, where it can, what that came to. From the amount the parts
are told: so many units from the first day on, as it billed in advance; else what is owed is less by the amount.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rating.cycles import cycle_containing
from rating.owed import KEY, STATE
from schemas.money import rounded
from schemas.product import Product

PART = [*KEY, *STATE, "price_model", "part_start", "part_end", "quantity"]
"""Columns of a part that was billed."""

Row = dict[str, Any]
Cycle = tuple[date, date]


def earlier_parts(
    stated: pl.DataFrame, owed: pl.DataFrame, spans: pl.DataFrame, products: dict[str, Product], cutover: date
) -> pl.DataFrame:
    """The parts (PART) that an earlier system billed of the resources that it states.

    stated: account_id, feed, resource_id, until (first day that it did not bill), amount (null: not stated), digits of
    the currency. owed: priced parts, at least to `until`, with `percents`, the discounts that reach each. spans:
    rating.spans, of the accounts that are billed. cutover: first day of the first month that is ours.
    Without an amount everything owed up to `until` counts as billed; with one, what makes up the amount.
    """
    resource = ["account_id", "feed", "resource_id"]
    own = owed.join(stated, on=resource, validate="m:1").filter(pl.col("part_start") < pl.col("until"))
    own = own.with_columns(part_end=pl.min_horizontal("part_end", "until"))
    silent = own.filter(pl.col("amount").is_null()).select(PART)
    parts: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in own.filter(pl.col("amount").is_not_null()).sort(*KEY, "part_start").iter_rows(named=True):
        parts[tuple(row[name] for name in resource)].append(row)
    named = spans.join(stated.filter(pl.col("amount").is_not_null()), on=resource, how="semi")
    states = {tuple(row[name] for name in resource): row for row in named.sort("start").iter_rows(named=True)}
    billed: list[Row] = []
    for row in stated.filter(pl.col("amount").is_not_null()).iter_rows(named=True):
        key = tuple(row[name] for name in resource)
        if key in states:
            billed += _billed(row, parts[key], states[key], products, cutover)
    told = pl.DataFrame(billed, schema={name: owed.schema[name] for name in PART}, orient="row")
    return pl.concat([silent, told])


def _billed(stated: Row, parts: list[Row], state: Row, products: dict[str, Product], cutover: date) -> list[Row]:
    """What makes up the stated amount: parts of the cycle that holds the last day billed, or of several up to it."""
    until, amount, digits = stated["until"], stated["amount"], stated["digits"]
    cycles = _cycles(parts, state, until, cutover)
    times = [cycles[first:] for first in reversed(range(len(cycles)))]
    for time, guess in _guesses(times, parts, amount, until):
        if amount in _amounts(guess, digits):
            # Cycles before those that the amount is for were billed as they were owed.
            return guess + [part for part in parts if part["cycle_start"] < time[0][0]]
    time = min(times, key=lambda time: abs(_amounts(_in_advance(time, parts, until), digits)[0] - amount))
    owed = [part for part in parts if part["cycle_start"] >= time[0][0]]
    # It stands in the first month that is ours, or in the last one before.
    place = max((cycle for cycle in cycles if cycle[0] <= cutover), default=cycles[0])
    model = _model(place, parts) or _blank(state, products)
    return [*parts, _rest(model, place[0], amount - _amounts(owed, digits)[0], until)]


def _cycles(parts: list[Row], state: Row, until: date, cutover: date) -> list[Cycle]:
    """The cycles up to `until`, of the window that a run looks at: those of the parts, and those after them of which
    nothing is owed, because the resource went before."""
    cycles = sorted({(part["cycle_start"], part["cycle_end"]) for part in parts})
    grid = state["anchor"], state["interval"]
    if not cycles:
        cycles = [cycle_containing(min(until, cutover) - timedelta(days=1), *grid)]
    while cycles[-1][1] < until:
        cycles.append(cycle_containing(cycles[-1][1], *grid))
    return cycles


def _guesses(
    times: list[list[Cycle]], parts: list[Row], amount: Decimal, until: date
) -> Iterator[tuple[list[Cycle], list[Row]]]:
    """What may have been billed, and for which cycles, likeliest first."""
    for time in times:
        yield time, _in_advance(time, parts, until)
        yield time, [part for part in parts if part["cycle_start"] >= time[0][0]]
    for time in times:
        yield from ((time, guess) for guess in _whole_units(_in_advance(time, parts, until), amount))


def _in_advance(time: list[Cycle], parts: list[Row], until: date) -> list[Row]:
    """As a system bills that knows of no change yet: the first state of the time goes on to its end."""
    first = _model(time[0], parts)
    if first is None:
        return []
    billed = []
    for start, end in time:
        if end <= first["part_start"]:
            continue
        own = min((p for p in parts if p["cycle_start"] == start), key=lambda part: part["part_start"], default=first)
        if any(own[name] != first[name] for name in ("product_code", "priced_units")):
            own = first
        billed.append(own | {
            "cycle_start": start, "cycle_end": end, "quantity": first["quantity"],
            "part_start": max(start, first["part_start"]), "part_end": min(end, until),
        })  # fmt: skip
    return billed


def _model(cycle: Cycle, parts: list[Row]) -> Row | None:
    """The first state in a cycle; where none is left, the last one before it, else the first one after it."""
    inside = [part for part in parts if part["cycle_start"] == cycle[0]]
    before = [part for part in parts if part["cycle_start"] < cycle[0]]
    if inside or not before:
        return min(inside or parts, key=lambda part: part["part_start"], default=None)
    return max(before, key=lambda part: part["part_start"])


def _whole_units(billed: list[Row], amount: Decimal) -> Iterator[list[Row]]:
    """So many whole units at the price of the first state, from its first day or over all of its cycle."""
    if amount == 0:
        yield []
    if not billed or billed[0]["priced_units"] is not None:
        return
    for start in (billed[0]["part_start"], billed[0]["cycle_start"]):
        unit = [part | {"quantity": Decimal(1)} for part in [billed[0] | {"part_start": start}, *billed[1:]]]
        worth = sum((_exact(part) * _kept(part) for part in unit), Fraction(0))
        if worth > 0 and (units := round(Fraction(amount) / worth)) > 0:
            yield [part | {"quantity": Decimal(units)} for part in unit]


def _exact(part: Row) -> Fraction:
    days: int = (part["part_end"] - part["part_start"]).days
    of: int = (part["cycle_end"] - part["cycle_start"]).days
    return Fraction(part["quantity"]) * Fraction(part["unit_price"]) * days / of


def _amounts(parts: list[Row], digits: int) -> tuple[Decimal, ...]:
    """What the parts come to after their discounts: rounded once, part by part, or before the discount as well."""
    exact = [_exact(part) for part in parts]
    kept = [_kept(part) for part in parts]
    net = [amount * share for amount, share in zip(exact, kept, strict=True)]
    each = [rounded(amount, digits) for amount in net]
    twice = [
        rounded(Fraction(rounded(amount, digits)) * share, digits) for amount, share in zip(exact, kept, strict=True)
    ]
    return rounded(sum(net, Fraction(0)), digits), sum(each, Decimal(0)), sum(twice, Decimal(0))


def _kept(part: Row) -> Fraction:
    """The share of the list price that percent discounts leave."""
    share = Fraction(1)
    for percent in part.get("percents") or []:
        share *= 1 - Fraction(percent) / 100
    return share


def _rest(model: Row, start: date, amount: Decimal, until: date) -> Row:
    """What was billed beyond (below zero: short of) what is owed: one unit, over the time that was billed. It stands at
    list price, as every charge does, so that its discount brings it to the amount."""
    listed = Fraction(abs(amount)) / (_kept(model) or 1)
    start = min(start, until)
    return model | {
        "cycle_start": start, "cycle_end": until, "part_start": start, "part_end": until,
        "priced_units": None, "price_model": None, "unit_price": rounded(listed, 12),
        "quantity": Decimal(1 if amount > 0 else -1),
    }  # fmt: skip


def _blank(state: Row, products: dict[str, Product]) -> Row:
    """A resource of which nothing is owed any more: gone before the time that a run looks at."""
    by_location = products[state["product_code"]].by_location
    location = {"location_id": state["location_id"] if by_location else None}
    return {name: state.get(name) for name in PART} | location
