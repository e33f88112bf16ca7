"""Killed anywhere and started again, a month ends as if nothing had happened: same bytes, no second number or mail.

The points lie between the stages and inside each. A command is killed at one, started again and killed at the next, and
so on; then it is let go to its end, and what it leaves is compared with an undisturbed month.
"""

import contextlib
import hashlib
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from flows.bill_run import publish_snapshot, run_direct
from flows.books.context import Request
from flows.books.laws import broken
from flows.books.publish import read
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.post.send import SendReport, send
from flows.undo.rollback import rollback
from schemas.errors import NothingToDo
from tests.faults.killing import killed_at, left_in
from tests.forked import tollbook
from tests.scenarios.month.home import add_file, make_home

MONTH = "2025-06"
NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)
RUN = ("--today", "2025-06-02", "--by", "anna", "run", MONTH, "--direct")
APPROVE = ("--today", "2025-06-02", "--by", "ben", "approve", MONTH)
SEND = ("--today", "2025-06-02", "--by", "ben", "send", MONTH)
ROLLBACK = ("--by", "ben", "rollback", "inbox/calls/first.csv")


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), MONTH, by, NOW, NOW.date())


def _run(home: Home) -> None:
    with contextlib.suppress(NothingToDo):
        run_direct(_request(home))


def _approve(home: Home) -> None:
    approve(_request(home, "ben"), None, None, None, None)
    publish_snapshot(_request(home))


def _send(home: Home, **more: Any) -> SendReport:
    with Store(home) as store:
        report = send(store, load_settings(home), MONTH, today=NOW.date(), now=NOW, by="ben", **more)
    publish_snapshot(_request(home))
    return report


def _rollback(home: Home) -> None:
    with Store(home) as store:
        rollback(store, load_settings(home), "inbox/calls/first.csv", by="ben", now=NOW)
    publish_snapshot(_request(home))


def _left(home: Home) -> dict[str, Any]:
    """What a month leaves behind: files by hash, numbers, mails, and what is loaded and rated."""
    out = home.out(MONTH)
    files = {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("manifest.json", "invoices/*", "usage/*", "mail/*")
        for path in sorted(out.glob(part))
    }
    queries = {
        "numbers": "select invoice_number, sequence, document_sha256 from issued_documents order by 1",
        "mails": "select invoice_number, state, count(*) from delivery_events group by all order by all",
        "files": "select source_file, state, loaded, duplicate from source_files order by all",
        "usage": "select usage_id, source_file from feed_calls order by all",
        "rated": "select usage_id, amount from rated_usage where run_id in "
        "(select run_id from run_events where state in ('drafted', 'approved')) order by all",
    }
    with Store(home) as store:
        rows = {name: store.rows(query) for name, query in queries.items()}
    leftovers = [path.name for path in home.root.rglob(".partial-*")]
    with read(home.published) as con:
        return {**files, **rows, "broken laws": broken(con), "leftovers": leftovers}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Home]:
    """One undisturbed month, as it was fresh, drafted, issued, sent; and with a file rolled back."""
    root = tmp_path_factory.mktemp("homes")
    home = make_home(root / "now")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write("\n[run]\nrender_processes = 1\n")
    accounts = [{"account_id": name, "email": f"{name.lower()}@example.org"} for name in ("ANN", "BOB", "CAT")]
    add_file(home, "accounts", "accounts", accounts)
    numbers = [{"number": f"+44207946010{n}", "account_id": row["account_id"]} for n, row in enumerate(accounts)]
    add_file(home, "numbers", "numbers", numbers)
    call = {"started_at": "2025-05-10T12:00:00Z", "to_number": "+33123456789"}
    calls = [{**call, "call_id": str(n), "from_number": f"+44207946010{n % 3}", "duration_s": 7 * n} for n in range(9)]
    add_file(home, "calls", "first", calls[:6])
    add_file(home, "calls", "second", calls[3:])
    found = {}
    for name, act in (("fresh", None), ("drafted", _run), ("issued", _approve), ("sent", _send)):
        if act is not None:
            act(home)
        found[name] = Home(shutil.copytree(home.root, root / name))
    found["rolled back"] = Home(shutil.copytree(found["drafted"].root, root / "rolled back"))
    _rollback(found["rolled back"])
    return found


@pytest.fixture
def home(tmp_path: Path, homes: dict[str, Home], state: str) -> Home:
    """A copy of the month in some state."""
    return Home(shutil.copytree(homes[state].root, tmp_path / "home"))


