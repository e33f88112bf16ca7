"""Grandstream UCM: CDRs of its API (CSV, JSON) and the CSV that its web page downloads.

A call of several steps (a menu, a group, a transfer) is several CDRs of one session. In JSON a page groups them: a
main_cdr that sums up, and sub_cdr_1, sub_cdr_2 … that are the records.
"""

from collections.abc import Callable, Mapping
from functools import partial

import polars as pl

from flows.presets.cells import FileRows, loose_time, meaning
from flows.presets.preset import Preset, words
from rating.ends import EXTENSION

_NEVER = r"^0000-00-00"
_ZONED = r"^(.*\S)\s+(?:UTC|GMT)([+-]\d{1,2}:?\d{2})$"
_DIRECTIONS = {
    "inbound": "inbound",
    "outbound": "outbound",
    "external": "outbound",
    "internal": "internal",
    "ext": "internal",
}
"""What they call the type of a call, in small letters; external goes from one trunk to another."""
_CONTEXTS = {"ext-did*": "inbound", "ext-local*": "internal"}
"""How dial-plan contexts begin, of firmware that says nothing else."""
_TITLES = {
    "dcontext": "Context",
    "channel": "Source Channel",
    "dstchannel": "Dest Channel",
    "start": "Start time",
    "answer": "Answer Time",
    "end": "End time",
    "userfield": "Userfield",
    "channel_ext": "Source Channel Extension",
    "dstchannel_ext": "Dest Channel Extension",
    "session": "Session",
    "action_owner": "Action Owner",
    "src_trunk_name": "Source Trunk Name",
    "dst_trunk_name": "Destination Trunk Name",
}
"""The API's names -> the titles of the CSV that is downloaded."""


def _cells(rows: FileRows, columns: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Trunks tell the direction, else the type of the call, else its context, else the look of both ends.

    columns: what this file calls what the cells are made from, by the API's names.
    """

    def cell(name: str) -> pl.Expr:
        return rows.cell(columns.get(name, name))

    caller, called = rows.named("from_number"), rows.named("to_number")
    called = pl.when(called != "s").then(called)
    direction = _direction(rows, cell, caller, called)
    came_in, goes_out = direction == "inbound", direction == "outbound"
    owner = _extension(cell("action_owner"))
    answered_by = pl.coalesce(*(_extension(cell(name)) for name in ("dstanswer", "dstchannel_ext")), _extension(called))
    calling = pl.coalesce(_extension(cell("channel_ext")), _extension(caller))
    is_outside = calling.is_null() & goes_out
    start, unique = loose_time(_time(rows.named("started_at"))), rows.named("call_id")
    far = pl.when(came_in).then(caller).otherwise(called).fill_null("-")
    content = [cell(name).fill_null("-") for name in ("channel", "dstchannel", "start", "answer", "end")]
    return {
        "call_id": pl.concat_str(pl.coalesce(cell("session"), unique), direction, far, separator=" "),
        "leg": pl.coalesce(rows.named("leg"), pl.concat_str(unique, *content, separator=" ")),
        "started_at": start,
        "answered_at": loose_time(_time(rows.named("answered_at"))),
        "direction": direction,
        "to_number": called,
        "charged_number": pl.when(is_outside).then(owner),
        "extension": pl.when(came_in).then(answered_by).when(is_outside).then(owner).otherwise(calling),
    }


def _direction(rows: FileRows, cell: Callable[[str], pl.Expr], caller: pl.Expr, called: pl.Expr) -> pl.Expr:
    trunk_in = cell("src_trunk_name").is_not_null() | _is_trunk(cell("channel"))
    trunk_out = cell("dst_trunk_name").is_not_null() | _is_trunk(cell("dstchannel"))
    by_trunk = pl.when(trunk_out).then(pl.lit("outbound")).when(trunk_in).then(pl.lit("inbound"))
    told = cell("userfield").str.to_lowercase().replace_strict(_DIRECTIONS, default=None, return_dtype=pl.String)
    declared, by_context = (meaning(cell("dcontext"), meant) for meant in (rows.directions, _CONTEXTS))
    inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)
    look = pl.when(inside.fill_null(False)).then(pl.lit("internal")).otherwise(pl.lit("outbound"))
    otherwise = pl.lit(rows.direction) if rows.direction else look
    return pl.coalesce(declared, by_trunk, told, by_context, otherwise)


def _is_trunk(channel: pl.Expr) -> pl.Expr:
    """PJSIP/trunk_1-00000a4a and PJSIP/trunk_1/6175550199 are trunks."""
    return channel.str.contains(r"^[A-Za-z0-9]+/trunk_").fill_null(False)


def _extension(cell: pl.Expr) -> pl.Expr:
    return pl.when(cell.str.contains(EXTENSION)).then(cell)


def _time(cell: pl.Expr) -> pl.Expr:
    """2026-05-04 10:00:00 UTC-04:00 -> 2026-05-04 10:00:00-04:00; the year 0 is never."""
    part = cell.str.extract_groups(_ZONED).struct
    zoned = pl.concat_str(part.field("1"), part.field("2"))
    return pl.when(~cell.str.contains(_NEVER)).then(pl.coalesce(zoned, cell))


PRESETS = {
    "grandstream_ucm": Preset(
        feed="calls",
        kinds=("json", "csv", "jsonl"),
        names={
            "call_id": "uniqueid",
            "leg": "AcctId",
            "started_at": "start",
            "answered_at": "answer",
            "from_number": "src",
            "to_number": "dst",
            "duration_s": "billsec",
            "disposition": "disposition",
        },
        also=words(
            "session userfield dcontext channel dstchannel channel_ext dstchannel_ext dstanswer end action_owner "
            "src_trunk_name dst_trunk_name"
        ),
        needs=("call_id", "started_at", "answered_at", "from_number", "to_number", "duration_s", "disposition"),
        pages=("cdr_root", "cdr"),
        inner=("sub_cdr_", "main_cdr"),
        makes=("leg", "direction", "charged_number", "extension"),
        cells=partial(_cells, columns={}),
        defaults={"parts": True},
    ),
    "grandstream_ucm_download": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "Uniqueid",
            "started_at": "Start time",
            "answered_at": "Answer Time",
            "from_number": "Caller Number",
            "to_number": "Callee Number",
            "duration_s": "Talk time",
            "disposition": "Disposition",
        },
        needs=("call_id", "started_at", "answered_at", "from_number", "to_number", "duration_s", "disposition"),
        makes=("leg", "direction", "charged_number", "extension"),
        cells=partial(_cells, columns=_TITLES),
        defaults={"parts": True},
    ),
}
