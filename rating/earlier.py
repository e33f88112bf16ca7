"""What an earlier system billed, as parts to hold against what is owed (RULES 7, feed `billed_until`).

That system says up to which day it billed a resource and, where it can, what that came to. From the amount the parts
are told: so many units from the first day on, as it billed in advance; else what is owed is less by the amount.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from rating.cycles import cycle_containing
from rating.owed import KEY, STATE
from schemas.catalog import Product
from schemas.money import rounded

PART = [*KEY, *STATE, "price_model", "part_start", "part_end", "quantity"]
"""Columns of a part that was billed."""

Row = dict[str, Any]


def earlier_parts(
    stated: pl.DataFrame, owed: pl.DataFrame, spans: pl.DataFrame, products: dict[str, Product]
) -> pl.DataFrame:
    """The parts (PART) that an earlier system billed of the resources that it states.

    stated: account_id, feed, resource_id, until (first day that it did not bill), amount (null: not stated), digits of
    the currency. owed: priced parts, at least to `until`, with `percents`, the discounts that reach each. spans:
    rating.spans, of the accounts that are billed.
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
            billed += _billed(row, parts[key], states[key], products)
    told = pl.DataFrame(billed, schema={name: owed.schema[name] for name in PART}, orient="row")
    return pl.concat([silent, told])


def _billed(stated: Row, parts: list[Row], state: Row, products: dict[str, Product]) -> list[Row]:
    """What makes up the stated amount: parts of the cycle that holds the last day billed, or of several up to it."""
    until, amount, digits = stated["until"], stated["amount"], stated["digits"]
    last = [part for part in parts if part["cycle_end"] >= until]
    before = [part for part in parts if part["cycle_end"] < until]
    for guess in _guesses(last, before, amount):
        if amount in _amounts(guess, digits):
            covered = {part["cycle_start"] for part in guess}
            # Cycles before those that the amount is for were billed as they were owed.
            return guess + [part for part in before if part["cycle_start"] not in covered]
    model = max(last or [_blank(stated, state, products)], key=lambda part: part["part_start"])
    return [*parts, _rest(model, amount - _amounts(last, digits)[0], until)]


def _guesses(last: list[Row], before: list[Row], amount: Decimal) -> Iterator[list[Row]]:
    """What may have been billed, likeliest first."""
    yield _in_advance(last)
    yield last
    wider = list(last)
    for start in sorted({part["cycle_start"] for part in before}, reverse=True):
        wider = [part for part in before if part["cycle_start"] == start] + wider
        yield _in_advance(wider)
        yield wider
    yield from _whole_units(last, amount)


def _in_advance(parts: list[Row]) -> list[Row]:
    """As a system bills that knows of no change yet: the first state of the time goes on to its end."""
    if not parts:
        return []
    first = min(parts, key=lambda part: part["part_start"])
    billed = []
    for cycle in sorted({part["cycle_start"] for part in parts}):
        own = min((p for p in parts if p["cycle_start"] == cycle), key=lambda part: part["part_start"])
        end = min(own["cycle_end"], own["until"])
        if own is first:
            billed.append(own | {"part_end": end})
        elif all(own[name] == first[name] for name in ("product_code", "priced_units")):
            billed.append(own | {"quantity": first["quantity"], "part_start": cycle, "part_end": end})
    return billed


def _whole_units(last: list[Row], amount: Decimal) -> Iterator[list[Row]]:
    """So many whole units at the price of the first state, from its first day or over the whole cycle."""
    if amount == 0:
        yield []
    for part in _in_advance(last)[:1]:
        for start in (part["part_start"], part["cycle_start"]):
            days = (part["part_end"] - start).days
            worth = _kept(part) * Fraction(part["unit_price"]) * days / (part["cycle_end"] - part["cycle_start"]).days
            if part["priced_units"] is None and worth > 0 and (units := round(Fraction(amount) / worth)) > 0:
                yield [part | {"part_start": start, "quantity": Decimal(units)}]


def _amounts(parts: list[Row], digits: int) -> tuple[Decimal, ...]:
    """What the parts come to after their discounts: rounded once, part by part, or before the discount as well."""
    exact = [
        Fraction(part["quantity"]) * Fraction(part["unit_price"]) * (part["part_end"] - part["part_start"]).days
        / (part["cycle_end"] - part["cycle_start"]).days
        for part in parts
    ]  # fmt: skip
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


def _rest(model: Row, amount: Decimal, until: date) -> Row:
    """What was billed beyond (below zero: short of) what is owed: one unit, over the time that was billed. It stands at
    list price, as every charge does, so that its discount brings it to the amount."""
    listed = Fraction(abs(amount)) / (_kept(model) or 1)
    return model | {
        "cycle_end": until, "part_start": min(model["cycle_start"], until), "part_end": until,
        "priced_units": None, "price_model": None, "unit_price": rounded(listed, 12),
        "quantity": Decimal(1 if amount > 0 else -1),
    }  # fmt: skip


def _blank(stated: Row, state: Row, products: dict[str, Product]) -> Row:
    """A resource of which nothing is owed in the cycle of the last day billed: gone before, or not yet there."""
    last_day = date.fromordinal(stated["until"].toordinal() - 1)
    start, end = cycle_containing(last_day, state["anchor"], state["interval"])
    by_location = products[state["product_code"]].by_location
    return {name: state.get(name) for name in PART} | {
        "cycle_start": start, "cycle_end": end, "part_start": start, "part_end": end,
        "location_id": state["location_id"] if by_location else None,
    }  # fmt: skip
