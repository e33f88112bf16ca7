"""Layouts: switch files, mapped columns, JSON lines and Parquet become the same canonical rows."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.home.file_settings import SourceSettings
from schemas.errors import WrongUsage
from tests.conftest import ROOT
from tests.flows.inbox import CALLS, Inbox, call, counts, opened

REAL = ROOT.parent / "shared" / "real"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def declare(inbox: Inbox, source_format: str, path: str = "inbox/calls/pbx/*", **options: Any) -> None:
    options = {"feed": "calls", "time_zone": "America/New_York", **options}
    inbox.sources["pbx"] = SourceSettings(format=source_format, path=path, **options)


ASTERISK = (
    '"A7","1001","12025550199","{context}","""Ann"" <1001>","PJSIP/1001-5f30","PJSIP/t-9153","Dial","PJSIP/t,30,tT",'
    '"2026-05-04 10:00:00",{answer},"2026-05-04 10:02:00",120,{billsec},"{disposition}","DOCUMENTATION"'
)
ANSWERED = {"answer": '"2026-05-04 10:00:20"', "billsec": "100", "disposition": "ANSWERED", "context": "out"}


def test_asterisk_takes_its_sixteen_columns_and_those_declared(inbox: Inbox) -> None:
    declare(inbox, "asterisk", columns=["uniqueid", "sequence"], directions={"from-trunk": "inbound"})
    lines = [
        ASTERISK.format(**ANSWERED) + ',"170.1",5\n',
        ASTERISK.format(answer="", billsec=0, disposition="NO ANSWER", context="from-trunk") + ',"170.2",6\n',
        ASTERISK.format(**ANSWERED) + ',"170.1",7\n',
        ASTERISK.format(**ANSWERED) + "\n",
    ]
    assert counts(inbox.take("calls/pbx/Master.csv", "".join(lines))) == (4, 3, 1, 0)
    rows = inbox.rows(
        "select source, call_id, leg, started_at::varchar, answered_at is null, direction, duration_s, disposition, "
        "account_id, extension, to_number, source_line from feed_calls order by source_line"
    )
    start = "2026-05-04 14:00:00+00"
    assert rows == [
        ("pbx", "170.1", "5", start, False, "outbound", 100, "ANSWERED", "A7", "1001", "12025550199", 1),
        ("pbx", "170.2", "6", start, True, "inbound", 0, "NO ANSWER", "A7", "1001", "12025550199", 2),
        ("pbx", "170.1", "7", start, False, "outbound", 100, "ANSWERED", "A7", "1001", "12025550199", 3),
    ]


def test_asterisk_without_uniqueid_knows_a_call_by_start_and_channel(inbox: Inbox) -> None:
    declare(inbox, "asterisk", country="US")
    line = ASTERISK.format(**ANSWERED) + "\n"
    assert counts(inbox.take("calls/pbx/Master.csv", line + line)) == (2, 1, 0, 1)
    # The per-account copy that the switch writes by itself.
    assert counts(inbox.take("calls/pbx/A7.csv", line + line.replace("5f30", "5f31"))) == (2, 1, 0, 1)
    found = inbox.rows("select call_id, to_number from feed_calls order by 1")
    assert found[0] == ("2026-05-04 10:00:00 PJSIP/1001-5f30", "+12025550199")


def test_freeswitch_decides_by_the_answer_stamp_never_by_the_cause(inbox: Inbox) -> None:
    declare(inbox, "freeswitch")
    line = '"Ann","1001","{to}","default","{start}","{answer}","2026/5/4 9:59","40","{billsec}","{cause}","{id}","","",'
    line += '"",""\n'
    text = line.format(to="1002", start="2026/5/4 9:05", answer="2026/5/4 9:05", billsec=30, cause="USER_BUSY", id="u1")
    text += line.format(to="&", start="2026-05-04 09:05:00", answer="", billsec=0, cause="NORMAL_CLEARING", id="u2")
    text += line.format(to="1002", start="2026/5/4 9:05", answer="", billsec=30, cause="NORMAL_CLEARING", id="u3")
    assert counts(inbox.take("calls/pbx/cdr.csv", text)) == (3, 2, 1, 0)
    columns = "call_id, direction, duration_s, disposition, started_at::varchar"
    assert inbox.rows(f"select {columns} from feed_calls order by 1") == [
        ("u1", "internal", 30, "USER_BUSY", "2026-05-04 13:05:00+00"),
        ("u2", "outbound", 0, "NORMAL_CLEARING", "2026-05-04 13:05:00+00"),
    ]
    rejected = inbox.rows("select source_line, column_name, reason from rejected_records")
    assert rejected == [(3, "billsec", "found '30'; expected 0, as there is no answer stamp")]


def test_a_mapped_csv_with_its_own_separator_unit_and_account(inbox: Inbox) -> None:
    declare(
        inbox,
        "csv",
        delimiter=";",
        direction="outbound",
        account_id="A1",
        duration_unit="milliseconds",
        columns={"call_id": "Id", "started_at": "Begin", "from_number": "A", "to_number": "B", "duration_s": "ms"},
    )
    text = "Begin;Id;A;B;ms;x\n"
    for i, ms in enumerate(["1499", "1500", "400", "12.5", "-1"]):
        text += f"2026-05-04T10:00:00;c{i};+12025550101;+12025550199;{ms};\n"
    assert counts(inbox.take("calls/pbx/a.csv", text)) == (5, 3, 2, 0)
    assert inbox.rows("select duration_s, direction, account_id from feed_calls order by call_id") == [
        (1, "outbound", "A1"),
        (2, "outbound", "A1"),
        (0, "outbound", "A1"),
    ]
    assert inbox.rows("select distinct column_name from rejected_records") == [("ms",)]


