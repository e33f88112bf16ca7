"""Documents that stand: issued, not a reversal, and not reversed by one (RULES 24, DESIGN decision 4)."""

from dataclasses import dataclass

from flows.home.store import Store
from schemas.document import Document

REVERSED = """
    select o.corrects from documents as o join issued_documents as i on i.run_id = o.run_id and i.draft_id = o.draft_id
    where o.correction = 'reversal'"""
"""Numbers of documents that an issued credit note took back whole."""

STANDING = f"""
    select i.*, case when o.correction = 'adjustment' then o.corrects else i.invoice_number end as goes_with
    from issued_documents as i join documents as o on o.run_id = i.run_id and o.draft_id = i.draft_id
    where o.correction is distinct from 'reversal' and i.invoice_number not in ({REVERSED})"""
"""What issued documents come to, each counted once: rows of issued_documents. goes_with: the number of the document
that an adjustment adds to, else its own."""


@dataclass(frozen=True)
class Standing:
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


def corrected_of(standing: list[Standing]) -> Standing:
    """The one that a correction names and follows: the latest that is not itself an adjustment."""
    return next((one for one in reversed(standing) if not one.is_adjustment), standing[-1])


def standing_of(store: Store, month: str, accounts: tuple[str, ...] | None = None) -> list[Standing]:
    """The documents of an invoice month that stand, of all accounts or of some, in the order in which they came."""
    rows = store.rows(
        f"select invoice_number, run_id, draft_id, account_id, document_json from ({STANDING}) "
        "where invoice_month = $1 and ($2 is null or list_contains($2, account_id)) "
        "order by account_id, issued_at, series, sequence",
        [month, list(accounts) if accounts else None],
    )
    return [
        Standing(number, run, draft, account, Document.model_validate_json(text))
        for number, run, draft, account, text in rows
    ]
