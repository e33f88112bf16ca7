"""What the layouts of hosted systems make of single records: words for a direction, headings, which record bills."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.ask.source_reading import Reading, read
from flows.ask.source_sample import SourceGuess
from flows.ask.source_try import try_source
from flows.home.billed_legs import billed_legs
from flows.home.file_settings import SourceSettings

NOW = datetime(2026, 6, 2, tzinfo=UTC)

GRAPH = {
    "id": "1", "callId": "c", "startDateTime": "2026-05-04T14:00:05Z", "endDateTime": "2026-05-04T14:01:05Z",
    "duration": 65, "callType": "user_out", "callerNumber": "+16175550123", "calleeNumber": "+442079460012",
}  # fmt: skip
TRUNK = GRAPH | {"inviteDateTime": "2026-05-04T14:00:00Z", "successfulCall": True, "callType": "ByotOut"}
RING = {
    "id": "R1", "startTime": "2026-05-04T14:00:00.000Z", "duration": 60, "type": "Voice", "direction": "Outbound",
    "result": "Call connected", "from": {"phoneNumber": "+16175550123"}, "to": {"phoneNumber": "+442079460012"},
}  # fmt: skip
CALL = {
    "sid": "CA1", "from": "+16175550123", "to": "+442079460012", "status": "completed", "duration": "60",
    "start_time": "Mon, 04 May 2026 14:00:00 +0000", "direction": "outbound-api",
}  # fmt: skip


def _read(path: Path, layout: str, text: str, **declared: Any) -> Reading:
    path.write_text(text, encoding="utf-8")
    said = {"feed": "calls", "format": layout, "path": "*", **declared}
    return read(path, path.name, SourceGuess(layout, said), NOW)


def _page(folder: Path, layout: str, key: str, *records: dict[str, Any], **declared: Any) -> Reading:
    return _read(folder / "page.json", layout, json.dumps({key: records}), **declared)


@pytest.mark.parametrize(
    ("word", "direction"),
    [(word, "inbound") for word in ("user_in", "conf_in", "ucap_in", "unassigned_in", "oc_in")]
    + [(word, "outbound") for word in ("user_out", "user_out_conf", "user_out_transfer", "user_out_forwarding")]
    + [(word, "outbound") for word in ("conf_out", "ucap_out", "emergency_out")],
)
def test_teams_says_the_direction_in_the_type_of_a_call(tmp_path: Path, word: str, direction: str) -> None:
    reading = _page(tmp_path, "teams_pstn", "value", GRAPH | {"callType": word})
    assert reading.good["direction"].to_list() == [direction]


@pytest.mark.parametrize(
    ("word", "direction"),
    [(word, "inbound") for word in ("dr_in", "Dr_In", "dr_in_ucap", "dr_unassigned_in", "ByotIn", "ByotInUcap")]
    + [(word, "outbound") for word in ("dr_out", "dr_out_user_conf", "Dr_Out_User_Transfer", "dr_emergency_out")]
    + [(word, "outbound") for word in ("ByotOut", "ByotOutUserForwarding", "ByotOutUserConf", "EmergencyOut")],
)
def test_so_do_calls_over_trunks(tmp_path: Path, word: str, direction: str) -> None:
    reading = _page(tmp_path, "teams_direct_routing", "value", TRUNK | {"callType": word})
    assert reading.good["direction"].to_list() == [direction]
    assert reading.good["duration_s"].to_list() == [60]


def test_a_page_of_the_other_layout_of_teams_is_refused_and_not_read_as_unanswered(tmp_path: Path) -> None:
    for layout, record, right in (
        ("teams_direct_routing", GRAPH, "teams_pstn"),
        ("teams_pstn", TRUNK, "teams_direct_routing"),
    ):
        reading = _page(tmp_path, layout, "value", record)
        assert not reading.good.height
        assert right in reading.rejects["reason"].item()


def test_a_trunk_call_cannot_be_longer_than_from_its_invitation(tmp_path: Path) -> None:
    reading = _page(tmp_path, "teams_direct_routing", "value", TRUNK | {"duration": 30})
    assert "from the invitation to the end" in reading.rejects["reason"].item()


def test_rows_without_ids_that_share_a_call_id_are_calls_of_their_own(tmp_path: Path) -> None:
    rows = [
        f"c,+16175550123,user_out_conf,+1617555019{n},2026-05-04T14:00:00Z,2026-05-04T14:01:00Z,60" for n in (8, 9, 9)
    ]
    head = "Call ID,Caller ID,Call Type,Destination Number,Start Time,End Time,Duration Seconds"
    reading = _read(tmp_path / "calls.csv", "teams_pstn", "\n".join([head, *rows, ""]))
    assert reading.good["call_id"].n_unique() == 2
    assert reading.good.height == 3


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_a_record_alone_is_read_as_a_page_is(tmp_path: Path, kind: str) -> None:
    for layout, record in (("teams_pstn", GRAPH), ("ringcentral", RING), ("twilio_calls", CALL)):
        assert _read(tmp_path / f"x.{kind}", layout, json.dumps(record) + "\n").good.height == 1


@pytest.mark.parametrize(
    ("layout", "key"),
    [
        ("teams_pstn", "value"),
        ("zoom_phone", "call_history"),
        ("ringcentral", "records"),
        ("twilio_calls", "calls"),
        ("telnyx_calls", "data"),
        ("8x8", "data"),
    ],
)
def test_a_page_without_records_is_one(tmp_path: Path, layout: str, key: str) -> None:
    reading = _page(tmp_path, layout, key)
    assert (reading.records, reading.reason) == (0, "")


def test_headings_are_compared_without_case_blanks_and_signs(tmp_path: Path) -> None:
    head = "call sid,FROM,To,Call Status,DURATION,Start Time,direction"
    row = 'CA1,+16175550123,+442079460012,completed,60,"Mon, 04 May 2026 14:00:00 +0000",outbound-api'
    reading = _read(tmp_path / "calls.csv", "twilio_calls", f"{head}\n{row}\n")
    assert reading.good["duration_s"].to_list() == [60]
    assert reading.good["call_id"].to_list() == ["CA1"]


def test_the_headings_of_the_admin_centres_table_are_known_too(tmp_path: Path) -> None:
    head = "Start time (UTC),End time (UTC),Invite time (UTC),Caller number,Callee number,Call type,Duration,Event type"
    rows = [
        "2026-05-04T14:00:05Z,2026-05-04T14:01:05Z,2026-05-04T14:00:00Z,+16175550123,+442079460012,dr_out,00:01:05,Success",
        "2026-05-04T14:10:00Z,,2026-05-04T14:10:00Z,+16175550123,+442079460012,dr_out,00:00:20,Attempt",
    ]
    reading = _read(tmp_path / "calls.csv", "teams_direct_routing", "\n".join([head, *rows, ""]))
    assert reading.good["duration_s"].to_list() == [60, 0]
    assert reading.good["started_at"][0] == datetime(2026, 5, 4, 14, tzinfo=UTC)


def test_of_two_headings_for_one_column_the_first_that_is_known_counts(tmp_path: Path) -> None:
    head = "Call ID,Date & Time,Direction,From,From Number,To,To Number,Duration,Result"
    row = "1,2026-05-04T14:00:00Z,Outbound,Anna,+16175550123,Ben,+442079460012,0:01:00,Call connected"
    reading = _read(tmp_path / "calls.csv", "zoom_phone", f"{head}\n{row}\n")
    assert reading.good.select("from_number", "to_number").row(0) == ("+16175550123", "+442079460012")


def test_a_declared_heading_beats_those_that_a_layout_knows(tmp_path: Path) -> None:
    head = "UsageId,Caller ID,Call Type,Destination Number,Start Time,End Time,Duration Seconds"
    row = "1,+442079460012,user_out,+16175550123,2026-05-04T14:00:00Z,2026-05-04T14:01:00Z,60"
    columns = {"from_number": "Destination Number", "to_number": "Caller ID"}
    reading = _read(tmp_path / "calls.csv", "teams_pstn", f"{head}\n{row}\n", columns=columns)
    assert reading.good.select("from_number", "to_number").row(0) == ("+16175550123", "+442079460012")


def test_ringcentrals_csv_is_read_by_its_ends_and_in_the_declared_form_of_days(tmp_path: Path) -> None:
    head = "Type,From,To,Extension,Date,Time,Action,Result,Duration"
    rows = [
        "Voice,101 - Anna,+442079460012,101 - Anna,Mon 04/05/2026,15:07,VoIP Call,Call connected,0:00:30",
        "Voice,+442079460012,101 - Anna,101 - Anna,Mon 04/05/2026,15:08,Phone Call,Accepted,0:00:30",
        "Voice,101 - Anna,Ext. 102,101 - Anna,Mon 04/05/2026,15:09,Phone Call,Call connected,0:00:30",
        "Voice,+16175550123,+442079460012,,Mon 04/05/2026,15:10,VoIP Call,Call connected,0:00:30",
        "Voice,+442079460012,+16175550123,,Mon 04/05/2026,15:11,Phone Call,Accepted,0:00:30",
        "Voice,+16175550123,+442079460012,,Mon 04/05/2026,15:12,VoIP Call,Unknown,0:00:30",
    ]
    declared = {"time_zone": "Europe/London", "time_format": "%d/%m/%Y %H:%M:%S"}
    reading = _read(tmp_path / "log.csv", "ringcentral", "\n".join([head, *rows, ""]), **declared)
    assert reading.good["direction"].to_list() == ["outbound", "inbound", "internal", "outbound", "inbound"]
    assert reading.good["started_at"][0] == datetime(2026, 5, 4, 14, 7, tzinfo=UTC)
    assert "direction" in reading.rejects["column_name"].item().lower()
    declared |= {"direction": "outbound"}
    assert _read(tmp_path / "log.csv", "ringcentral", "\n".join([head, *rows, ""]), **declared).good.height == 6


@pytest.mark.parametrize(
    ("word", "direction"),
    [(word, "outbound") for word in ("outbound-api", "outbound_dial", "Outgoing API", "trunking-terminating")]
    + [(word, "inbound") for word in ("inbound", "Incoming", "trunking_originating")],
)
def test_twilio_has_more_than_two_directions(tmp_path: Path, word: str, direction: str) -> None:
    reading = _page(tmp_path, "twilio_calls", "calls", CALL | {"direction": word})
    assert reading.good["direction"].to_list() == [direction]


def test_what_has_not_ended_waits_for_a_later_export(tmp_path: Path) -> None:
    for layout, key, record in (
        ("ringcentral", "records", RING | {"result": "In Progress"}),
        ("twilio_calls", "calls", CALL | {"status": "ringing"}),
    ):
        reading = _page(tmp_path, layout, key, record)
        assert "export it again later" in reading.rejects["reason"].item()


def test_a_sample_with_records_that_its_layout_turns_away_still_names_the_layout(tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_text(json.dumps({"records": [RING, RING | {"id": "R2", "type": "SMS"}, RING | {"id": "R3"}]}))
    told = try_source(path, NOW).as_json()
    assert (told["layout"], told["read"], told["rejected"]) == ("ringcentral", 2, 1)


def test_a_sample_shows_the_leg_that_does_not_bill_and_a_path_for_the_files_of_other_days(tmp_path: Path) -> None:
    path = tmp_path / "Calls.2026-05-04.json"
    desk = CALL | {"sid": "CA2", "to": "sip:desk@example.sip.twilio.example", "direction": "outbound-dial"}
    path.write_text(json.dumps({"calls": [CALL | {"to": "+44207946****"}, desk]}))
    told = try_source(path, NOW).as_json()
    payers = [record["who_pays"] for record in told["understood"]]
    assert payers == ["the owner of +16175550123", "nobody: leg b of its call, and leg a bills"]
    assert told["settings"].endswith('/*.json"')
    assert told["asked"] == {}


def test_a_vendors_own_account_is_no_account_of_ours(tmp_path: Path) -> None:
    record = {
        "record_type": "sip-trunking", "id": "1", "account_id": "acct-1", "started_at": "2026-05-04T14:00:00Z",
        "direction": "outbound", "cli": "+16175550123", "cld": "+442079460012", "call_sec": 30,
        "billing_group_name": "A1",
    }  # fmt: skip
    assert _page(tmp_path, "telnyx_calls", "data", record).good["account_id"].to_list() == [None]
    columns = {"account_id": "billing_group_name"}
    assert _page(tmp_path, "telnyx_calls", "data", record, columns=columns).good["account_id"].to_list() == ["A1"]


def test_a_layout_says_which_leg_bills_and_a_declaration_may_say_otherwise() -> None:
    silent = SourceSettings(feed="calls", format="twilio_calls", path="inbox/calls/x/*")
    plain = SourceSettings(feed="calls", path="inbox/calls/y/*")
    sources = {"silent": silent, "other": silent.model_copy(update={"leg": "b"}), "plain": plain}
    assert billed_legs(sources) == {"silent": "a", "other": "b"}
