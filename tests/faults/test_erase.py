"""Call detail erased on request: the numbers are gone from everywhere, and every total, document and hash stays."""

import base64
import binascii
import gzip
import hashlib
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.ask.doctor import doctor
from flows.ask.explain import explain
from flows.bill_run import publish_snapshot, run_direct
from flows.books.books import open_books
from flows.books.context import Request
from flows.books.laws import broken
from flows.books.manifest import write_manifest
from flows.books.publish import publish, read
from flows.correct.month import correct
from flows.correct.rerate import Asked, rerate
from flows.home.audit import verify
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from flows.post.send import send
from flows.undo.erase import Erasure, erase
from flows.undo.replay import replay
from flows.undo.rollback import rollback
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.faults.killing import killed_at
from tests.flows.issuing import bill, issue
from tests.scenarios.month.home import add_file, make_home

NOW = datetime(2025, 7, 20, 9, tzinfo=UTC)
ANN, BOB = "+442079460101", "+442079460102"
CALLED = ("33123456711", "33123456722", "442079460777", "442079460788", "33123456755", "33123456744")
WRITTEN = ("442079460799", "at the harbour")
"""Whom Ann called, or who called her: in May, in May without an answer, from the outside, with a plan's minutes, in a
line that cannot be read, and in a record that a second file repeats. WRITTEN: to whom she sent a message, and its text;
messages are not offered in her country."""
BOBS, IN_JUNE = "33123456799", "33123456733"
COMMAND = ("--by", "dora", "erase", "ANN", "--until", "2025-05", "--reason", "asked for on 18 July")


def _request(home: Home, month: str, by: str = "anna", *accounts: str) -> Request:
    return Request(str(home.root), month, by, NOW, datetime.fromisoformat(f"{month}-02").date(), accounts)


def _bill(home: Home, month: str) -> None:
    """Runs, issues, sends."""
    run_direct(_request(home, month))
    request = _request(home, month, "ben")
    approve(request, None, None, None, None, override="a test")
    with Store(home) as store:
        send(store, load_settings(home), month, today=request.today, now=NOW, by="ben")
    publish_snapshot(request)


def _call(number: int, to: str, **more: Any) -> dict[str, Any]:
    started = f"2025-05-{number + 1:02}T10:00:00Z"
    return {"call_id": f"c{number}", "started_at": started, "from_number": ANN, "to_number": f"+{to}",
            "duration_s": 61 * number, **more}  # fmt: skip


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """May's usage of two accounts is billed and mailed, in June. One file repeats a record and has a line that cannot
    be read; Ann's calls and Bob's came together."""
    home = make_home(tmp_path_factory.mktemp("erase") / "home")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write("\n[run]\nrender_processes = 1\n")
    add_file(
        home, "accounts", "accounts", [{"account_id": name, "email": f"{name}@example.org"} for name in ("ANN", "BOB")]
    )
    add_file(home, "devices", "devices", [{"device_id": "D-1", "account_id": "ANN", "extension": "201"}])
    add_file(home, "numbers", "numbers", [{"number": ANN, "account_id": "ANN"}, {"number": BOB, "account_id": "BOB"}])
    add_file(home, "calls", "may", [
        _call(1, CALLED[0], device_id="D-1"), _call(2, CALLED[1], disposition="BUSY"),
        _call(3, ANN[1:], from_number=f"+{CALLED[2]}", direction="inbound"), _call(4, CALLED[3]), _call(5, CALLED[5]),
        _call(6, BOBS, from_number=BOB), _call(7, ANN[1:], from_number=BOB, to_number=ANN),
    ])  # fmt: skip
    add_file(
        home, "calls", "repeated", [_call(5, CALLED[5]), _call(8, CALLED[4], duration_s="long"), _call(9, CALLED[0])]
    )
    message = {"sent_at": "2025-05-12T10:00:00Z", "direction": "outbound", "from_number": ANN, "channel": "sms"}
    add_file(
        home, "messages", "may", [{**message, "message_id": "m", "to_number": f"+{WRITTEN[0]}", "text": WRITTEN[1]}]
    )
    _bill(home, "2025-06")
    return home


@pytest.fixture
def home(issued: Home, tmp_path: Path) -> Home:
    """A copy of it, with a call of June that is not billed yet."""
    copy = Home(shutil.copytree(issued.root, tmp_path / "home"))
    add_file(copy, "calls", "june", [_call(10, IN_JUNE, started_at="2025-06-03T10:00:00Z")])
    return copy


