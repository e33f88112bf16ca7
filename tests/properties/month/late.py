"""Usage received late: its month worked out anew with everything, less what was billed, line by line (RULES 13)."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

from tests.properties.month.charge import Books, Charge
from tests.properties.month.draws import Rated, usage_charges
from tests.properties.month.prices import rounded


class Billed(Protocol):
    """What the month's document held of its usage."""

    usage: list[Rated]


def late_charges(books: Books, now: list[Rated], month: str, memory: Billed) -> Iterator[Charge]:
    """The difference of an issued month, in rounded money, where usage of it has come since.

    At list prices: a discount is a property of the line that is printed (DECISIONS, 2026-11-23).
    """
    if {one.record.id for one in now} <= {one.record.id for one in memory.usage}:
        return
    anew = {(c.product, c.group, c.country): c for c in usage_charges(books, now, month)}
    before = {(c.product, c.group, c.country): c for c in usage_charges(books, memory.usage, month)}
    for key in sorted(anew.keys() | before.keys()):
        charge, nothing = anew.get(key) or before[key], Fraction(0)
        units = (anew[key].quantity if key in anew else nothing) - (before[key].quantity if key in before else nothing)
        amount = anew[key].list_amount if key in anew else nothing
        if key in before:
            amount = rounded(amount) - rounded(before[key].list_amount)
        if units or rounded(amount):
            yield charge._replace(quantity=units, list_amount=amount, reverses=amount < 0, own="late")
