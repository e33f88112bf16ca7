"""Suspended usage: how old it is, what a replay says of it, and that the next run does as it said."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from flows.ask.status import status
from flows.bill_run import RunReport, run_direct, take_in
from flows.books.books import open_books
from flows.books.context import Request
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.page import review
from flows.undo.replay import Replay, replay
from schemas.errors import NothingToDo, WrongUsage
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 6, 20, tzinfo=UTC)
CALL = {"to_number": "+33123456789", "duration_s": 60}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """ANN owns ...101; nobody owns ...102, and no rate is in force for +999."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB", "free_months": 1}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460101", "account_id": "ANN"}])
    calls = [
        {**CALL, "call_id": "a", "started_at": "2025-05-31T12:00:00Z", "from_number": "+442079460101"},
        {**CALL, "call_id": "b", "started_at": "2025-05-02T12:00:00Z", "from_number": "+442079460102"},
        {**CALL, "call_id": "c", "started_at": "2025-05-03T12:00:00Z", "from_number": "+442079460102"},
        {**CALL, "call_id": "d", "started_at": "2025-05-28T12:00:00Z", "from_number": "+442079460101",
         "to_number": "+99912345678"},
    ]  # fmt: skip
    add_file(home, "calls", "calls", calls)
    return home


def _request(home: Home, by: str = "anna", month: str = "2025-06") -> Request:
    return Request(str(home.root), month, by, NOW, NOW.date())


def _run(home: Home, month: str = "2025-06") -> RunReport:
    return run_direct(_request(home, month=month))


def _replay(home: Home, reason: str | None = None) -> Replay:
    with open_books(_request(home)) as books:
        take_in(books)
        return replay(books.store, books.settings, reason, books.request)


def _found(done: Replay) -> list[tuple[str, str, str | None, int]]:
    return [(row["reason"], row["outcome"], row["now"], row["records"]) for row in done.outcomes]


def test_a_replay_says_what_the_next_run_then_bills(home: Home) -> None:
    _run(home)
    assert _found(_replay(home)) == [("no_owner", "suspended", "no_owner", 2), ("no_rate", "suspended", "no_rate", 1)]
    add_file(home, "numbers", "mended", [{"number": "+442079460102", "account_id": "ANN"}])
    done = _replay(home)
    assert _found(done) == [("no_owner", "rated", None, 2), ("no_rate", "suspended", "no_rate", 1)]
    assert done.outcomes[0]["amount"] == Decimal("0.4186")
    assert done.incomplete
    assert "can be rated now, 0.4186 GBP" in done.lines()[0]
    assert not _replay(home, "no_owner").incomplete
    report = _run(home, done.invoice_month)
    assert (report.usage, done.invoice_month) == ({"rated": 3, "suspended": 1}, "2025-06")
    with pytest.raises(NothingToDo, match="no_owner"):
        _replay(home, "no_owner")
    with pytest.raises(WrongUsage, match="no_owner"):
        _replay(home, "lost")


def test_usage_that_no_run_has_seen_is_told_where_none_is_suspended(home: Home) -> None:
    with pytest.raises(NothingToDo, match="no usage is suspended; 4 records not rated yet: `tollbook run 2025-06`"):
        _replay(home)


def test_an_account_left_out_of_an_issued_month_is_billed_by_a_supplementary_run(home: Home) -> None:
    _run(home)
    approve(_request(home, "ben"), None, None, None, None)
    add_file(home, "accounts", "mended", [{"account_id": "BOB"}])
    add_file(home, "numbers", "mended", [{"number": "+442079460102", "account_id": "BOB"}])
    done = _replay(home, "no_owner")
    assert (done.invoice_month, _found(done)) == ("2025-06", [("no_owner", "rated", None, 2)])
    report = _run(home)
    assert (report.kind, report.accounts) == ("supplementary", {"billed": 1, "excluded": 1})
    with Store(home) as store:
        query = (
            "select call_id from rated_usage r join feed_calls using (usage_id) where run_id = $1 and draft_id <> ''"
        )
        assert store.rows(f"{query} and r.account_id = 'BOB' order by 1", [report.run_id]) == [("b",), ("c",)]


def test_suspended_usage_is_shown_by_age(home: Home) -> None:
    _run(home)
    with Store(home) as store:
        found = status(store, load_settings(home), None, today=date(2025, 7, 15))
        aged = review(store, load_settings(home), "2025-06").tables["ageing"]
        assert store.rows("select count(*) from audit_log where act = 'replay'") == [(0,)]
    shown = [(row["reason"], row["age"], row["records"], row["accounts"]) for row in found.home["suspended_ageing"]]
    assert shown == [("no_owner", "61-90", 2, 0), ("no_rate", "31-60", 1, 1)]
    assert "no_rate, 31-60 days: 1 call of 1 known account, about 0.21 GBP" in "\n".join(found.lines())
    assert [(row["reason"], row["age"], row["oldest_days"]) for row in aged] == [
        ("no_owner", "0-30", 30),
        ("no_rate", "0-30", 4),
    ]
