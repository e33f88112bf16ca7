"""Which lines a row of another engine's answer is on."""

from decimal import Decimal

import polars as pl

from flows.month.taxing.engine import _on_lines
from schemas.money import EXACT


def test_a_row_without_lines_is_on_all_lines_of_its_own_document() -> None:
    lines = pl.DataFrame(
        [("a", 1, Decimal(10)), ("b", 1, Decimal(3)), ("a", 2, Decimal(30)), ("b", 4, Decimal(5))],
        schema={"draft_id": pl.String, "line_no": pl.Int64, "amount": EXACT},
        orient="row",
    )
    exact = {"base_amount": EXACT, "exempt_amount": EXACT}
    rows = pl.DataFrame(
        [
            ("a", None, Decimal(20), None),
            ("a", "2", Decimal(30), None),
            ("b", "", Decimal(6), Decimal(2)),
            ("c", None, Decimal(1), None),
        ],
        schema={"draft_id": pl.String, "lines": pl.String, **exact},
        orient="row",
    )
    found = [(part["lines"], part["amount"], part["telecom_percent"]) for (part,) in _on_lines(rows, lines)["parts"]]
    assert found == [
        ([1, 2], Decimal(40), Decimal(50)),
        ([2], Decimal(30), Decimal(100)),
        ([1, 4], Decimal(8), Decimal(100)),
        ([], Decimal(0), None),
    ]
