"""Runs that do not go straight: some accounts only, strangers, old differences, bad rows, a lost report, late calls."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows import bill_run
from flows.bill_run import RunReport, run_direct
from flows.books.context import Request
from flows.home.seller_settings import SellerSettings
from flows.home.settings import BillingSettings, Home, Settings
from flows.home.store import Store
from flows.issue.approve import Approval, approve
from flows.review import page
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 9, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two accounts with an adapter each."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    add_file(home, "devices", "devices", [_device("ANN"), _device("BOB")])
    return home


def _device(account: str, name: str = "1", **more: str) -> dict[str, str]:
    return {"device_id": f"{account}-{name}", "account_id": account, "product_code": "ata", **more}


def _run(home: Home, month: str = "2025-06", *accounts: str) -> RunReport:
    return run_direct(Request(str(home.root), month, "anna", NOW, None, accounts))


def _approve(home: Home, month: str = "2025-06") -> Approval:
    return approve(Request(str(home.root), month, "ben", NOW), None, None, None, None)


def _rows(home: Home, query: str) -> list[tuple[object, ...]]:
    with Store(home) as store:
        return store.rows(query)


def test_one_account_first_then_the_others(home: Home) -> None:
    assert _run(home, "2025-06", "ANN").accounts == {"billed": 1, "excluded": 1}
    first = _approve(home)
    assert (len(first.issued), first.not_asked, first.incomplete) == (1, 1, True)
    with pytest.raises(Refused, match="ANN"):
        _run(home, "2025-06", "ANN")
    rest = _run(home)
    assert (rest.kind, rest.accounts) == ("supplementary", {"billed": 1, "excluded": 1})
    assert not _approve(home).incomplete
    assert _rows(home, "select account_id from issued_documents order by 1") == [("ANN",), ("BOB",)]


def test_a_run_for_some_says_whose_drafts_it_replaced(home: Home) -> None:
    whole = _run(home)
    assert _run(home, "2025-06", "BOB").replaced == [whole.run_id]


def test_unknown_accounts_asked_for_or_named_by_a_device(home: Home) -> None:
    with pytest.raises(WrongUsage, match="EVE"):
        _run(home, "2025-06", "EVE")
    add_file(home, "devices", "typo", [_device("ANNE")])
    report = _run(home)
    assert [(account, kind) for account, kind, _ in report.findings] == [("ANNE", "unknown_account")]
    assert report.incomplete


def test_an_older_difference_is_found_and_not_billed(home: Home) -> None:
    settings = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(settings.replace("[billing]", "[billing]\nlookback_months = 1"), encoding="utf-8")
    for month in ("2025-06", "2025-07"):
        _run(home, month)
        _approve(home, month)
    add_file(home, "devices", "late", [_device("ANN", "2", active_from="2025-06-10")])
    report = _run(home, "2025-08")
    assert [(account, kind) for account, kind, _ in report.findings] == [("ANN", "older_difference")]
    assert "2025-06-11 to 2025-07-01" in report.findings[0][2]
    query = (
        "select sum(quantity)::integer, sum(amount)::varchar from invoice_lines where account_id = 'ANN' and run_id = "
    )
    lines = _rows(home, f"{query}'{report.run_id}'")
    # July's whole month for the new adapter, and August for both.
    assert lines == [(3, "93.000000000000")]


def test_a_bad_row_parks_its_account_alone(home: Home) -> None:
    charge = {
        "charge_id": "C",
        "account_id": "ANN",
        "product_code": "nonsense",
        "charge_date": "2025-05-20",
        "amount": "1",
    }
    add_file(home, "charges", "charges", [charge])
    report = _run(home)
    assert report.accounts == {"billed": 1, "parked": 1}
    assert "nonsense" in dict(report.parked)["ANN"]


def test_a_product_that_left_the_catalogue_parks_who_gets_money_back(home: Home) -> None:
    _run(home)
    _approve(home)
    add_file(home, "devices", "mended", [_device("ANN", product_code="phone"), _device("BOB", active_to="2025-06-15")])
    catalog = home.catalog / "catalog.yaml"
    text = catalog.read_text(encoding="utf-8").replace("  ata: {", "  adapter: {")
    catalog.write_text(text, encoding="utf-8")
    report = _run(home, "2025-07")
    assert {"ANN", "BOB"} == {account for account, reason in report.parked if "ata" in reason}


def test_a_report_that_was_lost_is_written_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_run, "review", page.review)
    _run(home)
    review = home.out("2025-06") / "review.html"
    before = review.read_bytes()
    review.unlink()
    with pytest.raises(NothingToDo):
        _run(home)
    assert review.read_bytes() == before


def test_a_report_stopped_before_its_review_is_not_taken_for_that_of_the_run_before(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bill_run, "review", page.review)
    _run(home)
    review = home.out("2025-06") / "review.json"
    before = review.read_text(encoding="utf-8")
    charge = {"charge_id": "MORE", "account_id": "ANN", "charge_date": "2025-05-20", "amount": "777.00"}
    add_file(home, "charges", "more", [charge])
    with monkeypatch.context() as patch:
        patch.setattr(bill_run, "review", _stopped)
        with pytest.raises(KeyboardInterrupt):
            _run(home)
    assert review.read_text(encoding="utf-8") == before
    with pytest.raises(NothingToDo):
        _run(home)
    with Store(home) as store:
        (last,) = store.rows("select run_id from runs order by run_seq desc limit 1")[0]
    assert last in review.read_text(encoding="utf-8")
    assert last not in before


def _stopped(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_call_of_an_issued_month_is_billed_late_and_one_without_a_rate_is_kept(home: Home) -> None:
    add_file(home, "numbers", "numbers", [{"number": "+442079460101", "account_id": "ANN"}])
    _run(home)
    _approve(home)
    late = {"call_id": "late", "started_at": "2025-05-31T12:00:00Z", "from_number": "+442079460101", "duration_s": 60}
    add_file(
        home,
        "calls",
        "late",
        [{**late, "to_number": "+33123456789"}, {**late, "call_id": "mute", "to_number": "+99912345678"}],
    )
    report = _run(home, "2025-07")
    assert report.usage == {"rated": 1, "suspended": 1}
    assert _rows(home, f"select billed_as, usage_month from rated_usage where run_id = '{report.run_id}'") == [
        ("prior_period", "2025-05")
    ]
    assert _rows(home, f"select reason from suspended_usage where run_id = '{report.run_id}'") == [("no_rate",)]


def test_no_two_sellers_share_a_series() -> None:
    seller = SellerSettings(
        name="Example", address_lines=["1 Example Street"], country="GB", time_zone="Europe/London",
        email="billing@example.com", series="UK",
    )  # fmt: skip
    for series in ("UK", "UKCN"):
        with pytest.raises(ValidationError, match="would both number"):
            Settings(
                billing=BillingSettings(first_invoice_month="2025-06"),
                sellers={"one": seller, "two": seller.model_copy(update={"series": series})},
            )


def test_a_fault_of_the_catalogue_names_file_line_and_key(home: Home) -> None:
    catalog = home.catalog / "catalog.yaml"
    catalog.write_text(
        catalog.read_text(encoding="utf-8").replace("section: one_time", "section: onetime"), encoding="utf-8"
    )
    with pytest.raises(WrongUsage, match=r"catalog/catalog\.yaml, line \d+: products\.set_up\.section: .*'onetime'"):
        _run(home)
