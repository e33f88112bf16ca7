"""Whether the plans of a catalogue name decks that there are, in their own currency."""

from collections.abc import Callable, Mapping

from rating.deck_search import Deck
from schemas.catalog import Catalog
from schemas.errors import WrongUsage
from schemas.plan import Plan

Where = Callable[..., str]
"""File and line of the entry of the catalogue that keys lead to."""


def decks_fit(catalog: Catalog, decks: Mapping[str, Deck], where: Where) -> None:
    """Raises WrongUsage, with file and line, for a deck that no settings declare, of another currency, or of telephone
    numbers where short ones are priced."""
    for name, plan in catalog.plans.items():
        for category, rule in plan.usage.items():
            for listed in rule.deck or ():
                place = where("plans", name, "usage", category, "deck")
                _deck_fits(f"{place}: plan {name}, {category}", plan.currency, listed, decks)
        _own_deck(name, plan, where)


def _own_deck(name: str, plan: Plan, where: Where) -> None:
    """A deck of telephone numbers says nothing of short ones: its 1 is not the beginning of 112, its 911 is Delhi."""
    short = plan.usage.get("short_number")
    others = {deck for category, rule in plan.usage.items() if category != "short_number" for deck in rule.deck or ()}
    if short is not None and (both := sorted(others & {*(short.deck or ())})):
        place = where("plans", name, "usage", "short_number", "deck")
        raise WrongUsage(
            f"{place}: plan {name}, short_number: found the deck {both[0]}, which other rules name too; expected a "
            "deck of short numbers alone, a rate or free"
        )


def _deck_fits(where: str, currency: str, listed: str, decks: Mapping[str, Deck]) -> None:
    deck = decks.get(listed)
    if deck is None:
        raise WrongUsage(f"{where}: no [decks.{listed}] in tollbook.toml")
    if deck.currency != currency:
        raise WrongUsage(
            f"{where}: the plan is in {currency}, its deck {listed} in {deck.currency}; "
            "nothing is converted, so they must be the same"
        )
