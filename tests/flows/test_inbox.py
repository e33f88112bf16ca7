"""Whatever lies in the inbox: nothing is passed over without a word, no file ends the program or keeps another out."""

import gzip
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.home.file_settings import InboxSettings, SourceSettings
from flows.ingest import many, reading
from flows.ingest.report import FileResult, IngestReport
from tests.flows.inbox import CALLS, Inbox, call, counts, opened


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def _source(path: str, **more: Any) -> SourceSettings:
    return SourceSettings(feed="calls", path=path, **more)


def _by_name(report: IngestReport) -> dict[str, FileResult]:
    return {file.source_file.removeprefix("inbox/"): file for file in report.files}


def _passed_over(report: IngestReport) -> dict[str, str]:
    return {fault.file.removeprefix("inbox/"): fault.found for fault in report.passed_over}


ODD_NAMES = [
    "calls/Master.csv.1", "calls/Master.csv.2.gz", "calls/usage.txt", "calls/may.tsv", "calls/may.csv.zst", "may.xlsx",
    "calls/may.csv.bak", "calls/page.json", "calls/may.csv.bz2", "calls/noending", "calls/.may.csv.x8Yq",
    "calls/may.CSV~",
    "new/may.log", "calls/deep/er/may.csv.tmp",
]  # fmt: skip


def test_what_has_another_ending_is_named_and_left_to_do(inbox: Inbox) -> None:
    for name in ODD_NAMES:
        inbox.put(name, CALLS + call(1))
    inbox.put("calls/UPPER.CSV", CALLS + call(1))
    for name in ("calls/.DS_Store", "calls/._may.csv", "calls/Thumbs.db", "calls/.gitkeep"):
        inbox.put(name, "x")
    report = inbox.ingest()
    assert sorted(_passed_over(report)) == sorted(ODD_NAMES)
    assert report.incomplete
    assert [row["file"] for row in report.as_json() if row["state"] == "passed_over"] == sorted(
        f"inbox/{name}" for name in ODD_NAMES
    )
    assert all(f"inbox/{name}" in "\n".join(report.notes()) for name in ODD_NAMES)
    assert [file.source_file for file in report.files] == ["inbox/calls/UPPER.CSV"]
    again = inbox.ingest()
    assert (again.anything_new, again.incomplete) == (False, True)


def test_what_is_declared_is_taken_in_or_left_alone(inbox: Inbox) -> None:
    for name in ("calls/pbx/Master.csv.1", "calls/pbx/x.log", "calls/pbx/old/a.csv", "calls/x.log", "notes.md"):
        inbox.put(name, CALLS + call(1))
    inbox.sources = {"pbx": _source("inbox/calls/pbx/Master.csv*", format="csv", ignore=["*.log", "old"])}
    assert list(_passed_over(inbox.ingest())) == ["calls/x.log", "notes.md"]
    inbox.ignore = InboxSettings(ignore=["*.md", "calls/*.log"])
    report = inbox.ingest()
    assert (report.passed_over, report.incomplete) == ([], False)
    assert [file.source_file for file in report.files] == ["inbox/calls/pbx/Master.csv.1"]


def test_a_pipe_a_socket_and_links_to_nothing_hold_nobody_up(inbox: Inbox) -> None:
    folder = inbox.put("calls/good.csv", CALLS + call(1)).parent
    os.mkfifo(folder / "pipe.csv")
    os.mkfifo(folder / "pipe.jsonl")
    os.mkfifo(folder / "pipe.parquet")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket.csv"))
    (folder / "broken.csv").symlink_to("nowhere.csv")
    (folder / "loop.csv").symlink_to("pool.csv")
    (folder / "pool.csv").symlink_to("loop.csv")
    (folder / "device.csv").symlink_to("/dev/zero")
    (folder / "folder.csv").mkdir()
    report = inbox.ingest()
    found = _by_name(report)
    assert counts(found.pop("calls/good.csv")) == (1, 1, 0, 0)
    assert {name.removeprefix("calls/") for name in found} == {
        "pipe.csv", "pipe.jsonl", "pipe.parquet", "socket.csv", "broken.csv", "loop.csv", "pool.csv", "device.csv",
    }  # fmt: skip
    assert {file.state for file in found.values()} == {"refused"}
    assert found["calls/broken.csv"].faults[0].found == "a link to nothing"
    assert _passed_over(report) == {"calls/folder.csv": "a folder with the name of a file"}


