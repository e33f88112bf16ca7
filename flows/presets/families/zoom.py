"""Zoom Phone: call history and call logs as pages of its API, and as CSV.

A row of the call history is a call; the older call logs have one for each extension that took part.
"""

import polars as pl

from flows.presets.call_log import (
    clock_seconds,
    declared_account,
    first_of,
    id_of_content,
    if_inside,
    is_word,
    seconds_between,
    stamp,
)
from flows.presets.cells import FileRows, loose_time
from flows.presets.preset import Preset, words

_NOBODY = words(
    "canceled cancelled callcancel callcanceled callcancelled callfailed unconnected notconnected rejected busy "
    "noanswer systemblocked blocked serviceunavailable missed answeredbyothermember answeredbyother "
    "pickupbyother declined"
)
"""Results of calls, or of an extension's part in one, that nobody there answered."""

_BEFORE = words("hangup ringtimeout overflowed abandoned invalidkey invalidoperation")
"""Results of calls that end so in a menu or queue, which may have answered: the time of the answer decides."""

_OWN_WORDS = words("unconnected systemblocked pickupbyother hangup ringtimeout overflowed invalidkey invalidoperation")
"""Of both, those that other systems do not write."""


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """The answered seconds are those from answer to end where both are told, for a duration may count the waiting."""
    start = pl.coalesce(rows.named("started_at"), rows.cell("date_time"))
    answer = stamp(first_of(rows, "answer_time", "answer_start_time"))
    end = stamp(first_of(rows, "end_time", "call_end_time"))
    result = pl.coalesce(rows.named("disposition"), rows.cell("result"))
    is_history = rows.cell("start_time").is_not_null() & end.is_not_null()
    told = clock_seconds(rows.named("duration_s"))
    talked = seconds_between(rows.time(answer), rows.time(end))
    missed = is_word(result, *_NOBODY) | (answer.is_null() & (is_history | is_word(result, *_BEFORE)))
    seconds = pl.when(missed).then(pl.lit("0")).otherwise(pl.coalesce(talked, told))
    written = rows.named("direction").str.to_lowercase()
    ends = _ends(rows)
    caller, called = (ends[name] for name in ("from_number", "to_number"))
    inside = is_word(rows.cell("connect_type"), "internal")
    inside |= (if_inside(caller).is_not_null() & if_inside(called).is_not_null()).fill_null(False)
    twin = inside & (written == "inbound") & rows.cell("start_time").is_null()
    content = id_of_content(rows.cell("call_id"), start, caller, called, written, told)
    return {
        "call_id": pl.coalesce(rows.named("call_id"), rows.cell("id"), content),
        "leg": pl.when(twin.fill_null(False)).then(pl.lit("b")).otherwise(pl.lit("a")),
        "started_at": loose_time(start),
        "answered_at": loose_time(answer),
        "ended_at": loose_time(end),
        "direction": pl.when(inside).then(pl.lit("internal")).otherwise(written),
        **ends,
        "duration_s": seconds,
        "disposition": pl.when(missed & is_word(result, *_OWN_WORDS)).then(pl.lit("no answer")).otherwise(result),
        "account_id": declared_account(rows),
        "own.more_s": _whole(talked) - _whole(told) - _whole(rows.cell("hold_time")).fill_null(0),
    }


def _whole(seconds: pl.Expr) -> pl.Expr:
    return seconds.cast(pl.Int64, strict=False)


def _ends(rows: FileRows) -> dict[str, pl.Expr]:
    """Both ends under their public numbers, or between extensions under these; and the extension at the near end."""
    caller, callee = (_end(rows, side) for side in ("caller", "callee"))
    inside = is_word(rows.cell("connect_type"), "internal")
    inside |= if_inside(rows.cell("caller_number")).is_not_null() & if_inside(rows.cell("callee_number")).is_not_null()
    came_in = rows.named("direction").str.to_lowercase() == "inbound"
    near = pl.when(came_in.fill_null(False) & ~inside.fill_null(False)).then(callee[1]).otherwise(caller[1])
    numbers = [
        pl.when(inside.fill_null(False)).then(pl.coalesce(end[1], end[0])).otherwise(end[0]) for end in (caller, callee)
    ]
    return {"from_number": numbers[0], "to_number": numbers[1], "extension": near}


def _end(rows: FileRows, side: str) -> tuple[pl.Expr, pl.Expr]:
    """(the number of an end, else its extension; its extension)."""
    number, written = rows.cell(f"{side}_did_number"), rows.cell(f"{side}_number")
    extension = pl.coalesce(if_inside(rows.cell(f"{side}_ext_number")), if_inside(written))
    return pl.coalesce(number, written, extension), extension


PRESETS = {
    "zoom_phone": Preset(
        feed="calls",
        kinds=("json", "jsonl", "csv"),
        names={
            "call_id": "call_history_uuid",
            "started_at": "start_time",
            "direction": "direction",
            "duration_s": "duration",
            "disposition": "call_result",
        },
        also=words(
            "id call_id date_time answer_time answer_start_time end_time call_end_time result hold_time connect_type "
            "caller_did_number caller_number caller_ext_number callee_did_number callee_number callee_ext_number"
        ),
        headings={
            "callhistoryid": "call_history_uuid",
            "callernumber": "caller_number",
            "fromnumber": "caller_number",
            "from": "caller_number",
            "calleenumber": "callee_number",
            "tonumber": "callee_number",
            "to": "callee_number",
            "callerext": "caller_ext_number",
            "callerextension": "caller_ext_number",
            "calleeext": "callee_ext_number",
            "calleeextension": "callee_ext_number",
            "dateandtime": "date_time",
            "datetime": "date_time",
            "calldirection": "direction",
            "durationsec": "duration",
            "durationseconds": "duration",
            "callduration": "duration",
            "durationhhmmss": "duration",
            "answerstarttime": "answer_start_time",
        },
        needs=("direction", "duration_s"),
        pages=("call_history", "call_logs"),
        makes=("call_id", "started_at", "leg"),
        cells=_cells,
        faults=(
            (
                "duration_s",
                pl.col("own.more_s") > 1,
                "the seconds from answer to end, less hold_time at most",
            ),
        ),
        tells_legs=True,
        defaults={"leg": "a"},
    ),
}