def _erase(home: Home, until: str = "2025-05", account: str = "ANN") -> Erasure:
    return erase(home, load_settings(home), account, until, reason="asked for on 18 July", by="dora", now=NOW)


def _readings(content: bytes) -> Iterator[bytes]:
    """A file's bytes, and what is packed or coded in them."""
    yield content
    if content[:2] == b"\x1f\x8b":
        yield gzip.decompress(content)
    for block in re.findall(rb"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/=]*", content):
        try:
            yield base64.b64decode(block.replace(b"\r", b"").replace(b"\n", b""))
        except binascii.Error:
            continue


def _found(home: Home, *numbers: str) -> dict[str, set[str]]:
    """Number (or text) -> files below the home in which it stands, whole or without its country."""
    places: dict[str, set[str]] = {number: set() for number in numbers}
    for path in home.root.rglob("*"):
        if path.is_file():
            for text in _readings(path.read_bytes()):
                for number in numbers:
                    if number[2:].encode() in text:
                        places[number].add(path.relative_to(home.root).parts[0])
    return places


def _rows(home: Home, query: str) -> list[tuple[Any, ...]]:
    with Store(home) as store:
        return store.rows(query)


_MONEY = {
    "documents": "select invoice_number, document_sha256, document_json from issued_documents order by 1",
    "files": "select * from rendered_documents order by 1",
    "usage": "select account_id, started_at, duration_s, destination, rate_id, amount, charged_units from rated_usage "
    "order by all",
    "lines": "select run_id, draft_id, line_no, component, units, amount_num, amount_den from line_usage order by all",
    "loaded": "select source_file, source_line, duration_s from feed_calls order by all",
    "records": "select source_file, records, loaded, rejected, duplicate, state from source_files order by all",
}


def _money(home: Home) -> dict[str, Any]:
    """What no erasure may change, with the PDFs and the month's manifest."""
    out = home.out("2025-06")
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.glob("invoices/*"))}
    return {name: _rows(home, query) for name, query in _MONEY.items()} | files


def test_the_numbers_are_nowhere_but_in_the_operators_own_files(home: Home) -> None:
    hers = (*CALLED, *WRITTEN)
    before = _found(home, *hers, BOBS)
    everywhere = {"inbox", "store", "out", "published", "tollbook.duckdb"}
    assert before[CALLED[0]] == everywhere, "the search finds them in databases, copies, usage files and mails"
    money = _money(home)
    done = _erase(home)
    after = _found(home, *hers, BOBS)
    assert {one: after[one] for one in hers} == {one: {"inbox"} for one in hers}
    assert after[BOBS] >= {"out", "published", "tollbook.duckdb"}, "another account's calls stay"
    assert _money(home) == money
    assert not (home.store / "work").exists(), "what stages leave for the next one holds records too"
    assert done.originals == ["inbox/calls/may.csv", "inbox/calls/repeated.csv", "inbox/messages/may.csv"]
    assert (done.records, done.months, done.unreadable_lines, done.unbilled) == (7, ["2025-05"], 2, 1)


def test_nothing_comes_back_through_a_view_or_a_parquet_file(home: Home) -> None:
    hers = (*CALLED, *WRITTEN)
    with Store(home) as store:
        publish(store, parquet=True)
    before = _shown(home, *hers)
    assert before[CALLED[0]] >= {"rated_usage", "parquet"}, "the search finds them"
    _erase(home)
    assert set().union(*_shown(home, *hers).values()) == set()
    assert len(list(home.published.parent.glob("parquet-*"))) == 1, "no former set is left"


def _shown(home: Home, *numbers: str) -> dict[str, set[str]]:
    """Number (or text) -> views in which it stands, whole or without its country; and `parquet`."""
    with read(home.published) as con:
        names = [name for (name,) in con.execute("select view_name from duckdb_views() where not internal").fetchall()]
        texts = {name: str(con.execute(f"from {name}").fetchall()) for name in names}
    files = sorted(home.published.parent.glob("parquet/**/*.parquet"))
    assert files
    texts["parquet"] = str([pl.read_parquet(file).rows() for file in files])
    return {number: {name for name, text in texts.items() if number[2:] in text} for number in numbers}


