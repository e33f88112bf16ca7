"""Taxes of what gives back lines of an issued document: by its date and rates; all of a row returns it (RULES 20)."""

from datetime import date

from tests.properties.month.charge import Books
from tests.properties.month.lines import Line
from tests.properties.month.taxes import TaxRow, taxes


def given_back(books: Books, back: list[Line], rows: list[TaxRow], on: date) -> list[TaxRow]:
    """Rows below zero; `books` are those of the document that is given back."""
    issued = {(row.code, row.jurisdiction): row for row in rows if row.on == on}
    found = []
    for row in taxes(books, back, on):
        held = issued.get((row.code, row.jurisdiction))
        if held is None:
            continue
        # The last part returns what is left, and no part more.
        is_all = held.amount > 0 and row.base <= -held.base
        found.append(row._replace(amount=-held.amount) if is_all else row)
    return found
