"""Documents that stand: issued, not a reversal, and not reversed by one (RULES 24, DESIGN decision 4)."""

from dataclasses import dataclass

from flows.home.store import Store
from schemas.document import Document


@dataclass(frozen=True)
class StandingDocument:
    """A document that stands."""

    invoice_number: str
    run_id: str
    draft_id: str
    account_id: str
    document: Document

    @property
    def is_adjustment(self) -> bool:
        """Whether it only adds to another document of the month."""
        return self.document.correction == "adjustment"


ROOTS = """
    roots as (
        select i.invoice_number, i.invoice_number as root
        from issued_documents i join documents o using (run_id, draft_id)
        where o.correction is null or o.correction not in ('replacement', 'adjustment')
        union all
        select i.invoice_number, r.root from roots r
        join documents o on o.corrects = r.invoice_number and o.correction in ('replacement', 'adjustment')
        join issued_documents i on i.run_id = o.run_id and i.draft_id = o.draft_id)"""
"""For `with recursive`: invoice_number, root of every issued document. What is in the place of a document, and what
adds to it, has its root, the number of the first of them: together they charge what that one charged alone."""


def corrected_of(standing: list[StandingDocument]) -> StandingDocument:
    """The one that a correction names and follows: the latest that is not itself an adjustment."""
    return next((document for document in reversed(standing) if not document.is_adjustment), standing[-1])


def standing_of(store: Store, month: str, accounts: tuple[str, ...] | None = None) -> list[StandingDocument]:
    """The documents of an invoice month that stand, of all accounts or of some, in the order in which they came."""
    rows = store.rows(
        "select invoice_number, run_id, draft_id, account_id, document_json from standing_documents "
        "where invoice_month = $1 and ($2 is null or list_contains($2, account_id)) "
        "order by account_id, issued_at, series, sequence",
        [month, list(accounts) if accounts else None],
    )
    return [
        StandingDocument(number, run, draft, account, Document.model_validate_json(text))
        for number, run, draft, account, text in rows
    ]
