"""Yeastar P-Series and S-Series: the CSV that the CDR page downloads or mails, and the answers of the P-Series API.

A call of several legs (a group, a transfer) is several rows with one ID.
"""

import polars as pl

from flows.presets.cells import FileRows, epoch_time, loose_time
from flows.presets.preset import Preset, words
from rating.ends import EXTENSION

_DIRECTIONS = {"inbound": "inbound", "outbound": "outbound", "internal": "internal"}
_STATUS = {"ANSWERD": "ANSWERED"}
"""As some releases spell it."""


def _download_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """The titles come with the unit or, in later releases, without it."""
    return _cells(
        rows,
        start=loose_time(rows.named("started_at")),
        ends=(rows.named("from_number"), rows.named("to_number")),
        kind=_first(rows, "Communication Type", "Call Type", "Type"),
        trunks=(_first(rows, "Source Trunk"), _first(rows, "Destination Trunk")),
        did=_first(rows, "DID", "DID/DDI"),
        talked=_first(rows, "Talk Duration(s)", "Talk Duration"),
        rest=_first(rows, "Ring Duration(s)", "Ring Duration", "Call Duration(s)", "Call Duration"),
    )


def _api_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """The timestamp needs no zone, so it goes before the time, which is written as the PBX displays it."""
    stamp = rows.cell("timestamp")
    start = pl.when(stamp.is_not_null()).then(epoch_time(stamp, "s"))
    return _cells(
        rows,
        start=start.otherwise(loose_time(rows.named("started_at"))),
        ends=(
            pl.coalesce(rows.cell("call_from_number"), rows.named("from_number")),
            pl.coalesce(rows.cell("call_to_number"), rows.named("to_number")),
        ),
        kind=rows.cell("call_type"),
        trunks=(rows.cell("src_trunk"), rows.cell("dst_trunk")),
        did=_first(rows, "did_number", "did"),
        talked=rows.named("duration_s"),
        rest=rows.cell("ring_duration"),
    )


def _cells(
    rows: FileRows,
    *,
    start: pl.Expr,
    ends: tuple[pl.Expr, pl.Expr],
    kind: pl.Expr,
    trunks: tuple[pl.Expr, pl.Expr],
    did: pl.Expr,
    talked: pl.Expr,
    rest: pl.Expr,
) -> dict[str, pl.Expr]:
    """Rows of one ID with the same direction and far end are parts of one call. Of a call in, the number dialled counts
    where it is known."""
    caller, called = (_number(end) for end in ends)
    told = kind.str.to_lowercase().replace_strict(_DIRECTIONS, default=None, return_dtype=pl.String)
    inside = (caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)).fill_null(False)
    by_trunk = pl.when(trunks[1].is_not_null()).then(pl.lit("outbound")).when(trunks[0].is_not_null())
    look = pl.when(inside).then(pl.lit("internal")).otherwise(pl.lit("outbound"))
    direction = pl.coalesce(told, by_trunk.then(pl.lit("inbound")), look)
    came_in = direction == "inbound"
    own = pl.when(came_in).then(called).otherwise(caller)
    far = pl.when(came_in).then(caller).otherwise(called).fill_null("-")
    # Some releases fill the id with 0.
    own_id = pl.when(rows.named("call_id").str.contains("[^0]")).then(rows.named("call_id"))
    known_by = pl.coalesce(own_id, pl.concat_str(start, caller.fill_null("-"), separator=" "))
    content = (start, called, talked, rest, rows.named("disposition"))
    dialled = pl.when(did.str.contains("[0-9]{5}")).then(_number(did))
    return {
        "call_id": pl.concat_str(known_by, direction, far, separator=" "),
        "leg": pl.concat_str(*(part.fill_null("-") for part in content), separator=" "),
        "started_at": start,
        "direction": direction,
        "from_number": caller,
        "to_number": pl.when(came_in).then(pl.coalesce(dialled, called)).otherwise(called),
        "duration_s": _seconds(talked),
        "disposition": rows.named("disposition").replace(_STATUS),
        "extension": pl.when(own.str.contains(EXTENSION)).then(own),
    }


def _first(rows: FileRows, *names: str) -> pl.Expr:
    """The cell of the first of these columns that the file has something in."""
    return pl.coalesce(*(rows.cell(name) for name in names))


def _number(end: pl.Expr) -> pl.Expr:
    """Anna<1001> and Anna <1001> are 1001."""
    return pl.coalesce(end.str.extract(r"<([^<>]+)>\s*$"), end)


def _seconds(cell: pl.Expr) -> pl.Expr:
    """00:01:05, as later releases write it, is 65."""
    part = cell.str.extract_groups(r"^([0-9]{1,5}):([0-5][0-9]):([0-5][0-9])$").struct
    hours, minutes, seconds = (part.field(place).cast(pl.Int64) for place in ("1", "2", "3"))
    return pl.coalesce((hours * 3600 + minutes * 60 + seconds).cast(pl.String), cell)


PRESETS = {
    "yeastar": Preset(
        feed="calls",
        kinds=("csv", "xlsx"),
        names={
            "call_id": "ID",
            "started_at": "Time",
            "from_number": "Call From",
            "to_number": "Call To",
            "disposition": "Status",
        },
        needs=("started_at", "from_number", "to_number", "disposition"),
        makes=("call_id", "leg", "direction", "duration_s", "extension"),
        cells=_download_cells,
        defaults={"parts": True},
    ),
    "yeastar_api": Preset(
        feed="calls",
        kinds=("json", "jsonl"),
        names={
            "call_id": "uid",
            "started_at": "time",
            "from_number": "call_from",
            "to_number": "call_to",
            "duration_s": "talk_duration",
            "disposition": "disposition",
        },
        also=words(
            "timestamp call_from_number call_to_number call_type src_trunk dst_trunk did_number did ring_duration"
        ),
        pages=("data",),
        makes=("leg", "direction", "extension"),
        cells=_api_cells,
        defaults={"parts": True},
    ),
}
