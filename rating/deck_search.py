"""Which deck row prices a call: the longest prefix, the call's own jurisdiction, the first deck that has one, and
what the account has agreed for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl

from rating.match import PrefixTable, compile_prefixes, longest_prefix
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
    "is_plain": pl.Boolean,
}
"""A rate row: `price` for `per` units, in whole `increment`s, at least `minimum` units. Where it is not plain, the
rest of it stands in `tariffs` under its rate_id."""

PER_CALL: dict[str, Any] = {"max_charge": EXACT, "round_digits": pl.Int64, "round_mode": pl.String}
"""What a deck's row says beside RATE: caps and rounds each call by itself; null where it does not."""

JURISDICTIONS = ("interstate", "intrastate")

NEXT = "\x1f"
"""Between the names of decks that are searched one after the other; in no name."""

AGREED: dict[str, Any] = {
    "account_id": pl.String,
    "deck": pl.String,
    "base": pl.String,  # rate_id of the deck's row whose price is replaced
    "agreed_prefix": pl.String,
    "agreed_from": pl.Date,
    "agreed_to": pl.Date,  # half-open
    **RATE,
    **PER_CALL,
}
"""An account's price for a prefix, once per deck row that it may stand in for."""


@dataclass(frozen=True)
class Deck:
    """A rate deck ready to be searched. Rows have prefix, valid_from, valid_to, RATE and PER_CALL.

    `table`: the rows for any call; `by_jurisdiction`: those for interstate or for intrastate calls only.
    """

    name: str
    currency: str
    table: PrefixTable
    by_jurisdiction: Mapping[str, PrefixTable] = field(default_factory=dict)

    @property
    def rows(self) -> pl.DataFrame:
        """Every row, whichever calls it is for."""
        return pl.concat([self.table.rows, *(table.rows for table in self.by_jurisdiction.values())])


def deck_of(name: str, currency: str, rows: pl.DataFrame) -> Deck:
    """A deck of rows that say in `jurisdiction` (interstate, intrastate, or null for any) which calls they are for."""
    tables = {
        jurisdiction: compile_prefixes(part.drop("jurisdiction"))
        for (jurisdiction,), part in rows.group_by("jurisdiction", maintain_order=True)
    }
    plain = tables.pop(None, None) or compile_prefixes(rows.drop("jurisdiction").head(0))
    return Deck(name, currency, plain, {str(name): table for name, table in tables.items()})


def search(part: pl.DataFrame, deck: Deck) -> pl.DataFrame:
    """The deck's row for each record's far end: `_row` and RATE, of the records that have one.

    part: _row, direction, from_number, to_number, local_date, jurisdiction. The longest prefix wins; of two rows of
    one prefix the one of the call's own jurisdiction.
    """
    far = pl.when(pl.col("direction") == "inbound").then("from_number").otherwise("to_number")
    asked = part.select("_row", "jurisdiction", number=far, day=pl.col("local_date"))
    hits = [_hits(asked, deck.table, is_own=False)]
    for jurisdiction, table in deck.by_jurisdiction.items():
        hits.append(_hits(asked.filter(pl.col("jurisdiction") == jurisdiction), table, is_own=True))
    found = hits[0] if len(hits) == 1 else _best(pl.concat(hits))
    return found.select("_row", *RATE)


def _hits(asked: pl.DataFrame, table: PrefixTable, *, is_own: bool) -> pl.DataFrame:
    rows = longest_prefix(table, asked.select("number", "day")).select("prefix", *RATE)
    hits = pl.concat([asked.select("_row"), rows], how="horizontal").filter(pl.col("rate_id").is_not_null())
    return hits.with_columns(is_own=pl.lit(is_own))


def _best(hits: pl.DataFrame) -> pl.DataFrame:
    by_length = hits.sort("_row", pl.col("prefix").str.len_bytes(), "is_own", descending=[False, True, True])
    return by_length.unique("_row", keep="first", maintain_order=True)


