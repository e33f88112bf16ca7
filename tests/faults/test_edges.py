"""Edges of days, months and decks that a call can lie on, and ids that must stay as they are written."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.document import Document
from tests.scenarios.month.home import DECK, add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NOW = datetime(2025, 6, 2, tzinfo=UTC)
NUMBER = "+442079460101"


def _home(root: Path, deck: str, *calls: dict[str, Any]) -> Home:
    home = make_home(root)
    (home.rates / "world.csv").write_text(deck, encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "00042"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "00042"}])
    add_file(home, "calls", "calls", [{"from_number": NUMBER, "duration_s": 120, **row} for row in calls])
    run_direct(Request(str(home.root), "2025-06", "anna", NOW))
    return home


def _rated(home: Home) -> dict[str, Decimal]:
    with Store(home) as store:
        rows = store.rows("select call_id, amount from rated_usage join feed_calls using (usage_id)")
    return dict(rows)


def test_the_rate_of_the_second_in_which_a_call_starts_prices_all_of_it(tmp_path: Path) -> None:
    """London is an hour ahead of UTC: the new price begins at 23:00 UTC. A call belongs to the month it starts in."""
    deck = (
        "prefix,destination,price,per_s,increment_s,valid_from,valid_to\n"
        "33,France,0.60,60,1,2025-01-01,2025-05-14\n33,France,0.06,60,1,2025-05-15,\n"
    )
    at = {
        "before": "2025-05-14T22:59:59Z",
        "after": "2025-05-14T23:00:00Z",
        "into June": "2025-05-31T22:59:59Z",
        "in June": "2025-05-31T23:00:00Z",
        "in April": "2025-04-30T22:59:59Z",
    }
    home = _home(
        tmp_path / "home", deck,
        *({"call_id": name, "started_at": when, "to_number": "+33123456789"} for name, when in at.items()),
    )  # fmt: skip
    assert _rated(home) == {"before": Decimal("1.2"), "after": Decimal("0.12"), "into June": Decimal("0.12")}
    with Store(home) as store:
        assert store.rows("select reason from excluded_usage order by 1") == [
            ("before_first_invoice_month",), ("month_open",),
        ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_a_deck_in_any_order_gives_the_same_amounts_by_the_longest_prefix(tmp_path: Path, order: int) -> None:
    header, *rows = DECK.strip().splitlines()
    to = {"France": "+33123456789", "mobile": "+33612345678", "premium": "+449012345678"}
    home = _home(
        tmp_path / "home", "\n".join([header, *rows[::order]]) + "\n",
        *({"call_id": name, "started_at": "2025-05-10T10:00:00Z", "to_number": n} for name, n in to.items()),
    )  # fmt: skip
    assert _rated(home) == {"France": Decimal("0.4186"), "mobile": Decimal("0.6"), "premium": Decimal("1.3")}


def test_leading_zeros_stay_and_numbers_are_plain_in_the_spreadsheet(tmp_path: Path) -> None:
    home = _home(
        tmp_path / "home", DECK, {"call_id": "007", "started_at": "2025-05-10T10:00:00Z", "to_number": "+33123456789"}
    )  # fmt: skip
    approve(Request(str(home.root), "2025-06", "ben", NOW), None, None, None, None)
    with Store(home) as store:
        ((text,),) = store.rows("select document_json from issued_documents")
        assert store.rows("select call_id, to_number from feed_calls") == [("007", "+33123456789")]
    assert Document.model_validate_json(text).bill_to.account_id == "00042"
    (usage,) = home.out("2025-06").glob("usage/*.csv")
    # A + would make a spreadsheet read a formula.
    assert ",442079460101,33123456789," in usage.read_text(encoding="utf-8")
