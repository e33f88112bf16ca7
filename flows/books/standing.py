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