INGEST_POINTS = [
    "flows.ingest.settle:stage after 1",
    "flows.ingest.record:write_staged after 1",
    "flows.ingest.take_in:write before 1",
    "flows.ingest.take_in:write after 1",
    "flows.ingest.record:_write_staged_many after 1",
    "flows.ingest.many:keep after 2",
    "flows.ingest.many:commit_many before 1",
    "flows.ingest.many:commit_many after 1",
    "flows.ingest.take_in:_load after 1",
]
"""The two files of calls are taken in together, after the accounts and before the numbers."""

RUN_POINTS = [
    "flows.home.whole_files:os.fsync before 1",
    "flows.bill_run:open_run after 1",
    "flows.month.rate:rated_and_left after 1",
    "flows.bill_run:rate after 1",
    "flows.month.usage_owed:with_usage_pricing before 1",
    "flows.bill_run:charge after 1",
    "flows.month.tax:tax_documents before 1",
    "flows.bill_run:tax after 1",
    "flows.month.draft:write_drafts after 1",
    "flows.month.draft:balance_books after 1",
    "flows.bill_run:draft after 1",
    "flows.books.manifest:write_atomic after 1",
    "flows.books.publish:_describe before 1",
    "flows.books.publish:to_disk before 2",
    "flows.review.page:write_atomic after 1",
]


@pytest.mark.parametrize("state", ["fresh"])
def test_a_run_killed_at_every_point(home: Home, homes: dict[str, Home]) -> None:
    for point in [*INGEST_POINTS, *RUN_POINTS]:
        killed_at(point, home.root, *RUN)
    _run(home)
    assert _left(home) == _left(homes["drafted"])
    assert not list(home.root.rglob(".partial-*"))


@pytest.mark.parametrize("state", ["fresh"])
@pytest.mark.parametrize("point", ["flows.ingest.many:commit_many after 1", "flows.month.draft:balance_books after 1"])
def test_a_run_killed_once(home: Home, homes: dict[str, Home], point: str) -> None:
    killed_at(point, home.root, *RUN)
    _run(home)
    assert _left(home) == _left(homes["drafted"])


RATE = ("--today", "2025-05-20", "--by", "anna", "rate", MONTH)
RATE_POINTS = [
    "flows.month.rate:rated_and_left after 1",
    "flows.month.rate:leave before 1",
    "flows.month.usage.kept:write_atomic before 1",
]
GOING_ON_POINTS = [
    "flows.month.usage.kept:_move after 1",
    "flows.month.usage.kept:_move_rows before 1",
    "flows.month.usage.kept:_move_rows after 1",
    "flows.month.rate:covered_otherwise after 1",
    "flows.month.rate:count_outcomes after 1",
]


@pytest.mark.parametrize("state", ["fresh"])
def test_a_month_rated_daily_killed_at_every_point(home: Home, homes: dict[str, Home]) -> None:
    """The rating of a day, and the run that goes on from it: what was left is used once, or not at all."""
    second = (home.inbox / "calls" / "second.csv").rename(home.root / "second.csv")
    for point in RATE_POINTS:
        killed_at(point, home.root, *RATE)
    for n, point in enumerate(GOING_ON_POINTS):
        # Another quiet day, so that there is something to rate and to go on from.
        add_file(home, "calls", f"quiet-{n}", [])
        rated = tollbook("--home", str(home.root), *RATE)
        assert rated.returncode == 0, rated.stderr
        killed_at(point, home.root, *RUN)
    second.rename(home.inbox / "calls" / "second.csv")
    _run(home)
    left, undisturbed = _left(home), _left(homes["drafted"])
    left["files"] = [row for row in left["files"] if "quiet" not in row[0]]
    assert left == undisturbed


@pytest.mark.parametrize("state", ["fresh"])
@pytest.mark.parametrize(
    ("point", "whole"),
    [("flows.ingest.record:_write_staged_many after 1", 0), ("flows.ingest.many:commit_many after 1", 32)],
)
def test_of_many_files_taken_in_together_all_or_none_are_there(home: Home, point: str, whole: int) -> None:
    for n in range(30):
        call = {"started_at": "2025-05-11T12:00:00Z", "to_number": "+33123456789", "from_number": "+442079460100"}
        add_file(home, "calls", f"small{n:02d}", [{**call, "call_id": f"s{n}", "duration_s": n}] * 2)
    killed_at(point, home.root, "ingest")
    asked = "select (select count(*) from source_files where feed = 'calls'), (select count(*) from feed_calls)"
    with Store(home) as store:
        assert store.rows(asked) == [(whole, 39 if whole else 0)]
    again = tollbook("--home", str(home.root), "ingest")
    assert again.returncode == 0, again.stderr
    with Store(home) as store:
        assert store.rows(asked) == [(32, 39)]
        assert store.rows("select count(*) from duplicate_records where source_file like '%small%'") == [(30,)]
    assert not list(home.root.rglob(".partial-*"))


