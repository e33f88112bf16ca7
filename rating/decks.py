"""Rate decks and a plan's own rates: from the category of a record to the rate row that prices it (RULES 9)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from rating.match import PrefixTable, longest_prefix
from rating.outcomes import settle
from schemas.catalog import Catalog, Rate
from schemas.money import EXACT

RATE: dict[str, Any] = {
    "rate_id": pl.String,
    "destination": pl.String,
    "price": EXACT,
    "per": pl.Int64,
    "increment": pl.Int64,
    "minimum": pl.Int64,
    "connect_fee": EXACT,
    "rate_class": pl.String,
}
"""A rate row: `price` for `per` units, in whole `increment`s, at least `minimum` units."""


@dataclass(frozen=True)
class Deck:
    """A rate deck ready to be searched; table.rows has prefix, valid_from, valid_to and the columns of RATE."""

    name: str
    currency: str
    table: PrefixTable


def rules(catalog: Catalog) -> pl.DataFrame:
    """One row per plan and category: how it is priced and which products print it."""
    return pl.DataFrame(
        [
            (
                name,
                category,
                rule.deck,
                rule.free,
                f"{name}:{rule.allowance}" if rule.allowance else None,
                rule.included,
                rule.charged,
            )
            for name, plan in catalog.plans.items()
            for category, rule in plan.usage.items()
        ],
        schema={
            "plan": pl.String,
            "category": pl.String,
            "deck": pl.String,
            "is_free": pl.Boolean,
            "allowance_id": pl.String,
            "included_product": pl.String,
            "charged_product": pl.String,
        },
        orient="row",
    )


def plan_rates(catalog: Catalog) -> pl.DataFrame:
    """Rates that stand in a plan itself, a row per validity: plan, category, valid_from, valid_to (half-open), RATE."""
    rows = []
    for name, plan in catalog.plans.items():
        for category, rule in plan.usage.items():
            if rule.rate is not None:
                rows += [(name, category, *row) for row in _dated(name, category, rule.rate)]
            elif rule.free:
                zero = (f"{name}:{category}:free", None, Decimal(0), 1, 1, 0, Decimal(0), None)
                rows.append((name, category, date.min, date.max, *zero))
    schema = {"plan": pl.String, "category": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **RATE}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _dated(plan: str, category: str, rate: Rate) -> list[tuple[object, ...]]:
    starts = sorted({*rate.price, *rate.connect_fee})
    rows: list[tuple[object, ...]] = []
    for start, end in zip(starts, [*starts[1:], date.max], strict=True):
        price = [rate.price[d] for d in sorted(rate.price) if d <= start]
        fee = [rate.connect_fee[d] for d in sorted(rate.connect_fee) if d <= start]
        if price:
            suffix = "" if start == date.min else f"@{start}"
            identity = (f"{plan}:{category}{suffix}", None)
            rows.append(
                (
                    start,
                    end,
                    *identity,
                    price[-1],
                    rate.per,
                    rate.increment,
                    rate.minimum,
                    fee[-1] if fee else Decimal(0),
                    None,
                )
            )
    return rows


def with_rates(
    usage: pl.DataFrame, rules: pl.DataFrame, plan_rates: pl.DataFrame, decks: dict[str, Deck]
) -> pl.DataFrame:
    """Adds the rule's and the rate's columns; settles records without a rule or a rate.

    A domestic number is premium when its row in the plan's premium deck says so: it then follows the
    premium rule instead.
    """
    usage = _premium(usage, rules, decks)
    usage = usage.join(rules, on=["plan", "category"], how="left", validate="m:1", maintain_order="left")
    usage = settle(usage, "suspended", "no_rule", pl.col("is_free").is_null(), pl.col("category"))
    own = (
        usage.with_row_index("_row")
        .select("_row", "plan", "category", "local_date")
        .join(plan_rates, on=["plan", "category"])
        .filter(pl.col("valid_from") <= pl.col("local_date"), pl.col("local_date") < pl.col("valid_to"))
        .select("_row", *RATE)
    )
    found = [own]
    numbered = usage.with_row_index("_row").filter(pl.col("outcome").is_null(), pl.col("deck").is_not_null())
    for (deck,), part in numbered.group_by("deck", maintain_order=True):
        found.append(_searched(part, decks[str(deck)]))
    rated = usage.with_row_index("_row").join(
        pl.concat(found), on="_row", how="left", validate="1:1", maintain_order="left"
    )
    return settle(rated.drop("_row"), "suspended", "no_rate", pl.col("rate_id").is_null(), pl.col("deck"))


def _searched(part: pl.DataFrame, deck: Deck) -> pl.DataFrame:
    """The deck's row for each record's far end."""
    far = pl.when(pl.col("direction") == "inbound").then("from_number").otherwise("to_number")
    hits = longest_prefix(deck.table, part.select(number=far, day=pl.col("local_date")))
    return pl.concat([part.select("_row"), hits.select(*RATE)], how="horizontal").filter(
        pl.col("rate_id").is_not_null()
    )


def _premium(usage: pl.DataFrame, rules: pl.DataFrame, decks: dict[str, Deck]) -> pl.DataFrame:
    premium = rules.filter(pl.col("category") == "premium", pl.col("deck").is_not_null()).select(
        "plan", premium_deck="deck"
    )
    usage = usage.with_row_index("_row").join(premium, on="plan", how="left", validate="m:1", maintain_order="left")
    candidates = usage.filter(
        pl.col("outcome").is_null(), pl.col("category") == "domestic", pl.col("premium_deck").is_not_null()
    )
    hits = [
        _searched(part, decks[str(name)]).filter(pl.col("rate_class") == "premium").select("_row")
        for (name,), part in candidates.group_by("premium_deck", maintain_order=True)
    ]
    rows = pl.concat([*hits, usage.head(0).select("_row")])["_row"]
    named = (pl.col("category") == "domestic") & (pl.col("number_class") == "premium")
    return usage.with_columns(
        category=pl.when(pl.col("_row").is_in(rows.implode()) | named.fill_null(False))
        .then(pl.lit("premium"))
        .otherwise("category")
    ).drop("_row", "premium_deck")
