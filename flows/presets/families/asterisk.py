"""Asterisk: cdr_csv and cdr_custom, without a header.

- asterisk: 16 columns; optional ones follow when `columns` lists them, in their order. The switch may write every row
  again into a file per account: those copies are duplicates by identity.
- asterisk_custom: the 19 columns of cdr_custom, in another order.
"""

from flows.presets.dial_plan import switch_cells
from flows.presets.preset import Preset, words

_NAMES = {
    "call_id": "uniqueid",
    "leg": "sequence",
    "started_at": "start",
    "answered_at": "answer",
    "from_number": "src",
    "to_number": "dst",
    "duration_s": "billsec",
    "disposition": "disposition",
    "account_id": "accountcode",
    "direction": "dcontext",
    "extension": "src",
}

PRESETS = {
    "asterisk": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        columns=words(
            "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec "
            "disposition amaflags"
        ),
        optional=words("uniqueid userfield peeraccount linkedid sequence"),
        makes=("call_id",),
        cells=switch_cells,
        defaults={"header": False},
    ),
    "asterisk_custom": Preset(
        feed="calls",
        kinds=("csv",),
        names=_NAMES,
        columns=words(
            "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition "
            "amaflags accountcode uniqueid userfield sequence"
        ),
        cells=switch_cells,
        defaults={"header": False},
    ),
}
