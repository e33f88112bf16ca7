"""Taxes of what gives back lines of an issued document: by its date and rates; all of a row returns it (RULES 20)."""

from datetime import date

from tests.properties.month.charge import Books
from tests.properties.month.lines import Line
from tests.properties.month.taxes import TaxRow, taxes


def given_back(books: Books, back: list[Line], charged: list[Line], rows: list[TaxRow], on: date) -> list[TaxRow]:
    """Rows below zero. books, charged, rows, on: of the document that is given back, its lines, tax rows and date.

    The last part of what a row charged returns what is left of it, and no part more; what is not of the document's
    rows was not charged, and is not given back.
    """
    held = {(row.code, row.jurisdiction) for row in rows if row.on == on}
    whole = {
        (row.code, row.jurisdiction): row for row in taxes(books, [line for line in charged if line.amount > 0], on)
    }
    found = []
    for part in taxes(books, back, on):
        place = (part.code, part.jurisdiction)
        if place in held:
            all_of_it = whole.get(place)
            is_last = all_of_it is not None and part.base <= -all_of_it.base < 0
            found.append(part._replace(amount=-all_of_it.amount) if is_last and all_of_it else part)
    return found
