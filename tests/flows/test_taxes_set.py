"""The next quarter of USF: missed thirty days ahead, entered with its source by one act, and billed with."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.ask.doctor import doctor
from flows.ask.status import status
from flows.catalog.load import load_taxes
from flows.cli.main import make_app
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.page import review
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.flows.issuing import asked, bill, rows
from tests.flows.issuing import run as run_month
from tests.flows.test_no_table import CATALOG, US
from tests.scenarios.month.home import add_file, make_home

SOON = (
    "USF has no factor for 2026Q3, which begins on 2026-07-01, in 30 days (table us/usf.yaml): "
    'tollbook taxes set USF 2026-07-01 VALUE --reference "DA …" --by NAME'
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann in New York, on a line that is interstate to 64.9 %; billed from June 2026 on."""
    home = make_home(tmp_path / "home")
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace('"2025-06"', '"2026-06"'), encoding="utf-8")
    (home.catalog / "line.yaml").write_text(CATALOG.replace("none", "safe_harbour"), encoding="utf-8")
    ann = {"account_id": "ANN", **US, "region": "NY", "city": "New York", "postal_code": "10001"}
    add_file(home, "accounts", "accounts", [ann])
    add_file(home, "subscriptions", "s", [{"account_id": "ANN", "subscription_id": "S", "product_code": "line"}])
    return home


def tollbook(home: Home, *arguments: str, today: str = "2026-06-02") -> Any:
    command = typer.main.get_command(make_app())
    return command.main(["--home", str(home.root), "--today", today, *arguments], standalone_mode=False)


def enter(home: Home, *arguments: str) -> Any:
    return tollbook(home, "taxes", "set", *arguments)


ENTERED = ("USF", "2026-07-01", "36.2", "--reference", "FCC DA 26-600", "--by", "carla")


@pytest.mark.parametrize(("today", "is_told"), [("2026-05-31", False), ("2026-06-01", True)])
def test_thirty_days_before_the_quarter_run_status_and_doctor_say_what_to_do(
    home: Home, today: str, is_told: bool
) -> None:
    from flows.bill_run import run_direct

    report = run_direct(asked(home, "2026-06", today=today))
    assert report.ahead == [SOON] * is_told
    assert (f"soon missing: {SOON}" in report.lines()) == is_told
    with Store(home) as store:
        told = status(store, load_settings(home), None, today=date.fromisoformat(today))
    assert told.home["taxes_ahead"] == [SOON] * is_told
    assert (f"Taxes, soon missing: {SOON}" in told.lines()) == is_told
    (check,) = [it for it in doctor(home, today=date.fromisoformat(today)).checks if it.name == "tax rates"]
    assert check.state == ("warn" if is_told else "ok")
    if is_told:
        assert f"{check.detail}: {check.remedy.strip('`')}" == SOON


def test_a_home_without_anybody_in_the_us_is_told_nothing(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "BOB"}])
    with Store(home) as store:
        assert status(store, load_settings(home), None, today=date(2026, 6, 20)).home["taxes_ahead"] == []


def test_a_quarter_that_has_begun_is_told_too(home: Home) -> None:
    run_month(home, "2026-06")
    with Store(home) as store:
        told = status(store, load_settings(home), None, today=date(2026, 7, 5)).home["taxes_ahead"]
    assert [sentence[:63] for sentence in told] == ["USF has no factor for 2026Q3, which began on 2026-07-01 (table "]


