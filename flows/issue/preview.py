"""`tollbook preview`: drafts as PDFs, marked as drafts, before anything has a number. The books stay as they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.books.context import Request
from flows.books.previews import WaitingDraft, drop_stale_previews, waiting_drafts
from flows.books.runs import require_known_accounts
from flows.home.disk import is_of_the_machine
from flows.home.settings import Settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.issue.printing import drawn, failure_text
from invoicing.fit import unfit
from schemas.counts import count_of
from schemas.document import Document
from schemas.errors import NothingToDo


@dataclass(frozen=True)
class Preview:
    """What can be looked at: `files` by draft id, below the home. `unprinted`: account and why it has none."""

    invoice_month: str
    files: dict[str, str]
    unprinted: list[tuple[str, str]]
    without_draft: list[str]
    """Accounts that were asked for and have no draft."""

    @property
    def incomplete(self) -> bool:
        return bool(self.unprinted or self.without_draft)

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_month": self.invoice_month,
            "files": self.files,
            "unprinted": [{"account_id": account, "reason": reason} for account, reason in self.unprinted],
            "without_draft": self.without_draft,
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        drafts = count_of(len(self.files), "draft")
        said = [f"{self.invoice_month}: {drafts} to look at in out/{self.invoice_month}/preview; nothing is issued"]
        said += [f"cannot be printed: {account}: {reason}" for account, reason in self.unprinted]
        said += [f"no draft: {account}" for account in self.without_draft]
        return said


def preview(store: Store, request: Request, settings: Settings) -> Preview:
    """Draws the drafts of the request's month, regular, supplementary and corrections, for its accounts (all, when it
    names none); takes away previews of drafts that are none any more.

    Raises WrongUsage for an unknown account, NothingToDo where no draft waits.
    """
    month = request.invoice_month
    require_known_accounts(store, request)
    drop_stale_previews(store)
    drafts = [
        draft for draft in waiting_drafts(store, month) if not request.accounts or draft.account_id in request.accounts
    ]
    if not drafts:
        whose = f" of {', '.join(request.accounts)}" if request.accounts else ""
        raise NothingToDo(f"{month} has no draft{whose} to look at. `tollbook run {month}` drafts what is owed.")
    files, unprinted = {}, []
    for draft, printed in _printed(store, settings, drafts):
        if isinstance(printed, str):
            unprinted.append((draft.account_id, printed))
        else:
            write_atomic(draft.preview(store.home), printed)
            files[draft.draft_id] = store.home.relative(draft.preview(store.home))
    with_draft = {draft.account_id for draft in drafts}
    without = [account for account in request.accounts if account not in with_draft]
    return Preview(month, files, unprinted, without)


def _printed(
    store: Store, settings: Settings, drafts: list[WaitingDraft]
) -> Iterator[tuple[WaitingDraft, bytes | str]]:
    """Each draft with its PDF, or with what an approval would say against it."""
    texts = {
        tuple(of): text
        for *of, text in store.rows(
            "select run_id, draft_id, document_json from documents where list_contains($1, run_id)",
            [sorted({draft.run_id for draft in drafts})],
        )
    }
    fit = []
    for draft in drafts:
        text = texts[draft.run_id, draft.draft_id]
        if (lacks := unfit(Document.model_validate_json(text))) is not None:
            yield draft, lacks.detail
        else:
            fit.append((draft, text))
    if not fit:
        return
    for (draft, _), printed in zip(fit, drawn([text for _, text in fit], settings, store.home), strict=True):
        if isinstance(printed, bytes):
            yield draft, printed
        elif is_of_the_machine(printed):
            raise printed
        else:
            yield draft, failure_text(printed)
