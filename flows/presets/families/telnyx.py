"""Telnyx: calls, messages and their reports, as pages, JSON lines or CSV."""

import polars as pl

from flows.presets.call_log import declared_account, first_of, id_of_content, stamp
from flows.presets.cells import FileRows
from flows.presets.preset import Preset, words


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Messages name their ends in objects and lists, reports as cli and cld."""
    ends = [rows.cell(name) for name in ("from", "cli", "to.0", "to", "cld")]
    sender, caller, first, receivers, called = (pl.when(~end.str.contains(r"^[\[{]")).then(end) for end in ends)
    return {
        "message_id": pl.coalesce(rows.named("message_id"), rows.cell("uuid")),
        "from_number": pl.coalesce(rows.named("from_number"), sender, caller),
        "to_number": pl.coalesce(rows.named("to_number"), first, receivers, called),
        "channel": pl.coalesce(rows.named("channel"), rows.cell("message_type")).str.to_lowercase(),
        "own.second": rows.cell("to.1"),
    }


_INNER = ["callcontrol", "webrtc"]
"""Records of the same call as a product of the voice interface sees it; the trunk's record is the call."""

_WAYS = {"inbound": "inbound", "incoming": "inbound", "outbound": "outbound", "outgoing": "outbound"}


def _call_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A report tells its start in UTC too, without saying so in the cell."""
    in_utc = rows.cell("start_timestamp_utc")
    has_offset = in_utc.str.contains(r"(?:Z|[+-][0-9]{2}:?[0-9]{2})$")
    # In another form, such as a spreadsheet leaves behind, it cannot be told to be UTC: the other start counts.
    bare = pl.when(in_utc.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+$")).then(in_utc + pl.lit("Z"))
    start = pl.coalesce(pl.when(has_offset).then(in_utc).otherwise(bare), rows.named("started_at"))
    caller, called, written = (rows.named(name) for name in ("from_number", "to_number", "direction"))
    way = written.str.to_lowercase().replace_strict(_WAYS, default=None, return_dtype=pl.String)
    content = id_of_content(rows.cell("telnyx_session_id"), start, caller, called, written, rows.named("duration_s"))
    kind = rows.cell("record_type").str.to_lowercase().str.replace_all("[^a-z]", "").str.replace("detailrecord$", "")
    return {
        "call_id": pl.coalesce(rows.named("call_id"), first_of(rows, *_IDS), content),
        "leg": pl.when(kind.is_in(_INNER).fill_null(False)).then(pl.lit("b")).otherwise(pl.lit("a")),
        "started_at": start,
        "answered_at": stamp(rows.named("answered_at")),
        "ended_at": stamp(rows.named("ended_at")),
        "direction": pl.coalesce(way, written),
        "disposition": pl.when(_talked(rows)).then(pl.lit("answered")).otherwise(rows.named("disposition")),
        "account_id": declared_account(rows),
        "own.kind": kind,
    }


def _talked(rows: FileRows) -> pl.Expr:
    """Whether a detail record, which has no answer time, counts seconds: then its cause ended an answered call."""
    return rows.cell("record_type").is_not_null() & rows.named("duration_s").str.contains("[1-9]").fill_null(False)


_IDS = words("uuid call_leg_id telnyx_leg_id sip_call_id")

PRESETS = {
    "telnyx_calls": Preset(
        feed="calls",
        kinds=("json", "jsonl", "csv"),
        names={
            "call_id": "id",
            "started_at": "start_timestamp",
            "answered_at": "answer_timestamp",
            "ended_at": "end_timestamp",
            "direction": "direction",
            "from_number": "origination_number",
            "to_number": "terminating_number",
            "duration_s": "call_duration",
            "disposition": "hangup_cause",
        },
        json_names={
            "call_id": "id",
            "started_at": "started_at",
            "ended_at": "finished_at",
            "direction": "direction",
            "from_number": "cli",
            "to_number": "cld",
            "duration_s": "call_sec",
            "disposition": "hangup_cause",
        },
        also=("start_timestamp_utc", "telnyx_session_id", "record_type", *_IDS),
        headings={
            "callid": "id",
            "legid": "telnyx_leg_id",
            "startedat": "start_timestamp",
            "starttime": "start_timestamp",
            "answeredat": "answer_timestamp",
            "answertime": "answer_timestamp",
            "finishedat": "end_timestamp",
            "endtime": "end_timestamp",
            "originatingnumber": "origination_number",
            "callingnumber": "origination_number",
            "cli": "origination_number",
            "terminationnumber": "terminating_number",
            "destinationnumber": "terminating_number",
            "callednumber": "terminating_number",
            "cld": "terminating_number",
            "callsec": "call_duration",
            "calldurationsec": "call_duration",
            "calldurationseconds": "call_duration",
            "duration": "call_duration",
            "hangupcode": "hangup_cause",
        },
        needs=("from_number", "to_number", "direction", "duration_s"),
        pages=("data",),
        makes=("call_id", "started_at", "leg"),
        cells=_call_cells,
        faults=(
            (
                "call_id",
                ~pl.col("own.kind").is_in(["siptrunking", "call", "voice", *_INNER]),
                "a record of a call: record_type sip-trunking, call-control or webrtc",
            ),
        ),
        ends_in_causes=True,
        tells_legs=True,
        defaults={"leg": "a"},
    ),
    "telnyx_messages": Preset(
        feed="messages",
        kinds=("json", "jsonl", "csv"),
        names={
            "message_id": "id",
            "sent_at": "created_at",
            "direction": "direction",
            "from_number": "from.phone_number",
            "to_number": "to.0.phone_number",
            "credits": "parts",
            "channel": "type",
        },
        also=("uuid", "message_type", "from", "cli", "to", "to.0", "to.1", "cld"),
        needs=("sent_at", "direction", "credits"),
        pages=("data",),
        makes=("channel",),
        cells=_cells,
        faults=(
            ("to_number", pl.col("own.second").is_not_null(), "one receiver a record: have each exported by itself"),
        ),
    ),
}
