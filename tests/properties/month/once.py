"""Single charges and credits of feed `charges` (RULES 7, 12)."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from tests.properties.month.charge import Books, Charge
from tests.properties.month.days import DAY, first, shift
from tests.properties.month.facts import day, of, text

Held = dict[str, Fraction]
"""charge id -> what documents hold of it."""


def once(books: Books, month: str, held: Held) -> Iterator[Charge]:
    """What is dated up to the invoice month's first day, less what documents hold; earlier systems billed up to the
    first of the month before our first one."""
    from_day, to_day = first(shift(books.shelf.first_month, -1)), first(month)
    for row in of(books.rows, "charges", books.account.id):
        when = day(row, "charge_date") or date.max
        if not from_day < when <= to_day:
            continue
        units = Fraction(text(row, "quantity") or "1")
        price = text(row, "unit_price")
        amount = units * Fraction(price) if price else Fraction(text(row, "amount"))
        if row["kind"] == "credit":
            amount = -amount
        lacking = amount - held.get(text(row, "charge_id"), Fraction(0))
        held[text(row, "charge_id")] = amount
        if not lacking:
            continue
        product = text(row, "product_code")
        yield Charge(
            section=books.shelf.products[product]["section"],
            product=product,
            group=text(row, "billing_group"),
            start=when,
            end=when + DAY,
            quantity=units,
            list_amount=lacking,
            discounted_on=when,
            own=text(row, "charge_id"),
            is_credit=row["kind"] == "credit",
        )