def test_linked_folders_are_followed_inside_the_home_and_told_otherwise(
    inbox: Inbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "x.csv").write_text(CALLS + call(9))
    data = inbox.home.root / "data" / "may"
    data.mkdir(parents=True)
    (data / "a.csv").write_text(CALLS + call(1))
    (data / "up").symlink_to("..")
    (data / "again").symlink_to(".")
    inbox.put("messages/x", "")
    inbox.home.inbox.joinpath("calls").symlink_to("../data")
    inbox.home.inbox.joinpath("abroad").symlink_to(outside)
    report = inbox.ingest()
    assert {name: counts(file) for name, file in _by_name(report).items()} == {"calls/may/a.csv": (1, 1, 0, 0)}
    told = _passed_over(report)
    assert told["abroad"] == "a linked folder that leads out of the home"
    assert told["calls/may/again"] == told["calls/may/up"] == "a link to a folder that is looked at under another name"


def test_a_source_in_a_linked_folder_owns_its_files(inbox: Inbox) -> None:
    deep = inbox.home.root / "spool" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "c.txt").write_text(CALLS + call(1))
    inbox.put("calls/x.csv", CALLS)
    inbox.home.inbox.joinpath("calls", "pbx").symlink_to("../../spool")
    inbox.sources = {"pbx": _source("inbox/calls/pbx/**/*.txt")}
    inbox.ingest()
    assert inbox.rows("select source_file, source from source_files where records > 0") == [
        ("inbox/calls/pbx/a/b/c.txt", "pbx")
    ]


