"""What of a tax row falls on each line."""

from decimal import Decimal

import pytest

from flows.ask.explain_tax import tax_of_line
from schemas.document import TaxPart
from tests.unit import sample_documents as sample

WHOLE, NOTHING = Decimal(100), Decimal(0)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([TaxPart(lines=[1, 2, 3], amount=Decimal(30))], ["0.34", "0.33", "0.33"]),
        (
            # A line of which nothing is telecommunications bears nothing of a tax on telecommunications.
            [
                TaxPart(lines=[1], amount=Decimal(10), telecom_percent=NOTHING),
                TaxPart(lines=[2, 3], amount=Decimal(20), telecom_percent=WHOLE),
            ],
            [None, "0.50", "0.50"],
        ),
        (
            # What another fee charged on a line counts where nothing of any line itself is taxed.
            [
                TaxPart(lines=[1], amount=Decimal(10), telecom_percent=NOTHING),
                TaxPart(lines=[1, 3], of="USF", amount=Decimal(1)),
            ],
            ["0.50", None, "0.50"],
        ),
    ],
)
def test_cents_of_a_row_are_told_apart_by_what_of_each_line_is_taxed(
    parts: list[TaxPart], expected: list[str | None]
) -> None:
    row = sample.tax("SALES", "tax", "Sales tax", "10", "10.00", parts=parts)
    document = sample.document([sample.line("service_fees", f"Line {n}", "1", "10") for n in "abc"], [row])
    found = [{tax.tax_no: str(amount) for tax, amount in tax_of_line(document, line)} for line in document.lines]
    assert [one.get(1) for one in found] == expected
