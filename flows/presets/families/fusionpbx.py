"""FusionPBX: its table of call detail records as CSV with a header: the export of the page, or of the database.

Which columns there are depends on the version, the permissions and the domain's settings; they are known by name.
"""

import polars as pl

from flows.presets.cells import FileRows, epoch_time
from flows.presets.preset import Preset
from rating.ends import EXTENSION

_EPOCH = r"^([0-9]{1,13})(?:\.[0-9]+)?$"


def _cells(rows: FileRows) -> dict[str, pl.Expr]:
    """Epochs before stamps, for they need no zone; local is internal; a record that says no leg is leg a, and names the
    one that it was bridged to.
    """
    caller, called = rows.named("from_number"), rows.named("to_number")
    epochs = {name: epoch_time(rows.cell(f"{name}_epoch").str.extract(_EPOCH), "s") for name in ("start", "answer")}
    word = rows.named("direction").str.to_lowercase()
    from_inside, to_inside = (number.str.contains(EXTENSION).fill_null(False) for number in (caller, called))
    by_ends = pl.when(from_inside & to_inside).then(pl.lit("internal")).when(from_inside).then(pl.lit("outbound"))
    direction = pl.coalesce(word.replace({"local": "internal"}), by_ends.when(to_inside).then(pl.lit("inbound")))
    own_end = pl.when(direction == "inbound").then(called).otherwise(caller)
    return {
        "call_id": pl.coalesce(rows.named("call_id"), rows.cell("uuid")),
        "started_at": pl.coalesce(epochs["start"], rows.named("started_at")),
        "answered_at": pl.coalesce(epochs["answer"], rows.named("answered_at")),
        "leg": rows.named("leg").str.to_lowercase().fill_null("a"),
        "other_leg_id": pl.when(rows.named("leg").is_null()).then(rows.named("other_leg_id")),
        "direction": direction,
        "extension": pl.coalesce(rows.cell("extension"), pl.when(own_end.str.contains(EXTENSION)).then(own_end)),
        "duration_s": pl.coalesce(rows.named("duration_s"), pl.lit("0")),
    }


PRESETS = {
    "fusionpbx_xml_cdr": Preset(
        feed="calls",
        kinds=("csv",),
        names={
            "call_id": "xml_cdr_uuid",
            "started_at": "start_stamp",
            "answered_at": "answer_stamp",
            "from_number": "caller_id_number",
            "to_number": "destination_number",
            "duration_s": "billsec",
            "disposition": "hangup_cause",
            "account_id": "accountcode",
            "direction": "direction",
            "leg": "leg",
            "other_leg_id": "bridge_uuid",
        },
        also=("uuid", "start_epoch", "answer_epoch", "extension"),
        needs=("direction", "from_number", "to_number", "duration_s", "disposition"),
        mends=(r'([^,"])"([^,"])', '$1""$2'),
        makes=("call_id", "started_at"),
        cells=_cells,
        ends_in_causes=True,
        tells_legs=True,
        defaults={"leg": "a"},
    ),
}
