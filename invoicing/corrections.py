"""The credit note that takes a document back whole: every line and tax as it was, with the other sign (RULES 20)."""

from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from schemas.document import Document, Tax

_SIGNED = {
    "lines": ("quantity", "list_amount", "discount_amount", "amount", "line_count"),
    "taxes": ("gross_base", "base_amount", "exempt_amount", "amount", "line_count"),
    "national": ("taxable", "tax"),
    "parts": ("amount", "line_count"),
}
"""Part of a document -> what of it turns its sign; dates, rates, exemptions and texts are those of the original."""


def reversal(original: Document, run_id: str, draft_id: str, day: date, note: str = "") -> Document:
    """The draft that takes `original` back: a credit note, or an invoice where that was a credit note itself.

    note: why, for its reader; printed as it is.
    """
    turned: dict[str, Any] = {
        name: [_turned(item, name) for item in getattr(original, name)] for name in ("lines", "taxes", "national")
    }
    sums = {name: _opposite(getattr(original, name)) for name in ("subtotal", "tax_total", "total")}
    return original.model_copy(
        update={
            **turned,
            **sums,
            "kind": "credit_note" if sums["total"] <= 0 else "invoice",
            "status": "draft",
            "run_id": run_id,
            "draft_id": draft_id,
            "invoice_number": draft_id,
            "issue_date": day,
            "due_date": day,
            "corrects": original.invoice_number,
            "correction": "reversal",
            "reversed_by": [],
            "replaced_total": None,
            "replacement": None,
            "taxed_on": original.taxed_on or original.issue_date,
            "is_final": False,
            "allowances": [],
            "comparison": None,
            "history": [],
            "balance": None,
            "usage_csv": None,
            "note": note or None,
        }
    )


def _turned(part: BaseModel, name: str) -> BaseModel:
    update: dict[str, Any] = {
        field: _opposite(getattr(part, field)) for field in _SIGNED[name] if getattr(part, field) is not None
    }
    if isinstance(part, Tax):
        update["parts"] = [_turned(tax_part, "parts") for tax_part in part.parts]
    return part.model_copy(update=update)


def _opposite(amount: Decimal) -> Decimal:
    """-amount, and 0.00 for 0.00."""
    return amount.copy_negate() if amount else amount
