"""Every act is written down, with who, when and why; and what was changed in the log shows, from the first entry on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.audit import keep_head, record, verify
from flows.home.settings import Home
from flows.home.store import Store
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NOW = datetime(2025, 6, 2, 9, tzinfo=UTC)


def test_what_came_in_and_what_was_run_is_in_the_log(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    phones = [{"number": "+442079460100", "account_id": "ANN"}]  # without a charge no run is opened
    add_file(home, "numbers", "numbers", phones)
    torn = home.inbox / "devices" / "torn.csv"
    torn.parent.mkdir()
    torn.write_text("device_id\n1\n", encoding="utf-8")
    report = run_direct(Request(str(home.root), "2025-06", "anna", NOW))
    with Store(home) as store:
        acts = store.rows("select act, subject, by_name, detail, happened_at from audit_log order by seq")
        assert verify(store) == []
    assert [row[:3] for row in acts] == [
        ("ingest", "inbox/accounts/accounts.csv", "anna"),
        ("ingest", "inbox/devices/torn.csv", "anna"),
        ("ingest", "inbox/numbers/numbers.csv", "anna"),
        ("run", report.run_id, "anna"),
    ]
    assert acts[0][3] == "loaded, 1 records: 1 loaded, 0 rejected, 0 duplicate"
    assert acts[1][3].startswith("refused, inbox/devices/torn.csv")
    assert acts[3][3] == "1 billed"
    assert {row[4] for row in acts} == {NOW}


@pytest.mark.parametrize(
    ("change", "first"),
    [
        ("update audit_log set reason = 'other' where seq = 2", "audit entry 2: its content"),
        (
            "update audit_log set happened_at = happened_at + interval 1 second where seq = 3",
            "audit entry 3: its content",
        ),
        ("delete from audit_log where seq = 2", "audit entry 2: found 3"),
        ("delete from audit_log where seq = 1", "audit entry 1: found 2"),
        ("update audit_log set seq = 7 where seq = 4", "audit entry 4: found 7"),
        ("delete from audit_log where seq = 4", "audit entry 4: it was the last"),
    ],
)
def test_a_change_of_the_log_is_named_at_its_first_entry(tmp_path: Path, change: str, first: str) -> None:
    with Store(Home(tmp_path)) as store:
        for n in range(4):
            record(store, "send", f"2026-0{n + 1}", "ben", NOW + timedelta(hours=n), "why")
        keep_head(store)
        assert verify(store) == []
        store.con.execute(change)
        assert verify(store)[0].startswith(first)


def test_an_entry_stands_or_falls_with_what_it_records(tmp_path: Path) -> None:
    with Store(Home(tmp_path)) as store:
        store.con.execute("begin transaction")
        record(store, "approve", "2026-06", "ben", NOW)
        store.con.execute("rollback")
        record(store, "approve", "2026-07", "ben", NOW)
        assert (verify(store), store.rows("select seq, subject from audit_log")) == ([], [(1, "2026-07")])
