"""Telnyx: messages and their reports, as pages, JSON lines or CSV."""

import polars as pl

from flows.presets.cells import FileRows
from flows.presets.preset import Preset


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Messages name their ends in objects and lists, reports as cli and cld."""
    ends = [rows.cell(name) for name in ("from", "cli", "to.0", "to", "cld")]
    sender, caller, first, receivers, called = (pl.when(~end.str.contains(r"^[\[{]")).then(end) for end in ends)
    return {
        "message_id": pl.coalesce(rows.named("message_id"), rows.cell("uuid")),
        "from_number": pl.coalesce(rows.named("from_number"), sender, caller),
        "to_number": pl.coalesce(rows.named("to_number"), first, receivers, called),
        "channel": pl.coalesce(rows.named("channel"), rows.cell("message_type")).str.to_lowercase(),
        "own.second": rows.cell("to.1"),
    }


PRESETS = {
    "telnyx_messages": Preset(
        feed="messages",
        kinds=("json", "jsonl", "csv"),
        names={
            "message_id": "id",
            "sent_at": "created_at",
            "direction": "direction",
            "from_number": "from.phone_number",
            "to_number": "to.0.phone_number",
            "credits": "parts",
            "channel": "type",
        },
        also=("uuid", "message_type", "from", "cli", "to", "to.0", "to.1", "cld"),
        needs=("sent_at", "direction", "credits"),
        pages=("data",),
        makes=("channel",),
        cells=_cells,
        faults=(
            ("to_number", pl.col("own.second").is_not_null(), "one receiver a record: have each exported by itself"),
        ),
    ),
}
