"""One file out again: the books are as if it had never come, and what was issued from it is named."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.books.laws import broken
from flows.books.publish import publish, read
from flows.books.runs import last_state, read_feeds
from flows.home.audit import verify
from flows.home.objects import kept
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from flows.undo.rollback import Rollback, rollback
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 9, 1, tzinfo=UTC)
CALL = {"started_at": "2025-05-10T12:00:00Z", "from_number": "+442079460101", "to_number": "+33123456789"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460101", "account_id": "ANN"}])
    return home


def _calls(home: Home, name: str, *numbers: int) -> None:
    add_file(home, "calls", name, [{**CALL, "call_id": f"c{n}", "duration_s": 60 * n} for n in numbers])


def _request(home: Home, month: str = "2025-06", by: str = "anna") -> Request:
    return Request(str(home.root), month, by, NOW)


def _bill(home: Home, month: str = "2025-06") -> str:
    run_id = run_direct(_request(home, month)).run_id
    approve(_request(home, month, "ben"), None, None, None, None)
    return run_id


def _take_in(home: Home, *paths: Path) -> dict[str, str]:
    with Store(home) as store:
        report = ingest(store, load_settings(home), paths or None, now=NOW)
    return {Path(file.source_file).stem: file.state for file in report.files}


def _out(home: Home, target: str) -> Rollback:
    with Store(home) as store:
        done = rollback(store, load_settings(home), target, by="ben", now=NOW, reason="wrong export")
        with read(publish(store)) as con:
            assert broken(con) == {}
        assert verify(store) == []
    return done


def _feeds(home: Home) -> object:
    with Store(home) as store:
        return read_feeds(store)


def _rows(home: Home, query: str) -> list[tuple[object, ...]]:
    with Store(home) as store:
        return store.rows(query)


def test_a_file_goes_with_its_drafts_and_waits_until_it_is_named(home: Home) -> None:
    _calls(home, "good", 1)
    _take_in(home)
    before = _feeds(home)
    _calls(home, "bad", 2, 3)
    run_id = run_direct(_request(home)).run_id
    done = _out(home, "inbox/calls/bad.csv")
    assert (done.loaded, done.voided, done.effects) == (2, [run_id], [])
    assert _feeds(home) == before
    with Store(home) as store:
        assert last_state(store, run_id) == "void"
        assert store.rows("select act, subject, reason from audit_log order by seq desc limit 1") == [
            ("rollback", "inbox/calls/bad.csv", "wrong export")
        ]
    with pytest.raises(NothingToDo, match="no draft"):
        approve(_request(home, by="ben"), None, None, None, None)
    assert _take_in(home)["bad"] == "rolled_back"
    assert run_direct(_request(home)).usage == {"rated": 1}
    assert _take_in(home, home.inbox / "calls" / "bad.csv")["bad"] == "loaded"
    assert run_direct(_request(home)).usage == {"rated": 3}


def test_former_versions_come_back(home: Home) -> None:
    _take_in(home)
    before = _feeds(home)
    add_file(home, "accounts", "moved", [{"account_id": "ANN", "city": "York"}])
    add_file(home, "numbers", "more", [{"number": "+442079460102", "account_id": "ANN"}])
    _take_in(home)
    assert _out(home, "inbox/accounts/moved.csv").restored == 1
    assert _out(home, "inbox/numbers/more.csv").restored == 0
    assert _feeds(home) == before


@pytest.mark.parametrize("feed", ["calls", "numbers"])
def test_what_another_file_repeated_counts_again(home: Home, feed: str) -> None:
    by_feed: dict[str, list[dict[str, Any]]] = {
        "calls": [{**CALL, "call_id": f"c{n}", "duration_s": 60} for n in (1, 2, 3)],
        "numbers": [{"number": f"+44207946020{n}", "account_id": "ANN"} for n in (1, 2, 3)],
    }
    rows = by_feed[feed]
    add_file(home, feed, "wrong", rows)
    _take_in(home)
    add_file(home, feed, "xsecond", rows[:2])
    _take_in(home)
    add_file(home, feed, "ythird", [rows[1]])
    _take_in(home)
    done = _out(home, f"inbox/{feed}/wrong.csv")
    assert done.reloaded == {f"inbox/{feed}/xsecond.csv": 2}
    assert _rows(
        home,
        f"select source_file, loaded, duplicate from source_files where feed = '{feed}' and state = 'loaded' "
        "and source_file > 'inbox/' || feed || '/x' order by 1",
    ) == [(f"inbox/{feed}/xsecond.csv", 2, 0), (f"inbox/{feed}/ythird.csv", 0, 1)]
    assert _rows(home, "select of_file, of_line from duplicate_records") == [(f"inbox/{feed}/xsecond.csv", 3)]
    again = make_home(home.root.parent / f"{feed}-as-if-never")
    add_file(again, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(again, "numbers", "numbers", [{"number": "+442079460101", "account_id": "ANN"}])
    add_file(again, feed, "xsecond", rows[:2])
    _take_in(again)
    assert _feeds(home) == _feeds(again)


def test_a_row_rejected_for_contradicting_it_is_loaded(home: Home) -> None:
    add_file(home, "accounts", "wrong", [{"account_id": "BOB", "currency": "USD"}])
    _take_in(home)
    add_file(home, "accounts", "yright", [{"account_id": "BOB"}, {"account_id": "CAT"}])
    _take_in(home)
    assert _rows(home, "select count(*) from rejected_records") == [(1,)]
    assert _out(home, "inbox/accounts/wrong.csv").reloaded == {"inbox/accounts/yright.csv": 1}
    assert _rows(home, "select currency from feed_accounts where account_id = 'BOB'") == [("GBP",)]
    assert _rows(home, "select count(*) from rejected_records") == [(0,)]


def test_what_is_issued_stays_and_is_named(home: Home) -> None:
    _calls(home, "bad", 2, 3)
    add_file(home, "devices", "bad", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    _bill(home)
    issued = _rows(home, "select invoice_number, document_sha256 from issued_documents")
    number = issued[0][0]
    done = _out(home, _rows(home, "select sha256 from source_files where feed = 'calls'")[0][0][:16])  # type: ignore[index]
    (effect,) = done.effects
    assert (effect.invoice_number, effect.records, effect.currency) == (number, 2, "GBP")
    assert f"{effect.amount:.4f}" == "1.0465"
    assert "tollbook correct 2025-06" in "\n".join(done.lines())
    assert [e.because for e in _out(home, "inbox/devices/bad.csv").effects] == ["1 row of feed devices"]
    assert _rows(home, "select invoice_number, document_sha256 from issued_documents") == issued
    # Taken in once more, what is issued is not billed a second time.
    _take_in(home, home.inbox / "calls" / "bad.csv")
    run_direct(_request(home, "2025-07"))
    assert _rows(home, "select count(*) from rated_usage where invoice_month = '2025-07'") == [(0,)]


def test_the_wrong_name_twice_and_unknown_accounts(home: Home) -> None:
    _calls(home, "a", 1)
    _bill(home)
    with pytest.raises(WrongUsage, match=r"found 'inbox/calls/b\.csv'"):
        _out(home, "inbox/calls/b.csv")
    with pytest.raises(Refused, match="knows ANN, and documents are issued"):
        _out(home, "inbox/accounts/accounts.csv")
    assert _rows(home, "select count(*) from feed_accounts") == [(1,)]
    _out(home, "inbox/calls/a.csv")
    with pytest.raises(NothingToDo, match="rolled back already"):
        _out(home, "inbox/calls/a.csv")


def test_a_lost_copy_of_a_file_that_repeats_it_leaves_all_as_it_was(home: Home) -> None:
    _calls(home, "a", 1)
    _calls(home, "b", 1, 2)
    _take_in(home)
    kept(
        home, str(_rows(home, "select sha256 from source_files where source_file = 'inbox/calls/b.csv'")[0][0])
    ).unlink()
    before = _feeds(home)
    with pytest.raises(Refused, match=r"roll back inbox/calls/b\.csv first"):
        _out(home, "inbox/calls/a.csv")
    assert _feeds(home) == before
    _out(home, "inbox/calls/b.csv")
    _out(home, "inbox/calls/a.csv")
    _take_in(home, home.inbox / "calls" / "b.csv")
    assert _rows(home, "select count(*) from feed_calls") == [(2,)]
