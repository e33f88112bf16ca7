"""Kamailio and OpenSIPS: the records of calls that their module acc writes.

- kamailio_acc: acc_cdrs as db_flatstore writes it, without a header.
- kamailio_acc_cdrs: the table acc_cdrs, exported with a header.
- opensips_acc: the table acc of OpenSIPS with CDRs switched on, exported with a header.

Both are proxies: who calls whom stands in columns that their owner has added under names of his own.
"""

import polars as pl

from flows.presets.cells import Fault, FileRows, epoch_time, loose_time
from flows.presets.preset import Ask, Preset, words
from rating.ends import EXTENSION

_EPOCH = r"^([0-9]{9,10})(?:\.[0-9]+)?$"
_MILLIS = r"^([0-9]{9,10})\.([0-9]{3})$"


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Times as epochs or stamps; a call between two extensions is internal, else as declared."""
    caller, called = rows.named("from_number"), rows.named("to_number")
    inside = (caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)).fill_null(False)
    own = rows.named("direction") if "direction" in rows.names else pl.lit(None, pl.String)
    return {
        "started_at": _time(rows.named("started_at")),
        "extension": pl.when(caller.str.contains(EXTENSION)).then(caller),
        "direction": pl.coalesce(own, pl.when(inside).then(pl.lit("internal"))),
    }


def _time(found: pl.Expr) -> pl.Expr:
    millis = pl.concat_str(found.str.extract(_MILLIS, 1), found.str.extract(_MILLIS, 2))
    epoch = pl.coalesce(epoch_time(millis, "ms"), epoch_time(found.str.extract(_EPOCH), "s"))
    return pl.coalesce(epoch, loose_time(found))


def _acc_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """A transaction that failed has no `created`, and was not answered."""
    code = rows.cell("sip_code")
    is_call = code.str.starts_with("2").fill_null(True)
    start = pl.coalesce(_time(rows.named("started_at")), pl.when(~is_call).then(_time(rows.cell("time"))))
    return _cells(rows) | {
        "started_at": start,
        "duration_s": pl.when(is_call).then(rows.named("duration_s")).otherwise(pl.lit("0")),
        "own.method": rows.cell("method").str.to_uppercase(),
        "own.is_cdr": rows.named("started_at").is_not_null() | ~is_call,
    }


_NO_CALL: Fault = (
    "call_id",
    pl.col("own.method") != "INVITE",
    'INVITE: the end of a call has a row of its own only where CDRs are off; let acc write them (the flag "cdr")',
)
_NO_CDR: Fault = (
    "duration_s",
    ~pl.col("own.is_cdr"),
    'a row with created and duration, which acc writes with CDRs on (the flag "cdr" of do_accounting)',
)
_CONFIRMED = (
    "and have cdr_start_on_confirmed = 1 set in Kamailio: without it start_time is when the call was set up, and "
    "duration counts the ringing"
)
_DIRECTION = Ask(
    'declare direction = "outbound" (or inbound), or directions for the words of a column: a proxy does not know which '
    "way a call goes",
    or_key="directions",
)
_NAMES = {"started_at": "start_time", "duration_s": "duration"}


PRESETS = {
    "kamailio_acc": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        columns=words("start_time end_time duration"),
        optional=words(
            "from_number to_number call_id other1 other2 other3 other4 other5 other6 account_id direction disposition "
            "extension leg charged_number"
        ),
        cells=_cells,
        defaults={"header": False, "delimiter": "|", "duration_unit": "decimal_seconds"},
        asks={
            "columns": Ask(
                "list in columns what follows start_time, end_time and duration, in the order of cdr_extra: "
                f"from_number, to_number, call_id, and other1, other2 … for what is not to be read; {_CONFIRMED}"
            ),
            "direction": _DIRECTION,
        },
    ),
    "kamailio_acc_cdrs": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        needs=("started_at", "duration_s", "call_id", "from_number", "to_number"),
        makes=("direction",),
        cells=_cells,
        defaults={"duration_unit": "decimal_seconds"},
        asks={
            "columns": Ask(
                "say in columns which of your cdr_extra hold what: { call_id = …, from_number = …, to_number = … }; "
                f"{_CONFIRMED}"
            ),
            "direction": _DIRECTION,
        },
    ),
    "opensips_acc": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "callid",
            "leg": "to_tag",
            "started_at": "created",
            "duration_s": "duration",
            "disposition": "sip_code",
        },
        also=("method", "time"),
        needs=("call_id", "started_at", "duration_s", "disposition", "from_number", "to_number"),
        makes=("direction",),
        cells=_acc_cells,
        faults=(_NO_CALL, _NO_CDR),
        asks={
            "columns": Ask(
                "say in columns which of your extra_fields hold the two ends: { from_number = …, to_number = … }"
            ),
            "direction": _DIRECTION,
        },
    ),
}
