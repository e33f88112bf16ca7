"""The layouts of switches and gateways, as data: what their columns or keys are called, and in which order.

Read from the programs' own documentation and configuration samples. What has to be worked out from several columns
is in source_cells.py.

- asterisk: cdr_csv, 16 columns without a header; optional ones follow when `columns` lists them, in their order.
  The switch may write every row again into a file per account: those copies are duplicates by identity.
- asterisk_custom: the 19 columns of cdr_custom, in another order.
- freeswitch, freeswitch_asterisk: mod_cdr_csv with its template "example" (15 columns) or "asterisk" (18).
- freeswitch_json: mod_json_cdr, a JSON document per leg.
- goto_history, goto_reports: pages of GoTo Connect's Call History and Call Reports, with `items`.
- twilio_messages, telnyx_messages: pages, JSON lines or CSV. bandwidth_messages: CSV, a row per segment.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """One layout. `kinds`: the kinds of file it comes in, the first where the file's name says none.

    `names`: canonical -> theirs. `columns`: the order of a file without header, `optional` what may follow.
    `also`: keys beside `names` that the cells are made from. `makes`: canonical columns worked out in source_cells.
    `needs`: canonical columns that a CSV header must have. `pages`: the keys under which a JSON page holds its records;
    `only_pages`: whether a document without one is no page of this layout.
    """

    feed: str
    kinds: tuple[str, ...]
    names: dict[str, str]
    columns: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    only_pages: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ASTERISK_NAMES = {
    "call_id": "uniqueid",
    "leg": "sequence",
    "started_at": "start",
    "answered_at": "answer",
    "from_number": "src",
    "to_number": "dst",
    "duration_s": "billsec",
    "disposition": "disposition",
    "account_id": "accountcode",
    "direction": "dcontext",
    "extension": "src",
}
_FREESWITCH_NAMES = {
    "call_id": "uuid",
    "started_at": "start_stamp",
    "answered_at": "answer_stamp",
    "from_number": "caller_id_number",
    "to_number": "destination_number",
    "duration_s": "billsec",
    "disposition": "hangup_cause",
    "account_id": "accountcode",
    "direction": "context",
    "extension": "caller_id_number",
}
_PROFILE = "callflow.0.caller_profile"
_GOTO_NAMES = {
    "call_id": "originatorId",
    "leg": "legId",
    "started_at": "startTime",
    "answered_at": "answerTime",
    "from_number": "caller.number",
    "to_number": "callee.number",
    "direction": "direction",
    "duration_s": "duration",
    "disposition": "hangupCause",
}

PRESETS: dict[str, Preset] = {
    "asterisk": Preset(
        "calls",
        ("csv",),
        _ASTERISK_NAMES,
        _words(
            "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec "
            "disposition amaflags"
        ),
        optional=_words("uniqueid userfield peeraccount linkedid sequence"),
    ),
    "asterisk_custom": Preset(
        "calls",
        ("csv",),
        _ASTERISK_NAMES,
        _words(
            "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition "
            "amaflags accountcode uniqueid userfield sequence"
        ),
    ),
    "freeswitch": Preset(
        "calls",
        ("csv",),
        _FREESWITCH_NAMES,
        _words(
            "caller_id_name caller_id_number destination_number context start_stamp answer_stamp end_stamp duration "
            "billsec hangup_cause uuid bleg_uuid accountcode read_codec write_codec"
        ),
        optional=("leg", "device_id"),
    ),
    "freeswitch_asterisk": Preset(
        "calls",
        ("csv",),
        _FREESWITCH_NAMES,
        _words(
            "accountcode caller_id_number destination_number context caller_id channel_name bridge_channel last_app "
            "last_arg start_stamp answer_stamp end_stamp duration billsec hangup_cause amaflags uuid userfield"
        ),
        optional=("leg", "device_id"),
    ),
    "freeswitch_json": Preset(
        "calls",
        ("json", "jsonl"),
        {
            "call_id": "variables.uuid",
            "started_at": "variables.start_stamp",
            "answered_at": "variables.answer_stamp",
            "from_number": f"{_PROFILE}.caller_id_number",
            "to_number": f"{_PROFILE}.destination_number",
            "duration_s": "variables.billsec",
            "disposition": "variables.hangup_cause",
            "account_id": "variables.accountcode",
            "direction": f"{_PROFILE}.context",
            "extension": f"{_PROFILE}.caller_id_number",
        },
        also=(
            "variables.start_epoch",
            "variables.answer_epoch",
            "variables.originating_leg_uuid",
            f"{_PROFILE}.originator",
        ),
    ),
    "goto_history": Preset("calls", ("json",), _GOTO_NAMES, also=("endTime",), pages=("items",), only_pages=True),
    "goto_reports": Preset(
        "calls",
        ("json",),
        _GOTO_NAMES | {"disposition": "disposition"},
        also=("endTime",),
        pages=("items",),
        only_pages=True,
    ),
    "twilio_messages": Preset(
        "messages",
        ("json", "jsonl", "csv"),
        {
            "message_id": "sid",
            "sent_at": "date_sent",
            "direction": "direction",
            "from_number": "from",
            "to_number": "to",
            "credits": "num_segments",
        },
        also=("date_created", "num_media", "status"),
        makes=("channel",),
        needs=("message_id", "sent_at", "direction", "from_number", "to_number", "credits"),
        pages=("messages",),
    ),
    "telnyx_messages": Preset(
        "messages",
        ("json", "jsonl", "csv"),
        {
            "message_id": "id",
            "sent_at": "created_at",
            "direction": "direction",
            "from_number": "from.phone_number",
            "to_number": "to.0.phone_number",
            "credits": "parts",
            "channel": "type",
        },
        also=("uuid", "message_type", "from", "cli", "to", "to.0", "to.1", "cld"),
        makes=("channel",),
        needs=("sent_at", "direction", "credits"),
        pages=("data",),
    ),
    "bandwidth_messages": Preset(
        "messages",
        ("csv",),
        {
            "message_id": "MessageID",
            "sent_at": "TimeStamp",
            "direction": "CallDirection",
            "from_number": "SourceTn",
            "to_number": "DestinationTn",
            "channel": "MessageType",
        },
        makes=("credits",),
        needs=("message_id", "sent_at", "direction", "from_number", "to_number", "channel"),
    ),
}

SEGMENT = "#segment"
"""bandwidth_messages: which of a message's rows this is, counted while the file is read."""
