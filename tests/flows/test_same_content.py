"""A file is (feed, source, bytes): equal bytes under another name count for days, and their records once (RULES 15)."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.books.laws import broken
from flows.books.ledger import balance_files
from flows.books.publish import publish, read
from flows.home.file_settings import SourceSettings
from flows.home.objects import kept
from flows.home.settings import BillingSettings, Settings
from flows.review.completeness import missing
from flows.review.inbox import inbox_stops
from flows.undo.rollback import Rollback, rollback
from tests.flows.inbox import CALLS, NOW, Inbox, call, counts, opened


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        for name in ("rates", "taxes"):
            (tmp_path / "catalog" / name).mkdir(parents=True)
        yield it
        balance_files(it.store)
        with read(publish(it.store)) as con:
            assert broken(con) == {}


def _declare(inbox: Inbox, *names: str, **more: Any) -> None:
    for name in names:
        inbox.sources[name] = SourceSettings(feed="calls", path=f"inbox/calls/{name}/*", **more)


def _settings(inbox: Inbox) -> Settings:
    return Settings(billing=BillingSettings(first_invoice_month="2026-05"), sellers={}, sources=inbox.sources)


def _out(inbox: Inbox, target: str) -> Rollback:
    return rollback(inbox.store, _settings(inbox), target, by="ben", now=NOW)


def _files(inbox: Inbox) -> list[tuple[Any, ...]]:
    return inbox.rows("select source_file, state, loaded, rejected, duplicate from source_files order by source_file")


def _move(inbox: Inbox, before: str, after: str) -> Path:
    target = inbox.home.inbox / after
    target.parent.mkdir(parents=True, exist_ok=True)
    return (inbox.home.inbox / before).rename(target)


def test_two_quiet_days_of_the_same_bytes_are_two_files(inbox: Inbox) -> None:
    _declare(inbox, "pbx", expect="daily", sequence="cdr_####_*.csv")
    for day in range(1, 32):
        line = "" if day % 7 == 3 else call(day, started_at=f"2026-05-{day:02d}T15:00:00Z")
        inbox.put(f"calls/pbx/cdr_{day:04d}_2026-05-{day:02d}.csv", CALLS + line)
    report = inbox.ingest()
    told = [file.detail for file in report.files if file.detail]
    assert told == ["same content as inbox/calls/pbx/cdr_0003_2026-05-03.csv"] * 4
    assert missing(inbox.store, _settings(inbox), "2026-06") == []
    assert list(inbox_stops(inbox.store, _settings(inbox))) == []
    assert inbox.rows("select count(*), count(distinct sha256) from source_files") == [(31, 27)]


def test_a_file_moved_into_the_right_source_is_taken_in_and_the_other_load_is_named(inbox: Inbox) -> None:
    _declare(inbox, "a", account_id="A1")
    _declare(inbox, "b", account_id="B1")
    inbox.take("calls/a/cdr.csv", CALLS + call(1) + "bad\n")
    _move(inbox, "calls/a/cdr.csv", "calls/b/cdr.csv")
    (moved,) = inbox.ingest().files
    assert counts(moved) == (2, 1, 1, 0)
    fault = moved.faults[-1]
    assert fault.found == "the same content as inbox/calls/a/cdr.csv, loaded as that of source 'a'"
    assert "tollbook rollback inbox/calls/a/cdr.csv" in fault.remedy
    assert [file.state for file in inbox.ingest().files] == ["known"]
    (stop,) = inbox_stops(inbox.store, _settings(inbox))
    assert (stop.code, stop.subject) == ("same_content", "inbox/calls/b/cdr.csv")
    _out(inbox, "inbox/calls/a/cdr.csv")
    assert list(inbox_stops(inbox.store, _settings(inbox))) == []
    assert inbox.rows("select account_id, source_file from feed_calls") == [("B1", "inbox/calls/b/cdr.csv")]
    assert inbox.rows("select source_file from rejected_records") == [("inbox/calls/b/cdr.csv",)]
    assert kept(inbox.home, moved.sha256).exists()
    assert [file.state for file in inbox.ingest().files] == ["known"]


def test_a_file_rolled_back_first_and_then_moved_is_taken_in(inbox: Inbox) -> None:
    _declare(inbox, "a", "b")
    inbox.take("calls/a/cdr.csv", CALLS + call(1))
    _out(inbox, "inbox/calls/a/cdr.csv")
    assert [file.state for file in inbox.ingest().files] == ["rolled_back"]
    _move(inbox, "calls/a/cdr.csv", "calls/a/renamed.csv")
    assert [file.state for file in inbox.ingest().files] == ["rolled_back"]
    _move(inbox, "calls/a/renamed.csv", "calls/b/cdr.csv")
    (moved,) = inbox.ingest().files
    assert (counts(moved), moved.detail) == ((1, 1, 0, 0), None)


def test_a_file_whose_source_is_another_now_is_not_loaded_twice(inbox: Inbox) -> None:
    file = inbox.put("calls/pbx/cdr.csv", CALLS + call(1))
    inbox.ingest()
    _declare(inbox, "pbx")
    for report in (inbox.ingest(), inbox.ingest(file)):
        assert (report.files[0].state, report.incomplete) == ("known", True)
        assert "tollbook rollback inbox/calls/pbx/cdr.csv" in report.files[0].faults[0].remedy
    _out(inbox, "inbox/calls/pbx/cdr.csv")
    assert counts(inbox.ingest(file).files[0]) == (1, 1, 0, 0)
    assert inbox.rows("select distinct source from feed_calls") == [("pbx",)]


@pytest.mark.parametrize("first_goes", [True, False])
def test_one_of_two_equal_files_out_again(inbox: Inbox, first_goes: bool) -> None:
    content = CALLS + call(1) + "bad\n" + call(2) + call(2)
    for name in ("a", "b", "c"):
        inbox.put(f"calls/{name}.csv", content)
    inbox.ingest()
    assert _files(inbox) == [
        ("inbox/calls/a.csv", "loaded", 2, 1, 1),
        ("inbox/calls/b.csv", "loaded", 0, 1, 3),
        ("inbox/calls/c.csv", "loaded", 0, 1, 3),
    ]
    done = _out(inbox, f"inbox/calls/{'a' if first_goes else 'b'}.csv")
    assert done.reloaded == ({"inbox/calls/b.csv": 2} if first_goes else {})
    gone, stays = ("a", "b") if first_goes else ("b", "a")
    assert inbox.rows("select distinct source_file, count(*) from feed_calls group by 1") == [
        (f"inbox/calls/{stays}.csv", 2)
    ]
    assert {row[0][12]: row[1:] for row in _files(inbox)} == {
        gone: ("rolled_back", 2 if first_goes else 0, 1, 1 if first_goes else 3),
        stays: ("loaded", 2, 1, 1),
        "c": ("loaded", 0, 1, 3),
    }
    assert inbox.rows("select source_file, count(*) from rejected_records group by 1 order by 1") == [
        (f"inbox/calls/{name}.csv", 1) for name in sorted([stays, "c"])
    ]
    assert inbox.rows("select distinct of_file from duplicate_records where source_file = 'inbox/calls/c.csv'") == [
        (f"inbox/calls/{stays}.csv",)
    ]
    assert [file.state for file in inbox.ingest().files].count("rolled_back") == 1
    back = inbox.ingest(inbox.home.inbox / "calls" / f"{gone}.csv").files[0]
    assert counts(back) == (4, 0, 1, 3)


def test_master_data_of_the_same_bytes_counts_once(inbox: Inbox) -> None:
    rows = "number,account_id,number_type,product_code,active_from\n+12025550101,A1,standard,number,2026-05-01\n"
    inbox.put("numbers/a.csv", rows)
    inbox.put("numbers/b.csv", rows)
    assert [counts(file) for file in inbox.ingest().files] == [(1, 1, 0, 0), (1, 0, 0, 1)]
    assert _out(inbox, "inbox/numbers/a.csv").reloaded == {"inbox/numbers/b.csv": 1}
    assert inbox.rows("select source_file from feed_numbers") == [("inbox/numbers/b.csv",)]


def test_a_refusal_stands_by_file_and_ends_when_its_content_is_loaded(inbox: Inbox) -> None:
    inbox.max_reject_percent = 10
    for name in ("a", "b"):
        inbox.put(f"calls/{name}.csv", CALLS + call(1) + "bad\n")
    assert [file.state for file in inbox.ingest().files] == ["refused"] * 2
    assert not inbox.ingest().anything_new
    assert [stop.subject for stop in inbox_stops(inbox.store, _settings(inbox))] == [
        "inbox/calls/a.csv", "inbox/calls/b.csv",
    ]  # fmt: skip
    (inbox.home.inbox / "calls" / "a.csv").unlink()
    assert [stop.subject for stop in inbox_stops(inbox.store, _settings(inbox))] == ["inbox/calls/b.csv"]
    inbox.max_reject_percent = 50
    inbox.ingest()
    assert _files(inbox) == [("inbox/calls/b.csv", "loaded", 1, 1, 0)]
    assert inbox.rows("select count(*) from rejected_records") == [(1,)]
    assert list(inbox_stops(inbox.store, _settings(inbox))) == []


def test_a_kept_copy_is_what_the_file_holds_whatever_its_name_says(inbox: Inbox) -> None:

    content = (CALLS + call(1)).encode()
    for name in ("packed.csv", "packed.csv.gz"):
        result = inbox.take(f"calls/{name}", gzip.compress(content))
        assert kept(inbox.home, result.sha256).read_bytes() == content
    result = inbox.take("calls/plain.csv.gz", content)
    assert (result.detail, kept(inbox.home, result.sha256).read_bytes()) == (
        "same content as inbox/calls/packed.csv", content,
    )  # fmt: skip
