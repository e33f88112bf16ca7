"""Lines and tax rows to documents that add up on paper (RULES 14, 25)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from invoicing.national import Rates, national_amounts
from invoicing.parts import allowances_of, lines_of, taxes_of
from invoicing.required import national_currency
from schemas.document import (
    AllowanceUse,
    Balance,
    BillTo,
    Comparison,
    Document,
    HistoryPoint,
    Line,
    NationalAmounts,
    SectionChange,
    Seller,
    Tax,
)
from schemas.money import rounded
from schemas.product import Section


@dataclass(frozen=True)
class Heading:
    """What stands around the lines of one account's document; all of it is frozen into the document."""

    draft_id: str
    seller: Seller
    bill_to: BillTo
    jurisdiction: str
    jurisdictions: list[str]
    locale: str
    currency: str
    minor_digits: int
    payment_terms_days: int
    is_final: bool
    history: list[HistoryPoint]
    previous: Document | None
    balance: Balance | None
    rates: Rates = field(default_factory=dict)
    """Exchange rates, for VAT in national money."""
    notices: list[str] = field(default_factory=list)
    """What the seller's documents owe such a reader, as printed."""
    internal_sections: list[Section] = field(default_factory=list)
    """Sections in which calls between extensions count."""


@dataclass(frozen=True)
class RunFacts:
    """What all documents of a run share."""

    run_id: str
    invoice_month: str
    issue_date: date
    template_version: str


def build_documents(
    lines: pl.DataFrame, taxes: pl.DataFrame, allowances: pl.DataFrame, headings: Iterable[Heading], run: RunFacts
) -> list[Document]:
    """One document per heading that has lines. lines: invoicing.lines.LINE; taxes: as taxes.apply returns.

    allowances: draft_id and the fields of AllowanceUse. A document below zero is a credit note.
    """
    headings = list(headings)
    schema = {"draft_id": pl.String, "minor_digits": pl.Int64}
    digits = pl.DataFrame([(heading.draft_id, heading.minor_digits) for heading in headings], schema, orient="row")
    lines_by, taxes_by = lines_of(lines, digits), taxes_of(taxes, digits)
    allowances_by = allowances_of(allowances)
    # Who has no line has no document: the account's outcome says that there was nothing to bill.
    return [
        _document(heading, lines_by[name], taxes_by.get(name, []), allowances_by.get(name, []), run)
        for heading in headings
        if (name := heading.draft_id) in lines_by
    ]


def _document(
    heading: Heading, lines: list[Line], taxes: list[Tax], allowances: list[AllowanceUse], run: RunFacts
) -> Document:
    zero = rounded(0, heading.minor_digits)
    subtotal = sum((line.amount for line in lines), zero)
    tax_total = sum((tax.amount for tax in taxes), zero)
    usage = [line for line in lines if line.charge_type == "usage"]
    # A note of an exempt row is owed to the reader of the whole document; others stand with their row.
    notes = sorted({tax.note for tax in taxes if tax.note and tax.exempt_amount})
    draft = Document(
        template_version=run.template_version,
        kind="credit_note" if subtotal + tax_total < 0 else "invoice",
        draft_id=heading.draft_id,
        invoice_number=heading.draft_id,
        status="draft",
        run_id=run.run_id,
        seller=heading.seller,
        bill_to=heading.bill_to,
        jurisdiction=heading.jurisdiction,
        jurisdictions=heading.jurisdictions,
        locale=heading.locale,
        currency=heading.currency,
        minor_digits=heading.minor_digits,
        invoice_month=run.invoice_month,
        issue_date=run.issue_date,
        due_date=run.issue_date + timedelta(days=heading.payment_terms_days),
        usage_period_start=min((line.period_start for line in usage), default=None),
        usage_period_end=max((line.period_end for line in usage), default=None),
        is_final=heading.is_final,
        lines=lines,
        taxes=taxes,
        subtotal=subtotal,
        tax_total=tax_total,
        total=subtotal + tax_total,
        allowances=allowances,
        internal_sections=heading.internal_sections,
        history=heading.history,
        balance=heading.balance,
        notes=[*notes, *heading.notices],
        national=_national(taxes, heading, run.issue_date),
    )
    if heading.previous is None:
        return draft
    return draft.model_copy(update={"comparison": compare(heading.previous, draft)})


def _national(taxes: list[Tax], heading: Heading, day: date) -> list[NationalAmounts]:
    currencies = {tax.jurisdiction[:2]: national_currency(tax.jurisdiction[:2], day.isoformat()) for tax in taxes}
    return national_amounts(taxes, heading.currency, currencies, heading.rates)


def compare(previous: Document, current: Document) -> Comparison:
    """Where the total differs from the previous document's, section by section, biggest first."""
    # Sections of lines and kinds of tax in one list: together their changes make up the change of the total.
    before, after = _totals(previous), _totals(current)
    zero = rounded(0, current.minor_digits)
    changes = [
        SectionChange(section=name, previous=before.get(name, zero), current=after.get(name, zero))
        for name in sorted({*before, *after})
        if before.get(name, zero) != after.get(name, zero)
    ]
    return Comparison(
        previous_number=previous.invoice_number,
        previous_month=previous.invoice_month,
        previous_total=previous.total,
        changes=sorted(changes, key=lambda c: (-abs(c.current - c.previous), c.section)),
    )


def _totals(document: Document) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for line in document.lines:
        totals[line.section] = totals.get(line.section, Decimal(0)) + line.amount
    for tax in document.taxes:
        totals[tax.kind] = totals.get(tax.kind, Decimal(0)) + tax.amount
    return totals


def issue_document(document: Document, number: str, issue_date: date, usage_csv: str | None) -> Document:
    """The draft as issued: with its number and dates; nothing else changes."""
    # As many days to pay as the draft gave, counted from the day on which it really goes out.
    terms = document.due_date - document.issue_date
    return document.model_copy(
        update={
            "status": "issued",
            "invoice_number": number,
            "issue_date": issue_date,
            "due_date": issue_date + terms,
            "usage_csv": usage_csv,
        }
    )


def faults(document: Document) -> list[str]:
    """What does not add up; empty for every document that may be issued. Checked again after the arithmetic."""
    digits = document.minor_digits
    broken = []
    if sum((line.amount for line in document.lines), Decimal(0)) != document.subtotal:
        broken.append("the lines do not add up to the subtotal")
    if sum((tax.amount for tax in document.taxes), Decimal(0)) != document.tax_total:
        broken.append("the tax rows do not add up to the tax total")
    if document.subtotal + document.tax_total != document.total:
        broken.append("subtotal and taxes do not add up to the total")
    amounts = [document.total, *(line.amount for line in document.lines), *(tax.amount for tax in document.taxes)]
    if any(amount != rounded(amount, digits) for amount in amounts):
        broken.append(f"an amount has more than {digits} decimals")
    if [line.line_no for line in document.lines] != list(range(1, len(document.lines) + 1)):
        broken.append("the line numbers have a gap")
    return broken
