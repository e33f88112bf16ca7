"""Telephone numbers in the review's own texts, hidden where the settings ask (`[review] mask_numbers`).

Numbers of suspended usage come hidden from the snapshot (flows.books.shown_numbers); these stand in sentences and ids.
"""

import re

from flows.review.cells import Rows

_NUMBER = re.compile(r"\+?\d{7,}")
_HIDDEN = 4

_CELLS = {
    "suspended": "example",
    "rejected": "example",
    "refused_files": "detail",
    "findings": "detail",
    "missing": "keys",
    "uncharged": "resource_id",
    "unfounded": "resource_id",
}
"""Table -> the column in which a number may stand."""


def mask_numbers(tables: dict[str, Rows]) -> None:
    """Hides the last digits of what looks like a number in those cells; shorter digits stay."""
    for table, column in _CELLS.items():
        for row in tables[table]:
            if row[column]:
                row[column] = masked(row[column])
    for row in tables["stops"]:
        if row["code"] == "not_taken_in":  # it says what was found in the file; other stops say sums
            row["detail"] = masked(row["detail"])


def masked(text: str) -> str:
    """+442079460998 -> +44207946XXXX."""
    return _NUMBER.sub(lambda number: number[0][:-_HIDDEN] + "X" * _HIDDEN, text)
