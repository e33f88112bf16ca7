"""A refused row of master data is named with its account and stops the approval until it is mended (RULES 24)."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import RunReport, run_direct
from flows.books.context import Request
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from schemas.errors import NothingToDo, Refused
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs")

NOW = datetime(2025, 6, 2, tzinfo=UTC)
ANN = {"account_id": "ANN"}
GOOD: dict[str, dict[str, str]] = {
    "accounts": {"effective_from": "2025-06-01"},
    "subscriptions": {"subscription_id": "S-2"},
    "devices": {"device_id": "D-0", "product_code": "ata"},
    "numbers": {"number": "+442079460150"},
    "locations": {
        "location_id": "L-1", "address_line1": "1 Road", "city": "Leeds", "postal_code": "LS1 1AA", "country": "GB",
    },
    "prices": {"product_code": "ata", "unit_price": "20.00", "valid_from": "2025-06-01"},
    "discounts": {"discount_id": "R-1", "percent": "10"},
    "charges": {"charge_id": "C-1", "charge_date": "2025-05-20", "amount": "5.00"},
    "certificates": {
        "certificate_number": "X-1", "tax_code": "VAT", "valid_from": "2025-06-01", "received_on": "2025-06-01",
    },
    "billed_until": {"resource_id": "D-0", "billed_until": "2025-05-31", "amount": "31.00"},
}  # fmt: skip
BAD = {
    "accounts": {"email": "no address"},
    "subscriptions": {"quantity": "two"},
    "devices": {"is_rental": "perhaps"},
    "numbers": {"number_type": "golden"},
    "locations": {"country": "XX"},
    "prices": {"unit_price": "20,00"},
    "discounts": {"percent": "ten"},
    "charges": {"amount": "5,00"},
    "certificates": {"received_on": "yesterday"},
    "billed_until": {"amount": "31,00"},
}
OF_BOB = {
    "subscriptions": {"subscription_id": "S-B"},
    "devices": {"device_id": "D-C"},
    "numbers": {"number": "+442079460151"},
    "locations": {"location_id": "L-B"},
    "discounts": {"discount_id": "R-B"},
    "charges": {"charge_id": "C-B"},
    "billed_until": {"resource_id": "D-B"},
}
"""Right rows beside the refused one: a file of bad rows only is refused whole."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [ANN, {"account_id": "BOB"}])
    devices = [{"device_id": "D-1", **ANN, "product_code": "ata"}, {"device_id": "D-B", "account_id": "BOB"}]
    add_file(home, "devices", "devices", devices)
    return home


def _request(home: Home, by: str, month: str = "2025-06") -> Request:
    return Request(str(home.root), month, by, NOW, date.fromisoformat(f"{month}-02"))


def _run(home: Home, month: str = "2025-06") -> RunReport:
    return run_direct(_request(home, "anna", month))


def _approve(home: Home, override: str | None = None, month: str = "2025-06") -> int:
    return len(approve(_request(home, "ben", month), None, None, None, None, override=override).issued)


def _add(home: Home, feed: str, name: str, *rows: dict[str, str]) -> Path:
    """The rows, and as many right ones of another account."""
    beside = GOOD[feed] | {"account_id": "BOB"} | OF_BOB.get(feed, {})
    return add_file(home, feed, name, [beside, *rows])


def test_a_refused_row_of_any_feed_names_its_account_until_the_row_comes_right(home: Home) -> None:
    """Each feed's rows are of an account that is called as the feed."""
    add_file(home, "accounts", "customers", [{"account_id": feed} for feed in GOOD])
    for feed, row in GOOD.items():
        _add(home, feed, "bad", {"account_id": feed} | row | BAD[feed])
    report = _run(home)
    told = {stop.split(":")[0]: stop for stop in report.stops}
    assert set(told) == {f"refused_row {feed}" for feed in GOOD}
    for feed, bad in BAD.items():
        where = f"1 row of master data was refused: inbox/{feed}/bad.csv, line 3 ({next(iter(bad))})"
        assert where in told[f"refused_row {feed}"]
    assert report.incomplete
    assert sum("stops the approval: refused_row" in line for line in report.lines()) == len(GOOD)
    with pytest.raises(Refused, match="refused_row accounts"):
        _approve(home)
    for feed, row in GOOD.items():
        add_file(home, feed, "good", [{"account_id": feed} | row])
    assert _run(home).stops == []
    assert _approve(home)


