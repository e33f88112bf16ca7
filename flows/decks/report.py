"""What a deck says before it goes live: its gaps, and how a new deck differs from the one in force."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from flows.decks.deck_file import DeckFile
from schemas.money import rounded

KEY = ["prefix", "jurisdiction"]
KINDS = ("increase", "decrease", "new", "closed", "terms", "unchanged")
"""terms: the price is the same, but not what else a row says (increment, minimum, fee, rounding, class)."""

_TERMS = [
    "increment",
    "minimum",
    "connect_fee",
    "max_charge",
    "round_digits",
    "round_mode",
    "first_increment",
    "rate_class",
]


@dataclass(frozen=True)
class Gap:
    """Days without a row between two rows of a prefix: its calls fall to a shorter prefix, or to none."""

    prefix: str
    jurisdiction: str | None
    first_day: date
    last_day: date
    line_before: int
    line_after: int

    def __str__(self) -> str:
        days = f"{self.first_day}" if self.first_day == self.last_day else f"{self.first_day} to {self.last_day}"
        return f"prefix {self.prefix}: no row for {days}, between line {self.line_before} and line {self.line_after}"


def gaps(deck: DeckFile) -> list[Gap]:
    """Spans without a row between two rows of one prefix."""
    ordered = deck.table.sort(*KEY, pl.col("valid_from").fill_null(date.min), nulls_last=False)
    following = ordered.with_columns(
        next_from=pl.col("valid_from").shift(-1).over(KEY), line_after=pl.col("line").shift(-1).over(KEY)
    ).filter(pl.col("valid_to").dt.offset_by("1d") < pl.col("next_from"))
    return [
        Gap(prefix, jurisdiction, end + timedelta(days=1), start - timedelta(days=1), before, after)
        for prefix, jurisdiction, end, start, before, after in following.select(
            *KEY, "valid_to", "next_from", "line", "line_after"
        ).iter_rows()
    ]


def facts(deck: DeckFile, day: date) -> dict[str, Any]:
    """What `deck check` says of a deck that can be used."""
    table = deck.table
    return {
        "deck": deck.name,
        "currency": deck.currency,
        "rows": table.height,
        "prefixes": table["prefix"].n_unique(),
        "in_force": in_force(table, day).height,
        "first_day": table["valid_from"].min(),
        "last_change": table["valid_from"].max(),
        "skipped": [str(fault) for fault in deck.skipped],
        "gaps": [str(gap) for gap in gaps(deck)],
    }


def in_force(table: pl.DataFrame, day: date) -> pl.DataFrame:
    """The rows in force on a day; at most one per KEY."""
    return table.filter(pl.col("valid_from").fill_null(date.min) <= day, pl.col("valid_to").fill_null(date.max) >= day)


def settled_on(deck: DeckFile, today: date) -> date:
    """The first day, from today on, on which every change that the deck announces is in force."""
    last = deck.table["valid_from"].max()
    return max(today, last) if isinstance(last, date) else today


@dataclass(frozen=True)
class Change:
    """One prefix whose price or terms differ; prices per `per` seconds, percent to two decimals, null from zero."""

    kind: str
    prefix: str
    jurisdiction: str | None
    destination: str | None
    old_price: Decimal | None
    old_per: int | None
    new_price: Decimal | None
    new_per: int | None
    percent: Decimal | None
    effective: date | None

    @property
    def key(self) -> tuple[str, str | None]:
        return self.prefix, self.jurisdiction


def diff(old: DeckFile, new: DeckFile, today: date) -> tuple[dict[str, int], list[Change]]:
    """How many prefixes changed which way, and the changes by prefix.

    Compared are the old deck as it stands today (or on its first day, if that is to come) and the new one with all
    that it announces in force.
    """
    first = old.table["valid_from"].fill_null(date.min).min()
    before = in_force(old.table, max(today, first) if isinstance(first, date) else today)
    after = in_force(new.table, settled_on(new, today))
    columns = ["destination", "price", "per", "valid_from", *_TERMS]
    both = before.select(*KEY, *columns, is_old=True).join(
        after.select(*KEY, *columns, is_new=True), on=KEY, how="full", nulls_equal=True, coalesce=True, suffix="_new"
    )
    same_terms = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_new")) for name in _TERMS)
    price, price_new = pl.col("price") * pl.col("per_new"), pl.col("price_new") * pl.col("per")
    kind = (
        pl.when(pl.col("is_old").is_null()).then(pl.lit("new"))
        .when(pl.col("is_new").is_null()).then(pl.lit("closed"))
        .when(price_new > price).then(pl.lit("increase"))
        .when(price_new < price).then(pl.lit("decrease"))
        .when(~same_terms).then(pl.lit("terms"))
        .otherwise(pl.lit("unchanged"))
    )  # fmt: skip
    told = both.with_columns(kind=kind, destination=pl.coalesce("destination_new", "destination"))
    counts = Counter(told["kind"].to_list())
    ends = _ends(new.table)
    changed = told.filter(pl.col("kind") != "unchanged").sort("prefix", "jurisdiction", nulls_last=False)
    return {kind: counts[kind] for kind in KINDS}, [_change(row, ends) for row in changed.iter_rows(named=True)]


def _ends(table: pl.DataFrame) -> dict[tuple[str, str | None], date | None]:
    """KEY -> the last day of its last row, of the rows that end."""
    last = table.filter(pl.col("valid_to").is_not_null()).group_by(KEY).agg(pl.col("valid_to").max())
    return {(prefix, jurisdiction): day for prefix, jurisdiction, day in last.iter_rows()}


def _change(row: dict[str, Any], ends: dict[tuple[str, str | None], date | None]) -> Change:
    old, new = row["price"], row["price_new"]
    percent = None
    if old and new is not None:
        share = Fraction(new) * row["per"] / (Fraction(old) * row["per_new"])
        percent = rounded((share - 1) * 100, 2)
    effective = row["valid_from_new"]
    if row["kind"] == "closed" and (end := ends.get((row["prefix"], row["jurisdiction"]))):
        effective = end + timedelta(days=1)
    return Change(
        row["kind"], row["prefix"], row["jurisdiction"], row["destination"] or None, old, row["per"], new,
        row["per_new"], percent, effective,
    )  # fmt: skip
