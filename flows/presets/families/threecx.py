"""3CX: the lines of its CDR service, whose fields and order the administrator chooses, and the table cdroutput of V20.

- threecx_v16: a line a call (V12 to V20; "single file", "file for each call", sockets kept as a file). No header.
- threecx_v20: cdroutput, a row each time that a call's participants change; with a header.
"""

import polars as pl

from flows.presets.cells import Fault, FileRows, loose_time
from flows.presets.preset import Ask, Preset, words
from rating.ends import EXTENSION

_OUTSIDE = ["line", "provider", "external", "external_line", "outboundrule", "outbound_rule"]
"""What they call the type of an end that is none of the house, in small letters."""
_ENDINGS = {
    "Failed_Cancelled": "cancelled",
    "Failed_Canceled": "cancelled",
    "NoAnswerTimeout": "no answer",
    "TargetBusy": "busy",
    "RouteBusy": "busy",
    "TargetNotFound": "not found",
    "RouteNotFound": "no route",
    "NoRouteExists": "no route",
    "continued_in": "transferred",
    "redirected": "transferred",
}
"""Their word for how it ended -> one that is generally known."""


def _line_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Who called and who talked in the end; an end of the house is written Ext.1001. A call from outside that ends
    outside again was forwarded, and whom it was for pays."""
    caller, called = rows.named("from_number"), rows.named("to_number")
    # What replaced the source is no destination.
    is_destination = (rows.cell("reason-changed") != "ReplacedSrc").fill_null(True)
    final = pl.when(is_destination).then(rows.cell("final-number"))
    to_type = pl.when(final.is_null()).then(rows.cell("to-type")).otherwise(rows.cell("final-type"))
    last = pl.coalesce(final, called, rows.cell("dial-no"))
    came_in, goes_out = _is_outside(caller, rows.cell("from-type")), _is_outside(last, to_type)
    direction = pl.when(goes_out).then(pl.lit("outbound")).when(came_in).then(pl.lit("inbound"))
    from_number, to_number = _bare(caller), _bare(last)
    own = pl.when(came_in).then(_bare(called)).otherwise(from_number)
    own = pl.when(came_in & ~goes_out).then(to_number).otherwise(own)
    own = pl.when(own.str.contains(EXTENSION)).then(own)
    start = loose_time(rows.named("started_at"))
    history = rows.cell("historyid").str.strip_prefix("Call ")
    return {
        "call_id": pl.coalesce(rows.named("call_id"), pl.concat_str(history, start, separator=" ")),
        "started_at": start,
        "answered_at": loose_time(rows.named("answered_at")),
        "direction": direction.otherwise(pl.lit("internal")),
        "disposition": rows.named("disposition").replace(_ENDINGS),
        "from_number": from_number,
        "to_number": to_number,
        "charged_number": pl.when(came_in & goes_out).then(own),
        "extension": own,
    }


def _is_outside(number: pl.Expr, kind: pl.Expr) -> pl.Expr:
    """By the type of an end, else by its look."""
    looks = ~number.str.starts_with("Ext.") & number.str.contains("[0-9]")
    return pl.coalesce(kind.str.to_lowercase().is_in(_OUTSIDE), looks, pl.lit(False))


def _bare(number: pl.Expr) -> pl.Expr:
    return number.str.strip_prefix("Ext.")


def _row_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Rows of one call flow with the same direction and far end are parts of one call. An external line that does not
    come in is one that was called, on whichever side it stands, and has a price of its own."""
    source, destination = (_Side(rows, side) for side in ("source", "destination"))
    out = destination.was_called | source.was_called
    came_in = source.is_line & ~out
    # Only the source is a line that was called: it is the far end, and stands on the near side.
    turned = source.was_called & ~destination.was_called
    caller = pl.when(turned).then(destination.number).otherwise(source.number)
    called = pl.when(turned).then(source.number).otherwise(destination.number)
    told = pl.when(out).then(pl.lit("outbound")).when(came_in).then(pl.lit("inbound")).otherwise(pl.lit("internal"))
    both = pl.concat_str(caller.fill_null("-"), called.fill_null("-"), separator=" ")
    ends = pl.when(out).then(called).when(came_in).then(caller).otherwise(both).fill_null("-")
    flow = pl.coalesce(rows.cell("main_call_history_id"), rows.named("call_id"))
    did = rows.cell("source_participant_trunk_did")
    return {
        "call_id": pl.concat_str(flow, told, ends, separator=" "),
        "answered_at": pl.when(~destination.is_rule).then(rows.named("answered_at")),
        "direction": told,
        "disposition": rows.named("disposition").replace(_ENDINGS),
        "from_number": caller,
        "to_number": pl.when(came_in).then(pl.coalesce(did, called)).otherwise(called),
        "charged_number": pl.when(out & source.is_line & ~source.was_called).then(did),
        "extension": pl.when(came_in | turned).then(destination.extension).otherwise(source.extension),
        "own.two_called": (destination.was_called & source.was_called).cast(pl.String),
    }


