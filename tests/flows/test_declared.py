"""What a source may declare of its files: each key does what it says, and one that does nothing is refused."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from pydantic import ValidationError

from flows.home.file_settings import SourceSettings
from flows.ingest.layouts import layout_of
from schemas.errors import WrongUsage
from schemas.feeds import FEEDS
from tests.flows.inbox import CALLS, Inbox, call, counts, opened

HEAD = "call_id,started_at,answered_at,direction,from_number,to_number,duration_s,disposition\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def declare(inbox: Inbox, source_format: str = "csv", **options: Any) -> None:
    options = {"feed": "calls", "time_zone": "UTC", "path": "inbox/calls/pbx/*", **options}
    inbox.sources["pbx"] = SourceSettings(format=source_format, **options)


def line(number: int, **cells: str) -> str:
    """A line of HEAD."""
    row = {
        "call_id": f"c{number}", "started_at": "2026-05-04T10:00:00Z", "answered_at": "2026-05-04T10:00:05Z",
        "direction": "outbound", "from_number": "+16175550101", "to_number": "+442079460018", "duration_s": "60",
        "disposition": "",
    }  # fmt: skip
    return ",".join((row | cells).values()) + "\n"


def seconds(inbox: Inbox) -> list[Any]:
    return [row[0] for row in inbox.rows("select duration_s from feed_calls order by source_line")]


def why(inbox: Inbox) -> list[tuple[Any, ...]]:
    return inbox.rows("select source_line, column_name, reason from rejected_records order by source_line")


@pytest.mark.parametrize(
    ("unit", "cell", "found"),
    [
        ("hms", "00:01:00", 60),
        ("hms", "0:00:30", 30),
        ("hms", "26:00:01", 93601),
        ("hms", "1.02:03:04", 93784),
        ("hms", "0:00:29.500", 30),
        ("hms", "0:00:29.4999", 29),
        ("hms", "05:30", None),
        ("hms", "0:60:00", None),
        ("hms", "60", None),
        ("decimal_seconds", "301.148", 301),
        ("decimal_seconds", "29.517", 30),
        ("decimal_seconds", "29.5", 30),
        ("decimal_seconds", "29.49999999999999999999", 29),
        ("decimal_seconds", "0.000", 0),
        ("decimal_seconds", "7", 7),
        ("decimal_seconds", "29,5", None),
        ("decimal_seconds", "2.95e1", None),
        ("milliseconds", "29517", 30),
        ("seconds", "29.517", None),
    ],
)
def test_durations_in_their_unit(inbox: Inbox, unit: str, cell: str, found: int | None) -> None:
    declare(inbox, duration_unit=unit)
    text = CALLS + call(1, duration_s=f'"{cell}"')
    assert counts(inbox.take("calls/pbx/a.csv", text)) == ((1, 0, 1, 0) if found is None else (1, 1, 0, 0))
    assert seconds(inbox) == ([] if found is None else [found])


def test_a_duration_between_two_stamps(inbox: Inbox) -> None:
    """Across the hour that the clocks put back, half up, and 0 where nobody answered."""
    declare(
        inbox, time_zone="America/New_York", direction="outbound", duration_from=["answered_at", "ended_at"],
        columns={"started_at": "set up", "answered_at": "up", "ended_at": "down", "from_number": "a", "to_number": "b"},
    )  # fmt: skip
    text = "call_id,a,b,set up,up,down\n" + "".join(
        f"{name},+16175550101,+442079460018,2025-11-02T00:30:00-04:00,{up},{down}\n"
        for name, up, down in (
            ("c1", "2025-11-02T00:59:30-04:00", "2025-11-02T01:10:00-05:00"),
            ("c2", "2025-11-02T00:30:00.400-04:00", "2025-11-02T00:30:30.900-04:00"),
            ("c3", "", "2025-11-02T00:31:00-04:00"),
            ("c4", "2025-11-02T00:40:00-04:00", ""),
            ("c5", "2025-11-02T00:40:00-04:00", "2025-11-02T00:39:00-04:00"),
        )
    )
    assert counts(inbox.take("calls/pbx/a.csv", text)) == (5, 3, 2, 0)
    assert seconds(inbox) == [4230, 31, 0]
    assert [(number, column) for number, column, _ in why(inbox)] == [(5, "duration_s"), (6, "duration_s")]


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"duration_s": "", "answered_at": ""}, 0),
        ({"duration_s": "", "disposition": "No-Answer"}, 0),
        ({"duration_s": "", "disposition": "USER_BUSY"}, 0),
        ({"duration_s": "25", "answered_at": ""}, 0),
        ({"duration_s": "25", "answered_at": " "}, 0),
        ({"duration_s": "", "disposition": "completed"}, None),
        ({"duration_s": "-5", "answered_at": ""}, None),
        ({"duration_s": "25"}, 25),
    ],
)
def test_a_blank_duration_or_answer_of_a_call_that_nobody_took(
    inbox: Inbox, cells: dict[str, str], found: int | None
) -> None:
    declare(inbox)
    assert inbox.take("calls/pbx/a.csv", HEAD + line(1, **cells)).loaded == (found is not None)
    assert seconds(inbox) == ([] if found is None else [found])


def test_a_canonical_file_without_a_source_may_leave_the_stamp_blank(inbox: Inbox) -> None:
    inbox.take("calls/a.csv", HEAD + line(1, answered_at=""))
    assert seconds(inbox) == [60]


@pytest.mark.parametrize(
    ("ended", "duration", "is_right"),
    [
        ("10:01:05", "60", True),
        ("10:01:05", "61", True),
        ("10:01:05", "59", True),
        ("10:01:05", "62", False),
        ("10:01:05", "65", False),
        ("10:01:05", "60000", False),
        ("10:00:04", "0", False),
        ("", "65", True),
    ],
)
def test_a_duration_is_held_against_answer_and_end(inbox: Inbox, ended: str, duration: str, is_right: bool) -> None:
    declare(inbox, columns={"ended_at": "hung up"})
    text = HEAD.replace("\n", ",hung up\n") + line(1, duration_s=duration).replace(
        "\n", f",{ended and '2026-05-04T' + ended + 'Z'}\n"
    )
    assert inbox.take("calls/pbx/a.csv", text).loaded == is_right


def test_lines_above_and_below_the_header_and_the_count_below_the_records(inbox: Inbox) -> None:
    declare(inbox, skip_rows=2, skip_after_header=1, trailer=r"^TRAILER;?,(?P<records>\d+)")
    head = 'Calls of "May,\nmade by hand\n\n' + CALLS + "text,time,text,text,text,number\n"
    whole = head + call(1) + "\n" + call(2) + call(3, duration_s="x") + "TRAILER,000003,,,,"
    result = inbox.take("calls/pbx/a.csv", whole)
    assert (result.state, counts(result)) == ("loaded", (3, 2, 1, 0))
    assert inbox.rows("select source_line from feed_calls order by 1") == [(6,), (8,)]
    assert [number for number, *_ in why(inbox)] == [9]
    wrong = inbox.take("calls/pbx/b.csv", head + call(4) + "TRAILER,2,,,,\n")
    assert (wrong.state, wrong.faults[0].line) == ("refused", 7)
    assert "counts 2 records" in wrong.faults[0].found
    assert wrong.faults[0].expected.startswith("1, ")
    cut_off = inbox.take("calls/pbx/c.csv", head + call(4) + call(5))
    assert (cut_off.state, cut_off.faults[0].found) == ("refused", "2 records and no trailer")
    assert inbox.take("calls/pbx/d.csv", head + call(4) + "TRAILER,?,,,,\n").state == "refused"
    assert counts(inbox.take("calls/pbx/e.csv", head + "TRAILER,0,,,,\n")) == (0, 0, 0, 0)
    no_header = inbox.take("calls/pbx/f.csv", "only\ntwo lines\n")
    assert (no_header.state, no_header.faults[0].found) == ("refused", "a file of 2 lines")


def test_a_file_of_many_blocks_is_counted_with_its_lines_aside(tmp_path: Path) -> None:
    from flows.ingest.csv_blocks import csv_blocks

    source = SourceSettings(feed="calls", path="x", skip_rows=1, skip_after_header=2, trailer="^#(?P<records>[0-9]+)")
    layout = layout_of(FEEDS["calls"], "pbx", source, "csv")
    text = "title\n" + CALLS + "t,,,,,\n\nu,,,,,\n" + "".join(call(n) for n in range(40)) + "#40\n"
    for size in (1, 7, 100, 10_000):
        pieces = iter([text.encode()[at : at + 13] for at in range(0, len(text), 13)])
        blocks = list(csv_blocks(pieces, "a.csv", layout, ends=True, block_bytes=size))
        assert sum(block.lines for block in blocks) == text.count("\n")
        assert [line for block in blocks for line in block.rows["source_line"]] == list(range(6, 46))


@pytest.mark.parametrize("text", ["", "\n\r\n", CALLS, CALLS.strip()])
def test_a_file_of_calls_without_a_record_is_loaded(inbox: Inbox, text: str) -> None:
    declare(inbox)
    result = inbox.take("calls/pbx/quiet.csv", text + ("\n" if text == CALLS.strip() else ""))
    assert (result.state, counts(result)) == ("loaded", (0, 0, 0, 0))
    assert result.faults[0].found == "no records"


@pytest.mark.parametrize("source_format", ["json", "jsonl", "parquet", "xlsx"])
def test_an_empty_file_is_one_without_records_in_every_format(inbox: Inbox, source_format: str) -> None:
    declare(inbox, source_format)
    assert inbox.take(f"calls/pbx/quiet.{source_format}", "").state == "loaded"


def test_an_empty_file_of_master_data_is_a_fault(inbox: Inbox) -> None:
    assert inbox.take("accounts/a.csv", "").state == "refused"


def test_date_and_time_in_two_columns_with_and_without_a_header(inbox: Inbox) -> None:
    declare(inbox, columns={"started_at": ["Day", "Clock"]}, time_format="%d.%m.%Y %H:%M:%S")
    text = "call_id,Day,Clock,direction,from_number,to_number,duration_s\n"
    text += "c1,04.05.2026,10:00:07,outbound,+16175550101,+442079460018,60\n"
    text += "c2,04.05.2026,,outbound,+16175550101,+442079460018,60\n"
    assert counts(inbox.take("calls/pbx/a.csv", text)) == (2, 1, 1, 0)
    assert why(inbox)[0][1] == "Day + Clock"
    declare(
        inbox, time_format="%d.%m.%Y %H:%M:%S",
        columns=["started_at", "started_at", "call_id", "direction", "to_number", "duration_s"],
    )  # fmt: skip
    inbox.take("calls/pbx/b.csv", "04.05.2026,10:00:07,c3,outbound,+442079460018,60\n")
    assert inbox.rows("select call_id, started_at::varchar from feed_calls order by 1") == [
        ("c1", "2026-05-04 10:00:07+00"),
        ("c3", "2026-05-04 10:00:07+00"),
    ]
    declare(inbox, columns={"started_at": ["Day", "Time"]})
    missing = inbox.take("calls/pbx/c.csv", text.replace("c1", "c9"))
    assert (missing.state, missing.faults[0].column) == ("refused", "Time")
    assert "Time" in missing.faults[0].expected


def test_an_id_made_of_content_is_the_same_in_every_file(inbox: Inbox) -> None:
    declare(inbox, call_id_from=["started_at", "from_number", "to_number", "ticket"])
    head = "ticket,started_at,direction,from_number,to_number,duration_s\n"
    one, other = (f"{n},2026-05-04T10:00:00Z,outbound,+16175550101,+442079460018,60\n" for n in (1, 2))
    assert counts(inbox.take("calls/pbx/a.csv", head + one + other)) == (2, 2, 0, 0)
    assert counts(inbox.take("calls/pbx/b.csv", head + other + "\n" + one)) == (2, 0, 0, 2)
    ids = [row[0] for row in inbox.rows("select call_id from feed_calls")]
    assert len({*ids}) == 2
    assert all(len(known) == 24 and "617555" not in known for known in ids)
    gone = inbox.take("calls/pbx/c.csv", head.replace("ticket", "note") + one)
    assert (gone.state, gone.faults[0].column) == ("refused", "ticket")


def test_directions_by_word_with_a_star_in_every_format(inbox: Inbox) -> None:
    meant = {"from-internal": "outbound", "ext-did-*": "inbound", "ext-did-9*": "internal"}
    words = {"c1": "from-internal", "c2": "ext-did-1", "c3": "ext-did-91", "c4": "Inbound", "c5": "elsewhere"}
    declare(inbox, directions=meant)
    text = CALLS + "".join(call(int(name[1]), direction=word) for name, word in words.items())
    assert counts(inbox.take("calls/pbx/a.csv", text)) == (5, 4, 1, 0)
    told = "select call_id, direction from feed_calls order by 1"
    assert inbox.rows(told) == [("c1", "outbound"), ("c2", "inbound"), ("c3", "internal"), ("c4", "inbound")]
    declare(inbox, directions=meant, direction="outbound")
    inbox.take("calls/pbx/b.csv", CALLS + call(6, direction="elsewhere"))
    assert inbox.rows(told)[-1] == ("c6", "outbound")
    declare(inbox, "asterisk", columns=["uniqueid"], directions={"from-trunk*": "inbound"})
    row = ',"16175550101","1001","from-trunk-7",,"SIP/x",,,,"2026-05-04 10:00:00",'
    row += '"2026-05-04 10:00:05","2026-05-04 10:01:05",65,60,"ANSWERED","DOCUMENTATION","u1"\n'
    inbox.take("calls/pbx/c.csv", row)
    assert inbox.rows(told)[-1] == ("u1", "inbound")


def test_blanks_around_cells_and_names_and_double_carriage_returns(inbox: Inbox) -> None:
    declare(inbox)
    names = ", ".join(CALLS.strip().split(","))
    cells = " ,".join(call(1).strip().split(","))
    text = f"{names}\r\r\n{cells}\r\r\n".replace("60", "\u00a060 ")
    assert counts(inbox.take("calls/pbx/a.csv", text)) == (1, 1, 0, 0)
    assert inbox.rows("select direction, from_number, duration_s from feed_calls") == [("outbound", "+12025550101", 60)]


@pytest.mark.parametrize(
    "encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp037", "shift_jis", "utf-8-sig"]
)
def test_text_in_a_declared_encoding(inbox: Inbox, encoding: str) -> None:
    declare(inbox, encoding=encoding, columns={"device_id": "name"})
    word = "受付" if encoding == "shift_jis" else "Müller"
    text = CALLS.replace("\n", ",name\n") + call(1).replace("\n", f",{word}\n") + call(2).replace("\n", ",\n")
    result = inbox.take("calls/pbx/a.csv", text.encode(encoding))
    assert (result.faults, counts(result)) == ([], (2, 2, 0, 0))
    assert inbox.rows("select device_id, source_line from feed_calls order by 2") == [(word, 2), (None, 3)]


def test_a_mark_of_utf8_says_more_than_the_declaration(inbox: Inbox) -> None:
    declare(inbox, encoding="cp1252", columns={"device_id": "name"})
    text = CALLS.replace("\n", ",name\n") + call(1).replace("\n", ",Müller\n")
    assert counts(inbox.take("calls/pbx/a.csv", text.encode("utf-8-sig"))) == (1, 1, 0, 0)
    assert inbox.rows("select device_id from feed_calls") == [("Müller",)]


def test_bytes_that_the_encoding_does_not_have_are_told_by_line(inbox: Inbox) -> None:
    text = (CALLS + call(1)).encode() + b"c2,\x81"
    declare(inbox, encoding="cp1252")
    found = inbox.take("calls/pbx/a.csv", text).faults[0]
    assert (found.line, found.found) == (3, "bytes that are no cp1252")
    declare(inbox, encoding="utf-16-le")
    wide = (CALLS + call(1) + call(2)).encode("utf-16-le")
    found = inbox.take("calls/pbx/b.csv", wide[:-40] + b"\x00\xd8\x0a\x00" + wide[-40:]).faults[0]
    assert (found.line, found.found) == (3, "bytes that are no utf-16-le")
    assert inbox.take("calls/pbx/c.csv", wide + b"\x0a").faults[0].found == "half a character at the end"


@pytest.mark.parametrize(
    ("first", "found"),
    [
        ("call".encode("utf-16"), "UTF-16 text"),
        ("call".encode("utf-32"), "UTF-32 text"),
        ("call_id,started_at\n".encode("utf-16-le"), "UTF-16 text"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00[Content_Types].xml", "an Excel workbook"),
        (b"PK\x03\x04\x14\x00\x00\x00\x08\x00cdr.csv", "a zip archive"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel workbook (.xls) or another Office document"),
        (b"\x28\xb5\x2f\xfd\x00", "a file packed with zstd"),
    ],
)
def test_what_is_no_text_is_told_by_its_first_bytes(inbox: Inbox, first: bytes, found: str) -> None:
    result = inbox.take("calls/a.csv", first)
    assert (result.state, result.faults[0].found) == ("refused", found)
    assert result.faults[0].remedy


def workbook(path: Path) -> bytes:
    """A title, a header, two calls with every kind of cell, a count; another sheet before it."""
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet("Notes").write_string(0, 0, "nothing here")
    sheet = book.add_worksheet("CDR")
    day, clock, span = (book.add_format({"num_format": form}) for form in ("dd/mm/yyyy", "hh:mm:ss", "[h]:mm:ss"))
    sheet.write_string(0, 0, "Calls of May")
    sheet.write_row(2, 0, ["Id", "Day", "Time", "Length", "direction", "From", "To", "Account\ncode"])
    for row, (ident, length) in enumerate((("007", 95 / 86400), ("4.4E11", (26 * 3600 + 1) / 86400)), 3):
        sheet.write_string(row, 0, ident)
        sheet.write_datetime(row, 1, datetime(2026, 5, 4, tzinfo=UTC).replace(tzinfo=None), day)
        sheet.write_number(row, 2, (10 * 3600 + 7) / 86400, clock)
        sheet.write_number(row, 3, length, span)
        sheet.write_string(row, 4, "outbound")
        sheet.write_number(row, 5, 442079460018)
        sheet.write_string(row, 6, '+4420 "7946" 0019')
        sheet.write_number(row, 7, 42)
    sheet.write_row(6, 0, ["Records", 2])
    book.close()
    return path.read_bytes()


def test_numbers_formatted_as_zeros_keep_their_leading_zeros(inbox: Inbox, tmp_path: Path) -> None:
    path = tmp_path / "zeros.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    five, quoted, signed, plain = (
        book.add_format({"num_format": form}) for form in ("00000", '"000000"', "000;-000;;@", "0")
    )
    sheet.write_row(1, 1, ["call_id", "started_at", "direction", "from_number", "to_number", "duration_s", "extension"])
    for row, extension in enumerate((42, 123456, 0), 2):
        sheet.write_number(row, 1, row, five)
        sheet.write_row(row, 2, ["2026-05-04T10:00:00Z", "outbound", "+16175550101", "+16175550102"])
        sheet.write_number(row, 6, 60, plain)
        sheet.write_number(row, 7, extension, signed if row == 2 else five)
    sheet.write_formula(5, 1, "=4+1", quoted, 5)
    sheet.write_row(5, 2, ["2026-05-04T10:00:00Z", "outbound", "+16175550101", "+16175550102", "60", "0042"])
    book.close()
    declare(inbox, "xlsx", skip_rows=0)
    result = inbox.take("calls/pbx/zeros.xlsx", path.read_bytes())
    assert result.faults == []
    assert inbox.rows("select call_id, duration_s, extension, source_line from feed_calls order by source_line") == [
        ("00002", 60, "042", 3), ("00003", 60, "123456", 4), ("00004", 60, "00000", 5), ("000005", 60, "0042", 6),
    ]  # fmt: skip


def test_a_workbook_is_read_as_its_sheet_shows_it(inbox: Inbox, tmp_path: Path) -> None:
    declare(
        inbox, "xlsx", sheet="CDR", skip_rows=1, duration_unit="hms", number_format="e164_digits",
        trailer='^"Records","(?P<records>[0-9]+)"',
        columns={
            "call_id": "Id", "started_at": ["Day", "Time"], "duration_s": "Length", "from_number": "From",
            "to_number": "To", "extension": "Account code",
        },
    )  # fmt: skip
    content = workbook(tmp_path / "book.xlsx")
    result = inbox.take("calls/pbx/a.xlsx", content)
    assert (result.faults, counts(result)) == ([], (2, 2, 0, 0))
    columns = "call_id, started_at::varchar, duration_s, from_number, extension, source_line"
    assert inbox.rows(f"select {columns} from feed_calls order by source_line") == [
        ("007", "2026-05-04 10:00:07+00", 95, "+442079460018", "42", 4),
        ("4.4E11", "2026-05-04 10:00:07+00", 93601, "+442079460018", "42", 5),
    ]
    inbox.sources["pbx"] = inbox.sources["pbx"].model_copy(update={"sheet": "Calls"})
    assert inbox.take("calls/pbx/b.xlsx", content + b"\0").faults[0].found == "the sheets Notes, CDR"
    assert (
        inbox.take("calls/pbx/c.xlsx", b"PK\x03\x04 no workbook").faults[0].found == "a file that is no whole workbook"
    )
    declare(inbox)
    told = inbox.take("calls/pbx/d.xlsx", content + b"\1").faults[0]
    assert "an Excel workbook" in told.found
    assert 'format = "xlsx"' in told.remedy


@pytest.mark.parametrize(
    ("number", "country", "found"),
    [
        ("442079460018", None, "+442079460018"),
        ("44 20 7946-0018", None, "+442079460018"),
        ("16175550101", "US", "+16175550101"),
        ("4930231250", "US", "+4930231250"),
        ("1001", "US", "1001"),
        ("911", None, "911"),
        ("+442079460018", None, "+442079460018"),
        ("011442079460018", "US", "+442079460018"),
        ("anonymous", None, "anonymous"),
    ],
)
def test_digits_that_are_e164(inbox: Inbox, number: str, country: str | None, found: str) -> None:
    declare(inbox, number_format="e164_digits", country=country)
    inbox.take("calls/pbx/a.csv", CALLS + call(1, to_number=number))
    assert inbox.rows("select to_number from feed_calls") == [(found,)]


@pytest.mark.parametrize(
    ("cell", "time_format", "is_taken"),
    [
        ("63945108000", "epoch", False),  # seconds since the year 0
        ("1777888800", "epoch", True),
        ("1777888800", "epoch_ms", False),
        ("2036-02-07T06:28:16Z", None, False),
        ("1999-12-31T23:59:59Z", None, False),
        ("2026-06-01T23:00:00Z", None, True),
        ("2026-06-02T00:00:01Z", None, False),
    ],
)
def test_a_start_that_cannot_be_is_rejected_with_what_to_look_at(
    inbox: Inbox, cell: str, time_format: str | None, is_taken: bool
) -> None:
    declare(inbox, time_format=time_format)
    assert inbox.take("calls/pbx/a.csv", CALLS + call(1, started_at=cell)).loaded == is_taken
    if not is_taken:
        assert "2000-01-01 to 2026-06-02: look at the unit" in why(inbox)[0][2]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"format": "json", "delimiter": ";"}, "delimiter: it means nothing for format json"),
        ({"format": "parquet", "encoding": "cp1252"}, "encoding: it means nothing for format parquet"),
        ({"format": "jsonl", "skip_rows": 1}, "skip_rows: it means nothing for format jsonl"),
        ({"sheet": "CDR"}, "sheet: it means nothing for format csv"),
        ({"items": "data"}, "items: it means nothing for format csv"),
        ({"url_encoded": False}, "url_encoded: it means nothing for format csv"),
        ({"feed": "messages", "format": "twilio_messages", "header": False}, "has a header always"),
        ({"feed": "numbers", "duration_unit": "hms"}, "duration_unit: it means nothing for feed numbers"),
        ({"feed": "messages", "parts": True}, "parts: it means nothing for feed messages"),
        ({"feed": "accounts", "directions": {"in": "inbound"}}, "directions: it means nothing for feed accounts"),
        ({"format": "asterisk", "skip_after_header": 1}, "has no header"),
        ({"columns": {"duration_s": "s"}, "duration_from": ["answered_at", "ended_at"]}, "holds the duration"),
        ({"columns": {"call_id": "id"}, "call_id_from": ["started_at"]}, "holds call_id"),
        ({"leg": "a", "parts": True}, "one leg bills"),
    ],
)
def test_a_key_that_does_nothing_is_refused(options: dict[str, Any], sentence: str) -> None:
    declared = {"feed": "calls", "path": "inbox/calls/pbx/*"} | options
    source = SourceSettings(**declared)
    with pytest.raises(WrongUsage, match=sentence):
        layout_of(FEEDS[source.feed], "pbx", source, "csv")


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"},
        {"encoding": "hex"},
        {"encoding": "idna"},
        {"trailer": "("},
        {"trailer": "(?=x)"},
        {"trailer": ".*"},
        {"directions": {"a*b": "inbound"}},
        {"duration_from": ["answered_at"]},
        {"duration_unit": "minutes"},
        {"skip_rows": -1},
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"found|input|Input"):
        SourceSettings(feed="calls", path="inbox/calls/pbx/*", **options)


def test_every_key_of_a_source_says_what_it_is_with_an_example() -> None:
    for name, key in SourceSettings.model_json_schema()["properties"].items():
        assert key.get("description"), name
        assert key.get("examples"), name
