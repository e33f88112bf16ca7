"""What lies in the inbox and was not taken in is named everywhere and stops the approval until declared (RULES 28)."""

import json
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.ask.status import status
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.latest import WrittenReview
from flows.review.look import latest_review
from flows.review.page import review
from schemas.errors import Refused
from tests.forked import tollbook
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs")

MONTH = "2025-06"
NOW = datetime(2025, 6, 2, tzinfo=UTC)
LEFT = ["inbox/calls/Master.csv.1", "inbox/calls/mac.csv", "inbox/usage.txt"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A month with two files that nobody can read by their names, and one that is refused."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    (home.inbox / "calls").mkdir(exist_ok=True)
    (home.inbox / "calls" / "Master.csv.1").write_text("x\n")
    (home.inbox / "calls" / "mac.csv").write_bytes(b"call_id,started_at\r1,2\r")
    (home.inbox / "usage.txt").write_text("x\n")
    return home


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), MONTH, by, NOW, date(2025, 6, 2))


def _approve(home: Home, override: str | None = None) -> int:
    return len(approve(_request(home, "ben"), None, None, None, None, override=override).issued)


def test_they_stop_the_approval_until_they_are_declared_or_gone(home: Home) -> None:
    report = run_direct(_request(home))
    assert report.incomplete
    assert [stop.split(":")[0] for stop in report.stops] == [f"not_taken_in {name}" for name in LEFT]
    assert [text.split(":")[0] for text in report.passed_over] == [LEFT[0], LEFT[2]]
    with pytest.raises(Refused, match=r"not_taken_in inbox/calls/Master\.csv\.1"):
        _approve(home)
    settings = home.settings_file.read_text()
    home.settings_file.write_text(settings + '\n[inbox]\nignore = ["*.csv.1", "usage.txt"]\n')
    with pytest.raises(Refused, match=r"not_taken_in inbox/calls/mac\.csv: a refused file.*line 1: found carriage"):
        _approve(home)
    (home.inbox / "calls" / "mac.csv").unlink()
    assert _approve(home) == 1


def test_a_review_never_says_that_nothing_is_left_open_while_they_lie_there(home: Home) -> None:
    run_direct(_request(home))
    page = home.out(MONTH) / "review.html"
    assert all(name in page.read_text() for name in LEFT)
    assert _approve(home, override="they are old") == 1
    with Store(home) as store:
        found = review(store, load_settings(home), MONTH)
    assert (found.stops, found.incomplete) == ([], True)
    assert "nothing is left open" not in page.read_text()
    assert "were not taken in: 3." in page.read_text()
    assert latest_review(home, load_settings(home), MONTH).incomplete
    for name in LEFT:
        (home.root / name).unlink()
    again = latest_review(home, load_settings(home), MONTH)
    assert not isinstance(again, WrittenReview), "the inbox is another"
    assert (again.incomplete, "nothing is left open" in page.read_text()) == (False, True)
    assert isinstance(latest_review(home, load_settings(home), MONTH), WrittenReview)


def test_status_names_them_and_counts_what_nobody_has_looked_at(home: Home) -> None:
    def found() -> tuple[list[str], int, str]:
        with Store(home) as store:
            told = status(store, load_settings(home), None, today=date(2025, 6, 2))
        return [it["file"] for it in told.home["not_taken_in"]], told.home["waiting_files"], "\n".join(told.lines())

    names, waiting, text = found()
    assert (names, waiting) == ([LEFT[0], LEFT[2]], 3)
    assert "not looked at yet: 3" in text
    run_direct(_request(home))
    names, waiting, text = found()
    assert (names, waiting) == (LEFT, 0)
    assert all(f"Not taken in: {name}" in text for name in LEFT)


def test_the_command_names_them_on_both_channels_and_ends_with_3(home: Home) -> None:
    os.mkfifo(home.inbox / "calls" / "pipe.csv")
    Path(os.fsdecode(os.fsencode(home.inbox) + b"/calls/caf\xe9\n.log")).write_text("x")
    done = tollbook("--home", str(home.root), "--json", "ingest")
    assert done.returncode == 3, done.stderr
    told = {row["file"]: row["state"] for row in json.loads(done.stdout)}
    odd = "inbox/calls/caf\\xe9\\n.log"
    assert {name: told[name] for name in (*LEFT, odd, "inbox/calls/pipe.csv")} == {
        LEFT[0]: "passed_over", LEFT[1]: "refused", LEFT[2]: "passed_over", odd: "passed_over",
        "inbox/calls/pipe.csv": "refused",
    }  # fmt: skip
    assert all(
        f"{name}: found" in done.stderr or f"{name}, line 1: found" in done.stderr
        for name in told
        if told[name] != "loaded"
    )
    again = tollbook("--home", str(home.root), "ingest")
    assert again.returncode == 3
    assert LEFT[0] in again.stderr


def test_a_dry_run_finds_the_same(home: Home) -> None:
    data = home.root / "data"
    data.mkdir()
    (home.inbox / "devices" / "devices.csv").rename(data / "devices.csv")
    (home.inbox / "devices").rmdir()
    (home.inbox / "devices").symlink_to(data)
    (home.inbox / "calls" / "away").symlink_to("/usr/share")
    os.mkfifo(home.inbox / "calls" / "pipe.csv")
    command = ("--home", str(home.root), "--today", "2025-06-02", "--by", "anna", "--json", "run", MONTH, "--direct")
    dry, real = (tollbook(*command, *more) for more in (["--dry-run"], []))
    assert (dry.returncode, real.returncode) == (3, 3), dry.stderr + real.stderr
    ours, theirs = (json.loads(done.stdout) for done in (dry, real))
    for name in ("files", "accounts", "refused_files", "passed_over", "stops"):
        assert ours[name] == theirs[name]
    assert ours["accounts"] == {"billed": 1}
    assert (ours["is_dry"], theirs["is_dry"]) == (True, False)