def test_what_is_entered_stands_in_the_homes_table_review_and_audit_log_and_bills(home: Home) -> None:
    bill(home, "2026-06")
    assert run_month(home, "2026-07").parked_codes == {"ANN": "no_tax_rate"}
    assert enter(home, *ENTERED) == 0
    text = (home.taxes / "us" / "usf.yaml").read_text(encoding="utf-8")
    assert text.startswith("# One factor a quarter.")
    table = next(table for table in load_taxes(home).tables if table.code == "USF")
    assert (table.percent(date(2026, 7, 1)), table.percent(date(2026, 4, 1))) == (Decimal("36.2"), Decimal("37.0"))
    assert (table.status_on(date(2026, 7, 1)), table.rounding) == ("sourced", "down")
    assert "FCC DA 26-600 (read 2026-06-02)" in table.citation(date(2026, 7, 1))
    found = rows(home, "select subject, by_name, reason, detail from audit_log where act = 'taxes set'")
    detail = "USF from 2026-07-01: 36.2 % (before: not known), in catalog/taxes/us/usf.yaml"
    assert found == [("US USF 2026-07-01", "carla", "FCC DA 26-600", detail)]
    report = run_month(home, "2026-07")
    assert (report.parked, report.ahead) == ([], [])
    with Store(home) as store:
        shown = review(store, load_settings(home), "2026-07")
    assert shown.as_json()["own_rates"] == [
        {"jurisdiction": "US", "tax_code": "USF", "valid_from": "2026-07-01", "value": "36.2 %",
         "reference": "FCC DA 26-600", "entered_by": "carla", "entered_on": "2026-06-02"}
    ]  # fmt: skip
    told = "Taxes: US USF from 2026-07-01: 36.2 %, entered by carla (FCC DA 26-600)"
    assert told in shown.lines()
    # 24.95 x 64.9 % x 36.2 % is 5.8617, which is never rounded up.
    assert rows(home, "select amount from invoice_taxes where tax_code = 'USF' and tax_date = '2026-07-01'") == [
        (Decimal("5.86"),)
    ]


def test_an_entry_again_is_nothing_to_do_and_a_new_figure_takes_the_place_of_the_old(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert enter(home, *ENTERED) == 0
    with pytest.raises(NothingToDo, match=r"us/usf\.yaml says 36\.2 from 2026-07-01 already"):
        enter(home, *ENTERED)
    capsys.readouterr()
    tollbook(home, "--json", "taxes", "set", "usf", "2026-07-01", "36.4", "--reference", "FCC DA 26-611")
    found = json.loads(capsys.readouterr().out)
    assert (found["before"], found["value"], found["file"]) == ("36.2", "36.4", "catalog/taxes/us/usf.yaml")
    table = next(table for table in load_taxes(home).tables if table.code == "USF")
    assert table.percent(date(2026, 7, 1)) == Decimal("36.4")
    assert "DA 26-600" not in table.citation(date(2026, 7, 1))


def test_a_code_with_several_tables_is_entered_for_the_place_named(home: Home) -> None:
    with pytest.raises(WrongUsage, match=r"--jurisdiction: found nothing; expected one of SALES: .*US-TX"):
        enter(home, "SALES", "2026-07-01", "6.50", "--reference", "an act")
    assert not enter(home, "SALES", "2026-07-01", "6.50", "--reference", "an act", "--jurisdiction", "US-TX")
    table = next(table for table in load_taxes(home).tables if table.file == "us/tx/sales.yaml")
    assert table.values == {date(2022, 1, 1): Decimal("6.25"), date(2026, 7, 1): Decimal("6.50")}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("USF", "2026-10-01", "36.2", "--reference", "x"), r"a gap, 2026Q3 is missing"),
        (("USF", "2026-07-02", "36.2", "--reference", "x"), r"expected the first day of a quarter"),
        (("USF", "2026-07-01", "36,2", "--reference", "x"), r"expected a quoted percentage"),
        (("USF", "July", "36.2", "--reference", "x"), r"expected a date YYYY-MM-DD"),
        (("USF", "2026-07-01", "36.2", "--reference", " "), r"expected where the rate stands"),
        (("USF", "2026-07-01", "309", "--reference", "x"), r"expected a percentage of at most 100"),
        (("TELLY", "2026-07-01", "36.2", "--reference", "x"), r"expected the code of a tax table: .*USF"),
    ],
)
def test_what_no_table_can_hold_is_refused_and_nothing_is_written(
    home: Home, arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(WrongUsage, match=told):
        enter(home, *arguments)
    assert not (home.taxes / "us" / "usf.yaml").exists()


def test_a_value_far_from_the_one_before_wants_a_reason(home: Home) -> None:
    with pytest.raises(Refused, match=r"USF was 37\.0 before 2026-07-01, and 3\.62 is less than half of it"):
        enter(home, "USF", "2026-07-01", "3.62", "--reference", "x")
    assert not (home.taxes / "us" / "usf.yaml").exists()
    assert not enter(home, "USF", "2026-07-01", "3.62", "--reference", "x", "--override", "the fund is paid otherwise")
    with Store(home) as store:
        assert "far from it because: the fund is paid otherwise" in str(store.rows("select detail from audit_log"))
