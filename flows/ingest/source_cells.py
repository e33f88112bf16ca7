"""Cells that a layout says in its own way, worked out from several of its columns: still text, never rounded.

`OWN`: format -> the cells that stand in place of the plainly named ones. `FAULTS`: format -> what only that layout
can find wrong. Names that begin with `own.` are for those faults and go no further.
"""

from collections.abc import Callable

import polars as pl

from flows.ingest.layouts import Layout
from flows.ingest.presets import SEGMENT
from rating.ends import EXTENSION

_LOOSE_TIME = r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(:\d{2})?(\.\d+)?$"
_MAIL_TIME = r"^(?:[A-Za-z]{3},\s*)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{2}:\d{2}:\d{2}) ([+-]\d{4})$"
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()

Fault = tuple[str, pl.Expr, str]
"""(column, what is wrong, what is expected), on the canonical text."""


def cell(rows: pl.DataFrame, name: str) -> pl.Expr:
    """The file's cell, null when empty or when the file has no such column."""
    if f"file.{name}" not in rows.columns:
        return pl.lit(None, pl.String)
    found = pl.col(f"file.{name}")
    return pl.when(found != "").then(found)


def _named(rows: pl.DataFrame, layout: Layout, canonical: str) -> pl.Expr:
    return cell(rows, layout.name_of(canonical))


def loose_time(found: pl.Expr) -> pl.Expr:
    """2020/2/10 22:41 -> 2020-02-10T22:41:00; whatever looks different is left for the parser to reject."""
    part = found.str.extract_groups(_LOOSE_TIME).struct
    padded = pl.concat_str(
        part.field("1"),
        pl.lit("-"),
        part.field("2").str.zfill(2),
        pl.lit("-"),
        part.field("3").str.zfill(2),
        pl.lit("T"),
        part.field("4").str.zfill(2),
        pl.lit(":"),
        part.field("5"),
        part.field("6").fill_null(":00"),
        part.field("7").fill_null(""),
    )
    return pl.coalesce(padded, found)


def mail_time(found: pl.Expr) -> pl.Expr:
    """Thu, 04 Jun 2026 05:01:45 +0000 -> 2026-06-04T05:01:45+0000; other text as it is."""
    part = found.str.extract_groups(_MAIL_TIME).struct
    months = {name: f"{number:02}" for number, name in enumerate(_MONTHS, 1)}
    month = part.field("2").str.to_lowercase().replace_strict(months, default=None, return_dtype=pl.String)
    day = pl.concat_str(part.field("3"), month, part.field("1").str.zfill(2), separator="-")
    return pl.coalesce(pl.concat_str(day, pl.lit("T"), part.field("4"), part.field("5")), found)


def epoch_time(found: pl.Expr, time_unit: str) -> pl.Expr:
    """Seconds (`s`) or milliseconds (`ms`) since 1970 -> ISO 8601 in UTC; zero, their never: null."""
    whole = found.str.extract(r"^([0-9]{1,13})$").cast(pl.Int64)
    at = pl.from_epoch(whole if time_unit == "ms" else whole * 1000, time_unit="ms")
    return pl.when(whole == 0).then(None).otherwise(pl.coalesce(at.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), found))


def _switch(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """Loose times, the direction by context, the calling extension, a call id where the switch writes none."""
    caller, called = (_named(rows, layout, name) for name in ("from_number", "to_number"))
    cells = {name: loose_time(_named(rows, layout, name)) for name in ("started_at", "answered_at")}
    if "call_id" not in layout.names:
        cells["call_id"] = pl.concat_str(cell(rows, "start"), cell(rows, "channel"), separator=" ")
    cells["extension"] = pl.when(caller.str.contains(EXTENSION)).then(caller)
    cells["direction"] = _by_context(_named(rows, layout, "direction"), caller, called, layout)
    return cells


def _by_context(context: pl.Expr, caller: pl.Expr, called: pl.Expr, layout: Layout) -> pl.Expr:
    """The direction by dial-plan context, else as declared, else by the look of both ends."""
    by_context = layout.source.directions if layout.source else {}
    if layout.source and layout.source.direction:
        otherwise: pl.Expr = pl.lit(layout.source.direction)
    else:
        inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)
        otherwise = pl.when(inside).then(pl.lit("internal")).otherwise(pl.lit("outbound"))
    if not by_context:
        return otherwise
    return pl.coalesce(context.replace_strict(by_context, default=None, return_dtype=pl.String), otherwise)


