"""Bandwidth: messages as CSV, a row per segment."""

import polars as pl

from flows.presets.cells import SEGMENT, FileRows
from flows.presets.preset import Preset


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A row is a segment and one credit: the second row of a message is `<id>/2`. Numbers are E.164 without the +."""
    message, segment = rows.named("message_id"), pl.col(f"file.{SEGMENT}")
    ends = {}
    for name in ("from_number", "to_number"):
        number = rows.named(name)
        ends[name] = pl.when(number.str.contains("^[1-9][0-9]{9,14}$")).then(pl.lit("+") + number).otherwise(number)
    return {
        "message_id": pl.when(segment == 1).then(message).otherwise(pl.format("{}/{}", message, segment)),
        "credits": pl.lit("1"),
        **ends,
    }


PRESETS = {
    "bandwidth_messages": Preset(
        feed="messages",
        kinds=("csv",),
        names={
            "message_id": "MessageID",
            "sent_at": "TimeStamp",
            "direction": "CallDirection",
            "from_number": "SourceTn",
            "to_number": "DestinationTn",
            "channel": "MessageType",
        },
        needs=("message_id", "sent_at", "direction", "from_number", "to_number", "channel"),
        by_segment=True,
        makes=("credits",),
        cells=_cells,
    ),
}