class _Side:
    """One end of a row of cdroutput."""

    def __init__(self, rows: FileRows, side: str) -> None:
        kind = rows.cell(f"{side}_entity_type").str.to_lowercase()
        came_in = rows.cell(f"{side}_participant_is_incoming").str.to_lowercase().is_in(["t", "true", "1"])
        number = rows.cell(f"{side}_dn_number")
        phone = rows.cell(f"{side}_participant_phone_number")
        self.is_line = (kind == "external_line").fill_null(False)
        self.was_called = self.is_line & ~came_in.fill_null(False)
        self.is_rule = (kind == "outbound_rule").fill_null(False)
        # The number of a line's end is that of its trunk.
        self.number = pl.when(self.is_line).then(phone).otherwise(pl.coalesce(number, phone))
        self.extension = pl.when(kind.is_in(["extension", "voicemail"]) & number.str.contains(EXTENSION)).then(number)


_TWO_CALLED: Fault = (
    "to_number",
    pl.col("own.two_called") == "true",
    "one end that was called: this row joins two of them, which is two prices",
)

PRESETS = {
    "threecx_v16": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "callid",
            "started_at": "time-start",
            "answered_at": "time-answered",
            "from_number": "from-no",
            "to_number": "to-no",
            "duration_s": "duration",
            "disposition": "reason-terminated",
        },
        columns=words(
            "historyid callid duration time-start time-answered time-end reason-terminated from-no to-no from-dn to-dn "
            "dial-no reason-changed final-number final-dn bill-code bill-rate bill-cost bill-name chain from-type "
            "to-type final-type from-dispname to-dispname final-dispname missed-queue-calls"
        ),
        any_order=True,
        needs=("started_at", "answered_at", "from_number", "to_number", "duration_s"),
        makes=("call_id", "direction", "charged_number", "extension"),
        cells=_line_cells,
        ends_in_causes=True,
        defaults={"header": False, "duration_unit": "hms"},
        asks={
            "time_zone": Ask(
                'declare time_zone: V20 writes UTC ("UTC"), releases before it the server\'s own time; compare a call'
            )
        },
    ),
    "threecx_v20": Preset(
        feed="calls",
        kinds=("csv", "json", "jsonl"),
        names={
            "call_id": "call_history_id",
            "leg": "cdr_id",
            "started_at": "cdr_started_at",
            "answered_at": "cdr_answered_at",
            "ended_at": "cdr_ended_at",
            "disposition": "termination_reason",
        },
        also=words(
            "main_call_history_id source_participant_trunk_did source_entity_type source_participant_is_incoming "
            "source_dn_number source_participant_phone_number destination_entity_type "
            "destination_participant_is_incoming destination_dn_number destination_participant_phone_number"
        ),
        needs=("call_id", "leg", "started_at", "answered_at", "ended_at"),
        makes=("direction", "from_number", "to_number", "charged_number", "extension", "duration_s"),
        cells=_row_cells,
        faults=(_TWO_CALLED,),
        ends_in_causes=True,
        defaults={"duration_from": ("answered_at", "ended_at"), "parts": True},
    ),
}