def test_another_row_of_the_account_mends_nothing(home: Home) -> None:
    """The seats of 15 May are still missing, whatever came about the account since."""
    _add(home, "subscriptions", "bad", {**ANN, "subscription_id": "S", "start_date": "2025-05-15", "quantity": "x"})
    add_file(home, "subscriptions", "others", [
        {**ANN, "subscription_id": "T", "start_date": "2025-05-15"},
        {**ANN, "subscription_id": "S", "start_date": "2025-05-20"},
    ])  # fmt: skip
    add_file(home, "numbers", "numbers", [{**ANN, "number": "+442079460150"}])
    assert [stop.split(":")[0] for stop in _run(home).stops] == ["refused_row ANN"]


def test_what_was_let_through_stops_no_later_month_and_a_new_row_does(home: Home) -> None:
    _add(home, "subscriptions", "bad", {**ANN, "subscription_id": "S", "quantity": "x"})
    _run(home)
    assert _approve(home, "cancelled before it began") == 2
    assert _run(home, "2025-07").stops == []
    _add(home, "subscriptions", "worse", {**ANN, "subscription_id": "T", "quantity": "y"})
    # It came with nothing that changes a draft, and is told all the same.
    with pytest.raises(NothingToDo, match="stops the approval: refused_row ANN"):
        _run(home, "2025-07")


def test_a_file_taken_in_again_says_what_is_refused_now(home: Home) -> None:
    path = _add(home, "subscriptions", "seats", {**ANN, "subscription_id": "S", "quantity": "x"})
    _run(home)
    _add(home, "subscriptions", "seats", {**ANN, "subscription_id": "T", "quantity": "2"})
    with Store(home) as store:
        ingest(store, load_settings(home), [path], now=NOW)
    assert _run(home).stops == []


@pytest.mark.parametrize(
    ("line", "subject"),
    [("ANN,2,S\n", "inbox/subscriptions/own.csv"), (",S,seat,1,2024-01-01\n", "inbox/subscriptions/own.csv"),
     ("CARL,S,seat,x,2024-01-01\n", "CARL")],
)  # fmt: skip
def test_a_row_of_nobody_we_know_is_named_too(home: Home, line: str, subject: str) -> None:
    (home.inbox / "subscriptions").mkdir()
    head = "account_id,subscription_id,product_code,quantity,start_date\n"
    (home.inbox / "subscriptions" / "own.csv").write_text(head + "BOB,S-B,seat,1,2024-01-01\n" + line)
    (stop,) = _run(home).stops
    assert stop.startswith(f"refused_row {subject}: 1 row of master data was refused")


def test_rows_that_contradict_each_other_or_the_books_name_their_account(home: Home) -> None:
    rows: list[dict[str, Any]] = [{**ANN, "subscription_id": "S", "quantity": n} for n in ("1", "2")]
    beside = [{"account_id": "BOB", "subscription_id": f"S-{n}", "quantity": "1"} for n in range(2)]
    add_file(home, "subscriptions", "torn", rows + beside)
    later = {"effective_from": "2025-06-01"}
    add_file(home, "accounts", "moved", [{**ANN, **later}, {"account_id": "BOB", **later, "currency": "USD"}])
    stops = _run(home).stops
    assert [stop.split(":")[0] for stop in stops] == ["refused_row ANN", "refused_row BOB"]
    assert "2 rows" in stops[0]
    assert "(currency)" in stops[1]
