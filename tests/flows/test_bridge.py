"""The recurring bridge closes to the cent, and what is active and what is charged are held against each other."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.gate import month_stops
from flows.review.page import review
from flows.review.stops import MonthStops
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 9, 1, tzinfo=UTC)


def _ata(device: str, account: str = "ANN", **more: str) -> dict[str, str]:
    return {"device_id": device, "account_id": account, "product_code": "ata", **more}


def _bill(home: Home, month: str) -> None:
    run_direct(Request(str(home.root), month, "anna", NOW))


def _issue(home: Home, month: str) -> None:
    approve(Request(str(home.root), month, "ben", NOW), None, None, None, None)


def _standing(home: Home, month: str) -> MonthStops:
    with Store(home) as store:
        return month_stops(store, load_settings(home), month)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """July issued and August drafted: a bit of everything moves on the way."""
    home = make_home(tmp_path_factory.mktemp("bridge") / "home")
    starts = {"ANN": "2025-07-01", "BOB": "2025-07-01", "CAT": "2025-08-01"}
    accounts = [{"account_id": account, "billing_start_date": day} for account, day in starts.items()]
    add_file(home, "accounts", "accounts", accounts)
    add_file(home, "devices", "devices", [_ata("stays"), _ata("goes"), _ata("parked", "BOB")])
    seats = {"account_id": "ANN", "quantity": "3"}
    add_file(
        home, "subscriptions", "seats",
        [{**seats, "subscription_id": "S"},
         {**seats, "subscription_id": "Y", "product_code": "yearly", "billing_interval": "P1Y", "quantity": "1",
          "start_date": "2025-07-01"}],
    )  # fmt: skip
    _bill(home, "2025-07")
    _issue(home, "2025-07")
    # Back on 10 July: 21 of 31 days at 31.00. The plan's seat is 62.00 from August. A third of the adapters off.
    add_file(home, "devices", "changed", [_ata("goes", active_to="2025-07-10"), _ata("new", active_from="2025-08-01")])
    add_file(home, "devices", "cat", [_ata("first", "CAT")])
    add_file(
        home, "subscriptions", "more", [{**seats, "subscription_id": "S", "quantity": "4", "start_date": "2025-07-31"}]
    )
    discount = {"discount_id": "D", "account_id": "ANN", "applies_to": "product_code", "target": "ata", "percent": "10"}
    add_file(home, "discounts", "discounts", [{**discount, "valid_from": "2025-08-01"}])
    charge = {
        "charge_id": "C",
        "account_id": "BOB",
        "product_code": "nonsense",
        "charge_date": "2025-07-20",
        "amount": "1",
    }
    add_file(home, "charges", "charges", [charge])
    _bill(home, "2025-08")
    return home


def _row(found: MonthStops) -> dict[str, Any]:
    (row,) = found.bridge
    return {name: value for name, value in row.items() if isinstance(value, Decimal)}


def test_every_step_from_last_month_to_this_one(home: Home) -> None:
    row = _row(_standing(home, "2025-08"))
    expected = {
        # 3 adapters, 3 seats at 31.00, a year at 365.00
        "previous": "551",
        # the new adapter of ANN and that of CAT
        "new": "62",
        "removed": "-31",
        # a fourth seat at July's price, then four seats at 31.00 more
        "quantity": "31",
        "price": "124",
        "not_due": "-365",
        "not_billed": "-31",
        # 21 of 31 days back
        "proration": "-21",
        # 10 % of the two adapters of August
        "discount": "-6.2",
        "rounding": "0",
        "residual": "0",
    }
    assert {name: row[name] for name in expected} == {name: Decimal(value) for name, value in expected.items()}
    assert row["total"] == sum(row[name] for name in expected) == Decimal("313.8")


def test_the_review_shows_it(home: Home) -> None:
    with Store(home) as store:
        found = review(store, load_settings(home), "2025-08")
    page = found.html.read_text(encoding="utf-8")
    assert "The recurring bridge" in page
    assert found.as_json()["bridge"][0]["residual"] == "0"
    assert found.tables["uncharged"] == found.tables["unfounded"] == []


@contextmanager
def _undone(home: Home, statement: str) -> Iterator[MonthStops]:
    """What stands after a statement that is taken back at the end."""
    with Store(home) as store:
        store.con.execute("begin transaction")
        store.con.execute(statement)
        yield month_stops(store, load_settings(home), "2025-08")
        store.con.execute("rollback")


def test_a_line_that_was_not_charged_leaves_a_residual_that_stops(home: Home) -> None:
    with _undone(home, "delete from charges where charge_type = 'recurring' and resource_id = 'new'") as found:
        assert [(stop.code, stop.subject) for stop in found.stops] == [("bridge_residual", "uk")]
        assert found.stops[0].detail.startswith("31 GBP")
        assert [row["resource_id"] for row in found.uncharged] == ["new"], "and the device is seen to be uncharged"


def test_a_charge_whose_resource_no_feed_holds(home: Home) -> None:
    with _undone(home, "delete from feed_devices where device_id = 'stays'") as found:
        assert [(row["account_id"], row["resource_id"]) for row in found.unfounded] == [("ANN", "stays")]


def test_cycles_of_thirty_days_are_due_once_or_twice_a_month(tmp_path: Path) -> None:
    """1 and 31 July at one seat, 30 August alone at two: a second seat twice, and one cycle of two seats fewer."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "billing_start_date": "2025-07-01"}])
    plan = {
        "account_id": "ANN", "subscription_id": "D", "product_code": "thirty_days", "billing_interval": "P30D",
        "start_date": "2025-07-01", "unit_price": "30.00",
    }  # fmt: skip
    add_file(home, "subscriptions", "plan", [plan])
    _bill(home, "2025-07")
    _issue(home, "2025-07")
    add_file(home, "subscriptions", "more", [{**plan, "start_date": "2025-08-30", "quantity": "2"}])
    _bill(home, "2025-08")
    row = _row(_standing(home, "2025-08"))
    moved = {name: value.normalize() for name, value in row.items() if value}
    assert moved == {"previous": 60, "quantity": 60, "not_due": -60, "total": 60}
