"""A row of issued documents as a table of its one rate, for what gives it back (taxes/memory.py)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from schemas.document import Tax, TaxPart
from taxes.table import Base, TaxTable


class ChargedTable(TaxTable):
    """Rows of issued documents that say the same. Made by `charged_table`, never read from a file."""

    rate: Decimal
    reference: str | None
    since: date | None
    was: Literal["sourced", "sample"] | None
    states_rounding: bool
    exempt_reason: str | None
    tax_id_check: dict[str, Any] | None
    charged: dict[tuple[str, date], tuple[Decimal, Decimal]]
    """(invoice number, tax date) -> its taxable part (or lines), and what was charged on that."""

    def percent(self, day: date) -> Decimal | None:  # noqa: ARG002 a row has one rate, whatever the day
        return self.rate

    def valid_from(self, day: date) -> date | None:  # noqa: ARG002
        return self.since

    def citation(self, day: date) -> str:  # noqa: ARG002
        return self.reference or ""

    def remember(self, document: str, tax: Tax) -> None:
        """Adds a row of an issued document; one that nobody paid charged nothing."""
        if not _is_exempt(tax):
            taxable, amount = self.charged.get((document, tax.tax_date), (Decimal(0), Decimal(0)))
            self.charged[document, tax.tax_date] = (taxable + _taxable(tax), amount + tax.amount)

    def charged_by(self, documents: Iterable[str], day: date) -> tuple[Decimal, Decimal]:
        """Taxable part and amount of these documents' rows of that date."""
        zero = Decimal(0)
        found = [self.charged.get((number, day), (zero, zero)) for number in documents]
        return sum((part for part, _ in found), zero), sum((amount for _, amount in found), zero)


def content(tax: Tax) -> tuple[Any, ...]:
    """What two rows must share to be one when they are given back together."""
    check = tax.tax_id_check.model_dump_json() if tax.tax_id_check else None
    return (
        tax.tax_code, tax.kind, tax.jurisdiction, tax.unit, tax.rate_percent, tax.rate_amount, tax.name, tax.text,
        tax.reference, tax.table, tax.rounding, tax.date_basis, tax.valid_from, tax.status, _on(tax),
        tax.exempt_reason, check,
    )  # fmt: skip


def charged_table(tax: Tax) -> ChargedTable:
    """The table that would charge such a row; it remembers no document yet."""
    per_line = tax.unit == "amount_per_line"
    facts: dict[str, Any] = {
        "file": tax.table,
        "code": tax.tax_code,
        "kind": tax.kind,
        "name": {"en": tax.name},
        "text": {"en": tax.text},
        "jurisdiction": tax.jurisdiction,
        "unit": tax.unit,
        "base": Base.model_construct(share="full", tax_classes="all", also_on=list(_on(tax))),  # type: ignore[arg-type]
        "rounding": "down" if tax.rounding == "down" else "half_up",
        "date_basis": tax.date_basis,
        "rate": (tax.rate_amount or Decimal(0)) if per_line else tax.rate_percent,
        "reference": tax.reference,
        "since": tax.valid_from,
        "was": tax.status,
        "states_rounding": tax.rounding is not None,
        "exempt_reason": tax.exempt_reason,
        "tax_id_check": tax.tax_id_check.model_dump() if tax.tax_id_check else None,
        "charged": {},
    }
    return ChargedTable.model_construct(**facts)


def exemption(tax: Tax) -> tuple[str | None, bool, bool]:
    """Certificate, whether the customer accounts for it, whether it is an amount per line."""
    reverse_charge = _is_exempt(tax) and tax.certificate_number is None
    return tax.certificate_number, reverse_charge, tax.unit == "amount_per_line"


def _on(tax: Tax) -> tuple[str, ...]:
    return tuple(sorted({part.of for part in tax.parts if part.of is not None}))


def _is_exempt(tax: Tax) -> bool:
    return tax.certificate_number is not None or tax.exempt_amount != 0


def shares_of(part: TaxPart) -> tuple[Decimal, str | None, Decimal]:
    """Telecommunications percent, method and interstate percent of a part; what it does not say is all of it."""
    whole = Decimal(100)
    telecom = whole if part.telecom_percent is None else part.telecom_percent
    return telecom, part.interstate, whole if part.interstate_share is None else part.interstate_share


def _taxable(tax: Tax) -> Decimal:
    """The taxable part of a row as a reversal adds it up, or the lines it counted."""
    if tax.unit == "amount_per_line":
        return sum((part.line_count for part in tax.parts), Decimal(0))
    parts = ((part, *shares_of(part)) for part in tax.parts)
    return sum(
        (p.amount if p.of else (p.amount * telecom * share).scaleb(-4) for p, telecom, _, share in parts), Decimal(0)
    )
