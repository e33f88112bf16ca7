"""What renews in the next 60 days stands in the review and its JSON, at the price of the renewal day (RULES 6)."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.page import review
from rating.terms import term_containing
from tests.flows.issuing import run
from tests.scenarios.month.home import add_file, make_home

MONTH = "2025-07"
TERM = {"term_start": "2024-08-15", "term_months": "12", "renewal_months": "6", "start_date": "2024-08-15"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    leaving = {"account_id": "BOB", "name": "Bob", "end_date": "2025-07-31"}
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "name": "Ann"}, leaving])
    seat = {"account_id": "ANN", "product_code": "raised_seat"}
    add_file(
        home, "subscriptions", "subscriptions",
        [
            {**seat, **TERM, "subscription_id": "S-TERM", "quantity": "3"},
            {**seat, **TERM, "subscription_id": "S-CANCELLED", "cancel_requested_on": "2025-06-20"},
            {**seat, **TERM, "subscription_id": "S-NO-RENEWAL", "renewal_months": ""},
            {**seat, **TERM, "subscription_id": "S-LEAVES", "account_id": "BOB"},
            {**seat, **TERM, "subscription_id": "S-LATER", "term_start": "2024-09-01", "start_date": "2024-09-01"},
            {**seat, "subscription_id": "S-YEAR", "product_code": "yearly", "billing_interval": "P1Y",
             "start_date": "2024-07-01"},
            {**seat, "subscription_id": "S-AGREED", "product_code": "yearly", "billing_interval": "P1Y",
             "bill_anchor": "2023-08-30", "start_date": "2023-08-30", "unit_price": "300.00"},
            {**seat, "subscription_id": "S-MONTHLY"},
            {**seat, **TERM, "subscription_id": "S-NEW", "product_code": "yearly", "billing_interval": "P1Y",
             "start_date": "2025-07-10", "term_start": "", "term_months": "", "renewal_months": ""},
        ],
    )  # fmt: skip
    return home


def test_the_review_lists_what_renews_in_sixty_days(home: Home) -> None:
    """The 60 days from 1 July end on 30 August. 36.00 is in force since 10 July; an agreed price goes on."""
    run(home, MONTH)
    with Store(home) as store:
        found = review(store, load_settings(home), MONTH)
    shown = json.loads(found.json.read_text(encoding="utf-8"))["renewals"]
    assert [(row["renews_on"], row["subscription_id"], row["renews_for"], row["unit_price"]) for row in shown] == [
        ("2025-07-01", "S-YEAR", "P12M", "365"),
        ("2025-08-15", "S-TERM", "P6M", "36"),
        ("2025-08-30", "S-AGREED", "P12M", "300"),
    ]
    assert (shown[1]["account_id"], shown[1]["name"], shown[1]["quantity"], shown[1]["currency"]) == (
        "ANN", "Ann", "3", "GBP",
    )  # fmt: skip
    page = found.html.read_text(encoding="utf-8")
    assert "What renews in the next 60 days" in page
    assert "S-TERM" in page
    assert re.search(r"<td[^>]*><span>3</span></td><td[^>]*><span>6 months</span></td>", page)


@pytest.mark.parametrize(
    ("day", "renewal", "term"),
    [
        ("2025-01-30", 1, None),
        ("2025-01-31", 1, ("2025-01-31", "2025-04-30")),
        ("2025-04-29", 1, ("2025-01-31", "2025-04-30")),
        ("2025-04-30", 1, ("2025-04-30", "2025-05-31")),
        ("2025-05-30", 1, ("2025-04-30", "2025-05-31")),
        ("2025-05-31", 1, ("2025-05-31", "2025-06-30")),
        ("2026-02-28", 1, ("2026-02-28", "2026-03-31")),
        ("2026-02-27", 12, ("2025-04-30", "2026-04-30")),
        ("2025-04-30", None, None),
    ],
)
def test_a_term_begins_on_the_day_of_the_first_clipped_to_short_months(
    day: str, renewal: int | None, term: tuple[str, str] | None
) -> None:
    found = term_containing(date.fromisoformat(day), date(2025, 1, 31), 3, renewal)
    assert (found and (found[0].isoformat(), found[1].isoformat())) == term
