"""A catalogue's price that is overwritten instead of dated: months that are issued are not billed anew unseen."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.gate import month_stops
from schemas.errors import Refused
from tests.flows.issuing import asked, bill, issue, issued_total, no_pdfs, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

OLD = '2020-01-01: "31.00"'
"""What the plan charges for a seat."""


@pytest.fixture(scope="module")
def issued_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann and Bob with ten seats each at 31.00, June and July issued."""
    home = make_home(tmp_path_factory.mktemp("issued") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    seats = [{"subscription_id": f"S-{one}", "account_id": one, "quantity": "10"} for one in ("ANN", "BOB")]
    add_file(home, "subscriptions", "first", seats)
    bill(home, "2025-06")
    bill(home, "2025-07")
    return home


@pytest.fixture
def home(issued_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(issued_home.root, tmp_path / "home"))


def _price(home: Home, dated: str) -> None:
    path = home.catalog / "catalog.yaml"
    text = path.read_text(encoding="utf-8")
    assert OLD in text
    path.write_text(text.replace(OLD, dated), encoding="utf-8")


def _stops(home: Home) -> list[tuple[str, str, str | None]]:
    run(home, "2025-08")
    with Store(home) as store:
        found = month_stops(store, load_settings(home), "2025-08").stops
    return [(stop.subject, stop.detail, stop.seller_id) for stop in found if stop.code == "repriced"]


def test_a_price_that_is_overwritten_stops_the_approval(home: Home) -> None:
    """Two accounts, ten seats, two months, 1.00 dearer: 40.00 of months that are issued."""
    _price(home, '2020-01-01: "32.00"')
    told = (
        "+40.00 GBP for periods before 2025-08 that are billed already, 2 accounts: the catalogue's price of those days"
    )
    assert _stops(home) == [("uk GBP seat", f"{told} is another one now (31, now 32)", "uk")]
    with pytest.raises(Refused, match=r"repriced uk GBP seat"), no_pdfs():
        approve(asked(home, "2025-08", by="ben"), None, None, None, None)
    with no_pdfs():
        approve(asked(home, "2025-08", by="ben"), None, None, None, None, override="31.00 was a mistake")


@pytest.mark.parametrize("dated", ['2020-01-01: "31.00", 2025-09-01: "32.00"', '2025-06-01: "31.00"'])
def test_a_price_with_a_date_of_its_own_does_not(home: Home, dated: str) -> None:
    _price(home, dated)
    assert not _stops(home)


def test_a_run_of_somebody_else_with_the_new_price_hides_nothing(home: Home) -> None:
    """Eve came after July's run; her supplementary run has read the catalogue with the new price."""
    _price(home, '2020-01-01: "32.00"')
    add_file(home, "accounts", "eve", [{"account_id": "EVE"}])
    add_file(home, "subscriptions", "eve", [{"account_id": "EVE", "subscription_id": "S-EVE", "quantity": "1"}])
    bill(home, "2025-07")
    ((subject, told, _),) = _stops(home)
    assert (subject, told.split(":")[0]) == (
        "uk GBP seat", "+40.00 GBP for periods before 2025-08 that are billed already, 2 accounts",
    )  # fmt: skip


def test_a_plan_of_its_own_price_is_no_changed_price(home: Home) -> None:
    """Ann moves to a new plan, from June on: what she agreed is billed back."""
    path = home.catalog / "gold.yaml"
    path.write_text(
        "plans: {gold: {name: Gold, currency: GBP, domestic: [GB], usage: {}, prices: {seat: '30.00'}}}\n", "utf-8"
    )
    row = {"account_id": "ANN", "effective_from": "2025-06-01", "plan": "gold"}
    add_file(home, "accounts", "gold", [row])
    assert not _stops(home)


def test_a_price_that_was_agreed_late_is_billed_back_and_stops_nothing(home: Home) -> None:
    before = issued_total(home)
    row = {"account_id": "ANN", "product_code": "seat", "currency": "GBP", "unit_price": "30.00",
           "valid_from": "2025-06-01"}  # fmt: skip
    add_file(home, "prices", "agreed", [row])
    assert not _stops(home)
    issue(home, "2025-08")
    # August 300.00 and 620.00, less 20.00 of June and July, and 20 % VAT.
    assert issued_total(home) - before == Decimal("1080.00")


def test_more_seats_of_an_earlier_month_stop_nothing(home: Home) -> None:
    add_file(home, "subscriptions", "more", [{"subscription_id": "S-BOB", "account_id": "BOB", "quantity": "11"}])
    assert not _stops(home)
