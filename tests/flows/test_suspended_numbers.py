"""Usage that is not billed says whose it is and what mends it; calls that nobody can have spoken stop the approval."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.ask.status import status
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.books.publish import read
from flows.books.remedies import SUSPENDED_REMEDIES
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.page import review
from flows.review.report import Review
from rating.outcomes import SUSPENDED
from tests.scenarios.month.home import add_file, make_home

OURS, FAR = "+442079460101", "+441632960199"
CALL = {
    "started_at": "2025-06-10T10:00:00Z", "from_number": OURS, "to_number": FAR, "duration_s": "60", "extension": "101",
}  # fmt: skip


@dataclass(frozen=True)
class Billed:
    home: Home
    review: Review


def _billed(folder: Path, settings: str = "") -> Billed:
    home = make_home(folder / "home")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(settings)
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "numbers", "numbers", [{"number": OURS, "account_id": "ANN"}])
    calls: list[dict[str, Any]] = [{"to_number": f"0{n}"} for n in range(8)] + [{"to_number": "07"}] * 2
    calls += [{"from_number": "+442079460999"}, {"direction": "inbound", "to_number": "+442079460998"}]
    calls += [{"duration_s": "43200"}, {"duration_s": "43201"}, {"duration_s": "999999"}]
    # Three at once, and one that begins when the first of them ends.
    calls += [{"started_at": f"2025-06-11T10:00:{s}Z"} for s in ("00", "10", "20")]
    calls.append({"started_at": "2025-06-11T10:01:00Z"})
    add_file(home, "calls", "calls", [{**CALL, "call_id": str(n), **cells} for n, cells in enumerate(calls)])
    request = Request(str(home.root), "2025-07", "anna", datetime(2025, 7, 2, tzinfo=UTC))
    run_direct(request)
    with Store(home) as store:
        return Billed(home, review(store, load_settings(home), "2025-07"))


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Billed:
    return _billed(tmp_path_factory.mktemp("suspended"))


def _view(home: Home) -> list[tuple[Any, ...]]:
    with read(home.published) as con:
        return con.execute(
            "select direction, from_number, to_number, extension from suspended_usage where reason = 'no_owner' "
            "order by direction"
        ).fetchall()


def test_the_view_has_both_ends_and_the_extension(billed: Billed) -> None:
    assert _view(billed.home) == [
        ("inbound", OURS, "+442079460998", "101"),
        ("outbound", "+442079460999", FAR, "101"),
    ]


def test_the_review_shows_the_five_commonest_numbers_of_a_reason(billed: Billed) -> None:
    rows = billed.review.tables["suspended_numbers"]
    bad = [(row["number"], row["records"], row["other_end"]) for row in rows if row["reason"] == "bad_number"]
    assert bad[0] == ("07", 3, OURS)
    assert len(bad) == 5
    lost = [(row["direction"], row["number"], row["source_line"]) for row in rows if row["reason"] == "no_owner"]
    assert lost == [("inbound", "+442079460998", 13), ("outbound", "+442079460999", 12)]
    remedies = {row["reason"]: row["remedy"] for row in billed.review.tables["suspended"]}
    assert remedies == {reason: SUSPENDED_REMEDIES[reason] for reason in ("bad_number", "no_owner")}


def test_the_terminal_names_no_number(billed: Billed) -> None:
    assert not any("79460" in line or "632960" in line for line in billed.review.lines())


def test_every_reason_has_a_remedy() -> None:
    assert SUSPENDED_REMEDIES.keys() == SUSPENDED.keys()
    assert all(sentence.endswith(".") and len(sentence) < 250 for sentence in SUSPENDED_REMEDIES.values())


def test_a_call_over_twelve_hours_stops_the_approval(billed: Billed) -> None:
    (stop,) = [row for row in billed.review.tables["stops"] if row["code"] == "call_too_long"]
    assert stop["subject"] == "ANN"
    assert stop["detail"].startswith("2 calls over 12 hours; the longest 999,999 seconds (")
    assert [row["seconds"] for row in billed.review.tables["longest_calls"]] == [999999, 43201, 43200]


def test_the_most_calls_at_once_of_an_extension(billed: Billed) -> None:
    (row,) = billed.review.tables["parallel_calls"]
    assert (row["account_id"], row["extension"]) == ("ANN", "101")
    assert (row["calls"], row["moment"]) == (4, "2025-06-11 10:00:20")  # these, and one that never ended


def test_status_ages_by_the_clock_it_is_given(billed: Billed) -> None:
    with Store(billed.home) as store:
        settings = load_settings(billed.home)
        ages = [
            {row["age"] for row in status(store, settings, None, today=today).home["suspended_ageing"]}
            for today in (date(2025, 7, 2), date(2025, 8, 2), date(2025, 12, 1))
        ]
    assert ages == [{"0-30"}, {"31-60"}, {"91+"}]


def test_numbers_are_hidden_where_the_settings_ask(tmp_path: Path) -> None:
    masked = _billed(tmp_path, "\n[review]\nmask_numbers = true\n[bounds]\nmax_call_hours = 0\n")
    assert _view(masked.home) == [
        ("inbound", "+44207946XXXX", "+44207946XXXX", "101"),
        ("outbound", "+44207946XXXX", "+44163296XXXX", "101"),
    ]
    assert "call_too_long" not in {row["code"] for row in masked.review.tables["stops"]}
    page = masked.review.html.read_text(encoding="utf-8")
    assert "+44207946XXXX" in page
    assert "+442079460998" not in page
