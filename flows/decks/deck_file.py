"""Rate decks from catalog/rates/: read as text, checked line by line, compiled for the search."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import polars as pl

from flows.decks.cells import LOST_DECIMALS, lost_decimals
from flows.decks.content import Lines, lines_of
from flows.decks.kept import read_once
from flows.decks.sheet import read_sheet
from flows.home.file_settings import DeckSettings
from flows.home.settings import Home
from rating.deck_search import JURISDICTIONS, PER_CALL, RATE, Deck, deck_of
from rating.tariffs import can_round
from schemas.catalog import DECK_COLUMNS
from schemas.counts import count_of
from schemas.errors import Fault, WrongUsage
from schemas.limits import PRICE_LIMIT, ROUNDING_DIGITS_LIMIT, UNITS_LIMIT, RoundingMode
from schemas.money import EXACT, plain, rounded

COST: dict[str, Any] = {"cost": EXACT, "connect_fee_cost": EXACT}
"""What the carrier takes, where a deck is a cost sheet with a markup: for the same `per`, in the same currency."""

TABLE: dict[str, Any] = {
    "line": pl.Int64, "prefix": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **RATE, **PER_CALL,
    "jurisdiction": pl.String, **COST,
}  # fmt: skip

_PRICE = f"a number below {PRICE_LIMIT} of at most 12 decimals, not negative"


def own_rates(deck: str) -> str:
    """Pattern of the rate_ids of a deck's own rows, `name:prefix`. Those of a plan of the same name are
    `name:category`, and a category is a word."""
    return f"^{re.escape(deck)}:[0-9]"


@dataclass(frozen=True)
class DeckFile:
    """A deck as its file says it. `table`: line, prefix, valid_from, valid_to, RATE, PER_CALL, jurisdiction and COST.

    `skipped`: lines that were left out because the declaration says so. `unused`: columns that nothing is read from.
    """

    name: str
    currency: str
    table: pl.DataFrame
    skipped: list[Fault]
    unused: list[str] = field(default_factory=list)

    def deck(self) -> Deck:
        """Ready to be searched."""
        return deck_of(self.name, self.currency, self.table.drop("line"))


def load_deck(home: Home, name: str, settings: DeckSettings) -> Deck:
    """A deck's CSV. Raises WrongUsage naming the bad lines (the first twenty) or both lines of an overlap."""
    path = home.rates / settings.file
    kept = home.store / "decks"
    return _compiled(path.read_bytes(), home.relative(path), name, settings.model_dump_json(), kept)


@lru_cache(maxsize=32)
def _compiled(content: bytes, file: str, name: str, settings: str, kept: Path) -> Deck:
    """Once per content and declaration: every stage of a run loads its tables, and a deck may have 40,000 rows."""
    made_from = (content, *(text.encode() for text in (file, name, settings)))
    table = read_once(kept, made_from, lambda: _read(content, file, name, settings).table)
    return DeckFile(name, DeckSettings.model_validate_json(settings).currency, table, []).deck()


@lru_cache(maxsize=32)
def _read(content: bytes, file: str, name: str, settings: str) -> DeckFile:
    return read_deck(content, file, name, DeckSettings.model_validate_json(settings))


def known_deck(content: bytes, file: str, name: str, settings: DeckSettings) -> DeckFile:
    """As `read_deck`; what this process has read before is not read again."""
    return _read(content, file, name, settings.model_dump_json())


def read_deck(content: bytes, file: str, name: str, settings: DeckSettings) -> DeckFile:
    """A deck's file in its declared format, checked. Raises WrongUsage as `load_deck` does."""
    deck, faults = tried_deck(list(lines_of(content, file, settings)), file, name, settings)
    if faults:
        shown = "\n".join(str(fault) for fault in faults[:20])
        raise WrongUsage(f"{shown}\n{count_of(len(faults), 'fault')} in deck {name}; nothing of it is used")
    no_overlap(deck.table, file)
    return deck


