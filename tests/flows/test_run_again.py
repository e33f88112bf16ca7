"""A month run again before it is issued: new drafts in place of the old ones, and what differs, with its reason."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from flows.bill_run import RunReport
from flows.home.settings import Home
from tests.flows.issuing import corrected, issue, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NUMBER = "+442079460101"


@pytest.fixture(scope="module")
def drafted_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann and Bob, drafted for June."""
    home = make_home(tmp_path_factory.mktemp("drafted") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    seats = [{"subscription_id": f"S-{one}", "account_id": one, "quantity": "10"} for one in ("ANN", "BOB")]
    add_file(home, "subscriptions", "first", seats)
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    _call(home, "a")
    run(home, "2025-06")
    return home


@pytest.fixture
def home(drafted_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(drafted_home.root, tmp_path / "home"))


def _call(home: Home, name: str) -> None:
    row = {"call_id": name, "started_at": "2025-05-20T10:00:00Z", "from_number": NUMBER, "to_number": "+33123456789",
           "duration_s": 600}  # fmt: skip
    add_file(home, "calls", name, [row])


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _told(report: RunReport) -> list[tuple[str, Decimal, str]]:
    return [(row["account_id"], Decimal(row["difference"]), row["reason"]) for row in report.differences]


def test_one_more_file_of_calls(home: Home) -> None:
    _call(home, "b")
    report = run(home, "2025-06")
    # 2.09 more, and 20 % VAT of 317.29 instead of 315.19.
    assert _told(report) == [("ANN", Decimal("2.52"), "new usage")]
    changed = [(row["what"], row["before"], row["after"]) for row in report.differences[0]["lines"]]
    assert changed == [("line", "2.09", "4.19"), ("tax", "63.04", "63.46")]
    assert len(report.replaced) == 1
    assert rows(home, "select count(*) from documents d where run_id = $1", report.run_id) == [(2,)]


def test_new_calls_of_a_usage_product_in_any_section_are_new_usage_and_nothing_else(home: Home) -> None:
    """An account's address moved too, so master data did; no line of ANN's is made of it."""
    _edit(home.catalog / "catalog.yaml", "section: international_minutes", "section: contact_center")
    run(home, "2025-06")
    _call(home, "b")
    add_file(home, "accounts", "moved", [{"account_id": "BOB", "city": "York"}])
    report = run(home, "2025-06")
    assert _told(report) == [("ANN", Decimal("2.52"), "new usage")]
    line = report.differences[0]["lines"][0]
    assert (line["about"].split(",")[0], line["charge_type"]) == ("contact_center", "usage")


def test_a_dearer_rate(home: Home) -> None:
    _edit(home.rates / "world.csv", "33,France,0.2093", "33,France,0.3093")
    assert _told(run(home, "2025-06")) == [("ANN", Decimal("1.20"), "rate change")]


def test_more_seats(home: Home) -> None:
    row = {"subscription_id": "S-BOB", "account_id": "BOB", "quantity": "11"}
    add_file(home, "subscriptions", "more", [row])
    assert _told(run(home, "2025-06")) == [("BOB", Decimal("37.20"), "master data")]


def test_another_price(home: Home) -> None:
    _edit(home.catalog / "catalog.yaml", '2020-01-01: "31.00"', '2020-01-01: "32.00"')
    told = [(account, Decimal("12.00"), "rate change") for account in ("ANN", "BOB")]
    assert _told(run(home, "2025-06")) == told


def test_another_tax(home: Home) -> None:
    own = home.taxes / "gb" / "vat.yaml"
    own.parent.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "data" / "reference" / "taxes" / "gb" / "vat.yaml"
    own.write_text(shipped.read_text(encoding="utf-8").replace('"20"', '"25"'), encoding="utf-8")
    told = _told(run(home, "2025-06"))
    assert [(account, reason) for account, _, reason in told] == [("ANN", "tax change"), ("BOB", "tax change")]


def test_another_account_that_is_gone_and_one_that_is_new(home: Home) -> None:
    add_file(home, "accounts", "eve", [{"account_id": "EVE"}])
    add_file(home, "devices", "eve", [{"device_id": "E", "account_id": "EVE", "product_code": "ata"}])
    report = run(home, "2025-06")
    assert _told(report) == [("EVE", Decimal("37.20"), "master data")]
    changed = [(row["what"], row["before"], row["after"], row["charge_type"]) for row in report.differences[0]["lines"]]
    assert changed == [("line", "0", "31.00", "recurring"), ("tax", "0", "6.20", None)]


def test_a_correction_that_was_issued_meanwhile(home: Home) -> None:
    """An eleventh seat of June stands in July's draft, until a correction of June bills it."""
    issue(home, "2025-06")
    row = {"subscription_id": "S-BOB", "account_id": "BOB", "quantity": "11"}
    add_file(home, "subscriptions", "more", [row])
    run(home, "2025-07")
    corrected(home, "2025-06", today="2025-07-15")
    assert _told(run(home, "2025-07")) == [("BOB", Decimal("-37.20"), "documents issued")]
