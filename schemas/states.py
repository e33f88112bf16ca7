"""Closed lists of what a thing of the working database may be: its state, its outcome, its kind.

The database holds them as CHECK constraints made from these very lists (flows/home/schema.py), so a typo is refused
where it is written. Another word on a list is another schema: it needs a version of its own (flows/home/migrations.py).
"""

from typing import Literal

RunKind = Literal["regular", "supplementary", "correction"]
RunState = Literal["open", "drafted", "superseded", "void", "approved"]
"""The last event of a run is its state: drafts that gave way to a later run's are superseded, drafts whose inputs were
taken back are void."""

Outcome = Literal["billed", "nothing_to_bill", "not_started", "closed", "parked", "excluded"]
"""What became of an account in a run (RULES 26)."""

DocumentKind = Literal["invoice", "credit_note"]
CorrectionKind = Literal["reversal", "replacement", "adjustment"]
"""How a document corrects another: takes it back whole, stands in its place, or adds to it."""

TaxSource = Literal["tables", "engine"]
"""Who worked a tax row out: our own tables, or another program."""

FileState = Literal["loaded", "refused", "rolled_back"]
MailState = Literal["queued", "sending", "accepted", "written", "refused", "unknown", "replaced"]
HoldState = Literal["parked", "unparked"]
"""An account set aside by hand, and let go again."""

ErasedFile = Literal["usage_csv", "mail", "source_copy", "review", "original"]
"""A file that held erased call detail: the first three are removed, the review is written anew, an original is the
operator's own."""
