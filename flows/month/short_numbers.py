"""What plans and their domestic decks say of short numbers (rating/short_numbers.py)."""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import polars as pl

from rating.deck_search import Deck
from rating.ends import EXTENSION
from rating.match import PrefixTable, longest_prefix
from rating.short_numbers import LISTED, ShortNumbers, is_known_short_number
from schemas.catalog import Catalog
from schemas.plan import Plan


def short_numbers_of(catalog: Catalog, decks: Mapping[str, Deck], numbering_plan: PrefixTable) -> ShortNumbers:
    """What the plans of the catalogue say of short numbers."""
    ruled = {name: plan.usage["short_number"] for name, plan in catalog.plans.items() if "short_number" in plan.usage}
    flat = tuple(name for name, rule in ruled.items() if rule.rate is not None)
    of_deck: dict[str, list[_Listed]] = {}
    rows = []
    for name, plan in catalog.plans.items():
        rule = plan.usage.get("domestic")
        before: set[str] = set()
        for deck in (rule.deck or ()) if rule is not None and (name not in ruled or name in flat) else ():
            listed = of_deck.setdefault(deck, _listed_in(decks[deck], numbering_plan))
            # An earlier deck of the rule goes first, with whatever its number begins with.
            own = [row for row in listed if not any(row.number[:at] in before for at in range(1, 7))]
            rows += [(name, row.number, row.start, row.end) for row in own if row.is_alone or _is_known(row, plan)]
            before |= {*decks[deck].rows["prefix"]}
    return ShortNumbers(tuple(ruled), flat, pl.DataFrame(rows, schema=LISTED, orient="row"))


class _Listed(NamedTuple):
    """A row of a deck that may mean a short number, with its first and last day."""

    number: str
    start: date
    end: date
    is_alone: bool
    """Whether it would be the deck's one row of a country, and but a part of that."""


def _listed_in(deck: Deck, numbering_plan: PrefixTable) -> list[_Listed]:
    """The rows of a deck that are nobody's telephone numbers: of no country, or alone in theirs.

    911 is one, unless the deck also has 91, India, or another row of it: then it is Delhi.
    """
    rows = deck.table.rows
    asked = rows.select(number="prefix", day=pl.lit(date.max))
    place = longest_prefix(numbering_plan, asked).select(lead="prefix", country="country")
    placed = pl.concat([rows, place], how="horizontal")
    alone = pl.col("country").is_not_null() & (pl.col("prefix").n_unique().over("country") == 1)
    alone &= pl.col("lead").str.len_bytes() < pl.col("prefix").str.len_bytes()
    own = placed.with_columns(alone=alone).filter(
        pl.col("prefix").str.contains(EXTENSION), pl.col("alone") | pl.col("lead").is_null()
    )
    return [
        _Listed(number, start or date.min, end or date.max, is_alone)
        for number, start, end, is_alone in own.select("prefix", "valid_from", "valid_to", "alone").iter_rows()
    ]


def _is_known(row: _Listed, plan: Plan) -> bool:
    """Whether it is a short number of a country where the plan is at home: a deck may hold codes that nobody has."""
    return any(is_known_short_number(row.number, country) for country in plan.domestic)