def test_a_headerless_csv_by_its_listed_columns(inbox: Inbox) -> None:
    declare(inbox, "csv", columns=["started_at", "call_id", "ignored", "direction", "duration_s"])
    assert counts(inbox.take("calls/pbx/a.csv", "2026-05-04 10:00:00,c1,?,inbound,5\n")) == (1, 1, 0, 0)
    assert inbox.rows("select source_line, call_id, duration_s from feed_calls") == [(1, "c1", 5)]


def test_json_lines_read_nested_keys_and_numbers_as_written(inbox: Inbox) -> None:
    declare(
        inbox,
        "jsonl",
        columns={"call_id": "legId", "started_at": "start", "from_number": "caller.number", "duration_s": "secs"},
    )
    record = {"legId": "g1", "start": "2026-05-04T10:00:00Z", "caller": {"number": "+12025550101"}, "secs": 61}
    lines = [json.dumps({**record, "direction": "INBOUND"}), "", "{broken", "[1]", json.dumps(record)]
    assert counts(inbox.take("calls/pbx/a.jsonl", "\n".join(lines))) == (4, 1, 3, 0)
    assert inbox.rows("select from_number, direction, duration_s, source_line from feed_calls") == [
        ("+12025550101", "inbound", 61, 1)
    ]
    assert [line for (line,) in inbox.rows("select source_line from rejected_records order by 1")] == [3, 4, 5]
    payment = '{"payment_id":"p1","account_id":"A1","kind":"payment","received_on":"2026-05-01","currency":"USD",'
    inbox.take("payments/p.jsonl", payment + '"amount":123456789.123456789012}')
    assert inbox.rows("select amount from feed_payments") == [(Decimal("123456789.123456789012"),)]


def test_parquet_gives_the_rows_that_csv_gives(inbox: Inbox, tmp_path: Path) -> None:
    text = CALLS + call(1) + call(2, duration_s="-5")
    frame = pl.read_csv(text.encode(), infer_schema=False).with_columns(
        pl.col("duration_s").cast(pl.Int32),
        pl.col("started_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%Z", time_zone="UTC"),
        pl.col("direction").cast(pl.Categorical),
    )
    (inbox.home.inbox / "calls").mkdir(parents=True)
    frame.write_parquet(inbox.home.inbox / "calls" / "a.parquet")
    assert counts(inbox.ingest().files[0]) == (2, 1, 1, 0)
    assert '"call_id":"c2"' in inbox.rows("select raw_line from rejected_records")[0][0]
    assert counts(inbox.take("calls/b.csv", text)) == (2, 0, 1, 1)
    frame.with_columns(pl.col("duration_s").cast(pl.Float64)).write_parquet(tmp_path / "f.parquet")
    refused = inbox.ingest(tmp_path / "f.parquet", feed="calls").files[0]
    assert (refused.state, refused.faults[0].column) == ("refused", "duration_s")
    inbox.put("calls/c.parquet", b"PAR1 no parquet at all")
    assert "damaged" in inbox.ingest().refused[-1].faults[0].found


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"source_format": "asterisk", "feed": "messages"}, "holds calls"),
        ({"source_format": "asterisk", "columns": ["uniqueid", "clid"]}, "after number 16"),
        ({"source_format": "freeswitch", "columns": {"call_id": "uuid"}}, "a list"),
        ({"source_format": "csv", "columns": {"callid": "x"}}, "'callid'"),
        ({"source_format": "csv", "columns": ["call_id", "direction"]}, "started_at"),
        ({"source_format": "csv", "path": "../elsewhere/*.csv"}, "below the home"),
    ],
)
def test_a_declaration_that_cannot_be_meant_stops_everything(inbox: Inbox, options: dict[str, Any], says: str) -> None:
    inbox.put("calls/a.csv", CALLS + call(1))
    inbox.put("calls/pbx/a.csv", CALLS + call(1))
    declare(inbox, **options)
    with pytest.raises(WrongUsage, match=says):
        inbox.ingest()
    assert inbox.rows("select count(*) from source_files") == [(0,)]


def test_a_file_of_two_sources_and_a_file_of_another_format_are_refused(inbox: Inbox) -> None:
    declare(inbox, "csv")
    inbox.sources["other"] = inbox.sources["pbx"]
    inbox.put("calls/pbx/a.csv", CALLS + call(1))
    assert "pbx, other" in inbox.ingest().files[0].faults[0].found
    del inbox.sources["other"]
    inbox.put("calls/pbx/b.parquet", b"")
    report = inbox.ingest()
    assert [file.state for file in report.files] == ["loaded", "refused"]
    assert "format csv" in report.files[1].faults[0].expected


@pytest.mark.skipif(not REAL.is_dir(), reason="the shared folder of real files is not here")
def test_every_line_of_the_real_switch_files_has_an_outcome(inbox: Inbox) -> None:
    declare(inbox, "asterisk_custom", "inbox/calls/asterisk/*")
    inbox.sources["fs"] = inbox.sources["pbx"].model_copy(update={"format": "freeswitch", "path": "inbox/calls/fs/*"})
    inbox.put("calls/asterisk/a.csv", (REAL / "asterisk_cdr_custom_19col.csv").read_bytes())
    inbox.put("calls/fs/f.csv", (REAL / "freeswitch_cdr_15col.csv").read_bytes())
    assert [counts(file) for file in inbox.ingest().files] == [(14, 14, 0, 0), (10, 9, 0, 1)]
    assert inbox.rows("select count(*) from feed_calls where started_at is null") == [(0,)]