def test_files_of_the_same_content_are_erased_together_and_none_brings_it_back(home: Home) -> None:
    calls = home.inbox / "calls"
    for name in ("may", "repeated"):
        shutil.copy(calls / f"{name}.csv", calls / f"{name}-again.csv")
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)
    done = _erase(home)
    assert done.originals == [
        "inbox/calls/may-again.csv", "inbox/calls/may.csv", "inbox/calls/repeated-again.csv",
        "inbox/calls/repeated.csv", "inbox/messages/may.csv",
    ]  # fmt: skip
    assert done.unreadable_lines == 10, "two, her five that may-again repeats, and three of repeated-again"
    for name in ("may", "repeated"):
        (calls / f"{name}.csv").rename(calls / f"{name}-once-more.csv")
    with Store(home) as store:
        states = {file.source_file: file.state for file in ingest(store, load_settings(home), None, now=NOW).files}
        publish(store)
    assert states["inbox/calls/may-once-more.csv"] == states["inbox/calls/repeated-once-more.csv"] == "known"
    hers = (*CALLED, *WRITTEN)
    assert {number: places for number, places in _found(home, *hers).items() if places != {"inbox"}} == {}


def test_bob_keeps_his_call_to_ann(home: Home) -> None:
    _erase(home)
    calls = _rows(home, "select from_number, to_number from feed_calls where from_number is not null order by all")
    assert calls == [(BOB, f"+{BOBS}"), (BOB, ANN)]
    ids = _rows(home, "select usage_id, account_id from feed_calls where from_number is null order by 1")
    assert ids == [(f"calls:c{n}:-~erased-1", "ANN") for n in (1, 2, 3, 4, 5, 9)], "no hash of what stood there is left"


def test_the_books_hold_and_the_next_month_bills_as_if_nothing_had_happened(home: Home, tmp_path: Path) -> None:
    other = Home(shutil.copytree(home.root, tmp_path / "undisturbed"))
    _erase(home)
    totals = []
    for each in (home, other):
        bill(each, "2025-07")
        with Store(each) as store, read(publish(store)) as con:
            assert broken(con) == {}
            totals.append(con.execute("select account_id, total from invoices order by all").fetchall())
    assert totals[0] == totals[1]
    assert _found(home, IN_JUNE)[IN_JUNE] > {"published", "tollbook.duckdb"}, "June is not erased"
    with Store(home) as store:
        assert verify(store) == []
        text = str(store.rows("select act, subject, by_name, reason, detail from audit_log where act = 'erase'"))
    assert "dora" in text
    assert "asked for on 18 July" in text


def test_what_would_need_the_detail_is_refused_and_says_what_to_do(home: Home) -> None:
    _erase(home)
    told = "call detail of ANN up to 2025-05 was erased on 2025-07-20 .asked for on 18 July.*charge or a credit by hand"
    with pytest.raises(Refused, match=told):
        correct(_request(home, "2025-06", "anna", "ANN"), "a wrong rate")
    with pytest.raises(Refused, match=told):
        rerate(_request(home, "2025-06", "anna", "ANN"), Asked())
    with Store(home) as store, pytest.raises(Refused, match=told):
        rollback(store, load_settings(home), "inbox/calls/may.csv", by="ben", now=NOW)


def test_the_others_of_the_month_are_corrected_and_the_erased_one_is_named(home: Home) -> None:
    _erase(home)
    deck = home.rates / "world.csv"
    deck.write_text(deck.read_text(encoding="utf-8").replace("33,France,0.2093", "33,France,0.4186"), encoding="utf-8")
    moved = rerate(_request(home, "2025-06"), Asked())
    assert [row["account_id"] for row in moved.accounts] == ["BOB"]
    assert "ANN" in moved.left_out[0]
    found = correct(_request(home, "2025-06"), "rates of France")
    assert [one.account_id for one in found.differences] == ["BOB"]
    assert [account for account, _ in found.parked] == ["ANN"]
    assert found.parked_codes == {"ANN": "detail_erased"}
    assert found.incomplete
    # As that month's run knew the rates, Bob's document is right, and nobody says that a file is missing.
    run_id = _rows(home, "select run_id from runs order by run_seq limit 1")[0][0]
    with pytest.raises(NothingToDo):
        correct(_request(home, "2025-06", "anna", "BOB"), "as it was", run_id)


