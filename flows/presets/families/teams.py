"""Microsoft Teams: the PSTN usage report of its admin centre as CSV, and the pages of Graph with `value`.

- teams_pstn: calls over Microsoft's Calling Plans and operators. teams_direct_routing: over one's own trunks.
"""

import polars as pl

from flows.presets.call_log import (
    clock_seconds,
    declared_account,
    first_of,
    id_of_content,
    is_word,
    seconds_between,
    stamp,
)
from flows.presets.cells import Fault, FileRows
from flows.presets.preset import Preset

_YES, _NO = ("yes", "true", "success"), ("no", "false", "attempt")


def _direction(call_type: pl.Expr) -> pl.Expr:
    """user_in, dr_in_ucap, ByotInUcap -> inbound; user_out_forwarding, Dr_Out, EmergencyOut -> outbound."""
    steps = call_type.str.replace_all(r"([a-z])([A-Z])", "${1}_$2").str.to_lowercase()
    came_in, went_out = (steps.str.contains(f"(?:^|_){way}(?:_|$)") for way in ("in", "out"))
    return pl.when(came_in).then(pl.lit("inbound")).when(went_out).then(pl.lit("outbound")).otherwise(call_type)


def _pstn_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A report without ids of rows is known by its calls' ids and content: a call id alone is not unique."""
    start, caller, called = (rows.named(name) for name in ("started_at", "from_number", "to_number"))
    content = id_of_content(first_of(rows, "Call ID", "callId"), start, caller, called, rows.named("direction"))
    return {
        "call_id": pl.coalesce(rows.named("call_id"), content),
        "direction": _direction(rows.named("direction")),
        "ended_at": stamp(rows.named("ended_at")),
        "duration_s": clock_seconds(rows.named("duration_s")),
        "account_id": declared_account(rows),
        "own.success": _success(rows),
    }


def _success(rows: FileRows) -> pl.Expr:
    return first_of(rows, "Success", "successfulCall")


def _trunk_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """The duration counts from the invitation, so the call is as long as from its start to its end.

    Legs of a call share a correlation id, so that the rest of the row belongs to the id. A start is the answer where
    the call went out; where it came in, it is when it was passed on.
    """
    invited, start = first_of(rows, "Invite time", "inviteDateTime"), stamp(rows.named("started_at"))
    end, direction = stamp(rows.named("ended_at")), _direction(rows.named("direction"))
    is_call = is_word(_success(rows), *_YES)
    talked_s = seconds_between(rows.time(start), rows.time(end))
    content = id_of_content(
        rows.cell("CorrelationId"), invited, rows.named("from_number"), rows.named("to_number"), rows.named("direction")
    )
    return {
        "call_id": pl.coalesce(rows.cell("id"), content),
        "started_at": pl.coalesce(stamp(invited), start),
        "answered_at": pl.when(is_call & (direction == "outbound")).then(start),
        "ended_at": end,
        "direction": direction,
        "duration_s": pl.when(is_call).then(talked_s).otherwise(pl.lit("0")),
        "account_id": declared_account(rows),
        "own.success": _success(rows),
        "own.more_s": talked_s.cast(pl.Int64) - clock_seconds(rows.named("duration_s")).cast(pl.Int64, strict=False),
    }


_OF_A_TRUNK: Fault = (
    "duration_s",
    pl.col("own.success").is_not_null(),
    "a call over a Calling Plan; calls over trunks of one's own are format teams_direct_routing",
)
_OF_NO_TRUNK: Fault = (
    "duration_s",
    ~is_word(pl.col("own.success"), *_YES, *_NO),
    "Success (successfulCall) yes or no; calls over Calling Plans are format teams_pstn",
)
_LONGER_THAN_TOLD: Fault = (
    "duration_s",
    (pl.col("own.more_s") > 1) & is_word(pl.col("own.success"), *_YES),
    "at most the seconds that the report counts from the invitation to the end",
)


PRESETS = {
    "teams_pstn": Preset(
        feed="calls",
        kinds=("csv", "json", "jsonl"),
        names={
            "call_id": "UsageId",
            "started_at": "Start Time",
            "ended_at": "End Time",
            "from_number": "Caller ID",
            "to_number": "Destination Number",
            "direction": "Call Type",
            "duration_s": "Duration Seconds",
        },
        json_names={
            "call_id": "id",
            "started_at": "startDateTime",
            "ended_at": "endDateTime",
            "from_number": "callerNumber",
            "to_number": "calleeNumber",
            "direction": "callType",
            "duration_s": "duration",
        },
        headings={
            "callernumber": "Caller ID",
            "calledfrom": "Caller ID",
            "calleenumber": "Destination Number",
            "calledto": "Destination Number",
            "timestamputc": "Start Time",
            "starttimeutc": "Start Time",
            "endtimeutc": "End Time",
            "duration": "Duration Seconds",
        },
        also=("Call ID", "callId", "successfulCall"),
        needs=("started_at", "from_number", "to_number", "direction", "duration_s"),
        pages=("value",),
        cells=_pstn_cells,
        faults=(_OF_A_TRUNK,),
        defaults={"time_zone": "UTC"},
    ),
    "teams_direct_routing": Preset(
        feed="calls",
        kinds=("csv", "json", "jsonl"),
        names={
            "started_at": "Start time",
            "ended_at": "End time",
            "from_number": "Caller Number",
            "to_number": "Callee Number",
            "direction": "Call type",
            "duration_s": "Duration (seconds)",
            "disposition": "Final SIP Phrase",
        },
        json_names={
            "started_at": "startDateTime",
            "ended_at": "endDateTime",
            "from_number": "callerNumber",
            "to_number": "calleeNumber",
            "direction": "callType",
            "duration_s": "duration",
            "disposition": "finalSipCodePhrase",
        },
        headings={
            "timestamputc": "Start time",
            "starttimeutc": "Start time",
            "endtimeutc": "End time",
            "invitetimeutc": "Invite time",
            "eventtype": "Success",
            "duration": "Duration (seconds)",
        },
        also=("CorrelationId", "Invite time", "Success", "id", "inviteDateTime", "successfulCall"),
        needs=("started_at", "ended_at", "from_number", "to_number", "direction", "duration_s"),
        pages=("value",),
        makes=("call_id",),
        cells=_trunk_cells,
        faults=(_OF_NO_TRUNK, _LONGER_THAN_TOLD),
        defaults={"time_zone": "UTC"},
    ),
}
