"""2600Hz Kazoo: call detail records of its API, as pages of JSON, as CSV, or a single record in full.

A record per leg, seen from the switch: what a customer dials comes in there (leg a), and goes out to a carrier or a
telephone (leg b).
"""

import polars as pl

from flows.presets.cells import FileRows, epoch_time
from flows.presets.preset import Preset
from rating.ends import EXTENSION

_YEAR_1970 = 62_167_219_200
"""Seconds from the year 0 to 1970: its timestamps count from the year 0, in UTC."""
_OWN = ["device", "mobile", "user", "account", "sys_info"]
_DAY_WITH_COMMA = r"(^|,)((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [A-Z]+)(,|$)"


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Times from the year 0, the direction as the customer sees it, both ends without their realm.

    Leg a names leg b as its other leg; what leg b names is leg a, and is left out.
    """
    leg_direction = pl.coalesce(rows.cell("direction"), rows.cell("call_direction")).str.to_lowercase()
    is_a = (leg_direction == "inbound") | (rows.cell("bridge_id") == rows.named("call_id")).fill_null(False)
    start = _start(rows)
    total, talked = (_whole(rows.cell(name)) for name in ("duration_seconds", "billing_seconds"))
    caller = rows.named("from_number")
    called = pl.coalesce(
        rows.cell("dialed_number"),
        pl.when(leg_direction == "inbound").then(_user(rows.cell("request"))),
        _user(rows.cell("to")),
        rows.named("to_number"),
    )
    direction = _direction(rows, is_a, caller, called)
    own_end = pl.when(direction == "inbound").then(called).otherwise(caller)
    answered = pl.when(talked > 0).then(start + pl.max_horizontal(total - talked, pl.lit(0)))
    return {
        "started_at": _time(start),
        "answered_at": _time(answered),
        "other_leg_id": pl.when(is_a).then(rows.named("other_leg_id")),
        "direction": direction,
        "to_number": called,
        "extension": pl.when(own_end.str.contains(EXTENSION)).then(own_end),
    }


def _whole(cell: pl.Expr) -> pl.Expr:
    return cell.str.extract("^([0-9]{1,15})$").cast(pl.Int64)


def _time(seconds: pl.Expr) -> pl.Expr:
    return epoch_time(seconds.cast(pl.String), "s")


def _start(rows: FileRows) -> pl.Expr:
    """Seconds since 1970. In lists `timestamp` is the start, beside it as `unix_timestamp`; in a record in full it is
    when the record was written, as the leg ended."""
    since_0 = _whole(rows.cell("timestamp")) - _YEAR_1970
    is_full = rows.cell("call_direction").is_not_null()
    whole = pl.when(is_full).then(since_0 - _whole(rows.cell("duration_seconds"))).otherwise(since_0)
    return pl.coalesce(_whole(rows.cell("unix_timestamp")), whole)


def _direction(rows: FileRows, is_a: pl.Expr, caller: pl.Expr, called: pl.Expr) -> pl.Expr:
    """A leg a that a device or user of the account was authorised for is theirs; that of a carrier came in. A list says
    whose `authorizing_id` it was and leaves out the account's own, which a carrier's leg has."""
    inside = (caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)).fill_null(False)
    kind = rows.cell("custom_channel_vars.authorizing_type").str.to_lowercase()
    is_ours = pl.when(kind.is_not_null()).then(kind.is_in(_OWN)).otherwise(rows.cell("authorizing_id").is_not_null())
    to_us = (~is_a & called.str.contains(EXTENSION)).fill_null(False)
    return (
        pl.when(inside)
        .then(pl.lit("internal"))
        .when((is_a & ~is_ours) | to_us)
        .then(pl.lit("inbound"))
        .otherwise(pl.lit("outbound"))
    )


def _user(address: pl.Expr) -> pl.Expr:
    """What stands before the realm."""
    return address.str.extract("^([^@]+)(?:@|$)")


PRESETS = {
    "kazoo": Preset(
        feed="calls",
        kinds=("json", "csv"),
        names={
            "call_id": "call_id",
            "other_leg_id": "other_leg_call_id",
            "started_at": "timestamp",
            "from_number": "caller_id_number",
            "to_number": "callee_id_number",
            "duration_s": "billing_seconds",
            "disposition": "hangup_cause",
            "account_id": "custom_channel_vars.account_id",
        },
        also=(
            *("direction", "call_direction", "duration_seconds", "unix_timestamp", "dialed_number", "request", "to"),
            *("bridge_id", "authorizing_id", "custom_channel_vars.authorizing_type"),
        ),
        needs=("call_id", "other_leg_id", "started_at", "from_number", "duration_s"),
        pages=("data",),
        mends=(_DAY_WITH_COMMA, '$1"$2"$3'),
        makes=("direction",),
        cells=_cells,
        ends_in_causes=True,
        defaults={"time_zone": "UTC"},
    ),
}
