"""What a new deck would have moved: last month's rated usage of a deck, matched again with the old and the new one."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl

from flows.decks.deck_file import DeckFile, own_rates
from flows.decks.report import KEY, in_force, settled_on
from flows.home.store import Store
from rating.deck_search import Deck, deck_of, deck_rows
from rating.tariffs import of_deck
from rating.usage import repriced
from schemas.money import minor_digits, rounded

Key = tuple[str, str | None]

_RATED = """
with standing as (
    select run_id, run_seq from run_states
    where state in ('drafted', 'approved') or run_id in (select run_id from issued_documents))
select u.usage_id, u.kind, u.direction, u.from_number, u.to_number, u.local_date, u.jurisdiction, u.started_at,
    u.duration_s as units, u.included_units
from rated_usage as u join standing as s using (run_id)
where u.usage_month = $month and u.kind = 'voice' and regexp_matches(u.rate_id, $rate) and u.rate_id not like '%~%'
qualify row_number() over (partition by u.usage_id order by s.run_seq desc) = 1
order by u.usage_id
"""


@dataclass
class Moved:
    """Exact sums of one prefix: calls, and their amounts at the old and at the new rates."""

    calls: int = 0
    old: Fraction = Fraction(0)
    new: Fraction = Fraction(0)

    def add(self, calls: int, old: Fraction, new: Fraction) -> None:
        self.calls += calls
        self.old += old
        self.new += new


@dataclass
class Money:
    """A month's rated usage of a deck at both. `unrated`: calls for which the new deck has no row; in no total."""

    month: str
    currency: str
    by_key: dict[Key, Moved] = field(default_factory=lambda: defaultdict(Moved))
    total: Moved = field(default_factory=Moved)
    unrated: Moved = field(default_factory=Moved)

    def shown(self, amount: Fraction) -> Decimal:
        return rounded(amount, minor_digits(self.currency))


def rated_with(store: Store, deck: str, month: str) -> pl.DataFrame:
    """The calls of a usage month that a deck's own rows priced, in the rating in force; agreed prices stay agreed."""
    return store.sql(_RATED, {"month": month, "rate": own_rates(deck)})


def moved(usage: pl.DataFrame, old: DeckFile, new: DeckFile, month: str, today: date) -> Money:
    """Every call at the old deck on its day, and at the new one with all that it announces in force.

    What an allowance covered stays covered. A call belongs to the longer of the two prefixes that priced it.
    """
    money = Money(month, old.currency)
    numbered = usage.with_row_index("_row").with_columns(time_zone=pl.lit("UTC"))
    before = _priced(numbered, old.deck(), old, "old")
    settled = in_force(new.table, settled_on(new, today)).with_columns(
        valid_from=pl.lit(None, pl.Date), valid_to=pl.lit(None, pl.Date)
    )
    after = _priced(numbered, deck_of(new.name, new.currency, settled.drop("line")), new, "new")
    both = before.join(after, on="_row", how="left")
    sums = both.group_by(
        "old_prefix", "old_jurisdiction", "new_prefix", "new_jurisdiction", "old_den", "new_den", maintain_order=True
    ).agg(pl.len().alias("calls"), pl.col("old_num").sum(), pl.col("new_num").sum())
    for row in sums.iter_rows(named=True):
        old_amount = Fraction(row["old_num"]) / row["old_den"]
        if row["new_den"] is None:
            money.unrated.add(row["calls"], old_amount, Fraction(0))
            continue
        new_amount = Fraction(row["new_num"]) / row["new_den"]
        longer = "old" if len(row["old_prefix"]) > len(row["new_prefix"]) else "new"
        key = (row[f"{longer}_prefix"], row[f"{longer}_jurisdiction"])
        money.by_key[key].add(row["calls"], old_amount, new_amount)
        money.total.add(row["calls"], old_amount, new_amount)
    return money


def _priced(usage: pl.DataFrame, deck: Deck, file: DeckFile, side: str) -> pl.DataFrame:
    """_row and, with `side` in front, prefix, jurisdiction, num and den of the calls for which the deck has a row."""
    found = pl.concat([usage.drop("jurisdiction"), deck_rows(usage, deck)], how="horizontal")
    records = found.filter(pl.col("rate_id").is_not_null())
    tariffs = of_deck(deck.rows.filter(~pl.col("is_plain")))
    amounts = repriced(records, tariffs).join(file.table.select("rate_id", *KEY), on="rate_id", how="left")
    return amounts.select(
        "_row",
        pl.col("prefix").alias(f"{side}_prefix"),
        pl.col("jurisdiction").alias(f"{side}_jurisdiction"),
        pl.col("amount_num").alias(f"{side}_num"),
        pl.col("amount_den").alias(f"{side}_den"),
    )
