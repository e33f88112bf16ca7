"""Cells of switches with a dial plan: what a call is follows from its context, and from the look of both ends."""

import polars as pl

from flows.presets.cells import FileRows, loose_time, meaning
from rating.ends import EXTENSION


def switch_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Loose times, the direction by context, the calling extension, a call id where the switch writes none."""
    caller, called = (rows.named(name) for name in ("from_number", "to_number"))
    cells = {name: loose_time(rows.named(name)) for name in ("started_at", "answered_at")}
    if "call_id" not in rows.names:
        cells["call_id"] = pl.concat_str(rows.cell("start"), rows.cell("channel"), separator=" ")
    cells["extension"] = pl.when(caller.str.contains(EXTENSION)).then(caller)
    cells["direction"] = _by_context(rows, caller, called)
    return cells


def _by_context(rows: FileRows, caller: pl.Expr, called: pl.Expr) -> pl.Expr:
    """The direction by dial-plan context, else as declared, else by the look of both ends."""
    if rows.direction:
        otherwise: pl.Expr = pl.lit(rows.direction)
    else:
        inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)
        otherwise = pl.when(inside).then(pl.lit("internal")).otherwise(pl.lit("outbound"))
    if not rows.directions:
        return otherwise
    return pl.coalesce(meaning(rows.named("direction"), rows.directions), otherwise)