def test_a_folder_that_cannot_be_read_is_told(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox.put("calls/shut/a.csv", CALLS + call(1))
    inbox.put("calls/b.csv", CALLS + call(2))
    scandir = os.scandir

    def shut(folder: Any) -> Any:
        if Path(folder).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", shut)
    report = inbox.ingest()
    assert _passed_over(report) == {"calls/shut": "a folder that cannot be read (Permission denied)"}
    assert counts(report.files[0]) == (1, 1, 0, 0)


def test_a_file_that_may_not_be_read_or_is_gone_is_refused_alone(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        inbox.put(f"calls/{n}.csv", CALLS + call(n))
    opening = os.open

    def shut(path: Any, *rest: Any, **more: Any) -> int:
        if Path(path).name == "1.csv":
            raise PermissionError(13, "Permission denied")
        if Path(path).name == "2.csv":
            Path(path).unlink()
        return opening(path, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", shut)
        states = {name: file.state for name, file in _by_name(inbox.ingest()).items()}
    assert list(states.values()) == ["loaded", "refused", "refused", "loaded"]
    assert counts(_by_name(inbox.ingest())["calls/1.csv"]) == (1, 1, 0, 0)
    assert inbox.rows("select source_file from source_files where state = 'refused'") == [("inbox/calls/2.csv",)]


NAMES = [
    b"caf\xe9.csv", b"new\nline.csv", b"it's \"quoted\".csv", b"tab\there.csv", "caf\u00e9.csv".encode(),
    b"\xff\xfe.csv.1", b"semi;colon,comma.csv", "bidi\u202e.csv".encode(), b"--home.csv", b"$(rm).csv",
]  # fmt: skip


def test_a_name_in_any_bytes_is_taken_in_and_can_be_printed(inbox: Inbox) -> None:
    folder = inbox.put("calls/a.csv", CALLS + call(0)).parent
    for n, name in enumerate(NAMES, 1):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text(CALLS + call(n))
    report = inbox.ingest()
    assert [file.state for file in report.files] == ["loaded"] * 10
    assert [file.records for file in inbox.ingest().files] == [0] * 10
    told = "\n".join(report.lines() + report.notes() + [json.dumps(report.as_json())])
    assert told.encode()
    assert len(report.lines()) == 11
    names = {name for (name,) in inbox.rows("select source_file from source_files")}
    assert {"inbox/calls/caf\\xe9.csv", "inbox/calls/new\\nline.csv", "inbox/calls/caf\u00e9.csv"} <= names
    assert list(_passed_over(report)) == ["calls/\\xff\\xfe.csv.1"]


REFUSED = {
    "cr only": ("csv", (CALLS + call(1) + call(2)).replace("\n", "\r"), "carriage returns", 1),
    "cr only, blank first": ("csv", "\r" + (CALLS + call(1)).replace("\n", "\r"), "carriage returns", 1),
    "cr only, over 1 MB": ("csv", (CALLS + call(1) * 40_000).replace("\n", "\r"), "carriage returns", 1),
    "cr in the header alone": ("csv", CALLS.replace(",direction", "\r,direction") + call(1), "carriage returns", 1),
    "deep json": ("json", '{"call_id":' + "[" * 100_000 + "]" * 100_000 + "}", "nested without end", None),
    "no json": ("json", "\x1b[31m", "no JSON", 1),
    "half a character": ("jsonl", b'{"a":"\xe2\x82', "half a character", 1),
    "gzip that ends early": ("csv.gz", gzip.compress(CALLS.encode())[:20], "cut-off gzip", None),
    "gzip of noise": ("csv.gz", b"\x1f\x8b" + bytes(100), "gzip", None),
    "parquet that is none": ("parquet", b"PAR1 but not really PAR1", "Parquet", None),
}  # fmt: skip


@pytest.mark.parametrize(("ending", "content", "found", "line"), REFUSED.values(), ids=REFUSED)
def test_one_bad_file_is_refused_with_its_line_and_the_others_load(
    inbox: Inbox, ending: str, content: str | bytes, found: str, line: int | None
) -> None:
    inbox.sources = {"pages": _source("inbox/calls/*.json", format="json")}
    inbox.put("calls/a.csv", CALLS + call(1))
    inbox.put(f"calls/b.{ending}", content)
    inbox.put("calls/c.csv", CALLS + call(2))
    found_files = _by_name(inbox.ingest())
    bad = found_files.pop(f"calls/b.{ending}")
    assert bad.state == "refused"
    assert found in bad.faults[0].found
    assert bad.faults[0].line == line
    assert [counts(file) for file in found_files.values()] == [(1, 1, 0, 0)] * 2


LINE = {
    "call_id": "c1", "started_at": "2026-05-04T10:00:00Z", "direction": "outbound", "from_number": "+12025550101",
    "to_number": "+12025550199", "duration_s": 60,
}  # fmt: skip

BAD_RECORDS = {
    "half a surrogate": json.dumps(LINE).replace('"c1"', r'"c\ud800"'),
    "the other half": json.dumps(LINE).replace('"outbound"', r'"\uDC00outbound"'),
    "the wrong way round": json.dumps(LINE).replace('"c1"', r'"\udc00\ud800"'),
    "a NUL": json.dumps(LINE).replace('"c1"', r'"c\u0000"'),
    "a number without end": json.dumps(LINE).replace("60", "9" * 5000),
    "a float without end": json.dumps(LINE).replace("60", "1e999999"),
    "not a number": json.dumps(LINE).replace("60", "NaN"),
    "nested cells": json.dumps(LINE).replace('"c1"', "[" * 900 + "]" * 900),
    "nested without end": json.dumps(LINE).replace('"c1"', "[" * 100_000 + "]" * 100_000),
    "a list": "[]",
    "text": '"x"',
    "cut": '{"call_id": "c',
}


@pytest.mark.parametrize("bad", BAD_RECORDS.values(), ids=BAD_RECORDS)
@pytest.mark.parametrize("alone", [True, False])
def test_one_bad_record_of_json_lines_is_rejected_alone(inbox: Inbox, bad: str, alone: bool) -> None:
    if not alone:
        inbox.put("calls/b.jsonl", json.dumps(LINE | {"call_id": "c2"}) + "\n")
    inbox.put("calls/a.jsonl", json.dumps(LINE) + "\n" + bad + "\n" + json.dumps(LINE | {"call_id": "c3"}) + "\n")
    report = inbox.ingest()
    assert counts(report.files[0]) == (3, 2, 1, 0)
    assert report.notes()[0].encode()
    assert inbox.rows("select source_line from rejected_records") == [(2,)]


def test_a_whole_pair_of_surrogates_is_a_character(inbox: Inbox) -> None:
    inbox.put("calls/a.jsonl", json.dumps(LINE | {"call_id": "c\U0001f600"}) + "\n")
    assert counts(inbox.ingest().files[0]) == (1, 1, 0, 0)
    assert inbox.rows("select call_id from feed_calls") == [("c\U0001f600",)]


@pytest.mark.parametrize("error", [ValueError("of ours"), RecursionError("deep"), MemoryError(), AssertionError("no")])
def test_an_error_that_nobody_foresaw_is_the_files_refusal(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for n in range(3):
        inbox.put(f"calls/{n}.csv", CALLS + call(n, call_id=f"c{n}"))
    parsed = reading.parsed_rows

    def fail(cells: Any, layout: Any, now: Any) -> Any:
        if (cells["file.call_id"] == "c1").any():
            raise error
        return parsed(cells, layout, now)

    for place in ("take_in", "many"):
        monkeypatch.setattr(f"flows.ingest.{place}.parsed_rows", fail)
    files = _by_name(inbox.ingest())
    assert [file.state for file in files.values()] == ["loaded", "refused", "loaded"]
    told = files["calls/1.csv"].faults[0]
    assert "memory" in told.found if isinstance(error, MemoryError) else "defect of ours" in told.remedy
    assert inbox.rows("select count(*) from feed_calls") == [(2,)]


def test_a_full_disk_is_not_the_files_fault(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        inbox.put(f"calls/{n}.csv", CALLS + call(n))

    def full(*_: Any) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("flows.ingest.reading.keep_pieces", full)
        with pytest.raises(OSError, match="No space"):
            inbox.ingest()
    assert inbox.rows("select count(*) from source_files") == [(0,)]
    assert [file.state for file in inbox.ingest().files] == ["loaded"] * 3


def _tables(inbox: Inbox) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that ingest writes."""
    queries = {
        "feed_calls": "select * exclude (file_seq) from feed_calls order by all",
        "source_files": "select * exclude (file_seq) from source_files order by source_file, sha256",
        "rejected_records": "select * from rejected_records order by all",
        "duplicate_records": "select * from duplicate_records order by all",
        "usage_variants": "select * from usage_variants order by all",
        "audit": "select act, subject, by_name, detail from audit_log order by all",
    }
    return {name: inbox.rows(query) for name, query in queries.items()}


def _crowd(inbox: Inbox) -> None:
    """Small files of every sort, some of them bad."""
    inbox.sources = {
        "pages": _source("inbox/calls/*.json", format="json"),
        "bare": _source("inbox/calls/bare/*", format="csv", columns=list(LINE)),
    }
    for n in range(12):
        inbox.put(f"calls/a{n:02d}.csv", CALLS + call(n) + call(n + 1))
        inbox.put(f"calls/bare/{n}", call(100 + n))
        inbox.put(f"calls/j{n:02d}.json", json.dumps(LINE | {"call_id": f"j{n // 2}", "duration_s": n // 3}))
        inbox.put(f"calls/l{n:02d}.jsonl", f"\n{json.dumps(LINE | {'call_id': f'l{n}'})}\nbad\n")
    odd = {
        "b0.csv": CALLS, "b1.csv": CALLS, "b2.csv": "\ufeff" + CALLS + "\n" + call(50) + "\n\n",
        "b3.csv": (CALLS + call(51)).replace("\n", "\r\n"), "b4.csv": CALLS + call(52, call_id='"c,52"'),
        "b5.csv": CALLS + call(53, call_id='"c53') + call(54), "b6.csv": CALLS + call(55).strip(), "b7.csv": "",
        "b8.csv": CALLS + call(56, duration_s="x") + call(57), "b9.csv": CALLS + "c,d\n" + call(58),
        "c0.csv": "duration_s,to_number,from_number,direction,started_at,call_id\n60,+12025550199,+12025550101,inbound,"
        "2026-05-04T10:00:00Z,c60\n",
        "c1.csv": CALLS.replace("call_id", "id") + call(61), "c2.csv": CALLS + call(1), "c3.csv": CALLS + call(1),
        "c4.csv": CALLS + call(62, call_id="a\rb"), "c5.csv": CALLS + call(63) + call(63) + call(63, duration_s="9"),
        "c6.csv": CALLS.replace("\n", "\r") + call(64), "c7.csv": "\n\n",
        "k.json": "[1, {}]", "m.json": "nothing", "n.json": "", "o.json": json.dumps([LINE, LINE]),
    }  # fmt: skip
    for name, content in odd.items():
        inbox.put(f"calls/{name}", content)
    inbox.put("calls/d0.csv", gzip.compress((CALLS + call(70)).encode()))
    inbox.put("calls/d1.csv", CALLS.encode() + call(71, call_id="Jos\u00e9").encode("latin-1"))


def test_together_is_as_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, list[Any]] = {}
    for name, at_once in (("alone", 1), ("few", 3), ("many", 1000)):
        monkeypatch.setattr(many, "MANY", at_once)
        with opened(tmp_path / name) as inbox:
            inbox.max_reject_percent = 60
            _crowd(inbox)
            results = [(*counts(file), file.state, file.source_file, file.faults) for file in inbox.ingest().files]
            found[name] = [results, _tables(inbox)]
            assert not inbox.ingest().anything_new
            for n in range(3):
                inbox.put(f"calls/z{n}.csv", CALLS + call(n))
            inbox.max_reject_percent = 100
            inbox.ingest()
            found[name].append(_tables(inbox))
    assert found["alone"] == found["few"] == found["many"]
    states = [result[4] for result in found["many"][0]]
    # The three without a record among them are loaded, with none (RULES 27).
    assert (states.count("refused"), states.count("loaded")) == (8, 64)


def test_many_are_written_at_once(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 0
    transaction = inbox.store.transaction

    def counted() -> Any:
        nonlocal begun
        begun += 1
        return transaction()

    monkeypatch.setattr(inbox.store, "transaction", counted)
    for n in range(300):
        inbox.put(f"calls/{n:03d}.csv", CALLS + call(n))
    inbox.put("calls/150.csv", CALLS.replace("call_id", "id") + call(150))
    report = inbox.ingest()
    assert [file.state for file in report.files].count("refused") == 1
    assert begun == 1
    assert inbox.rows("select count(*), count(distinct file_seq) from source_files") == [(300, 300)]
    assert inbox.rows("select count(*) from audit_log") == [(300,)]
