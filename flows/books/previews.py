"""Drafts that wait for approval, and where their previews lie: PDFs to look at, made anew at will.

A preview's name holds a hash of its draft, so that of a draft that has changed since is known by its name, and never
shown for the new one. No table and no manifest lists it.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from flows.home.settings import Home
from flows.home.store import Store

FOLDER = "preview"
"""Below out/<month>/."""

_WAITING = """
    select d.invoice_month, d.run_id, d.draft_id, d.account_id, sha256(d.document_json) from documents as d
    where d.run_id in (select run_id from run_states where state = 'drafted') and not exists
        (select 1 from issued_documents i where i.run_id = d.run_id and i.draft_id = d.draft_id)
        and ($1 is null or d.invoice_month = $1)
    order by d.invoice_month, d.account_id, d.draft_id"""


@dataclass(frozen=True)
class WaitingDraft:
    """A draft that an approval would issue; `sha256` of its JSON."""

    invoice_month: str
    run_id: str
    draft_id: str
    account_id: str
    sha256: str

    def preview(self, home: Home) -> Path:
        """Where its preview lies, once there is one."""
        name = re.sub(r"[^A-Za-z0-9._-]", "_", self.draft_id)
        return home.out(self.invoice_month) / FOLDER / f"{name}-{self.sha256[:8]}.pdf"


def waiting_drafts(store: Store, month: str | None = None) -> list[WaitingDraft]:
    """Drafts of runs and corrections that stand and are not issued, by month and account."""
    return [WaitingDraft(*row) for row in store.rows(_WAITING, [month])]


def drop_stale_previews(store: Store) -> None:
    """Removes every preview whose draft was issued, gave way to another or is void."""
    folders = [folder for folder in store.home.root.glob(f"out/*/{FOLDER}") if folder.is_dir()]
    if not folders:
        return
    fresh = {draft.preview(store.home) for draft in waiting_drafts(store)}
    for folder in folders:
        for file in folder.iterdir():
            if file not in fresh and file.is_file():
                file.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()