def tried_deck(lines: Lines, file: str, name: str, settings: DeckSettings) -> tuple[DeckFile, list[Fault]]:
    """A deck with the faults of its lines, by line: with any it must not be used. Raises WrongUsage as `load_deck`."""
    sheet = read_sheet(lines, file, settings)
    faults = list(sheet.faults)
    # What the format found wrong with a line needs no second word, and a line of many codes says a thing once.
    told: set[tuple[int | None, str | None]] = {(fault.line, None) for fault in sheet.faults}
    parsed = []
    for row in sheet.rows.iter_rows(named=True):
        found: list[Fault] = []
        parsed.append(_DeckLine(file, row, found).rate(name, settings))
        faults += [fault for fault in found if not {(fault.line, None), (fault.line, fault.column)} & told]
        told |= {(fault.line, fault.column) for fault in found}
    table = pl.DataFrame(parsed, schema=TABLE, orient="row")
    faults.sort(key=lambda fault: fault.line or 0)
    return DeckFile(name, settings.currency, table, sheet.skipped, sheet.unused), faults


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

    def _money(self, column: str) -> Decimal | None:
        if lost_decimals(self.cells[column]):
            self._fault(
                column, repr(self.cells[column]), "a price with its decimal point, such as 0.0085", LOST_DECIMALS
            )
            return None
        value: Decimal | None = self._value(column, _price, _PRICE)
        return value

    def _whole(self, column: str, least: int) -> int:
        value = self._value(column, _whole, f"whole seconds, below {UNITS_LIMIT}")
        if value is not None and value < least:
            self._fault(column, str(value), f"at least {least}")
        return int(value or 0)

    def _validity(self, settings: DeckSettings) -> tuple[date | None, date | None]:
        start = self._value("valid_from", date.fromisoformat, "a date YYYY-MM-DD") or settings.valid_from
        end = self._value("valid_to", date.fromisoformat, "a date YYYY-MM-DD")
        if start and end and end < start:
            self._fault("valid_to", str(end), f"a day not before valid_from {start}")
        return start, end

    def _rounding(self, price: Decimal, per: int, fee: Decimal) -> tuple[int | None, str | None]:
        """Digits and mode; where only one of them stands, the other is 6 or half_up (CONTRACT, section 5)."""
        if not (self.cells["round_digits"] or self.cells["round_mode"]):
            return None, None
        mode = self.cells["round_mode"] or "half_up"
        if mode not in get_args(RoundingMode):
            self._fault("round_mode", repr(mode), "one of " + ", ".join(get_args(RoundingMode)))
        digits = 6
        if self.cells["round_digits"]:
            digits = self._value("round_digits", _whole, f"0 to {ROUNDING_DIGITS_LIMIT}") or 0
        if digits > ROUNDING_DIGITS_LIMIT:
            self._fault("round_digits", str(digits), f"0 to {ROUNDING_DIGITS_LIMIT}")
        elif not can_round(Fraction(price) / max(per, 1), fee, digits):
            self._fault("round_digits", str(digits), "fewer digits for prices of this size")
        return digits, mode

    def _marked_up(self, column: str, cost: Decimal | None, settings: DeckSettings) -> Decimal | None:
        """The price that is made from a cost: percent on all of it, the amount on the price, then one rounding."""
        if cost is None or not settings.has_markup:
            return cost
        exact = Fraction(cost) * (100 + Fraction(settings.markup_percent or 0)) / 100
        if column == "price":
            exact += Fraction(settings.markup_amount or 0)
        rounding = settings.rounding
        price = rounded(exact, rounding.digits if rounding else 12, rounding.mode if rounding else "half_up")
        if not rounding and Fraction(price) != exact:
            self._fault(column, str(cost), "a cost whose markup has at most 12 decimals", "Declare rounding.")
        if not 0 <= price < PRICE_LIMIT:
            self._fault(column, str(cost), f"a cost that its markup ({price}) leaves at 0 to {PRICE_LIMIT}")
            return None
        return plain(price)

    def rate(self, deck: str, settings: DeckSettings) -> tuple[Any, ...]:
        """line, prefix, valid_from, valid_to and the columns of RATE and PER_CALL, jurisdiction, COST."""
        prefix = self.cells["prefix"].removeprefix("+")
        if not re.fullmatch("[0-9]{1,15}", prefix):
            self._fault("prefix", repr(self.cells["prefix"]), "1 to 15 digits")
        if self.cells["price"] == "":
            self._fault("price", "nothing", "a price for per_s seconds")
        jurisdiction = self.cells["jurisdiction"].casefold() or None
        if jurisdiction and jurisdiction not in JURISDICTIONS:
            self._fault("jurisdiction", repr(jurisdiction), "interstate, intrastate, or nothing for any call")
        start, end = self._validity(settings)
        cost, cost_fee, cost_cap = (self._money(column) for column in ("price", "connect_fee", "max_charge"))
        price, fee, cap = (
            self._marked_up(column, value, settings)
            for column, value in (("price", cost), ("connect_fee", cost_fee), ("max_charge", cost_cap))
        )
        costs = (cost, cost_fee) if settings.has_markup else (None, None)
        per = self._whole("per_s", 1)
        first = self._whole("first_increment_s", 1) if self.cells["first_increment_s"] else None
        digits, mode = self._rounding(price or Decimal(0), per, fee or Decimal(0))
        return (
            self.cells["line"], prefix, start, end,
            f"{deck}:{prefix}" + (f"/{jurisdiction}" if jurisdiction else "") + (f"@{start}" if start else ""),
            self.cells["destination"],
            price,
            per,
            self._whole("increment_s", 1),
            self._whole("minimum_s", 0),
            fee,
            self.cells["class"] or None,
            cap is None and digits is None and first is None,
            cap, digits, mode, first, jurisdiction, *costs,
        )  # fmt: skip


# A deck of 40,000 rows has some hundred prices and a few increments.
@lru_cache(maxsize=4096)
def _whole(text: str) -> int:
    if not text.isdecimal() or len(text.lstrip("0")) > len(str(UNITS_LIMIT)) - 1:
        raise ValueError(text)
    return int(text)


@lru_cache(maxsize=4096)
def _price(text: str) -> Decimal:
    if not re.fullmatch(r"[0-9]{1,20}(\.[0-9]*)?|\.[0-9]+", text):
        raise ValueError(text)
    number = Decimal(text)
    decimals = -int(number.as_tuple().exponent) if number.is_finite() else 99
    if decimals > 12 or not 0 <= number < PRICE_LIMIT:
        raise ValueError(text)
    return number


def no_overlap(table: pl.DataFrame, file: str) -> None:
    """No prefix may have two rows in force on one day: the price would be a matter of luck."""
    keys = ["prefix", "jurisdiction"]
    ordered = table.sort(*keys, pl.col("valid_from").fill_null(date.min), "line").with_columns(
        before=pl.col("line").shift(1).over(keys),
        open_until=pl.col("valid_to").fill_null(date.max).shift(1).over(keys),
    )
    clash = ordered.filter(pl.col("open_until") >= pl.col("valid_from").fill_null(date.min))
    if not clash.is_empty():
        shown = "\n".join(
            f"{file}, line {after}: prefix {prefix} is already in force by line {before}"
            for prefix, before, after in clash.select("prefix", "before", "line").head(20).iter_rows()
        )
        remedy = "End the earlier row with valid_to, remove one of the two, or, where a later row of a prefix is meant"
        raise WrongUsage(f"{shown}\n{remedy} to end the earlier one, declare supersede = true for the deck.")
