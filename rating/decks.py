"""Rate decks and a plan's own rates: from the category of a record to the rate row that prices it (RULES 9)."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import polars as pl

from rating.deck_search import NEXT, PER_CALL, RATE, Deck, first_found, with_agreed
from rating.draws import NEXT as ALSO
from rating.number_classes import by_class
from rating.outcomes import settle
from rating.tariffs import RateOn, Tariffs, change_dates, compiled, is_plain, is_priced, of_deck, together
from schemas.catalog import Catalog
from schemas.dated import in_force

__all__ = ["PER_CALL", "RATE", "Deck", "plan_rates", "rules", "tariffs", "with_rates"]


def rules(catalog: Catalog) -> pl.DataFrame:
    """One row per plan and category: how it is priced and which products print it."""
    return pl.DataFrame(
        [
            (
                name,
                category,
                NEXT.join(rule.deck) if rule.deck else None,
                rule.free,
                ALSO.join(f"{name}:{code}" for code in rule.allowance) if rule.allowance else None,
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
    """Rates that stand in a plan itself, a row per validity: plan, category, valid_from, valid_to (half-open), RATE."""
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
    schema = {"plan": pl.String, "category": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **RATE}
    return pl.DataFrame(rows, schema=schema, orient="row")


def tariffs(catalog: Catalog, decks: Mapping[str, Deck], agreed: pl.DataFrame | None = None) -> Tariffs:
    """What the rate rows that are not plain cost. Raises WrongUsage for one whose amounts would not fit."""
    own = compiled(version.on for version in _versions(catalog) if not is_plain(version.on.rate))
    rows = [deck.rows for deck in decks.values()] + ([] if agreed is None else [agreed])
    return together(own, [of_deck(part.filter(~pl.col("is_plain"))) for part in rows])


def with_rates(
    usage: pl.DataFrame,
    rules: pl.DataFrame,
    plan_rates: pl.DataFrame,
    decks: Mapping[str, Deck],
    agreed: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Adds the rule's and the rate's columns, and `deck`, the one that priced; settles records without rule or rate.

    A domestic number is premium when its row in the plan's premium deck says so: it then follows the
    premium rule instead. agreed: rating.deck_search.AGREED.
    """
    usage = by_class(_premium(usage, rules, decks), rules)
    usage = usage.join(rules, on=["plan", "category"], how="left", validate="m:1", maintain_order="left")
    usage = settle(usage, "suspended", "no_rule", pl.col("is_free").is_null(), pl.col("category"))
    numbered = usage.with_row_index("_row")
    own = (
        numbered.select("_row", "plan", "category", "local_date")
        .join(plan_rates, on=["plan", "category"])
        .filter(pl.col("valid_from") <= pl.col("local_date"), pl.col("local_date") < pl.col("valid_to"))
        .select("_row", pl.lit(None, pl.String).alias("deck"), *RATE)
    )
    asked = numbered.filter(pl.col("outcome").is_null(), pl.col("decks").is_not_null())
    found = first_found(asked, decks, "decks")
    if agreed is not None:
        found = with_agreed(found, asked, agreed)
    rated = numbered.join(pl.concat([own, found]), on="_row", how="left", validate="1:1", maintain_order="left")
    searched = pl.col("decks").str.replace_all(NEXT, ", ", literal=True)
    rated = settle(rated.drop("_row"), "suspended", "no_rate", pl.col("rate_id").is_null(), searched)
    return rated.drop("decks")


def _premium(usage: pl.DataFrame, rules: pl.DataFrame, decks: Mapping[str, Deck]) -> pl.DataFrame:
    premium = rules.filter(pl.col("category") == "premium", pl.col("decks").is_not_null()).select(
        "plan", premium_decks="decks"
    )
    usage = usage.with_row_index("_row").join(premium, on="plan", how="left", validate="m:1", maintain_order="left")
    candidates = usage.filter(
        pl.col("outcome").is_null(), pl.col("category") == "domestic", pl.col("premium_decks").is_not_null()
    )
    rows = first_found(candidates, decks, "premium_decks").filter(pl.col("rate_class") == "premium")["_row"]
    named = (pl.col("category") == "domestic") & (pl.col("number_class") == "premium")
    return usage.with_columns(
        category=pl.when(pl.col("_row").is_in(rows.implode()) | named.fill_null(False))
        .then(pl.lit("premium"))
        .otherwise("category")
    ).drop("_row", "premium_decks")
