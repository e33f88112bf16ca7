"""What is left of a tax of a document that was taken back whole."""

from datetime import date
from decimal import Decimal

from taxes.left import Left

ROW = {
    "tax_code": "VAT", "row_jurisdiction": "GB", "tax_date": date(2025, 6, 1), "minor_digits": 2,
    "reverses": ["UK-1"], "of": [None],
}  # fmt: skip


def _by_itself(taxable: Decimal, _on: tuple[Decimal, Decimal]) -> tuple[Decimal, str]:
    return taxable / 5, "half_up"


def test_nothing_is_left_of_an_invoice_that_was_taken_back() -> None:
    left = Left.of([], [], {"UK-1": "UK-1"})
    assert left.amount_of(ROW, [Decimal(-10)], Decimal(20), _by_itself) == (Decimal(0), "rest")


def test_of_an_invoice_that_nobody_remembers_nothing_is_known() -> None:
    assert Left.of([], [], {}).amount_of(ROW, [Decimal(-10)], Decimal(20), _by_itself) is None
