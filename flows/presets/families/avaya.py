"""Avaya IP Office: SMDR records as its TCP output writes them, without header.

A call that is transferred, parked or joined to a conference is several records with one Call ID and one start: parts
of one call, those in one direction. The Call ID begins again at 1000000 when the system restarts, so the start goes
with it.
"""

import polars as pl

from flows.presets.cells import FileRows, loose_time
from flows.presets.preset import Ask, Preset
from rating.ends import EXTENSION

_COLUMNS = tuple(
    "Call Start|Connected Time|Ring Time|Caller|Direction|Called Number|Dialled Number|Account|Is Internal|Call ID|"
    "Continuation|Party1Device|Party1Name|Party2Device|Party2Name|Hold Time|Park Time|AuthValid|AuthCode|User Charged|"
    "Call Charge|Currency|Amount at Last User Change|Call Units|Units at Last User Change|Cost per Unit|Mark Up|"
    "External Targeting Cause|External Targeter Id|External Targeted Number".split("|")
)
_LATER = tuple(
    "Calling Party Server IP Address|Unique Call ID for the Caller Extension|Called Party Server IP Address|"
    "Unique Call ID for the Called Extension|SMDR Record Time|Caller Consent Directive|"
    "Calling Number Verification".split("|")
)


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Direction by I/O and Is Internal; of a diverted call where it went, and who diverted it pays."""
    caller, called = (_number(rows.named(name)) for name in ("from_number", "to_number"))
    targeted = _number(rows.cell("External Targeted Number"))
    devices = [rows.cell(f"Party{place}Device").str.extract(r"^E([0-9]{2,6})$") for place in (1, 2)]
    inside = rows.cell("Is Internal").is_in(["1", "I"]).fill_null(False)
    diverted = targeted.is_not_null() & ~inside
    said = rows.cell("Direction")
    came_in = (said == "I").fill_null(False) & ~diverted
    dialled = pl.coalesce(_number(rows.cell("Dialled Number")), called)
    # An extension diverted it, or the route of the number that was dialled; a mobile twin is called itself.
    own_called = pl.when(called.str.contains(EXTENSION) & (called != targeted)).then(called)
    own_caller = pl.when(caller.str.contains(EXTENSION)).then(caller)
    by = pl.when(diverted).then(pl.coalesce(own_called, pl.when(said == "I").then(dialled)))
    own = pl.coalesce(pl.when(diverted).then(own_called), own_caller, *devices)
    told = pl.when(inside).then(pl.lit("internal")).when(came_in).then(pl.lit("inbound"))
    direction = told.when(said.is_in(["I", "O"])).then(pl.lit("outbound")).otherwise(said)
    to_number = pl.when(diverted).then(targeted).when(came_in).then(dialled).otherwise(called)
    far = pl.when(direction == "outbound").then(to_number)
    start, number = loose_time(rows.named("started_at")), rows.named("call_id")
    known_by = pl.concat_str(start, number, direction, far, separator=" ", ignore_nulls=True)
    return {
        "call_id": pl.when(number.is_not_null()).then(known_by),
        "leg": _leg(rows, caller),
        "started_at": start,
        "direction": direction,
        "from_number": pl.when(came_in).then(caller).otherwise(pl.coalesce(caller, own)),
        "to_number": to_number,
        "charged_number": by,
        "extension": pl.when(came_in).then(pl.coalesce(*devices)).otherwise(own),
    }


def _number(cell: pl.Expr) -> pl.Expr:
    """Without the # that ends dialling and the host that a SIP line adds."""
    return cell.str.replace("@.*$", "").str.strip_suffix("#")


def _leg(rows: FileRows, caller: pl.Expr) -> pl.Expr:
    """What tells a record from the others of its call. In their order those that go on come first, then the last one,
    then those in which nobody calls any more: the first answered one carries the call."""
    goes_on = pl.when(rows.cell("Continuation") == "1").then(pl.lit("1")).otherwise(pl.lit("2"))
    seconds = [rows.cell(name).fill_null("").str.zfill(5) for name in ("Ring Time", "Hold Time", "Park Time")]
    devices = [rows.cell(f"Party{place}Device").fill_null("-") for place in (1, 2)]
    nobody = pl.when(caller.is_null()).then(pl.lit("without caller"))
    talked = rows.named("duration_s").fill_null("-")
    return pl.concat_str(goes_on, talked, *seconds, *devices, nobody, separator=" ", ignore_nulls=True)


PRESETS = {
    "avaya_smdr": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "Call ID",
            "started_at": "Call Start",
            "from_number": "Caller",
            "to_number": "Called Number",
            "duration_s": "Connected Time",
        },
        columns=_COLUMNS,
        optional=_LATER,
        any_order=True,
        needs=("call_id", "started_at", "from_number", "to_number", "duration_s"),
        makes=("leg", "direction", "charged_number", "extension"),
        cells=_cells,
        defaults={"header": False, "duration_unit": "hms", "parts": True},
        asks={"time_zone": Ask("declare time_zone: IP Office writes its own local time, summer time included")},
    ),
}
