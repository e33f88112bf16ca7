"""catalog/fx.csv: read exactly, or refused by line and column; and what a document says of it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.catalog.fx import load_fx
from flows.home.settings import Home
from schemas.document import NationalAmounts
from schemas.errors import WrongUsage
from templates.page import page_of
from tests.unit import sample_abroad as abroad

HEADER = "date,from,to,rate,source\n"


def _home(root: Path, text: str) -> Home:
    (root / "catalog").mkdir()
    (root / "catalog" / "fx.csv").write_text(text, encoding="utf-8")
    return Home(root)


def test_rates_are_by_pair_and_the_newest_last(tmp_path: Path) -> None:
    rows = "2026-06-01,USD,EUR,0.9,ECB\n2026-05-29,USD,EUR,0.9012,ECB\n2026-06-01,EUR,GBP,0.85,ECB\n"
    assert load_fx(_home(tmp_path, HEADER + rows)) == {
        ("USD", "EUR"): [(date(2026, 5, 29), Decimal("0.9012"), "ECB"), (date(2026, 6, 1), Decimal("0.9"), "ECB")],
        ("EUR", "GBP"): [(date(2026, 6, 1), Decimal("0.85"), "ECB")],
    }


def test_without_a_file_there_are_none(tmp_path: Path) -> None:
    assert load_fx(Home(tmp_path)) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("date,rate\n", r"^catalog/fx\.csv, line 1: found \['date', 'rate'\]; expected date,from,to,rate,source"),
        (HEADER + "1 June,USD,EUR,0.9,ECB\n", r"^catalog/fx\.csv, line 2, column date: found '1 June'"),
        (HEADER + "2026-06-01,USD,EUR,\"0,9\",ECB\n", r"^catalog/fx\.csv, line 2, column rate: found '0,9'"),
        (HEADER + "2026-06-01,USD,EUR,0,ECB\n", r"^catalog/fx\.csv, line 2, column rate: found 0; expected more"),
        (HEADER + "2026-06-01,USD,EUR,1,A\n2026-06-01,USD,EUR,2,B\n", r"USD to EUR has two rates for one day"),
    ],
)  # fmt: skip
def test_a_bad_row_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongUsage, match=said):
        load_fx(_home(tmp_path, text))


def test_vat_in_national_money_is_printed_with_its_rate() -> None:
    told = NationalAmounts(
        country="GB", currency="GBP", rate=Decimal("0.8567"), rate_date=date(2026, 6, 1), source="ECB",
        taxable=Decimal("85.67"), tax=Decimal("17.13"),
    )  # fmt: skip
    page = page_of(abroad.british_credit_note(currency="EUR", national=[told]))
    assert page.money.national == ["VAT in GBP: £17.13 on £85.67 (1 EUR = 0.8567 GBP, 1 June 2026, ECB)."]
