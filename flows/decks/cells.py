"""Cells of other people's decks to canonical text: codes and ranges, prices with a currency sign, intervals, days."""

import re
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta

from flows.decks.currencies import contradicts, currencies_in, without_currency
from flows.home.file_settings import DeckSettings
from schemas.errors import Fault

Row = dict[str, str]
"""A row by the names of DECK_COLUMNS, as text."""

MAX_RANGE = 10_000
"""Codes that one range may stand for; more is a slip of the pen."""


@dataclass(frozen=True)
class Line:
    """One line of a deck's file: `cells` by the layout's own keys, stripped; what is wrong is added to `faults`."""

    file: str
    number: int
    cells: dict[str, str]
    headings: dict[str, str]
    settings: DeckSettings
    faults: list[Fault] = field(default_factory=list)

    def fault(self, key: str, expected: str, remedy: str = "") -> None:
        """Notes that the cell of `key` is not what was expected."""
        found = repr(self.cells.get(key, "")) if self.cells.get(key) else "nothing"
        self.faults.append(Fault(self.file, self.number, self.headings.get(key, key), found, expected, remedy))

    def get(self, key: str) -> str:
        """The cell, or what the declaration or nothing says in its place."""
        return self.cells.get(key) or self.settings.defaults.get(key, "")

    def only(self, key: str, allowed: tuple[str, ...], remedy: str) -> None:
        """Refuses what a deck row of ours cannot say: a cell that is neither empty nor one of `allowed`."""
        cell = self.get(key)
        zero = "0" in allowed and re.fullmatch(r"0*\.?0*", cell) is not None
        if cell and cell not in allowed and not zero:
            self.fault(key, "nothing" + (f" or {allowed[0]}" if allowed else ""), remedy)


def codes(line: Line, key: str = "prefix", country_key: str = "country_code") -> list[str]:
    """The prefixes of a cell: 9370, +9370, 9370,9375, 9370-9375, in any mix; each after the country code, if any."""
    lead = line.get(country_key).removeprefix("+")
    found: list[str] = []
    for piece in re.split(r"\s*[,;/]\s*", line.get(key)):
        if match := re.fullmatch(r"\+?([0-9]+)\s*[-–]\s*\+?([0-9]+)", piece):
            found += _range(line, key, lead + match[1], lead + match[2])
        elif re.fullmatch(r"\+?[0-9]+", piece):
            found.append(lead + piece.removeprefix("+"))
        elif piece:
            line.fault(key, "codes of digits, alone, separated by , ; or /, or as a range 9370-9375")
            return []
    if lead and not found and not line.get(key):
        found = [lead]
    if not found or not all(re.fullmatch("[1-9][0-9]{0,14}", code) for code in found):
        line.fault(key, "1 to 15 digits that begin with a country code")
        return []
    if len({*found}) != len(found):
        line.fault(key, "each code once")
    return list(dict.fromkeys(found))


def _range(line: Line, key: str, first: str, last: str) -> list[str]:
    if len(first) != len(last) or int(last) < int(first) or int(last) - int(first) >= MAX_RANGE:
        line.fault(key, f"a range of codes of one length, upwards, of at most {MAX_RANGE}")
        return []
    return [str(code) for code in range(int(first), int(last) + 1)]


def price(line: Line, key: str) -> str:
    """A price as plain digits: without the deck's currency sign or code, with a decimal point."""
    text = line.get(key)
    currency, mark = line.settings.currency, line.settings.decimal
    if not _BARE.fullmatch(text):
        if contradicts(currencies_in(text, currency), line.settings):
            line.fault(key, f"a price in {currency}")
            return ""
        text = without_currency(text, currency)
    if not text:
        return ""
    if not re.fullmatch(rf"[0-9]*[{mark}]?[0-9]+", text):
        line.fault(key, f"a price such as 0{mark}0085, without separators of thousands")
        return ""
    if lost_decimals(text):
        line.fault(key, f"a price with its decimal {mark}, such as 0{mark}0085", LOST_DECIMALS)
        return ""
    text = text.replace(mark, ".")
    return "0" + text if text.startswith(".") else text


LOST_DECIMALS = "Digits behind a leading 0 are decimals whose mark is lost: ask for the sheet with its prices as text."


_BARE = re.compile("[0-9.,]*")
"""A price without any sign: nearly all of them."""


def lost_decimals(text: str) -> bool:
    """Whether a price is written as 0085: nobody means 85 by it, and read as such it is charged ten thousandfold."""
    return re.fullmatch(r"0[0-9]*[1-9][0-9]*", text) is not None


@dataclass(frozen=True)
class Counted:
    """How a row counts its seconds, as text for DECK_COLUMNS."""

    minimum_s: str = ""
    increment_s: str = ""
    first_increment_s: str = ""

    @property
    def cells(self) -> Row:
        return asdict(self)


def interval(line: Line, *, by_steps: bool = True) -> Counted:
    """`interval` 60/1, or the two columns: the first interval, then the following ones.

    A call of ours is raised to the minimum and then to whole increments. That is the same where the first interval
    is a whole number of following ones. Elsewhere (90/60) the following ones begin where the first one ends: two steps,
    unless the layout's own system counts in another way (`by_steps`); then the line is refused.
    """
    cell = line.get("interval")
    if cell:
        match = re.fullmatch(r"([0-9]+)\s*[/+:-]\s*([0-9]+)", cell)
        if not match:
            line.fault("interval", "first and following seconds such as 60/1")
            return Counted()
        key, first, following = "interval", match[1], match[2]
    else:
        key, first, following = "increment_s", line.get("minimum_s") or "0", line.get("increment_s")
    if not following:
        line.fault(key, "seconds to count in", "Name the column, or say defaults = { increment_s = … }.")
        return Counted()
    if first.isdecimal() and following.isdecimal() and int(following) > 0 and int(first) % int(following):
        if by_steps:
            return Counted("0", following, first)
        line.fault(key, "a first interval that is a whole number of the following ones")
    return Counted(first, following)


def day(line: Line, key: str) -> str:
    """A day as YYYY-MM-DD, by the declared format."""
    text = line.get(key)
    if not text:
        return ""
    try:
        if line.settings.date_format:
            return datetime.strptime(text, line.settings.date_format).date().isoformat()  # noqa: DTZ007 a civil day
        return date.fromisoformat(text).isoformat()
    except ValueError:
        line.fault(key, f"a date {line.settings.date_format or 'YYYY-MM-DD'}", "The deck's date_format says how.")
        return ""


def day_before(iso: str) -> str:
    """The civil day before, as YYYY-MM-DD."""
    return (date.fromisoformat(iso) - timedelta(days=1)).isoformat()
