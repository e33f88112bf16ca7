"""A month ahead of the clock is not run by mistake: once issued, those before it can be run no more (RULES 24)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.ask.dry_run import scratch_copy
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.errors import Refused
from tests.forked import tollbook
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs")

NOW = datetime(2025, 6, 2, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "D", "account_id": "ANN", "product_code": "ata"}])
    return home


def _request(home: Home, month: str, today: date | None = None, by: str = "anna") -> Request:
    return Request(str(home.root), month, by, NOW, today)


@pytest.mark.parametrize(
    ("month", "today"),
    [("2025-12", None), ("2025-08", date(2025, 6, 30)), ("2026-01", date(2025, 11, 30)), ("2026-06", date(2025, 6, 1))],
)
def test_a_month_later_than_the_one_after_the_clock_is_refused(home: Home, month: str, today: date | None) -> None:
    with pytest.raises(Refused, match=f"{month} lies ahead: on {today or '2025-06-02'} months up to "):
        run_direct(_request(home, month, today))
    assert not home.database.exists(), "nothing was taken in"
    with pytest.raises(Refused, match="lies ahead"):
        run_direct(replace(_request(home, month, today), ahead=" "))


@pytest.mark.parametrize(
    ("month", "today"),
    [("2025-07", date(2025, 6, 1)), ("2025-07", date(2025, 6, 30)), ("2026-01", date(2025, 12, 31)),
     ("2025-06", date(2026, 3, 1))],
)  # fmt: skip
def test_the_next_month_and_every_earlier_one_may_be_run(home: Home, month: str, today: date) -> None:
    assert run_direct(_request(home, month, today)).accounts == {"billed": 1}


def test_why_it_was_run_ahead_is_kept_and_shown_and_stops_nothing(home: Home) -> None:
    asked = replace(_request(home, "2025-08"), ahead="a customer pays the year in advance")
    with scratch_copy(asked) as copy:
        assert run_direct(copy).accounts == {"billed": 1}
    report = run_direct(asked)
    assert report.stops == []
    assert not report.incomplete
    acts = "select subject, by_name, reason, detail from audit_log where act = 'run ahead'"
    with Store(home) as store:
        assert store.rows(acts) == [
            ("2025-08", "anna", "a customer pays the year in advance", f"run {report.run_id} on 2025-06-02")
        ]
    told = f"Month ahead, 2025-08: run {report.run_id} on 2025-06-02 "
    told += "(let through by anna: a customer pays the year in advance)"
    shown = tollbook("--home", str(home.root), "--today", "2025-06-02", "review", "2025-08")
    assert told in shown.stdout.splitlines()
    assert "a customer pays the year in advance" in (home.out("2025-08") / "review.html").read_text(encoding="utf-8")
    assert len(approve(_request(home, "2025-08", by="ben"), None, None, None, None).issued) == 1


def test_the_command_line_refuses_it_with_the_remedy(home: Home) -> None:
    words = ("--home", str(home.root), "--today", "2025-06-02", "--by", "anna", "run", "2025-08", "--direct")
    refused = tollbook(*words)
    assert refused.returncode == 4
    assert "`tollbook run 2025-08 --ahead REASON`" in refused.stderr
    assert tollbook(*words, "--ahead", "paid in advance").returncode == 0