def first_found(part: pl.DataFrame, decks: Mapping[str, Deck], listed: str) -> pl.DataFrame:
    """`search` through the decks that column `listed` names, in order, joined by NEXT: `_row`, deck and RATE."""
    found = [part.head(0).select("_row", deck=pl.lit(None, pl.String), **_nulls())]
    for (names,), group in part.group_by(listed, maintain_order=True):
        waiting, listed_decks = group, str(names).split(NEXT)
        for place, name in enumerate(listed_decks, 1):
            hits = search(waiting, decks[name])
            found.append(hits.select("_row", pl.lit(name).alias("deck"), *RATE))
            if place < len(listed_decks):
                waiting = waiting.join(hits.select("_row"), on="_row", how="anti", maintain_order="left")
    return pl.concat(found)


def _nulls() -> dict[str, pl.Expr]:
    return {name: pl.lit(None, dtype) for name, dtype in RATE.items()}


def agreed_rates(prices: pl.DataFrame, decks: Mapping[str, Deck]) -> pl.DataFrame:
    """Feed `prices` with a prefix to AGREED: the account's price in place of a deck row's, all else as in the row.

    An agreed prefix stands in for the deck's row of the same or a shorter prefix, so that the longest still wins.
    Without `deck` it holds in every deck; a deck in another currency is left alone. A later row of the same
    account, prefix, deck and currency ends the earlier one.
    """
    keys = ["account_id", "prefix", "deck", "currency"]
    ordered = prices.filter(pl.col("prefix").is_not_null()).sort(*keys, "valid_from").select(
        *keys, "unit_price",
        agreed_from="valid_from",
        agreed_to=pl.min_horizontal(
            pl.col("valid_to").dt.offset_by("1d"), pl.col("valid_from").shift(-1).over(keys)
        ).fill_null(date.max),
        agreed_prefix="prefix",
    )  # fmt: skip
    leads = ordered.with_columns(
        prefix=pl.concat_list(pl.col("agreed_prefix").str.head(length) for length in range(1, 16)).list.unique()
    ).explode("prefix")
    frames = [pl.DataFrame(schema=AGREED)]
    for name, deck in decks.items():
        mine = leads.filter(pl.col("deck").fill_null(name) == name, pl.col("currency") == deck.currency)
        if not mine.is_empty():
            frames.append(_standing_in(mine.with_columns(deck=pl.lit(name)), deck))
    return pl.concat(frames)


def _standing_in(leads: pl.DataFrame, deck: Deck) -> pl.DataFrame:
    rows = deck.rows.drop("valid_from", "valid_to")
    identity = pl.format("{}~{}:{}@{}", "rate_id", "account_id", "agreed_prefix", "agreed_from")
    return (
        leads.join(rows, on="prefix")
        .with_columns(base="rate_id", rate_id=identity, price=pl.col("unit_price").cast(EXACT))
        .select(*AGREED)
    )


def with_agreed(found: pl.DataFrame, usage: pl.DataFrame, agreed: pl.DataFrame) -> pl.DataFrame:
    """`found` (as of `first_found`) with the rows replaced for which the account has agreed a price.

    usage: _row, account_id, direction, from_number, to_number, local_date. A price for the deck by name beats one
    for every deck only by its longer prefix; of two for one prefix the later agreed counts.
    """
    if agreed.is_empty() or found.is_empty():
        return found
    far = pl.when(pl.col("direction") == "inbound").then("from_number").otherwise("to_number")
    asked = usage.select("_row", "account_id", "local_date", digits=far.str.strip_prefix("+"))
    hits = (
        found.select("_row", "deck", base="rate_id")
        .join(asked, on="_row")
        .join(agreed, on=["account_id", "deck", "base"])
        .filter(
            pl.col("digits").str.starts_with(pl.col("agreed_prefix")),
            pl.col("agreed_from") <= pl.col("local_date"),
            pl.col("local_date") < pl.col("agreed_to"),
        )
        .sort("_row", pl.col("agreed_prefix").str.len_bytes(), "agreed_from", "rate_id")
        .unique("_row", keep="last", maintain_order=True)
        .select(found.columns)
    )
    return pl.concat([found.join(hits, on="_row", how="anti"), hits])
