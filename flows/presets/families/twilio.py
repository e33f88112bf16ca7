"""Twilio: messages as pages, JSON lines or CSV."""

import polars as pl

from flows.presets.cells import FileRows, mail_time
from flows.presets.preset import Preset

_NOT_SENT = ["failed", "canceled"]
_NOT_FINAL = ["accepted", "scheduled", "queued", "sending", "receiving"]


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """outbound-api, outbound-reply … are outbound; what failed was not sent and uses no credit."""
    direction, status = rows.named("direction"), rows.cell("status").str.to_lowercase()
    media = rows.cell("num_media").str.contains("^[1-9]").fill_null(False)
    is_mms = media | rows.named("message_id").str.starts_with("MM")
    return {
        "sent_at": mail_time(pl.coalesce(rows.named("sent_at"), rows.cell("date_created"))),
        "direction": pl.when(direction.str.starts_with("outbound-")).then(pl.lit("outbound")).otherwise(direction),
        "channel": pl.when(is_mms).then(pl.lit("mms")).otherwise(pl.lit("sms")),
        "credits": pl.when(status.is_in(_NOT_SENT).fill_null(False)).then(pl.lit("0")).otherwise(rows.named("credits")),
        "own.status": status,
    }


PRESETS = {
    "twilio_messages": Preset(
        feed="messages",
        kinds=("json", "jsonl", "csv"),
        names={
            "message_id": "sid",
            "sent_at": "date_sent",
            "direction": "direction",
            "from_number": "from",
            "to_number": "to",
            "credits": "num_segments",
        },
        also=("date_created", "num_media", "status"),
        needs=("message_id", "sent_at", "direction", "from_number", "to_number", "credits"),
        pages=("messages",),
        makes=("channel",),
        cells=_cells,
        faults=(
            ("credits", pl.col("own.status").is_in(_NOT_FINAL), "a message that is sent; export it again later"),
            (
                "credits",
                pl.col("credits").str.contains("^0+$") & ~pl.col("own.status").is_in(_NOT_SENT).fill_null(False),
                "1 or more: the gateway had not counted yet; export it again later",
            ),
        ),
    ),
}
