"""RingCentral: the call log as pages of its API with `records`, and as the CSV of the service's web site."""

import polars as pl

from flows.presets.call_log import (
    clock_seconds,
    declared_account,
    first_of,
    id_of_content,
    if_inside,
    is_word,
)
from flows.presets.cells import Fault, FileRows
from flows.presets.preset import Preset, words

_NOBODY = words(
    "noanswer missed busy linebusy rejected declined blocked hangup wrongnumber restrictednumber internationaldisabled "
    "internationalrestricted nocalls notallowed callfailed callfailure internalerror ipphoneoffline abandoned stopped "
    "accountsuspended suspendedaccount suspended nocredit notanswered ringoutfailed"
)
_OWN_WORDS = words(
    "hangup wrongnumber restrictednumber internationalrestricted nocalls stopped suspended ringoutfailed"
)
"""Of these, those that other systems do not write so."""

_CALLED = words("accepted callaccepted missed voicemail received reply partialreceive receiveerror")
_CALLING = words("callconnected sent senderror noanswer busy hangup wrongnumber internationaldisabled nofaxmachine")
"""Results of calls that came in, and of those that went out."""

_NOT_FINAL = words("inprogress ringing setup proceeding")
_WAYS = {"incoming": "inbound", "outgoing": "outbound", "inbound": "inbound", "outbound": "outbound"}


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Between two extensions a call is internal, and the record of the one that was called is its other leg."""
    caller = pl.coalesce(rows.named("from_number"), rows.cell("from.extensionNumber"))
    called = pl.coalesce(rows.named("to_number"), rows.cell("to.extensionNumber"))
    caller, called = (_number(end) for end in (caller, called))
    inside = (if_inside(caller).is_not_null() & if_inside(called).is_not_null()).fill_null(False)
    written = rows.named("direction").str.to_lowercase().replace_strict(_WAYS, default=None, return_dtype=pl.String)
    by_type = rows.cell("Type").str.to_lowercase().replace_strict(_WAYS, default=None, return_dtype=pl.String)
    by_ends = (
        pl.when(if_inside(caller).is_not_null())
        .then(pl.lit("outbound"))
        .when(if_inside(called).is_not_null())
        .then(pl.lit("inbound"))
    )
    result = pl.coalesce(rows.named("disposition"), rows.cell("Result"))
    way = pl.coalesce(written, by_type, by_ends, _by_words(rows.cell("Action"), result), rows.named("direction"))
    near = [rows.cell(f"{side}.extensionNumber") for side in ("from", "to")]
    called_at, calling_from = pl.coalesce(near[1], if_inside(called)), pl.coalesce(near[0], if_inside(caller))
    extension = pl.when(way == "inbound").then(called_at).otherwise(calling_from)
    missed = is_word(result, *_NOBODY)
    told = clock_seconds(rows.named("duration_s"))
    content = id_of_content(*(rows.cell(name) for name in ("Date", "Time", "From", "To", "Extension", "Duration")), way)
    return {
        "call_id": pl.coalesce(rows.cell("id"), content),
        "leg": pl.when(inside & (way == "inbound")).then(pl.lit("b")).otherwise(pl.lit("a")),
        "started_at": pl.coalesce(rows.cell("startTime"), _minute(rows)),
        "direction": pl.when(inside).then(pl.lit("internal")).otherwise(way),
        "from_number": caller,
        "to_number": called,
        "extension": pl.coalesce(if_inside(_number(rows.cell("Extension"))), extension),
        "duration_s": pl.when(missed).then(pl.lit("0")).otherwise(told),
        "disposition": pl.when(is_word(result, *_OWN_WORDS)).then(pl.lit("no answer")).otherwise(result),
        "account_id": declared_account(rows),
        "own.type": first_of(rows, "type", "Type"),
        "own.result": result,
    }


def _by_words(action: pl.Expr, result: pl.Expr) -> pl.Expr:
    """Incoming Fax, and what becomes of who is called (Accepted, Missed …); what becomes of who calls."""
    came_in = is_word(action, "incomingfax") | is_word(result, *_CALLED)
    went_out = is_word(action, "outgoingfax") | is_word(result, *_CALLING)
    return pl.when(came_in).then(pl.lit("inbound")).when(went_out).then(pl.lit("outbound"))


def _number(end: pl.Expr) -> pl.Expr:
    """1001 - Anna, Ext. 1001 -> 1001; anything else as it is."""
    short = end.str.extract(r"^(?:[Ee]xt(?:ension)?\.?\s*)?([0-9]{2,6})(?:\s+-\s.*|\s*$)", 1)
    return pl.coalesce(short, end)


def _minute(rows: FileRows) -> pl.Expr:
    """Mon 05/04/2026 and 9:41 AM -> 05/04/2026 9:41:00 AM, which time_format reads; so an export tells no seconds."""
    day = rows.cell("Date").str.replace(r"^[A-Za-z]+\.?,?\s+", "")
    clock = rows.cell("Time").str.to_uppercase().str.replace(r"^(\d{1,2}:\d{2})(\s*[AP]M)?$", "${1}:00$2")
    return day + pl.lit(" ") + clock.str.replace(r"(\d)([AP]M)$", "$1 $2")


_NO_CALL: Fault = (
    "direction",
    is_word(pl.col("own.type"), "sms", "mms", "pager", "text"),
    "a call or a fax; messages belong to feed messages",
)
_STILL_RUNNING: Fault = (
    "disposition",
    is_word(pl.col("own.result"), *_NOT_FINAL),
    "a call that has ended; export it again later",
)

PRESETS = {
    "ringcentral": Preset(
        feed="calls",
        kinds=("json", "jsonl", "csv"),
        names={
            "from_number": "From",
            "to_number": "To",
            "direction": "Direction",
            "duration_s": "Duration",
            "disposition": "Action Result",
        },
        json_names={
            "from_number": "from.phoneNumber",
            "to_number": "to.phoneNumber",
            "direction": "direction",
            "duration_s": "duration",
            "disposition": "result",
        },
        also=words("id startTime type from.extensionNumber to.extensionNumber Type Date Time Extension Result Action"),
        headings={"fromnumber": "From", "tonumber": "To", "result": "Action Result", "callduration": "Duration"},
        needs=("from_number", "to_number", "duration_s"),
        pages=("records",),
        makes=("call_id", "started_at", "leg"),
        cells=_cells,
        faults=(_NO_CALL, _STILL_RUNNING),
        tells_legs=True,
        defaults={"leg": "a", "time_format": "%m/%d/%Y %I:%M:%S %p"},
    ),
}
