"""What plans and their domestic decks say of short numbers (rating/short_numbers.py)."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from rating.deck_search import Deck
from rating.ends import EXTENSION
from rating.match import PrefixTable, longest_prefix
from rating.short_numbers import LISTED, ShortNumbers
from schemas.catalog import Catalog


def short_numbers_of(catalog: Catalog, decks: Mapping[str, Deck], numbering_plan: PrefixTable) -> ShortNumbers:
    """What the plans of the catalogue say of short numbers."""
    plans = tuple(name for name, plan in catalog.plans.items() if "short_number" in plan.usage)
    rules = {name: plan.usage.get("domestic") for name, plan in catalog.plans.items() if name not in plans}
    searched = {name: rule.deck for name, rule in rules.items() if rule is not None and rule.deck}
    of_deck = {name: _listed_in(decks[name], numbering_plan) for listed in searched.values() for name in listed}
    rows = []
    for plan, listed in searched.items():
        before: set[str] = set()
        for name in listed:
            # An earlier deck of the rule goes first, with whatever its number begins with.
            own = [row for row in of_deck[name] if not any(row[0][:at] in before for at in range(1, 7))]
            rows += [(plan, *row) for row in own]
            before |= {*decks[name].rows["prefix"]}
    return ShortNumbers(plans, pl.DataFrame(rows, schema=LISTED, orient="row"))


def _listed_in(deck: Deck, numbering_plan: PrefixTable) -> list[tuple[str, date, date]]:
    """(number, first and last day) of the rows of a deck that can mean nothing but a short number.

    911 is one, unless the deck also has 91, India, or another row of it: then it is Delhi.
    """
    rows = deck.table.rows
    asked = rows.select(number="prefix", day=pl.lit(date.max))
    place = longest_prefix(numbering_plan, asked).select(lead="prefix", country="country")
    placed = pl.concat([rows, place], how="horizontal")
    alone = pl.col("country").is_not_null() & (pl.col("prefix").n_unique().over("country") == 1)
    alone &= pl.col("lead").str.len_bytes() < pl.col("prefix").str.len_bytes()
    own = placed.filter(pl.col("prefix").str.contains(EXTENSION), alone | pl.col("lead").is_null())
    return own.select("prefix", pl.col("valid_from").fill_null(date.min), pl.col("valid_to").fill_null(date.max)).rows()
