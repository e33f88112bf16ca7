"""Feed `discounts`: what a row must say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.inbox import Inbox, opened

HEADER = "discount_id,account_id,applies_to,target,percent,amount,valid_from,valid_to\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as inbox:
        yield inbox


def test_rows_that_are_discounts(inbox: Inbox) -> None:
    rows = (
        "D1,A1,account,,10,,2026-05-01,\n"
        "D2,A1,section,service_fees,,5.00,2026-05-01,2026-05-31\n"
        "D3,A1,product_code,seat,100,,2026-05-01,\n"
        "D4,A1,subscription_id,S-1,0.5,,2026-05-01,\n"
    )
    result = inbox.take("discounts/all.csv", HEADER + rows)
    assert (result.state, result.loaded, result.rejected) == ("loaded", 4, 0)


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("D1,A1,account,,100.01,,2026-05-01,", "percent"),
        ("D1,A1,account,,-1,,2026-05-01,", "percent"),
        ("D1,A1,account,,,-5,2026-05-01,", "amount"),
        ("D1,A1,account,,,,2026-05-01,", "percent|amount"),
        ("D1,A1,account,,10,5,2026-05-01,", "percent|amount"),
        ("D1,A1,account,seat,10,,2026-05-01,", "target"),
        ("D1,A1,product_code,,10,,2026-05-01,", "target"),
        ("D1,A1,section,minutes,10,,2026-05-01,", "target"),
        ("D1,A1,device,D-1,10,,2026-05-01,", "applies_to"),
        ("D1,A1,account,,10,,2026-05-02,2026-05-01", "valid_from|valid_to"),
    ],
)
def test_rows_that_are_none_are_rejected_by_their_column(inbox: Inbox, row: str, column: str) -> None:
    result = inbox.take("discounts/one.csv", HEADER + row + "\n")
    assert (result.loaded, result.rejected) == (0, 1)
    assert result.faults[0].column == column
