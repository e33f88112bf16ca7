"""Twilio: calls and messages as pages, JSON lines or CSV."""

import polars as pl

from flows.presets.call_log import clock_seconds, declared_account
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


_NOT_ENDED = ["queued", "initiated", "ringing", "in-progress"]
_NOT_TALKED = ["busy", "failed", "no-answer", "canceled"]


def _call_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A leg to an app or a desk of Twilio's own (client:anna, sip:desk@…) is the inner half of a call, and does not
    bill. A call that nobody dialled any more has no start: it is of when it was made."""
    status, way = (_word(rows.named(name)) for name in ("disposition", "direction"))
    start = pl.coalesce(_utc(rows.named("started_at")), _utc(rows.cell("date_created")))
    came_in = way.is_in(["inbound", "incoming", "trunking-originating"])
    went_out = way.str.contains("^(?:outbound|outgoing)(?:-|$)") | (way == "trunking-terminating")
    direction = pl.when(came_in).then(pl.lit("inbound")).when(went_out).then(pl.lit("outbound")).otherwise(way)
    seconds = clock_seconds(rows.named("duration_s"))
    far = pl.when(came_in).then(rows.named("from_number")).otherwise(rows.named("to_number"))
    return {
        "started_at": start,
        "ended_at": _utc(rows.named("ended_at")),
        "direction": direction,
        "leg": pl.when(_is_app(far)).then(pl.lit("b")).otherwise(pl.lit("a")),
        "duration_s": pl.when(status.is_in(_NOT_TALKED)).then(pl.lit("0")).otherwise(seconds),
        "account_id": declared_account(rows),
        "own.status": status,
    }


def _word(found: pl.Expr) -> pl.Expr:
    """outbound-api, also where it is written Outbound API or outbound_api."""
    return found.str.to_lowercase().str.replace_all("[ _]", "-")


def _utc(found: pl.Expr) -> pl.Expr:
    """Mon, 04 May 2026 10:00:00 +0000, or 2026-05-04 10:00:00 UTC."""
    return mail_time(found).str.replace(r"\s*(?:UTC|GMT)$", "Z")


def _is_app(end: pl.Expr) -> pl.Expr:
    """Whether an end is an app or an address, and no telephone number as sip:+16175550123@… is."""
    address = end.str.contains(r"(?i)^sips?:") & ~end.str.contains(r"(?i)^sips?:(?:\+|%2b)?[0-9]{7,}(?:[@;?]|$)")
    return (address | end.str.contains(r"(?i)^client:")).fill_null(False)


PRESETS = {
    "twilio_calls": Preset(
        feed="calls",
        kinds=("json", "jsonl", "csv"),
        names={
            "call_id": "sid",
            "started_at": "start_time",
            "ended_at": "end_time",
            "direction": "direction",
            "from_number": "from",
            "to_number": "to",
            "duration_s": "duration",
            "disposition": "status",
        },
        also=("date_created",),
        headings={"callsid": "sid", "callstatus": "status"},
        needs=("call_id", "started_at", "direction", "from_number", "to_number", "duration_s", "disposition"),
        pages=("calls",),
        makes=("leg",),
        cells=_call_cells,
        faults=(
            ("disposition", pl.col("own.status").is_in(_NOT_ENDED), "a call that has ended; export it again later"),
            ("call_id", ~pl.col("call_id").str.contains("^CA"), "a call's sid, CA…"),
        ),
        tells_legs=True,
        defaults={"leg": "a"},
    ),
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
