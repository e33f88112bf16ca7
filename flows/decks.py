"""Rate decks from catalog/rates/: read as text, checked line by line, compiled for the search."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from flows.settings import DeckSettings, Home
from rating.decks import RATE, Deck
from rating.match import compile_prefixes
from schemas.catalog import DECK_COLUMNS
from schemas.errors import Fault, WrongUsage
from schemas.money import PRICE_LIMIT

_PRICE = "a number of at most 12 decimals, not negative"


def load_deck(home: Home, name: str, settings: DeckSettings) -> Deck:
    """A deck's CSV. Raises WrongUsage naming the bad lines (the first twenty) or both lines of an overlap."""
    path = home.rates / settings.file
    file = home.relative(path)
    raw = pl.read_csv(path, infer_schema=False).fill_null("")
    raw = raw.rename({theirs: ours for ours, theirs in settings.columns.items() if theirs in raw.columns})
    missing = [c for c, default in DECK_COLUMNS.items() if default is None and c not in raw.columns]
    if missing:
        raise WrongUsage(f"{file}, line 1: found columns {', '.join(raw.columns)}; expected also {', '.join(missing)}")
    rows = raw.select(
        (pl.col(c).str.strip_chars() if c in raw.columns else pl.lit("")).alias(c) for c in DECK_COLUMNS
    ).with_row_index("line", offset=2)
    faults: list[Fault] = []
    parsed = [_DeckLine(file, row, faults).rate(name, settings) for row in rows.iter_rows(named=True)]
    if faults:
        shown = "\n".join(str(fault) for fault in faults[:20])
        raise WrongUsage(f"{shown}\n{len(faults)} faults in deck {name}; nothing of it is used")
    schema = {"line": pl.Int64, "prefix": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **RATE}
    table = pl.DataFrame(parsed, schema=schema, orient="row")
    _no_overlap(table, file)
    return Deck(name, settings.currency, compile_prefixes(table.drop("line")))


@dataclass(frozen=True)
class _DeckLine:
    """One line of a deck; what is wrong with it is added to `faults`."""

    file: str
    cells: dict[str, Any]
    faults: list[Fault] = field(default_factory=list)

    def _fault(self, column: str, found: str, expected: str, remedy: str = "") -> None:
        self.faults.append(Fault(self.file, self.cells["line"], column, found, expected, remedy))

    def _value(self, column: str, parse: Any, expected: str) -> Any:
        text = self.cells[column] or DECK_COLUMNS[column] or ""
        if text == "":
            return None
        try:
            return parse(text)
        except (ValueError, InvalidOperation):
            self._fault(column, repr(text), expected)
            return None

    def _whole(self, column: str, least: int) -> int:
        value = self._value(column, _whole, "whole seconds")
        if value is not None and value < least:
            self._fault(column, str(value), f"at least {least}")
        return int(value or 0)

    def _validity(self, settings: DeckSettings) -> tuple[date | None, date | None]:
        start = self._value("valid_from", date.fromisoformat, "a date YYYY-MM-DD") or settings.valid_from
        end = self._value("valid_to", date.fromisoformat, "a date YYYY-MM-DD")
        if start and end and end < start:
            self._fault("valid_to", str(end), f"a day not before valid_from {start}")
        return start, end

    def rate(self, deck: str, settings: DeckSettings) -> tuple[Any, ...]:
        """line, prefix, valid_from, valid_to and the columns of RATE."""
        for column in ("max_charge", "round_digits", "round_mode"):
            if self.cells[column]:
                self._fault(column, repr(self.cells[column]), "an empty cell", "Not priced by this version.")
        prefix = self.cells["prefix"].removeprefix("+")
        if not prefix.isdigit() or len(prefix) > 15:
            self._fault("prefix", repr(self.cells["prefix"]), "1 to 15 digits")
        if self.cells["price"] == "":
            self._fault("price", "nothing", "a price for per_s seconds")
        start, end = self._validity(settings)
        return (
            self.cells["line"], prefix, start, end,
            f"{deck}:{prefix}@{start}" if start else f"{deck}:{prefix}",
            self.cells["destination"],
            self._value("price", _price, _PRICE),
            self._whole("per_s", 1),
            self._whole("increment_s", 1),
            self._whole("minimum_s", 0),
            self._value("connect_fee", _price, _PRICE),
            self.cells["class"] or None,
        )  # fmt: skip


def _whole(text: str) -> int:
    if not text.isdigit():
        raise ValueError(text)
    return int(text)


def _price(text: str) -> Decimal:
    number = Decimal(text)
    decimals = -int(number.as_tuple().exponent) if number.is_finite() else 99
    if decimals > 12 or not 0 <= number < PRICE_LIMIT:
        raise ValueError(text)
    return number


def _no_overlap(table: pl.DataFrame, file: str) -> None:
    """No prefix may have two rows in force on one day: the price would be a matter of luck."""
    ordered = table.sort("prefix", pl.col("valid_from").fill_null(date.min), "line").with_columns(
        before=pl.col("line").shift(1).over("prefix"),
        open_until=pl.col("valid_to").fill_null(date.max).shift(1).over("prefix"),
    )
    clash = ordered.filter(pl.col("open_until") >= pl.col("valid_from").fill_null(date.min))
    if not clash.is_empty():
        shown = "\n".join(
            f"{file}, line {after}: prefix {prefix} is already in force by line {before}"
            for prefix, before, after in clash.select("prefix", "before", "line").head(20).iter_rows()
        )
        raise WrongUsage(f"{shown}\nEnd the earlier row with valid_to, or remove one of the two.")