def _freeswitch_json(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """As the CSV; the epochs need no zone, so they go before the stamps. A leg that another leg originated is b."""
    cells = _switch(rows, layout)
    for name, key in (("started_at", "start"), ("answered_at", "answer")):
        epoch = cell(rows, f"variables.{key}_epoch")
        if layout.name_of(name) == f"variables.{key}_stamp":
            cells[name] = pl.when(epoch.is_not_null()).then(epoch_time(epoch, "s")).otherwise(cells[name])
    parent = cell(rows, "variables.originating_leg_uuid")
    is_b = (parent != _named(rows, layout, "call_id")).fill_null(False)
    is_b |= cell(rows, "callflow.0.caller_profile.originator").is_not_null()
    cells["leg"] = pl.when(is_b).then(pl.lit("b")).otherwise(pl.lit("a"))
    return cells


def _goto(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """Unanswered is what has no answerTime, whatever its duration. Between two extensions a call out is internal.

    A report's item has no id: it is known by its start and both ends.
    """
    caller, called = (_named(rows, layout, name) for name in ("from_number", "to_number"))
    answered, start = _named(rows, layout, "answered_at"), _named(rows, layout, "started_at")
    direction = _named(rows, layout, "direction").str.to_lowercase()
    inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION) & (direction == "outbound")
    by_ends = pl.concat_str(start, caller.fill_null("-"), called.fill_null("-"), direction, separator=" ")
    known_by = pl.coalesce(_named(rows, layout, "call_id"), cell(rows, "legId"), by_ends)
    own_end = pl.when(direction == "inbound").then(called).otherwise(caller)
    return {
        "call_id": known_by,
        "direction": pl.when(inside.fill_null(False)).then(pl.lit("internal")).otherwise(direction),
        "extension": pl.when(own_end.str.contains(EXTENSION)).then(own_end),
        "duration_s": pl.when(answered.is_null()).then(pl.lit("0")).otherwise(_named(rows, layout, "duration_s")),
        "own.talked_s": _seconds_between(answered, cell(rows, "endTime")).cast(pl.String),
    }


def _seconds_between(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """Whole seconds, fractions cut; null where one of the two cannot be read."""
    read = [
        at.str.replace("Z$", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_zone="UTC")
        for at in (start, end)
    ]
    return (read[1] - read[0]).dt.total_seconds()


def _twilio(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """outbound-api, outbound-reply … are outbound; what failed was not sent and uses no credit."""
    direction, status = _named(rows, layout, "direction"), cell(rows, "status").str.to_lowercase()
    media = cell(rows, "num_media").str.contains("^[1-9]").fill_null(False)
    is_mms = media | _named(rows, layout, "message_id").str.starts_with("MM")
    return {
        "sent_at": mail_time(pl.coalesce(_named(rows, layout, "sent_at"), cell(rows, "date_created"))),
        "direction": pl.when(direction.str.starts_with("outbound-")).then(pl.lit("outbound")).otherwise(direction),
        "channel": pl.when(is_mms).then(pl.lit("mms")).otherwise(pl.lit("sms")),
        "credits": pl.when(status.is_in(_NOT_SENT).fill_null(False))
        .then(pl.lit("0"))
        .otherwise(_named(rows, layout, "credits")),
        "own.status": status,
    }


def _telnyx(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """Messages name their ends in objects and lists, reports as cli and cld."""
    ends = [cell(rows, name) for name in ("from", "cli", "to.0", "to", "cld")]
    sender, caller, first, receivers, called = (pl.when(~end.str.contains(r"^[\[{]")).then(end) for end in ends)
    return {
        "message_id": pl.coalesce(_named(rows, layout, "message_id"), cell(rows, "uuid")),
        "from_number": pl.coalesce(_named(rows, layout, "from_number"), sender, caller),
        "to_number": pl.coalesce(_named(rows, layout, "to_number"), first, receivers, called),
        "channel": pl.coalesce(_named(rows, layout, "channel"), cell(rows, "message_type")).str.to_lowercase(),
        "own.second": cell(rows, "to.1"),
    }


def _bandwidth(rows: pl.DataFrame, layout: Layout) -> dict[str, pl.Expr]:
    """A row is a segment and one credit: the second row of a message is `<id>/2`. Numbers are E.164 without the +."""
    message, segment = _named(rows, layout, "message_id"), pl.col(f"file.{SEGMENT}")
    ends = {}
    for name in ("from_number", "to_number"):
        number = _named(rows, layout, name)
        ends[name] = pl.when(number.str.contains("^[1-9][0-9]{9,14}$")).then(pl.lit("+") + number).otherwise(number)
    return {
        "message_id": pl.when(segment == 1).then(message).otherwise(pl.format("{}/{}", message, segment)),
        "credits": pl.lit("1"),
        **ends,
    }


OWN: dict[str, Callable[[pl.DataFrame, Layout], dict[str, pl.Expr]]] = {
    "asterisk": _switch,
    "asterisk_custom": _switch,
    "freeswitch": _switch,
    "freeswitch_asterisk": _switch,
    "freeswitch_json": _freeswitch_json,
    "goto_history": _goto,
    "goto_reports": _goto,
    "twilio_messages": _twilio,
    "telnyx_messages": _telnyx,
    "bandwidth_messages": _bandwidth,
}


def _unanswered_talks() -> Fault:
    unanswered = pl.col("answered_at").is_null() & ~pl.col("duration_s").str.contains(r"^0*$")
    return ("duration_s", unanswered, "0, as there is no answer stamp")


def _as_long_as_the_times_say() -> Fault:
    """A duration in another unit than declared is a thousand times off; a second either way is rounding."""
    talked = pl.col("own.talked_s").cast(pl.Int64)
    off = (pl.col("duration_s").cast(pl.Int64, strict=False) - talked).abs() > 1
    return ("duration_s", off, "endTime - answerTime; is duration_unit declared right?")


_NOT_SENT = ["failed", "canceled"]
_NOT_FINAL = ["accepted", "scheduled", "queued", "sending", "receiving"]

FAULTS: dict[str, Callable[[], list[Fault]]] = {
    "freeswitch": lambda: [_unanswered_talks()],
    "freeswitch_asterisk": lambda: [_unanswered_talks()],
    "freeswitch_json": lambda: [_unanswered_talks()],
    "goto_history": lambda: [_as_long_as_the_times_say()],
    "goto_reports": lambda: [_as_long_as_the_times_say()],
    "twilio_messages": lambda: [
        ("credits", pl.col("own.status").is_in(_NOT_FINAL), "a message that is sent; export it again later"),
        (
            "credits",
            pl.col("credits").str.contains("^0+$") & ~pl.col("own.status").is_in(_NOT_SENT).fill_null(False),
            "1 or more: the gateway had not counted yet; export it again later",
        ),
    ],
    "telnyx_messages": lambda: [
        ("to_number", pl.col("own.second").is_not_null(), "one receiver a record: have each exported by itself")
    ],
}
