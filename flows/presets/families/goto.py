"""GoTo Connect: pages of its Call History and Call Reports, with `items`. Its documents disagree on durations' unit."""

import polars as pl

from flows.presets.cells import Fault, FileRows
from flows.presets.preset import Ask, Preset
from rating.ends import EXTENSION

_NAMES = {
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


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Unanswered is what has no answerTime, whatever its duration. Between two extensions a call out is internal.

    A report's item has no id: it is known by its start and both ends.
    """
    caller, called = (rows.named(name) for name in ("from_number", "to_number"))
    answered, start = rows.named("answered_at"), rows.named("started_at")
    direction = rows.named("direction").str.to_lowercase()
    inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION) & (direction == "outbound")
    by_ends = pl.concat_str(start, caller.fill_null("-"), called.fill_null("-"), direction, separator=" ")
    known_by = pl.coalesce(rows.named("call_id"), rows.cell("legId"), by_ends)
    own_end = pl.when(direction == "inbound").then(called).otherwise(caller)
    return {
        "call_id": known_by,
        "direction": pl.when(inside.fill_null(False)).then(pl.lit("internal")).otherwise(direction),
        "extension": pl.when(own_end.str.contains(EXTENSION)).then(own_end),
        "duration_s": pl.when(answered.is_null()).then(pl.lit("0")).otherwise(rows.named("duration_s")),
        "own.talked_s": _seconds_between(answered, rows.cell("endTime")).cast(pl.String),
    }


def _seconds_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Whole seconds, fractions cut; null where one of the two cannot be read."""
    read = [
        at.str.replace("Z$", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_zone="UTC")
        for at in (start, end)
    ]
    return (read[1] - read[0]).dt.total_seconds()


_TALKED_S = pl.col("own.talked_s").cast(pl.Int64)
_NOT_AS_LONG_AS_THE_TIMES_SAY: Fault = (
    "duration_s",
    # In another unit than declared it is a thousand times off; a second either way is rounding.
    (pl.col("duration_s").cast(pl.Int64, strict=False) - _TALKED_S).abs() > 1,
    "endTime - answerTime; is duration_unit declared right?",
)


def _pages(names: dict[str, str]) -> Preset:
    return Preset(
        feed="calls",
        kinds=("json",),
        names=names,
        also=("endTime",),
        pages=("items",),
        only_pages=True,
        cells=_cells,
        faults=(_NOT_AS_LONG_AS_THE_TIMES_SAY,),
        asks={
            "duration_unit": Ask('declare duration_unit = "seconds" or "milliseconds": GoTo\'s documents disagree'),
        },
    )


PRESETS = {
    "goto_history": _pages(_NAMES),
    "goto_reports": _pages(_NAMES | {"disposition": "disposition"}),
}
