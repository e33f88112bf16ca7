"""Rate decks and a plan's own rates: from the category of a record to the rate row that prices it (RULES 9)."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from rating.codes import pairs
from rating.deck_search import NEXT, PER_CALL, RATE, Asked, Deck, RateBook, first_found, with_agreed
from rating.draws import NEXT as ALSO
from rating.number_classes import by_class
from rating.outcomes import settle
from rating.tariffs import RateOn, Tariffs, change_dates, compile_rates, is_plain, is_priced, join_tariffs, of_deck
from schemas.allowance import allowance_id
from schemas.catalog import Catalog
from schemas.dated import in_force

__all__ = ["PER_CALL", "RATE", "Deck", "plan_rates", "rules", "tariffs", "with_rates"]


def rules(catalog: Catalog) -> pl.DataFrame:
    """One row per plan and category: how it is priced, which products print it; `searched`: its decks, for a reader."""
    rows = pl.DataFrame(
        [
            (
                name,
                category,
                NEXT.join(rule.deck) if rule.deck else None,
                rule.free,
                ALSO.join(allowance_id(name, code) for code in rule.allowance) if rule.allowance else None,
                rule.included,
                rule.charged,
            )
            for name, plan in catalog.plans.items()
            for category, rule in plan.usage.items()
        ],
        schema={
            "plan": pl.String,
            "category": pl.String,
            "decks": pl.String,
            "is_free": pl.Boolean,
            "allowance_id": pl.String,
            "included_product": pl.String,
            "charged_product": pl.String,
        },
        orient="row",
    )
    return rows.with_columns(searched=pl.col("decks").str.replace_all(NEXT, ", ", literal=True))


class _PlanRate(NamedTuple):
    plan: str
    category: str
    valid_from: date
    valid_to: date
    on: RateOn


def _versions(catalog: Catalog) -> Iterator[_PlanRate]:
    """Every rate that stands in a plan itself, once per span of days in which nothing in it changes."""
    for name, plan in catalog.plans.items():
        for category, rule in plan.usage.items():
            if rule.rate is None:
                continue
            starts = [day for day in change_dates(rule.rate) if is_priced(rule.rate, day)]
            holidays = tuple(plan.holidays if rule.rate.holidays is None else rule.rate.holidays)
            for start, end in pairwise([*starts, date.max]):
                rate_id = f"{name}:{category}" + ("" if start == date.min else f"@{start}")
                yield _PlanRate(name, category, start, end, RateOn(rate_id, rule.rate, start, holidays))


def plan_rates(catalog: Catalog) -> pl.DataFrame:
    """Rates that stand in a plan itself, a row per validity: plan, category, from_at, to_at (half-open), RATE."""
    rows: list[tuple[object, ...]] = []
    for name, category, start, end, on in _versions(catalog):
        rate_id, rate, day = on.rate_id, on.rate, on.day
        if is_plain(rate) and rate.price is not None:
            sizes = (int(rate.per), int(rate.increment), int(rate.minimum))
            numbers = (in_force(rate.price, day), *sizes, in_force(rate.connect_fee, day) or Decimal(0))
            rows.append((name, category, start, end, rate_id, None, *numbers, None, True))
        else:
            rows.append((name, category, start, end, rate_id, None, *[None] * 5, None, False))
    for name, plan in catalog.plans.items():
        for category, rule in plan.usage.items():
            if rule.free:
                zero = (f"{name}:{category}:free", None, Decimal(0), 1, 1, 0, Decimal(0), None, True)
                rows.append((name, category, date.min, date.max, *zero))
    schema = {"plan": pl.String, "category": pl.String, "from_at": pl.Date, "to_at": pl.Date, **RATE}
    return pl.DataFrame(rows, schema=schema, orient="row")


def tariffs(catalog: Catalog, decks: Mapping[str, Deck], agreed: pl.DataFrame | None = None) -> Tariffs:
    """What the rate rows that are not plain cost. Raises WrongUsage for one whose amounts would not fit."""
    own = compile_rates(version.on for version in _versions(catalog) if not is_plain(version.on.rate))
    rows = [deck.rows for deck in decks.values()] + ([] if agreed is None else [agreed])
    return join_tariffs(own, [of_deck(part.filter(~pl.col("is_plain"))) for part in rows])


def with_rates(usage: pl.DataFrame, asked: Asked, rules: pl.DataFrame, book: RateBook) -> pl.DataFrame:
    """Adds rule (its place among `rules`) and rate (its place in the book); settles records that have none.

    usage: plan, category, number_class, account_id (categories), local_date. A domestic number is premium when its row
    in the plan's premium deck says so: it then follows the premium rule instead.
    """
    usage = by_class(_premium(usage, asked, rules, book), rules)
    numbered = rules.select("plan", "category", rule=pl.int_range(pl.len(), dtype=pl.UInt32))
    rule = pairs(numbered).of(usage["plan"], usage["category"]).alias("rule")
    usage = settle(usage.with_columns(rule), "no_rule", pl.col("rule").is_null(), pl.col("category"))
    rate = _own_rates(rule, usage["local_date"], rules, book)
    on_its_way = usage["reason"].is_null()
    for listed in rules["decks"].drop_nulls().unique(maintain_order=True):
        wanted = (rules["decks"] == listed).gather(rule).fill_null(value=False) & on_its_way
        if wanted.any():
            rate = _deck_rates(rate, wanted, asked, usage["account_id"], book, listed)
    usage = usage.with_columns(rate.alias("rate"))
    return settle(usage, "no_rate", pl.col("rate").is_null(), pl.lit(rules["searched"]).gather(pl.col("rule")))


def _own_rates(rule: pl.Series, days: pl.Series, rules: pl.DataFrame, book: RateBook) -> pl.Series:
    """The plan's own rate row that each record's rule has on its day; null where it has none."""
    if book.own.index.is_empty():
        return pl.repeat(None, rule.len(), dtype=pl.UInt32, eager=True)
    rates = book.own.index.select("plan", "category", place=pl.int_range(pl.len(), dtype=pl.UInt32))
    place = rules.join(rates, on=["plan", "category"], how="left", validate="1:1", maintain_order="left")["place"]
    return book.own.at_places(place.gather(rule), days)


def _deck_rates(
    rate: pl.Series, wanted: pl.Series, asked: Asked, accounts: pl.Series, book: RateBook, listed: str
) -> pl.Series:
    """`rate` with the rows of the decks that `listed` names where they are wanted."""
    if wanted.sum() * 2 > wanted.len() and book.agreed.is_empty():
        # To search for some in vain is cheaper than to put the others apart.
        return first_found(asked, book, listed).zip_with(wanted, rate)
    asked_of_decks = asked.where(wanted)
    rows = first_found(asked_of_decks, book, listed)
    if not book.agreed.is_empty():
        rows = with_agreed(rows, asked_of_decks, accounts.filter(wanted).cast(pl.String), book)
    return rows if wanted.all() else rate.clone().scatter(wanted.arg_true(), rows)


def _premium(usage: pl.DataFrame, asked: Asked, rules: pl.DataFrame, book: RateBook) -> pl.DataFrame:
    premium = pl.col("number_class") == "premium"
    is_premium = usage.select(named=((pl.col("category") == "domestic") & premium).fill_null(False))["named"]
    decks = rules.filter(pl.col("category") == "premium", pl.col("decks").is_not_null()).select("plan", "decks")
    domestic = (usage["category"] == "domestic") & usage["reason"].is_null()
    for (listed,), plans in decks.group_by("decks", maintain_order=True):
        candidates = domestic & usage["plan"].is_in(plans["plan"].implode()).fill_null(False)
        if candidates.any():
            rows = first_found(asked.where(candidates), book, str(listed))
            named = (book.rows["rate_class"].gather(rows) == "premium").fill_null(False)
            is_premium = is_premium | is_premium.clone().scatter(candidates.arg_true(), named)
    if not is_premium.any():
        return usage
    return usage.with_columns(
        category=pl.when(is_premium).then(pl.lit("premium", pl.Categorical)).otherwise("category")
    )
