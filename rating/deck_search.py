"""Which deck row prices a call: the longest prefix, the call's own jurisdiction, the first deck that has one, and
what the account has agreed for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl

from rating.classes import NUMBERING_PLAN
from rating.codes import coded
from rating.ends import far_number
from rating.intervals import Intervals, intervals
from rating.match import Cells, Dialled, PrefixTable, compile_prefixes, cut_cells
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

PER_CALL: dict[str, Any] = {
    "max_charge": EXACT,
    "round_digits": pl.Int64,
    "round_mode": pl.String,
    "first_increment": pl.Int64,
}
"""What a deck's row says beside RATE: caps and rounds each call by itself, or counts a first increment of another
length than those that follow (90/60); null where it does not."""

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


@dataclass(frozen=True)
class RateBook:
    """Every rate row of a run, whatever it stands in, and where to look for it. A record names its row by its place.

    rows: `deck` (null: the plan's own) and RATE. own: (plan, category) -> the plans' own rows, which are the book's
    first. decks: deck -> jurisdiction (null: any) -> place of its first row. agreed: AGREED, the book's last rows.
    """

    rows: pl.DataFrame
    cells: Cells
    own: Intervals
    decks: Mapping[str, Mapping[str | None, int]]
    agreed: pl.DataFrame

    @cached_property
    def words(self) -> pl.DataFrame:
        """destination and rate_id of every row, as categories."""
        return coded(self.rows.select("destination", "rate_id"))

    @property
    def agreed_from(self) -> int:
        """Place of the first agreed row."""
        return self.rows.height - self.agreed.height


def rate_book(own: pl.DataFrame, decks: Mapping[str, Deck], agreed: pl.DataFrame, plan: PrefixTable) -> RateBook:
    """own: plan, category, from_at, to_at (Date, half-open), RATE. plan: the numbering plan, searched too."""
    by_plan = intervals(own, "plan", "category")
    frames = [by_plan.rows.select(pl.lit(None, pl.String).alias("deck"), *RATE)]
    tables, height = {NUMBERING_PLAN: plan}, by_plan.rows.height
    places: dict[str, dict[str | None, int]] = {}
    for name, deck in decks.items():
        places[name] = {}
        for jurisdiction, table in ((None, deck.table), *deck.by_jurisdiction.items()):
            tables[_table_name(name, jurisdiction)] = table
            places[name][jurisdiction] = height
            height += table.rows.height
            frames.append(table.rows.select(pl.lit(name).alias("deck"), *RATE))
    # Last, so that the place of an agreed row is `agreed_from` plus its number among them.
    frames.append(agreed.select("deck", *RATE))
    return RateBook(pl.concat(frames), cut_cells(tables), by_plan, places, agreed)


def _table_name(deck: str, jurisdiction: str | None) -> str:
    return deck if jurisdiction is None else f"{deck}{NEXT}{jurisdiction}"


@dataclass(frozen=True)
class Asked:
    """Far numbers to be priced: their cells, the days (Date) and the calls' jurisdictions."""

    dialled: Dialled
    cells: pl.Series
    days: pl.Series
    jurisdictions: pl.Series

    def where(self, mask: pl.Series) -> "Asked":
        """Those for which `mask` is true."""
        if mask.all():
            return self
        keys, numbers = self.dialled.keys.filter(mask), self.dialled.numbers.filter(mask)
        cells, days, jurisdictions = (column.filter(mask) for column in (self.cells, self.days, self.jurisdictions))
        return Asked(Dialled(keys, numbers), cells, days, jurisdictions)


def search(asked: Asked, book: RateBook, deck: str) -> pl.Series:
    """The place in the book of the deck's row for each number; null where it has none.

    The longest prefix wins; of two rows of one prefix the one of the call's own jurisdiction.
    """
    row = _search(asked, book, deck, None)
    places = book.decks[deck]
    if list(places) == [None]:
        return row + places[None]
    length, row = _lengths(row, book, deck, None), row + places[None]
    for jurisdiction in places:
        if jurisdiction is not None:
            own_row = _search(asked, book, deck, jurisdiction)
            own_length, own_row = _lengths(own_row, book, deck, jurisdiction), own_row + places[jurisdiction]
            # Of two prefixes of one length that of the call's own jurisdiction wins, so it need not be longer.
            is_better = (asked.jurisdictions == jurisdiction) & (own_length >= length).fill_null(length.is_null())
            row, length = (
                own.zip_with(is_better.fill_null(False), any_call)
                for own, any_call in ((own_row, row), (own_length, length))
            )
    return row


def _search(asked: Asked, book: RateBook, deck: str, jurisdiction: str | None) -> pl.Series:
    return book.cells.row_of(_table_name(deck, jurisdiction), asked.cells, asked.dialled, asked.days)


def _lengths(rows: pl.Series, book: RateBook, deck: str, jurisdiction: str | None) -> pl.Series:
    return book.cells.tables[_table_name(deck, jurisdiction)].lengths.gather(rows)


def first_found(asked: Asked, book: RateBook, listed: str) -> pl.Series:
    """`search` through the decks that `listed` names, joined by NEXT: of each number the first row found."""
    first, *others = listed.split(NEXT)
    row = search(asked, book, first)
    for deck in others:
        missing = row.is_null()
        if not missing.any():
            break
        row = row.scatter(missing.arg_true(), search(asked.where(missing), book, deck))
    return row


def deck_rows(calls: pl.DataFrame, deck: Deck) -> pl.DataFrame:
    """The deck's row (RATE) for each call, in order; nulls where it has none.

    calls: direction, from_number, to_number, local_date, jurisdiction.
    """
    none = pl.DataFrame(schema={"plan": pl.String, "category": pl.String, "from_at": pl.Date, "to_at": pl.Date, **RATE})
    plan = pl.DataFrame(schema=dict.fromkeys(("prefix", "country", "region", "number_class"), pl.String))
    book = rate_book(none, {deck.name: deck}, pl.DataFrame(schema=AGREED), compile_prefixes(plan))
    dialled = Dialled.of(calls.select(far_number())["far_number"])
    asked = Asked(dialled, book.cells.located(dialled), calls["local_date"], calls["jurisdiction"])
    return book.rows.select(*RATE).select(pl.all().gather(search(asked, book, deck.name)))


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
    # A price agreed for 3361 may stand in for the deck's rows 3361, 336, 33 and 3: a copy for each of them.
    leads = ordered.with_columns(
        prefix=pl.concat_list(pl.col("agreed_prefix").str.head(length) for length in range(1, 16)).list.unique()
    ).explode("prefix")
    frames = [pl.DataFrame(schema=AGREED)]
    for name, deck in decks.items():
        for_deck = leads.filter(pl.col("deck").fill_null(name) == name, pl.col("currency") == deck.currency)
        if not for_deck.is_empty():
            frames.append(_standing_in(for_deck.with_columns(deck=pl.lit(name)), deck))
    return pl.concat(frames)


def _standing_in(leads: pl.DataFrame, deck: Deck) -> pl.DataFrame:
    rows = deck.rows.drop("valid_from", "valid_to")
    # A rate_id of its own tells on every record that its price was agreed: with whom, for which prefix, since when.
    identity = pl.format("{}~{}:{}@{}", "rate_id", "account_id", "agreed_prefix", "agreed_from")
    return (
        leads.join(rows, on="prefix")
        .with_columns(base="rate_id", rate_id=identity, price=pl.col("unit_price").cast(EXACT))
        .select(*AGREED)
    )


def with_agreed(rows: pl.Series, asked: Asked, accounts: pl.Series, book: RateBook) -> pl.Series:
    """`rows` (their places in the book) with those replaced for which the account has agreed a price.

    A price for the deck by name beats one for every deck only by its longer prefix; of two for one prefix the later
    agreed counts.
    """
    if book.agreed.is_empty():
        return rows
    concerned = rows.is_not_null() & accounts.is_in(book.agreed["account_id"].unique().implode())
    if not concerned.any():
        return rows
    at, places = concerned.arg_true(), rows.filter(concerned)
    records = book.rows.select("deck", base="rate_id").select(pl.all().gather(places)).with_columns(
        at=at, account_id=accounts.filter(concerned), day=asked.days.filter(concerned),
        digits=asked.dialled.numbers.filter(concerned).str.strip_prefix("+"),
    )  # fmt: skip
    hits = (
        records.join(book.agreed.with_row_index("agreed"), on=["account_id", "deck", "base"])
        .filter(
            pl.col("digits").str.starts_with(pl.col("agreed_prefix")),
            pl.col("agreed_from") <= pl.col("day"),
            pl.col("day") < pl.col("agreed_to"),
        )
        # The last one is kept: the longest agreed prefix, and of equals the one agreed later.
        .sort("at", pl.col("agreed_prefix").str.len_bytes(), "agreed_from", "rate_id")
        .unique("at", keep="last", maintain_order=True)
    )
    return rows.scatter(hits["at"], hits["agreed"] + book.agreed_from)