@pytest.mark.parametrize("state", ["fresh"])
def test_a_run_by_prefect_killed_alone_takes_its_server_with_it(home: Home, homes: dict[str, Home]) -> None:
    """Prefect's state decides nothing: the month is started again on a server that knows nothing of it."""
    by_prefect = RUN[:-1]
    session = killed_at("flows.month.draft:balance_books after 1", home.root, *by_prefect, alone=True)
    until = time.monotonic() + 600
    while left_in(session) and time.monotonic() < until:
        time.sleep(0.1)
    assert left_in(session) == [], "no server stays behind"
    again = tollbook("--home", str(home.root), *by_prefect)
    assert again.returncode == 0, again.stderr
    assert "Prefect" in again.stderr, "while it is loaded and started, this is said"
    assert _left(home) == _left(homes["drafted"])
    _approve(home)
    assert _left(home) == _left(homes["issued"])


APPROVAL_POINTS = [
    "flows.issue.freeze:_next_in after 2",
    "flows.issue.freeze:balance_issue after 1",
    "flows.issue.approve:render before 1",
    "flows.home.whole_files:os.fsync before 1",
    "flows.issue.printing:write_atomic after 2",
    "flows.issue.printing:_written after 1",
    "flows.issue.approve:write_manifest before 1",
]


@pytest.mark.parametrize("state", ["drafted"])
def test_an_approval_killed_at_every_point(home: Home, homes: dict[str, Home]) -> None:
    for point in APPROVAL_POINTS:
        killed_at(point, home.root, *APPROVE)
    with contextlib.suppress(NothingToDo):
        approve(_request(home, "ben"), None, None, None, None)
    publish_snapshot(_request(home))
    assert _left(home) == _left(homes["issued"])


@pytest.mark.parametrize("state", ["issued"])
def test_written_mails_killed_at_every_point(home: Home, homes: dict[str, Home]) -> None:
    for point in (
        "flows.post.outbox:queue after 1",
        "flows.post.send:write_atomic after 1",
        "flows.post.send:write_atomic after 2",
    ):
        killed_at(point, home.root, *SEND)
    _send(home)
    left, undisturbed = _left(home), _left(homes["sent"])
    written = [[row for row in rows.pop("mails") if row[1] == "written"] for rows in (left, undisturbed)]
    assert written[0] == written[1]
    assert left == undisturbed


@pytest.mark.parametrize("state", ["drafted"])
def test_a_rollback_killed_at_every_point(home: Home, homes: dict[str, Home]) -> None:
    for point in ("flows.undo.rollback:_remove after 1", "flows.undo.rollback:settle_usage_again after 1"):
        killed_at(point, home.root, *ROLLBACK)
    _rollback(home)
    assert _left(home) == _left(homes["rolled back"])


class _Collects:
    """An SMTP server's handler: what it accepted, by recipient."""

    def __init__(self) -> None:
        self.accepted: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 aiosmtpd's name
        self.accepted += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture
def post(home: Home) -> Iterator[_Collects]:
    """A mail server that the home's settings name."""
    handler = _Collects()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')
    yield handler
    controller.stop()


@pytest.mark.parametrize("state", ["issued"])
@pytest.mark.parametrize(
    ("point", "arrived"),
    [
        ("flows.post.smtp:Mailer.connect before 2", 1),
        ("flows.post.smtp:Mailer.send before 2", 1),
        ("flows.post.smtp:Mailer.send after 2", 2),
    ],
)
def test_a_mail_in_flight_is_not_sent_twice(home: Home, post: _Collects, point: str, arrived: int) -> None:
    killed_at(point, home.root, *SEND)
    assert len(post.accepted) == arrived
    in_flight = "connect" not in point
    report = _send(home)
    assert report.counts["unknown"] == in_flight, "it may have arrived: nobody is written to twice unasked"
    assert len(post.accepted) == len(set(post.accepted)) == 3 - (point == "flows.post.smtp:Mailer.send before 2")
    if in_flight:
        assert not _send(home, resend_unknown=True).incomplete
    assert set(post.accepted) == {"ann@example.org", "bob@example.org", "cat@example.org"}
