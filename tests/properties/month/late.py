"""Usage received late: its month worked out anew with everything, less what was billed, line by line (RULES 13)."""

from fractions import Fraction
from typing import Protocol

from tests.properties.month.charge import Books
from tests.properties.month.draws import Rated, usage_charges
from tests.properties.month.lines import Line, lines


class Billed(Protocol):
    """What the month's document held of its usage."""

    usage: list[Rated]


def late_lines(books: Books, now: list[Rated], month: str, memory: Billed) -> list[Line]:
    """The difference of an issued month, where usage of it has come since."""
    if {one.record.id for one in now} <= {one.record.id for one in memory.usage}:
        return []
    anew = _by_key(books, now, month)
    before = _by_key(books, memory.usage, month)
    found = []
    for key in sorted(anew.keys() | before.keys()):
        line = anew.get(key) or before[key]
        units = _of(anew, key, "quantity") - _of(before, key, "quantity")
        amount = _of(anew, key, "amount") - _of(before, key, "amount")
        if units or amount:
            found.append(line._replace(quantity=units, amount=amount, reverses=amount < 0))
    return found


def _by_key(books: Books, used: list[Rated], month: str) -> dict[tuple[str, str, str], Line]:
    printed = lines(books, usage_charges(books, used, month), {})
    return {(line.product, line.group, line.country): line for line in printed}


def _of(printed: dict[tuple[str, str, str], Line], key: tuple[str, str, str], what: str) -> Fraction:
    return Fraction(getattr(printed[key], what)) if key in printed else Fraction(0)
