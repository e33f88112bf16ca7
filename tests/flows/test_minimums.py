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
from tests.flows.issuing import asked, bill, issue, rows
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
        ("unknown product 'other'", {"minimum": {"GBP": "1.00"}, "shortfall_product": "other"}),
    ],
)
def test_a_minimum_that_could_not_be_asked_as_written_is_refused(says: str, keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=says):
        Catalog.model_validate({"products": {"minutes": {**PRODUCT, **keys}}})
