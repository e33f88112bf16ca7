"""Files as a whole: taken whole or not at all, known by their content, every line with an outcome (RULES 27)."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.ingest import csv_blocks, reading
from schemas.errors import WrongUsage
from tests.flows.inbox import CALLS, Inbox, call, counts, opened


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def test_the_same_content_under_another_name_is_recorded_and_counts_once(inbox: Inbox) -> None:
    content = CALLS + call(1)
    assert counts(inbox.take("calls/a.csv", content)) == (1, 1, 0, 0)
    inbox.put("calls/b.csv", content)
    inbox.put("calls/c.csv.gz", gzip.compress(content.encode()))
    report = inbox.ingest()
    assert [file.state for file in report.files] == ["known", "loaded", "loaded"]
    assert [counts(file) for file in report.files[1:]] == [(1, 0, 0, 1)] * 2
    assert [file.faults[0].found for file in report.files[1:]] == ["the same content as inbox/calls/a.csv"] * 2
    assert [file.state for file in inbox.ingest().files] == ["known"] * 3
    assert not inbox.ingest().anything_new
    assert inbox.rows("select count(*) from feed_calls") == [(1,)]


def test_other_content_under_a_loaded_name_waits_for_the_operator(inbox: Inbox) -> None:
    inbox.take("calls/a.csv", CALLS + call(1))
    file = inbox.put("calls/a.csv", CALLS + call(1) + call(2))
    first = inbox.ingest()
    again = inbox.ingest()
    assert [first.refused[0].is_new, again.refused[0].is_new] == [True, False]
    assert "already loaded" in first.refused[0].faults[0].found
    assert counts(inbox.ingest(file).files[0]) == (2, 1, 0, 1)
    assert inbox.rows("select state, count(*) from source_files group by state") == [("loaded", 2)]


def test_a_record_in_two_files_is_a_duplicate_of_the_first(inbox: Inbox) -> None:
    inbox.take("calls/a.csv", CALLS + call(1) + call(2))
    result = inbox.take("calls/b.csv", CALLS + call(3) + call(2) + call(3))
    assert counts(result) == (3, 1, 0, 2)
    assert inbox.rows("select source_line, of_file, of_line from duplicate_records order by 1") == [
        (3, "inbox/calls/a.csv", 3),
        (4, "inbox/calls/b.csv", 2),
    ]


def test_variants_of_one_call_are_all_kept_with_ids_that_know_no_order(tmp_path: Path) -> None:
    short, long = call(1, duration_s="60"), call(1, duration_s="61")
    ids = []
    for name, lines in {"one": [short, long], "other": [long, short]}.items():
        with opened(tmp_path / name) as inbox:
            for i, line in enumerate(lines):
                inbox.put(f"calls/{i}.csv", CALLS + line)
            inbox.ingest()
            ids.append(inbox.rows("select usage_id, duration_s from feed_calls order by duration_s"))
    assert ids[0] == ids[1]
    assert len({usage_id for usage_id, _ in ids[0]}) == 2


def test_two_calls_in_the_same_second_are_two_calls(inbox: Inbox) -> None:
    assert counts(inbox.take("calls/a.csv", CALLS + call(1) + call(2))) == (2, 2, 0, 0)


def test_bad_lines_are_rejected_one_by_one_with_their_place(inbox: Inbox) -> None:
    text = CALLS + call(1) + "\n" + call(2, duration_s="x") + "c3,short\n" + call(4, call_id='"c\n4"') + call(5) + "c,"
    result = inbox.take("calls/a.csv", text + ",,,,,,too long\n")
    assert counts(result) == (6, 2, 4, 0)
    assert inbox.rows("select source_line, column_name, reason, raw_line from rejected_records order by 1") == [
        (4, "duration_s", "found 'x'; expected a whole number", call(2, duration_s="x").strip()),
        (5, None, "found 2 columns; expected 6", "c3,short"),
        (6, "call_id", "found 'c\n4'; expected text without control characters", call(4, call_id='"c\n4"').strip()),
        (9, None, "found more than 6 columns; expected 6", "c,,,,,,,too long"),
    ]
    assert inbox.rows("select source_line from feed_calls order by 1") == [(2,), (8,)]


def test_lines_keep_their_numbers_across_blocks(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [call(i, call_id=f'"x,{i}"') if i % 3 else "\n" + call(i, call_id=f'"a""b{i}"') for i in range(60)]
    monkeypatch.setattr(csv_blocks.csv_blocks, "__defaults__", (600,))
    monkeypatch.setattr("flows.ingest.files._CHUNK", 100)
    result = inbox.take("calls/a.csv", "\ufeff" + CALLS + "".join(lines))
    assert counts(result) == (60, 60, 0, 0)
    text = (CALLS + "".join(lines)).splitlines()
    for line, call_id in inbox.rows("select source_line, call_id from feed_calls"):
        assert call_id.replace('"', '""') in text[line - 1]


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_bom_and_line_ends_do_not_matter(inbox: Inbox, line_end: str) -> None:
    content = ("\ufeff" + CALLS + call(1)).replace("\n", line_end)
    assert counts(inbox.take("calls/a.csv", content)) == (1, 1, 0, 0)
    assert inbox.rows("select call_id, duration_s from feed_calls") == [("c1", 60)]


REFUSED = {
    "no line end": (CALLS + call(1).rstrip(), "line end"),
    "cut in a number": (CALLS + call(1)[:-2], "line end"),
    "utf-16": ((CALLS + call(1)).encode("utf-16"), "UTF-16"),
    "latin-1": (CALLS.encode() + call(1, call_id="Jos\u00e9").encode("latin-1"), "no UTF-8"),
    "nul": (CALLS + call(1, call_id="a\x00b"), "NUL"),
    "semicolon": (CALLS.replace(",", ";") + call(1).replace(",", ";"), "call_id;started_at"),
    "renamed column": (CALLS.replace("duration_s", "secs") + call(1), "secs"),
    "column twice": (CALLS.replace("to_number", "call_id") + call(1), "more than once"),
    "unclosed quote": (CALLS + call(1, call_id='"c1') + "".join(call(i) for i in range(2, 50)), "never closed"),
    "quote closed far below": (CALLS + call(1, call_id='"a') + call(2) + call(3, call_id='b"'), "do not pair"),
    "stray quotes": (CALLS + call(1, call_id='5" x') + call(2, call_id='6" y'), "do not pair"),
    "line over 1 MB": (CALLS + call(1, call_id="x" * 1_100_000), "1 MB"),
    "quote over 1 MB": (CALLS + '"' + call(1) * 30_000, "1 MB"),
    "1001 columns": (CALLS.strip() + "," + ",".join(f"x{i}" for i in range(1000)) + "\n", "1006 columns"),
    "cut gzip": (gzip.compress((CALLS + call(1)).encode())[:-9], "gzip"),
}


@pytest.mark.parametrize("content", ["", "\n\n"], ids=["empty", "only blank lines"])
def test_a_file_of_usage_without_a_line_is_one_without_records(inbox: Inbox, content: str) -> None:
    result = inbox.take("calls/a.csv", content)
    assert (result.state, *counts(result)) == ("loaded", 0, 0, 0, 0)
    assert "no records" in result.faults[0].found
    assert inbox.rows("select state, records from source_files") == [("loaded", 0)]
    # Of master data it is a broken export: nothing would be left of what it should list.
    assert inbox.take("accounts/a.csv", content).state == "refused"


@pytest.mark.parametrize(("content", "found"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_a_whole_file_is_refused_and_leaves_nothing(
    inbox: Inbox, content: str | bytes, found: str
) -> None:
    result = inbox.take("calls/a.csv", content)
    assert result.state == "refused"
    assert found in result.faults[0].found
    assert inbox.rows("select count(*) from feed_calls") == [(0,)]
    assert inbox.rows("select state, loaded, records = rejected from source_files") == [("refused", 0, True)]
    assert not inbox.ingest().anything_new
    assert inbox.rows("select count(*) from source_files") == [(1,)]


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(inbox: Inbox) -> None:
    result = inbox.take("calls/a.csv.gz", gzip.compress(b"\n" * 80_000_000))
    assert result.state == "refused"
    assert "unpacked" in result.faults[0].found


def test_a_corrected_file_takes_the_place_of_the_refused_one(inbox: Inbox) -> None:
    assert inbox.take("calls/a.csv", CALLS + call(1).rstrip()).state == "refused"
    assert counts(inbox.take("calls/a.csv", CALLS + call(1))) == (1, 1, 0, 0)


def test_too_many_bad_lines_refuse_the_file_and_a_kinder_limit_takes_it(inbox: Inbox) -> None:
    inbox.max_reject_percent = 5
    bad = "".join(call(i, duration_s="?") for i in range(6))
    file = CALLS + bad + "".join(call(i) for i in range(6, 100))
    result = inbox.take("calls/a.csv", file)
    assert (result.state, *counts(result)) == ("refused", 100, 0, 100, 0)
    assert "6 bad lines of 100" in result.faults[0].found
    inbox.max_reject_percent = 6
    assert counts(inbox.ingest().files[0]) == (100, 94, 6, 0)
    assert inbox.rows("select count(*) from rejected_records") == [(6,)]


def test_column_order_and_extra_columns_do_not_matter_and_text_is_kept(inbox: Inbox) -> None:
    text = "note,account_id,duration_s,to_number,from_number,direction,started_at,call_id\n"
    text += "=cmd(),00042,60,+12025550199,+12025550101,OUTBOUND,2026-05-04T10:00:00+02:00, c 1 \n"
    inbox.take("calls/a.csv", text)
    assert inbox.rows("select account_id, call_id, direction, started_at::varchar, leg from feed_calls") == [
        ("00042", " c 1 ", "outbound", "2026-05-04 08:00:00+00", None)
    ]


def test_hostile_ids_are_data(inbox: Inbox) -> None:
    text = "call_id,started_at,direction,duration_s,account_id\n"
    for i, account in enumerate(["'; drop table feed_calls; --", "../../etc/x", "a/b", "x' or 1=1 --"]):
        text += f"c{i},2026-05-04T10:00:00Z,inbound,1,{account}\n"
    assert counts(inbox.take("calls/it's.csv", text)) == (4, 4, 0, 0)
    assert inbox.rows("select max(account_id) from feed_calls") == [("x' or 1=1 --",)]


def test_a_header_alone_is_no_records_and_says_so(inbox: Inbox) -> None:
    result = inbox.take("calls/a.csv", CALLS)
    assert (result.state, *counts(result)) == ("loaded", 0, 0, 0, 0)
    assert result.faults[0].found == "no records"


def test_a_folder_that_is_no_feed_is_refused(inbox: Inbox) -> None:
    inbox.put("callz/a.csv", CALLS + call(1))
    inbox.put("a.csv", CALLS + call(1))
    inbox.put("calls/notes.txt", "x")
    report = inbox.ingest()
    assert len(report.refused) == 2
    assert "calls, messages" in report.refused[1].faults[0].expected
    assert [fault.file for fault in report.passed_over] == ["inbox/calls/notes.txt"]


def test_a_link_out_of_the_home_is_not_read(inbox: Inbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.csv"
    outside.write_text(CALLS + call(1))
    link = inbox.put("calls/x.csv", "").parent / "a.csv"
    link.symlink_to(outside)
    result = inbox.ingest().files[0]
    assert (result.source_file, result.state) == ("inbox/calls/a.csv", "refused")
    assert "link" in result.faults[0].found


def test_a_path_outside_the_inbox_needs_a_feed(inbox: Inbox, tmp_path: Path) -> None:
    file = tmp_path / "export.csv"
    file.write_text(CALLS + call(1))
    with pytest.raises(WrongUsage, match="--feed or --source"):
        inbox.ingest(file)
    assert counts(inbox.ingest(file, feed="calls").files[0]) == (1, 1, 0, 0)
    with pytest.raises(WrongUsage, match="no such file"):
        inbox.ingest(tmp_path / "nowhere.csv", feed="calls")
    with pytest.raises(WrongUsage, match="'callz'"):
        inbox.ingest(file, feed="callz")


def test_a_rolled_back_file_waits_until_it_is_named(inbox: Inbox) -> None:
    file = inbox.put("calls/a.csv", CALLS + call(1))
    inbox.ingest()
    inbox.store.con.execute("update source_files set state = 'rolled_back'")
    inbox.store.con.execute("delete from feed_calls")
    assert inbox.ingest().files[0].state == "rolled_back"
    assert counts(inbox.ingest(file).files[0]) == (1, 1, 0, 0)
    assert inbox.rows("select state from source_files") == [("loaded",)]


def test_a_file_that_grows_while_it_is_read_is_refused(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    file = inbox.put("calls/a.csv", CALLS + call(1))
    billable = reading.billable  # the moment between the two readings

    def grow(*arguments: Any) -> Any:
        file.write_text(CALLS + call(1) + call(2))
        return billable(*arguments)

    monkeypatch.setattr("flows.ingest.take_in.billable", grow)
    result = inbox.ingest().files[0]
    assert result.state == "refused"
    assert "changed" in result.faults[0].found


def test_a_failure_while_writing_leaves_nothing(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    inbox.put("calls/a.csv", CALLS + call(1) + call(1) + "bad\n")
    with monkeypatch.context() as patch:
        patch.setattr("flows.ingest.record._record", fail)
        with pytest.raises(OSError, match="no space"):
            inbox.ingest()
    tables = ("feed_calls", "source_files", "duplicate_records", "rejected_records")
    assert [inbox.rows(f"select count(*) from {table}")[0][0] for table in tables] == [0, 0, 0, 0]
    assert counts(inbox.ingest().files[0]) == (3, 1, 1, 1)


def test_split_and_shuffled_files_give_the_same_calls(tmp_path: Path) -> None:
    lines = [call(i % 40, duration_s=str(i % 3 + 1)) for i in range(120)]
    shuffled = [lines[i * 37 % 120] for i in range(120)]
    found = []
    for name, files in {"whole": [lines], "split": [shuffled[:50], shuffled[50:51], shuffled[51:]]}.items():
        with opened(tmp_path / name) as inbox:
            for i, part in enumerate(files):
                inbox.put(f"calls/{i}.csv", CALLS + "".join(part))
            inbox.ingest()
            found.append(inbox.rows("select usage_id, row_md5, duration_s from feed_calls order by all"))
    assert found[0] == found[1]
    assert len(found[0]) == 120


def test_telephone_numbers_are_masked_on_the_screen(inbox: Inbox) -> None:
    result = inbox.take("calls/a.csv", CALLS + call(1, direction="+12025550142"))
    assert result.faults[0].found == "'+1202555****'"
    assert "+12025550142" in inbox.rows("select raw_line from rejected_records")[0][0]
