"""FreeSWITCH: mod_cdr_csv with its own templates, and mod_json_cdr.

- freeswitch: the template "example" (15 columns). freeswitch_asterisk: the template "asterisk" (18).
- freeswitch_json: a JSON document per leg.
"""

import polars as pl

from flows.presets.cells import Fault, FileRows, epoch_time
from flows.presets.dial_plan import switch_cells
from flows.presets.preset import Preset, words

_NAMES = {
    "call_id": "uuid",
    "other_leg_id": "bleg_uuid",
    "started_at": "start_stamp",
    "answered_at": "answer_stamp",
    "from_number": "caller_id_number",
    "to_number": "destination_number",
    "duration_s": "billsec",
    "disposition": "hangup_cause",
    "account_id": "accountcode",
    "direction": "context",
    "extension": "caller_id_number",
}
_PROFILE = "callflow.0.caller_profile"
_UNANSWERED_TALKS: Fault = (
    "duration_s",
    pl.col("answered_at").is_null() & ~pl.col("duration_s").str.contains(r"^0*$"),
    "0, as there is no answer stamp",
)


def _json_cells(rows: FileRows) -> dict[str, pl.Expr]:
    """As the CSV; the epochs need no zone, so they go before the stamps. A leg that another leg originated is b."""
    cells = switch_cells(rows)
    for name, key in (("started_at", "start"), ("answered_at", "answer")):
        epoch = rows.cell(f"variables.{key}_epoch")
        if rows.name_of(name) == f"variables.{key}_stamp":
            cells[name] = pl.when(epoch.is_not_null()).then(epoch_time(epoch, "s")).otherwise(cells[name])
    parent = rows.cell("variables.originating_leg_uuid")
    is_b = (parent != rows.named("call_id")).fill_null(False)
    is_b |= rows.cell(f"{_PROFILE}.originator").is_not_null()
    cells["leg"] = pl.when(is_b).then(pl.lit("b")).otherwise(pl.lit("a"))
    return cells


PRESETS = {
    "freeswitch": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        columns=words(
            "caller_id_name caller_id_number destination_number context start_stamp answer_stamp end_stamp duration "
            "billsec hangup_cause uuid bleg_uuid accountcode read_codec write_codec"
        ),
        optional=("leg", "device_id"),
        cells=switch_cells,
        faults=(_UNANSWERED_TALKS,),
        ends_in_causes=True,
        tells_legs=True,
        defaults={"header": False},
    ),
    "freeswitch_asterisk": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        columns=words(
            "accountcode caller_id_number destination_number context caller_id channel_name bridge_channel last_app "
            "last_arg start_stamp answer_stamp end_stamp duration billsec hangup_cause amaflags uuid userfield"
        ),
        optional=("leg", "device_id"),
        cells=switch_cells,
        faults=(_UNANSWERED_TALKS,),
        ends_in_causes=True,
        tells_legs=True,
        defaults={"header": False},
    ),
    "freeswitch_json": Preset(
        feed="calls",
        kinds=("json", "jsonl"),
        names={
            "call_id": "variables.uuid",
            "started_at": "variables.start_stamp",
            "answered_at": "variables.answer_stamp",
            "from_number": f"{_PROFILE}.caller_id_number",
            "to_number": f"{_PROFILE}.destination_number",
            "duration_s": "variables.billsec",
            "disposition": "variables.hangup_cause",
            "account_id": "variables.accountcode",
            "direction": f"{_PROFILE}.context",
            "extension": f"{_PROFILE}.caller_id_number",
        },
        also=(
            "variables.start_epoch",
            "variables.answer_epoch",
            "variables.originating_leg_uuid",
            f"{_PROFILE}.originator",
        ),
        url_encoded="variables.",
        makes=("leg",),
        cells=_json_cells,
        faults=(_UNANSWERED_TALKS,),
        ends_in_causes=True,
        tells_legs=True,
    ),
}
