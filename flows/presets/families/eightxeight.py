"""8x8 Work: call records and call legs of its analytics, as pages with `data` and as the CSV of the report."""

import polars as pl

from flows.presets.call_log import clock_seconds, declared_account, first_of, if_inside, is_word, stamp
from flows.presets.cells import Fault, FileRows, epoch_time
from flows.presets.preset import Preset, words

_WAYS = {"incoming": "inbound", "outgoing": "outbound", "internal": "internal"}


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A call that was talked on was answered, whatever became of its last leg. Its number dialled is the `dnis`."""
    talked = pl.coalesce(_milliseconds(rows.cell("talkTimeMS")), clock_seconds(rows.named("duration_s")))
    has_talk = talked.str.contains("[1-9]").fill_null(False)
    caller, called = rows.named("from_number"), rows.named("to_number")
    inside = (if_inside(caller).is_not_null() & if_inside(called).is_not_null()).fill_null(False)
    written = rows.named("direction").str.to_lowercase()
    way = pl.coalesce(written.replace_strict(_WAYS, default=None, return_dtype=pl.String), written)
    dialled = rows.cell("dnis").str.extract(r"^\+?([1-9][0-9]{7,14})$")
    shown = rows.cell("callerId").str.extract(r"(\+[0-9]{7,15})$")
    came_in, went_out = way == "inbound", way == "outbound"
    connected = pl.coalesce(_epoch(rows.cell("connectTimeUTC")), stamp(rows.cell("connectTime")))
    pbx, call = rows.cell("pbxId"), rows.named("call_id")
    return {
        "call_id": pl.when(pbx.is_not_null()).then(pbx + pl.lit(" ") + call).otherwise(call),
        "started_at": pl.coalesce(_epoch(rows.cell("startTimeUTC")), stamp(rows.named("started_at"))),
        "answered_at": pl.when(has_talk).then(connected),
        "direction": pl.when(inside).then(pl.lit("internal")).otherwise(way),
        "from_number": pl.when(went_out & ~inside & if_inside(caller).is_not_null())
        .then(pl.coalesce(shown, caller))
        .otherwise(caller),
        "to_number": pl.when(came_in & ~inside & dialled.is_not_null()).then(pl.lit("+") + dialled).otherwise(called),
        "extension": pl.when(came_in & ~inside).then(if_inside(called)).otherwise(if_inside(caller)),
        "duration_s": talked,
        "disposition": pl.when(has_talk)
        .then(pl.lit("answered"))
        .otherwise(first_of(rows, "lastLegDisposition", "propsLastPartyDisp", "missed", "cause")),
        "account_id": declared_account(rows),
        "own.status": rows.cell("status"),
    }


def _milliseconds(found: pl.Expr) -> pl.Expr:
    """Text of whole seconds, rounded half up; null for what is no count of milliseconds."""
    return ((found.str.extract(r"^([0-9]{1,13})$").cast(pl.Int64) + 500) // 1000).cast(pl.String)


def _epoch(found: pl.Expr) -> pl.Expr:
    """A time in UTC from milliseconds since 1970, null where there is none."""
    return epoch_time(pl.when(found.str.contains(r"^[0-9]{12,13}$")).then(found), "ms")


_STILL_RUNNING: Fault = (
    "duration_s",
    is_word(pl.col("own.status"), "inprogress", "dialing", "talking"),
    "a call that has ended; export it again later",
)

PRESETS = {
    "8x8": Preset(
        feed="calls",
        kinds=("json", "jsonl", "csv"),
        names={
            "call_id": "callId",
            "leg": "legId",
            "started_at": "startTime",
            "direction": "direction",
            "from_number": "caller",
            "to_number": "callee",
            "duration_s": "talkTime",
        },
        also=words(
            "startTimeUTC connectTime connectTimeUTC talkTimeMS dnis callerId pbxId lastLegDisposition "
            "propsLastPartyDisp missed cause status"
        ),
        headings={
            "answertime": "connectTime",
            "callernumber": "caller",
            "calleenumber": "callee",
            "pbx": "pbxId",
            "pbxname": "pbxId",
            "lastlegstatus": "lastLegDisposition",
        },
        needs=("call_id", "direction", "from_number", "to_number"),
        pages=("data",),
        makes=("started_at", "duration_s"),
        cells=_cells,
        faults=(_STILL_RUNNING,),
    ),
}
