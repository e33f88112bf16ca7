"""Every layout that a source may declare, with its traps: copies, legs, units, segments, zones, odd numbers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from flows.home.file_settings import SourceSettings
from schemas.errors import WrongUsage
from tests.flows.inbox import Inbox, counts, opened


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def declare(inbox: Inbox, source_format: str, feed: str = "calls", **options: Any) -> None:
    options = {"path": f"inbox/{feed}/own/*", **options}
    inbox.sources["own"] = SourceSettings(format=source_format, feed=feed, **options)


def reasons(inbox: Inbox) -> list[tuple[Any, ...]]:
    return inbox.rows("select source_line, column_name, reason from rejected_records order by 1")


# ---- GoTo Connect ----

GOTO = {
    "legId": "leg-1",
    "originatorId": "call-1",
    "caller": {"name": "Ann", "number": "+12025550101"},
    "callee": {"name": "Bob", "number": "+12025550199"},
    "direction": "OUTBOUND",
    "startTime": "2026-05-04T14:15:22Z",
    "answerTime": "2026-05-04T14:15:30Z",
    "duration": 61,
    "hangupCause": 16,
    "somethingNew": {"later": True},
}


def page(*items: Any) -> str:
    return json.dumps({"items": items, "nextPageMarker": "x"}, indent=1)


def unanswered(item: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "answerTime"}


def test_a_page_of_goto_call_history(inbox: Inbox) -> None:
    declare(inbox, "goto_history", duration_unit="seconds")
    inside = {"caller": {"number": "1000"}, "callee": {"number": "1001"}, "originatorId": "call-3", "legId": "leg-3"}
    content = page(GOTO, unanswered(GOTO | {"originatorId": "call-2"}), GOTO | inside, GOTO, 5)
    assert counts(inbox.take("calls/own/page1.json", content)) == (5, 3, 1, 1)
    told = "call_id, leg, direction, from_number, to_number, extension, duration_s, answered_at is null, source_line"
    assert inbox.rows(f"select {told} from feed_calls order by 1") == [
        ("call-1", "leg-1", "outbound", "+12025550101", "+12025550199", None, 61, False, 1),
        ("call-2", "leg-1", "outbound", "+12025550101", "+12025550199", None, 0, True, 2),
        ("call-3", "leg-3", "internal", "1000", "1001", "1000", 61, False, 3),
    ]
    assert inbox.rows("select source_line, raw_line from rejected_records") == [(5, "5")]
    assert "\n" in inbox.rows("select raw_line from duplicate_records")[0][0], "the text as it stands in the file"
    # The same calls on another page are no new calls.
    assert counts(inbox.take("calls/own/page2.json", page(GOTO))) == (1, 0, 0, 1)


def test_goto_durations_are_held_against_the_times(inbox: Inbox) -> None:
    declare(inbox, "goto_reports", duration_unit="milliseconds")
    report = {key: value for key, value in GOTO.items() if key not in ("legId", "originatorId")}
    report |= {"disposition": "16", "endTime": "2026-05-04T14:16:31.400Z"}
    items = [report | {"duration": 61000}, report | {"duration": 61, "startTime": "2026-05-04T14:15:23Z"}]
    items += [unanswered(report) | {"duration": 9000}]
    assert counts(inbox.take("calls/own/report.json", page(*items))) == (3, 2, 1, 0)
    assert inbox.rows("select call_id, duration_s, disposition from feed_calls order by 2") == [
        ("2026-05-04T14:15:22Z +12025550101 +12025550199 outbound", 0, "16"),
        ("2026-05-04T14:15:22Z +12025550101 +12025550199 outbound", 61, "16"),
    ]
    assert reasons(inbox)[0][:2] == (2, "duration")
    assert "endTime - answerTime" in reasons(inbox)[0][2]


def test_goto_must_say_its_unit_and_send_whole_pages(inbox: Inbox) -> None:
    declare(inbox, "goto_history")
    inbox.put("calls/own/a.json", page(GOTO))
    with pytest.raises(WrongUsage, match="duration_unit"):
        inbox.ingest()
    declare(inbox, "goto_history", duration_unit="seconds")
    inbox.put("calls/own/b.json", page(GOTO)[:-20])
    inbox.put("calls/own/c.json", '{"errorCode": "AUTHN_EXPIRED_TOKEN"}')
    first, cut, error = inbox.ingest().files
    assert (first.state, cut.state, error.state) == ("loaded", "refused", "refused")
    assert "cut off" in str(cut.faults[0])
    assert "without items" in error.faults[0].found


# ---- FreeSWITCH ----


def cdr(uuid: str, originator: str | None = None, **variables: str) -> dict[str, Any]:
    said = {
        "uuid": uuid,
        "start_stamp": "2026-05-04 10:00:00",
        "answer_stamp": "2026-05-04 10:00:05",
        "start_epoch": "1777903200",
        "answer_epoch": "1777903205",
        "billsec": "55",
        "hangup_cause": "NORMAL_CLEARING",
        "accountcode": "A 7&8",
        **variables,
    }
    profile: dict[str, Any] = {"caller_id_number": "1001", "destination_number": "0034688886392", "context": "default"}
    if originator:
        profile["originator"] = {"originator_caller_profiles": [{"uuid": originator}]}
    encoded = {key: quote(value, safe="") for key, value in said.items()}
    return {"core-uuid": "x", "variables": encoded, "callflow": [{"caller_profile": profile}, {}]}


def test_a_freeswitch_json_cdr_needs_no_zone_and_decodes_its_values(inbox: Inbox) -> None:
    declare(inbox, "freeswitch_json")
    assert counts(inbox.take("calls/own/a_u1.cdr.json", json.dumps(cdr("u1")))) == (1, 1, 0, 0)
    nobody = cdr("u2", answer_epoch="0", answer_stamp="", billsec="0")
    assert counts(inbox.take("calls/own/posted.jsonl", json.dumps(nobody) + "\n")) == (1, 1, 0, 0)
    told = "call_id, leg, started_at::varchar, answered_at is null, duration_s, account_id, extension, to_number"
    assert inbox.rows(f"select {told} from feed_calls order by 1") == [
        ("u1", "a", "2026-05-04 14:00:00+00", False, 55, "A 7&8", "1001", "+34688886392"),
        ("u2", "a", "2026-05-04 14:00:00+00", True, 0, "A 7&8", "1001", "+34688886392"),
    ]


def test_both_legs_of_a_switch_bill_once(inbox: Inbox) -> None:
    declare(inbox, "freeswitch_json")
    both = json.dumps([cdr("u1"), cdr("u2", originator="u1"), cdr("u3", originating_leg_uuid="u1")])
    assert counts(inbox.take("calls/own/both.json", both)) == (3, 1, 2, 0)
    assert "which leg bills" in reasons(inbox)[0][2]
    declare(inbox, "freeswitch_json", leg="a")
    assert counts(inbox.take("calls/own/again.json", both + "\n")) == (3, 2, 0, 1)
    assert inbox.rows("select call_id, leg from feed_calls order by 1") == [("u1", "a"), ("u2", "b"), ("u3", "b")]


def test_a_csv_of_both_legs_must_say_which_is_which(inbox: Inbox) -> None:
    declare(inbox, "freeswitch", leg="a", time_zone="UTC")
    inbox.put("calls/own/cdr.csv", "")
    with pytest.raises(WrongUsage, match="last column"):
        inbox.ingest()
    declare(
        inbox,
        "freeswitch",
        leg="a",
        time_zone="UTC",
        columns=["leg"],
        values={"leg": {"inbound": "a", "outbound": "b"}},
    )
    line = '"","1001","+12025550199","d","2026-05-04 10:00:00","2026-05-04 10:00:00","",60,60,"X","{}","","","","",{}\n'
    lines = [line.format("u1", "inbound"), line.format("u2", "outbound"), line.format("u3", "")]
    assert counts(inbox.take("calls/own/cdr.csv", "".join(lines))) == (3, 2, 1, 0)
    assert inbox.rows("select call_id, leg from feed_calls order by 1") == [("u1", "a"), ("u2", "b")]
    assert reasons(inbox)[0][:2] == (3, "leg")


def test_numbers_spelt_in_four_ways_in_one_file(inbox: Inbox) -> None:
    """The template "asterisk" of mod_cdr_csv, with 18 columns, and an outside line dialled with a 0."""
    declare(inbox, "freeswitch_asterisk", time_zone="UTC", country="ES", dialled={"000": "+"})
    line = (
        '"A7","+34915550100","{}","d","","","","","","2026-05-04 10:00:00","2026-05-04 10:00:00","2026-05-04 10:01:00",'
    )
    line += '"60","60","NORMAL_CLEARING","","{}",""\n'
    spelt = ["0034688886392", "+34688886392", "00034688886392", "688886392", "*98", "anonymous"]
    inbox.take("calls/own/cdr.csv", "".join(line.format(number, i) for i, number in enumerate(spelt)))
    numbers = [number for (number,) in inbox.rows("select to_number from feed_calls order by call_id")]
    assert numbers == ["+34688886392"] * 4 + ["*98", "anonymous"]
    del inbox.sources["own"]
    declare(inbox, "freeswitch_asterisk", time_zone="UTC", path="inbox/calls/plain/*")
    inbox.take("calls/plain/cdr.csv", line.format(spelt[2], "x"))
    assert inbox.rows("select to_number from feed_calls where call_id = 'x'") == [("00034688886392",)], "never guessed"


def test_the_copies_that_asterisk_writes_per_account_bill_once(inbox: Inbox) -> None:
    row = (
        '"A7","1001","12025550199","out","","PJSIP/1001-{0}","","Dial","","2026-05-04 10:00:00","2026-05-04 10:00:20",'
    )
    row += '"2026-05-04 10:02:00",120,100,"ANSWERED","DOCUMENTATION"\n'
    declare(inbox, "asterisk", time_zone="UTC")
    inbox.put("calls/own/Master.csv", row.format(1) + row.format(2) + row.format(9).replace("A7", "B8"))
    inbox.put("calls/own/A7.csv", row.format(1) + row.format(2))
    assert [counts(file) for file in inbox.ingest().files] == [(2, 2, 0, 0), (3, 1, 0, 2)]
    inbox.sources["own"] = inbox.sources["own"].model_copy(update={"time_zone": None})
    assert counts(inbox.take("calls/own/C9.csv", row.format(3))) == (1, 0, 1, 0)
    assert "time_zone" in reasons(inbox)[0][2]


# ---- messages ----

TWILIO = {
    "sid": "SM1",
    "num_segments": "2",
    "num_media": "0",
    "direction": "outbound-api",
    "date_sent": "Mon, 04 May 2026 05:01:45 +0000",
    "from": "+12025550101",
    "to": "+12025550199",
    "status": "delivered",
    "price": "-0.0158",
}


def test_twilio_messages_as_pages_lines_and_csv(inbox: Inbox) -> None:
    declare(inbox, "twilio_messages", "messages")
    items = [
        TWILIO,
        TWILIO | {"sid": "SM2", "direction": "inbound", "num_media": "1", "num_segments": 1},
        TWILIO | {"sid": "SM3", "status": "failed", "num_segments": "0"},
        TWILIO | {"sid": "SM4", "num_segments": "0"},
        TWILIO | {"sid": "SM5", "status": "queued", "date_sent": None},
    ]
    content = json.dumps({"messages": items, "page": 0})
    assert counts(inbox.take("messages/own/page.json", content)) == (5, 3, 2, 0)
    assert inbox.rows(
        "select message_id, direction, channel, credits, sent_at::varchar from feed_messages order by 1"
    ) == [
        ("SM1", "outbound", "sms", 2, "2026-05-04 05:01:45+00"),
        ("SM2", "inbound", "mms", 1, "2026-05-04 05:01:45+00"),
        ("SM3", "outbound", "sms", 0, "2026-05-04 05:01:45+00"),
    ]
    assert [row[0] for row in reasons(inbox)] == [4, 5]
    bulk = json.dumps(TWILIO | {"sid": "SM6", "date_sent": "2026-05-04T05:01:45Z"})
    assert counts(inbox.take("messages/own/bulk.jsonl", bulk + "\n")) == (1, 1, 0, 0)
    csv = "sid,from,to,direction,date_sent,num_segments,status\nSM1,+12025550101,+12025550199,outbound-api,"
    csv += "2026-05-04T05:01:45Z,2,delivered\n"
    assert counts(inbox.take("messages/own/export.csv", csv)) == (1, 0, 0, 1)
    assert inbox.take("messages/own/other.csv", "sid,from\nSM7,+12025550101\n").state == "refused"


def test_telnyx_messages_and_reports(inbox: Inbox) -> None:
    declare(inbox, "telnyx_messages", "messages")
    message = {
        "id": "t1",
        "direction": "outbound",
        "type": "SMS",
        "from": {"phone_number": "+12025550101", "carrier": "X"},
        "to": [{"phone_number": "+12025550199", "status": "delivered"}],
        "parts": 3,
        "created_at": "2026-05-04T18:10:02.574Z",
        "cost": {"amount": 0.0051, "currency": "USD"},
    }
    report = {"id": "t2", "cli": "+12025550101", "cld": "+12025550199", "message_type": "MMS"}
    report |= {"direction": "INBOUND", "parts": "1", "created_at": "2026-05-04T18:10:02Z"}
    several = message | {"id": "t3", "to": [{"phone_number": "+12025550198"}, {"phone_number": "+12025550199"}]}
    assert counts(inbox.take("messages/own/one.json", json.dumps({"data": message}))) == (1, 1, 0, 0)
    assert counts(inbox.take("messages/own/page.json", json.dumps({"data": [report, several]}))) == (2, 1, 1, 0)
    told = "message_id, direction, from_number, to_number, channel, credits"
    assert inbox.rows(f"select {told} from feed_messages order by 1") == [
        ("t1", "outbound", "+12025550101", "+12025550199", "sms", 3),
        ("t2", "inbound", "+12025550101", "+12025550199", "mms", 1),
    ]
    assert "one receiver" in reasons(inbox)[0][2]


BANDWIDTH = "AccountId,MessageType,MessageID,CallDirection,SourceTn,DestinationTn,TimeStamp,ErrorCode,MessageStatus\n"


def segment(message: str, at: str = "00:07:45.622") -> str:
    return f"200001,sms,{message},OUTBOUND,12025550101,12025550199,2026-05-01T{at}Z,,DELIVERED\n"


def test_bandwidth_writes_a_row_per_segment(inbox: Inbox) -> None:
    declare(inbox, "bandwidth_messages", "messages")
    rows = [segment("m1"), segment("m2"), segment("m1"), segment("m1", "00:07:46.000")]
    assert counts(inbox.take("messages/own/a.csv", BANDWIDTH + "".join(rows))) == (4, 4, 0, 0)
    by_message = "select split_part(message_id, '/', 1), sum(credits)::int, any_value(from_number) from feed_messages"
    assert inbox.rows(by_message + " group by 1 order by 1") == [("m1", 3, "+12025550101"), ("m2", 1, "+12025550101")]
    # Exported again, in another order: no new credit.
    again = BANDWIDTH + "".join(reversed(rows)) + segment("m3")
    assert counts(inbox.take("messages/own/b.csv", again)) == (5, 1, 0, 4)


# ---- any other layout ----


def test_constants_words_and_times_of_an_unknown_csv(inbox: Inbox) -> None:
    declare(
        inbox,
        "csv",
        "messages",
        columns={"message_id": "Id", "sent_at": "When", "direction": "Dir", "from_number": "A", "to_number": "B"},
        constants={"channel": "sms", "credits": "1"},
        values={"direction": {"IN": "inbound", "OUT": "outbound"}},
        time_format="%m/%d/%Y %I:%M:%S %p",
        time_zone="America/New_York",
    )
    text = "Id,When,Dir,A,B\n1,05/04/2026 01:05:06 PM,IN,+12025550101,+12025550199\n2,04.05.2026,SIDEWAYS,+1,+1\n"
    assert counts(inbox.take("messages/own/a.csv", text)) == (2, 1, 1, 0)
    assert inbox.rows("select direction, channel, credits, sent_at::varchar from feed_messages") == [
        ("inbound", "sms", 1, "2026-05-04 17:05:06+00")
    ]


def test_a_page_of_an_unknown_layout_with_epochs_and_exact_numbers(inbox: Inbox) -> None:
    declare(
        inbox,
        "json",
        items="result.calls",
        time_format="epoch_ms",
        duration_unit="milliseconds",
        direction="outbound",
        columns={
            "call_id": "id",
            "started_at": "t",
            "duration_s": "ms",
            "from_number": "ends.0",
            "to_number": "ends.1",
        },
    )
    ends = ["+12025550101", "+12025550199"]
    calls = [{"id": 90071992547409931, "t": 1777903200500, "ms": 1499, "ends": ends}]
    content = json.dumps({"meta": [1, 2], "result": {"calls": calls}}) + '\n{"result": {"calls": []}}'
    assert counts(inbox.take("calls/own/a.json", content)) == (1, 1, 0, 0)
    assert inbox.rows("select call_id, started_at::varchar, duration_s, to_number from feed_calls") == [
        ("90071992547409931", "2026-05-04 14:00:00.5+00", 1, "+12025550199")
    ]
    assert "without 'calls'" in inbox.take("calls/own/b.json", '{"result": {}}').faults[0].found
    assert inbox.take("calls/own/c.json", "[1, 2").state == "refused"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"source_format": "asterisk", "leg": "a"}, "does not say which leg"),
        ({"source_format": "csv", "constants": {"colour": "red"}}, "constants"),
        ({"source_format": "csv", "constants": {"direction": "inbound"}, "columns": {"direction": "D"}}, "one of them"),
        ({"source_format": "csv", "items": "items"}, "format csv, only for json"),
        ({"source_format": "goto_history", "columns": ["a"]}, "a map"),
        ({"source_format": "twilio_messages"}, "holds messages"),
    ],
)
def test_a_declaration_that_cannot_be_meant(inbox: Inbox, options: dict[str, Any], says: str) -> None:
    declare(inbox, **options)
    inbox.put("calls/own/a.csv", "x\n")
    inbox.put("calls/own/a.json", "{}")
    with pytest.raises(WrongUsage, match=says):
        inbox.ingest()
