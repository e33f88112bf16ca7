"""Cisco Unified Communications Manager: its flat files of call detail records (`cdr_…`, without an ending).

A header, a line with the columns' SQL types, and a record per leg of a call as it was controlled: a transfer or a
conference writes several, each of its own time. Which way a call went is told by the devices at its ends.
"""

import polars as pl

from flows.presets.cells import FileRows, epoch_time, meaning
from flows.presets.preset import Preset
from rating.ends import EXTENSION

_PHONE = r"^(?:(?:SEP|ATA|VGC|AN)[0-9A-Fa-f]{4,}|(?:CSF|TCT|BOT|TAB)[A-Z0-9_.-]+$)"
"""Device names that the system itself gives to telephones and to Jabber; trunks and gateways have their owner's."""
_CONFERENCE = r"^b00[0-9]+$"
"""The called number of who is in a conference: that of the bridge."""
_STARTS_ABROAD = r"^\+[1-9][0-9]{6,14}$"


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Epochs to times, 0 of which is no time; the direction; the extension; who forwarded a call, and so pays."""
    caller, called, redirecting = (
        _dialled(rows.named(name)) for name in ("from_number", "to_number", "charged_number")
    )
    cells = {name: epoch_time(rows.named(name), "s") for name in ("started_at", "answered_at", "ended_at")}
    direction = _direction(rows, caller, called, redirecting)
    own_end = pl.when(direction == "inbound").then(called).otherwise(caller)
    cells |= {"from_number": caller, "to_number": called, "direction": direction}
    cells["extension"] = pl.when(own_end.str.contains(EXTENSION)).then(own_end)
    is_ours = redirecting.str.contains(EXTENSION) | redirecting.str.contains(_STARTS_ABROAD)
    is_forward = is_ours & (redirecting != called) & (redirecting != caller.fill_null(""))
    cells["charged_number"] = pl.when((is_forward & (direction == "outbound")).fill_null(False)).then(redirecting)
    return cells


def _dialled(number: pl.Expr) -> pl.Expr:
    """A directory number that begins with + is written with a backslash before it."""
    return number.str.replace(r"^\\\+", "+")


def _direction(rows: FileRows, caller: pl.Expr, called: pl.Expr, redirecting: pl.Expr) -> pl.Expr:
    """As declared of `origDeviceName > destDeviceName`, else by which ends are ours: a telephone, or an extension.

    Between two ends that are not ours it is the two devices' names, which nobody has declared: a reject that shows
    them. What came in on a trunk and was forwarded out on one is a call of who forwarded it.
    """
    devices = [rows.cell(name).fill_null("") for name in ("origDeviceName", "destDeviceName")]
    word = pl.concat_str(devices, separator=" > ")
    ours = [
        (device.str.contains(_PHONE) | number.str.contains(look)).fill_null(False)
        for device, number, look in zip(
            devices, (caller, called), (EXTENSION, f"{EXTENSION}|{_CONFERENCE}"), strict=True
        )
    ]
    forwarded = redirecting.str.contains(EXTENSION).fill_null(False)
    told = (
        pl.when(ours[0] & ours[1])
        .then(pl.lit("internal"))
        .when(ours[0] | (forwarded & ~ours[1]))
        .then(pl.lit("outbound"))
        .when(ours[1])
        .then(pl.lit("inbound"))
        .otherwise(pl.coalesce(pl.lit(rows.direction, pl.String), word))
    )
    return pl.coalesce(meaning(word, rows.directions), told) if rows.directions else told


PRESETS = {
    "cisco_cucm": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "pkid",
            "started_at": "dateTimeOrigination",
            "answered_at": "dateTimeConnect",
            "ended_at": "dateTimeDisconnect",
            "from_number": "callingPartyNumber",
            "to_number": "finalCalledPartyNumber",
            "duration_s": "duration",
            "charged_number": "lastRedirectDn",
        },
        also=("origDeviceName", "destDeviceName"),
        needs=(
            *("call_id", "started_at", "answered_at", "ended_at"),
            *("from_number", "to_number", "duration_s"),
        ),
        leads=r'^"?(?:INTEGER|VARCHAR\([0-9]+\)|UNIQUEIDENTIFIER|BIGINT|DATETIME)"?(?:,|$)',
        makes=("direction",),
        cells=_cells,
        defaults={"time_zone": "UTC"},
    ),
}
