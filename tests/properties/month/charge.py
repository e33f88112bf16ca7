"""What the twin's parts hand to one another: an account's books, and a charge."""

from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from tests.properties.month.facts import Account, Rows
from tests.properties.month.shelf import Shelf


class Books(NamedTuple):
    """A shelf, what is known, and an account: what every step asks."""

    shelf: Shelf
    rows: Rows
    account: Account


class Charge(NamedTuple):
    """An exact amount owed for a time. Charges that agree in all that a line shows are one line (RULES 12)."""

    section: str
    product: str
    group: str
    start: date
    end: date
    quantity: Fraction
    list_amount: Fraction
    discounted_on: date
    price: Fraction | None = None
    share: Fraction = Fraction(1)
    location: str = ""
    country: str = ""
    reverses: bool = False
    line_count: Fraction = Fraction(0)
    own: str = ""
    """Not empty: a line of its own."""
    subscription: str = ""
    is_credit: bool = False
    bounds: tuple[dict[str, Any], Fraction | None, Fraction | None] | None = None
    """A pricing, and what the new and the old state come to in a whole cycle; None where there is no state."""
    fixed: Fraction | None = None
    """An amount that no discount changes."""