def test_late_usage_of_an_erased_month_waits_and_a_call_that_comes_again_brings_nothing_back(home: Home) -> None:
    _erase(home)
    late = "33123456766"
    add_file(home, "calls", "late", [_call(1, CALLED[0], device_id="D-1"), _call(20, late)])
    run_direct(_request(home, "2025-07"))
    suspended = (
        "select split_part(usage_id, ':', 2), reason, account_id from suspended_usage where run_id like '2025-07%'"
    )
    assert _rows(home, suspended) == [("c20", "detail_erased", "ANN")]
    assert _rows(home, "select raw_line from duplicate_records where source_file like '%late.csv'") == [("(erased)",)]
    with Store(home) as store:
        found = replay(store, load_settings(home), "detail_erased", _request(home, "2025-07"))
        assert [row["outcome"] for row in found.outcomes] == ["suspended"]
        with read(publish(store)) as con:
            assert broken(con) == {}
    # Asked once more, what came since goes too.
    issue(home, "2025-07")
    assert _erase(home).unbilled == 1
    assert _found(home, late, *CALLED) == {number: {"inbox"} for number in (late, *CALLED)}


def test_explain_doctor_and_manifest_know_what_is_erased(home: Home) -> None:
    hashes = (home.out("2025-06") / "manifest.json").read_bytes()
    _erase(home)
    with Store(home) as store:
        number, line = store.rows(
            "select i.invoice_number, line_no from issued_documents i join invoice_lines l using (run_id, draft_id) "
            "where i.account_id = 'ANN' and section = 'international_minutes'"
        )[0]
        told = explain(store, number, str(line)).lines()
    with open_books(_request(home, "2025-06")) as books:
        write_manifest(books)
    assert any("records without their numbers: the call detail of ANN up to 2025-05 was erased" in one for one in told)
    assert any(re.search(r"sum of \d+ parts: .* rounded once", one) for one in told)
    outputs = [re.findall(r'"usage/.*', text.decode()) for text in
               (hashes, (home.out("2025-06") / "manifest.json").read_bytes())]  # fmt: skip
    assert len(outputs[0]) == 2
    assert outputs[1] == outputs[0], "the usage file is gone, its hash is not"
    checks = {check.name: check for check in doctor(home).checks}
    assert (checks["erased call detail"].state, checks["erased call detail"].detail) == ("ok", "of 1 account")
    assert checks["issued documents"].state == "ok"
    assert checks["audit log"].state == "ok"


def test_detail_that_is_still_needed_is_not_erased(home: Home) -> None:
    with pytest.raises(WrongUsage, match="'EVE'"):
        _erase(home, account="EVE")
    with pytest.raises(Refused, match="those of ANN are not issued"):
        _erase(home, "2025-06")
    run_direct(_request(home, "2025-07"))
    with pytest.raises(Refused, match="those of ANN are not issued"):
        _erase(home, "2025-06")
    with pytest.raises(NothingToDo):
        _erase(home, "2025-04")
    assert _erase(home).voided, "the drafts of June were made from feeds that read otherwise now"
    with pytest.raises(NothingToDo):
        _erase(home)


def test_a_draft_that_bills_late_usage_of_the_month_rests_on_it(home: Home) -> None:
    add_file(home, "calls", "late", [_call(20, IN_JUNE)])
    run_direct(_request(home, "2025-07"))
    with pytest.raises(Refused, match=r"a draft of ANN for 2025-07 .* rests on this detail"):
        _erase(home)


def test_killed_anywhere_and_asked_again_it_ends_the_same(home: Home, tmp_path: Path) -> None:
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)
    whole = Home(shutil.copytree(home.root, tmp_path / "whole"))
    _erase(whole)
    for point in (
        "flows.undo.erase:blank_rows after 1",
        "flows.undo.erase:write_anew before 1",
        "flows.home.rewrite:to_disk before 1",
        "flows.home.rewrite:to_disk after 1",
        "flows.undo.erase:publish before 1",
    ):
        killed_at(point, home.root, *COMMAND)
        if point == "flows.home.rewrite:to_disk after 1":
            checks = {check.name: check for check in doctor(home).checks}
            assert "not finished" in checks["erased call detail"].detail
    _erase(home)
    assert _found(home, *CALLED) == {number: {"inbox"} for number in CALLED}
    kinds = {
        each: sorted(
            path.relative_to(each.root).as_posix()
            for path in each.root.rglob("*")
            if path.is_file() and not path.name.startswith("lock")
        )
        for each in (home, whole)
    }
    assert kinds[home] == kinds[whole]
    assert _money(home) == _money(whole)
    everything = "select usage_id, account_id, from_number, to_number, row_md5 from feed_calls order by all"
    assert _rows(home, everything) == _rows(whole, everything)
    acts = "select count(*) from audit_log where act = 'erase'"
    assert _rows(home, acts) == [(1,)]
