"""A minimum of a usage month after issue: explained, corrected; and what a catalogue may not say of it."""

import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from flows.ask.explain import explain
from flows.books.laws import broken
from flows.books.publish import publish, read
from flows.correct.month import correct
from flows.home.settings import Home
from flows.home.store import Store
from schemas.catalog import Catalog
from tests.flows.issuing import asked, bill, issue, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NUMBER = "+442079460101"
LATER = "2025-09-15"


@pytest.fixture(scope="module")
def issued_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann's plan costs 10.00 a month at least; she has called for four minutes in May, 2.00. June is issued."""
    home = make_home(tmp_path_factory.mktemp("issued") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "plan": "least"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    call(home, "a", "2025-05-20T10:00:00Z", 240)
    bill(home, "2025-06")
    return home


@pytest.fixture
def home(issued_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(issued_home.root, tmp_path / "home"))


def call(home: Home, name: str, at: str, seconds: int) -> None:
    row = {
        "call_id": name,
        "started_at": at,
        "from_number": NUMBER,
        "to_number": "+441632960302",
        "duration_s": seconds,
    }
    add_file(home, "calls", name, [row])


def printed(home: Home, correction: str) -> list[tuple[str, Decimal]]:
    return [
        (text, amount.normalize())
        for text, amount in rows(
            home,
            "select l.description, l.amount from invoice_lines l join documents d using (run_id, draft_id) "
            f"where d.correction = '{correction}' order by l.line_no",
        )
    ]


def test_explain_says_what_the_month_lacked(home: Home) -> None:
    with Store(home) as store:
        text = explain(store, "UK-2025-000001", "3").lines()
    assert text[1].startswith("printed: 1 unit = 8.00: 8.00 GBP")
    assert [line.split(": ", 1)[1] for line in text if line.startswith("charge ")] == [
        "1 at 10, 2025-05-01 to 2025-06-01 of 2025-05-01 to 2025-06-01 (exclusive): 10 GBP",
        "0, 2025-05-01 to 2025-06-01 of 2025-05-01 to 2025-06-01 (exclusive): -2 GBP",
    ]
    assert "sum of 2 charges: = 8, rounded once, half up: 8.00 GBP" in text


def test_a_call_that_came_late_is_corrected_inside_the_minimum(home: Home) -> None:
    call(home, "b", "2025-05-21T10:00:00Z", 600)
    found = correct(asked(home, "2025-06", today=LATER), "a file that was lost")
    assert [(ann.before, ann.after) for ann in found.differences] == [(Decimal("15.72"), Decimal("15.72"))]
    issue(home, "2025-06", "correction", LATER)
    assert printed(home, "replacement") == [
        ("Number", Decimal("3.1")),
        ("Minutes, 10.00 a month at least", Decimal(7)),
        ("Minutes, 10.00 a month at least (up to the minimum)", Decimal(3)),
    ]
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        assert broken(con) == {}


def test_a_plan_that_was_told_too_late_is_corrected_with_its_minimum(home: Home) -> None:
    """In office from 16 May on: the minimum is that of 16 days of 31, 5.16, and the call of the 20th is office's."""
    rest = {"account_id": "ANN", "plan": "office", "effective_from": "2025-05-16"}
    add_file(home, "accounts", "changed", [rest])
    correct(asked(home, "2025-06", today=LATER), "a plan told late")
    issue(home, "2025-06", "correction", LATER)
    lacking = "Minutes, 10.00 a month at least (up to the minimum)"
    assert dict(printed(home, "replacement"))[lacking] == Decimal("5.16")


def test_a_month_that_an_earlier_version_raised_to_its_minimum_is_not_raised_again(home: Home) -> None:
    """June's document as it was made before: one line of 10.00 for usage of 2.00. Ten minutes late are 5.00 of it."""
    with Store(home) as store:
        for table in ("invoice_lines", "charges"):
            store.con.execute(f"delete from {table} where line_no = 3")
        store.con.execute("update invoice_lines set amount = 10.00, bounded_by = 'minimum' where line_no = 2")
    call(home, "b", "2025-05-21T10:00:00Z", 600)
    run(home, "2025-07")
    found = rows(
        home,
        "select l.amount, l.tax_date::varchar from invoice_lines l join runs r using (run_id) where "
        "r.invoice_month = '2025-07' and l.period_start = '2025-05-01' order by l.amount",
    )
    assert [(amount.normalize(), day) for amount, day in found] == [(-5, "2025-06-01"), (5, None)]


PRODUCT = {
    "name": "Minutes", "section": "outbound_overage", "billed_from": "usage", "tax_class": "telephony",
    "telecom_percent": "100", "interstate": "none",
}  # fmt: skip
PRICED = {"model": "standard", "unit": "minute", "unit_price": "0.50", "minimum": "10.00"}


@pytest.mark.parametrize(
    ("says", "keys"),
    [
        ("are for products billed_from usage", {"billed_from": "devices", "minimum": {"GBP": "1.00"}}),
        ("GBP stands in minimum and in pricing", {"minimum": {"GBP": "1.00"}, "pricing": {"GBP": PRICED}}),
        ("no amount below zero", {"minimum": {"GBP": "-1.00"}}),
        ("no minimum that anything could fall short of", {"shortfall_product": "minutes"}),
        ("two prices for one interval, P12M", {"interval_prices": {"P1Y": {"GBP": "1"}, "P12M": {"GBP": "2"}}}),
        ("two prices for one interval, P1M", {"prices": {"GBP": "1"}, "interval_prices": {"P1M": {"GBP": "2"}}}),
        ("unknown product 'other'", {"minimum": {"GBP": "1.00"}, "shortfall_product": "other"}),
    ],
)
def test_a_minimum_that_could_not_be_asked_as_written_is_refused(says: str, keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=says):
        Catalog.model_validate({"products": {"minutes": {**PRODUCT, **keys}}})
