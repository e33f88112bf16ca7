"""Which document's line is given back where several hold parts of it, and what nets to nothing."""

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from rating.late_back import TAXED_AS, taxed_as_billed
from schemas.frames import CHARGE, conform
from schemas.money import EXACT

HELD: list[tuple[str, str, str | None]] = [("INV-1", "180", None), ("INV-2", "40", None)]


def _billed(held: list[tuple[str, str, str | None]]) -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {"account_id": "ANN", "line_key": "L", "amount": Decimal(amount), "of_reverses": of, "reverses": number,
         "tax_date": date(2026, int(number[-1]), 1), "tax_class": "telephony"}
        for number, amount, of in held
    ]  # fmt: skip
    columns = {"account_id": pl.String, "line_key": pl.String, "amount": EXACT, "of_reverses": pl.String, **TAXED_AS}
    return pl.DataFrame(rows, schema=columns)


def _rows(amount: str, quantity: str = "10") -> pl.DataFrame:
    """A line worked out anew: two rows, what it comes to and what was billed of it."""
    facts = {"account_id": ["ANN"] * 2, "line_key": ["L"] * 2, "amount_den": [1, 1]}
    sums = {"amount_num": [Decimal(100) + Decimal(amount), Decimal(-100)], "quantity": [Decimal(quantity), Decimal(0)]}
    return conform(pl.DataFrame({**facts, **sums}), CHARGE)


@pytest.mark.parametrize(
    ("held", "amount", "number"),
    [
        (HELD, "-40", "INV-2"),
        (HELD, "-41", "INV-1"),
        (HELD, "-500", "INV-1"),
        # 30.00 of the second were given back by the third already: 10.00 are left of it.
        ([*HELD, ("INV-3", "-30", "INV-2")], "-40", "INV-1"),
        ([*HELD, ("INV-3", "-30", "INV-2")], "-10", "INV-2"),
        (HELD, "0", None),
        (HELD, "12", None),
    ],
)
def test_the_latest_document_that_holds_so_much_is_given_back(
    held: list[tuple[str, str, str | None]], amount: str, number: str | None
) -> None:
    found = taxed_as_billed(_rows(amount), _billed(held)).select("reverses", "tax_date", "tax_class").unique().rows()
    day = None if number is None else date(2026, int(number[-1]), 1)
    assert found == [(number, day, None if number is None else "telephony")]


def test_what_nets_to_nothing_prints_no_line() -> None:
    assert taxed_as_billed(_rows("0", "0"), _billed(HELD)).is_empty()
    assert taxed_as_billed(_rows("0", "10"), _billed(HELD)).height == 2
