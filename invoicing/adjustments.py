"""One document of what a correction changes: the old documents taken back and the new one, added up line by line.

A line, or a tax row, of which nothing is left is not printed. What remains on all documents together is, to the cent,
what credit notes of the old ones and the new document in their place would come to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.document import Document, Line, NationalAmounts, Tax, TaxPart
from schemas.money import plain, rounded
from schemas.product import SECTIONS

Key = tuple[Any, ...]
Place = tuple[str, int]
"""A line of one of the documents that are added up: draft_id, line_no."""

CORRECTED = {"en": "{text} (corrected)", "fr": "{text} (rectifié)", "de": "{text} (berichtigt)"}


@dataclass(frozen=True)
class Adjustment:
    """The document; and where each line that it adds up went: its line there, None where nothing is left of it."""

    document: Document
    places: dict[Place, int | None]


def line_key(line: Line) -> Key:
    """What two printed lines must share to be one: where they stand, what they are for, and for which days."""
    return (
        line.section, line.charge_type, line.product_code, line.billing_group or "", line.country or "",
        line.period_start, line.period_end, line.jurisdiction, line.tax_class, line.price_model or "",
        line.charge_key if line.resource_kind in ("charge", "usage") else "",
    )  # fmt: skip


def tax_key(tax: Tax) -> Key:
    """What two tax rows must share to be one."""
    return (
        tax.tax_code, tax.kind, tax.jurisdiction, tax.tax_date, tax.rate_percent.normalize(),
        tax.certificate_number or "", tax.exempt_amount != 0,
    )  # fmt: skip


def adjustment(
    original: Document, now: Document | None, reversals: list[Document], draft_id: str, day: date, note: str = ""
) -> Adjustment:
    """The draft that turns what documents hold into `now`, dated `day`; a credit note where it is below zero.

    original: the document that it names as corrected. now: what the month comes to, None for nothing. reversals: of
    every document that stands (invoicing.corrections.reversal). Taxes are as of the original's date, as theirs are.
    note: why, for its reader; printed as it is.
    """
    # The new document first: where lines are one, it is its words and facts that are printed.
    documents = [*([now] if now else []), *reversals]
    head = now or original
    lines, places = _lines(documents, head.locale, head.minor_digits)
    taxes = _taxes(documents, places)
    zero = rounded(Decimal(0), head.minor_digits)
    subtotal, tax_total = (sum((row.amount for row in rows), zero) for rows in (lines, taxes))
    usage = [line for line in lines if line.charge_type == "usage"]
    is_credit = subtotal + tax_total < 0
    document = head.model_copy(
        update={
            "kind": "credit_note" if is_credit else "invoice",
            "status": "draft",
            "run_id": documents[0].run_id,
            "draft_id": draft_id,
            "invoice_number": draft_id,
            "issue_date": day,
            "due_date": day if is_credit else day + (head.due_date - head.issue_date),
            "usage_period_start": min((line.period_start for line in usage), default=None),
            "usage_period_end": max((line.period_end for line in usage), default=None),
            "is_final": False,
            "corrects": original.invoice_number,
            "correction": "adjustment",
            "reversed_by": [],
            "replaced_total": None,
            "taxed_on": original.taxed_on or original.issue_date,
            "lines": lines,
            "taxes": taxes,
            "subtotal": subtotal,
            "tax_total": tax_total,
            "total": subtotal + tax_total,
            "allowances": [],
            "comparison": None,
            "history": [],
            "balance": None,
            "notes": [*sorted({tax.note for tax in taxes if tax.note and tax.exempt_amount}), *_notices(head)],
            "note": note or None,
            "national": _national(documents),
            "usage_csv": None,
        }
    )
    return Adjustment(document, places)


def _notices(document: Document) -> list[str]:
    """What a document says below its total that is no word of its taxes."""
    of_taxes = {tax.note for tax in document.taxes}
    return [note for note in document.notes if note not in of_taxes]


def with_adjustment(document: Document, adjustment: Document) -> Document:
    """A document and an adjustment of it as one document: what the next month's is compared with."""
    sums = {name: getattr(document, name) + getattr(adjustment, name) for name in ("subtotal", "tax_total", "total")}
    return document.model_copy(
        update={**sums, "lines": [*document.lines, *adjustment.lines], "taxes": [*document.taxes, *adjustment.taxes]}
    )


def _lines(documents: list[Document], locale: str, digits: int) -> tuple[list[Line], dict[Place, int | None]]:
    """Lines that agree in place, days and price are one; those of which something is left, in the order of sections."""
    alike: dict[Key, list[tuple[Place, Line]]] = {}
    for document in documents:
        for line in document.lines:
            # Lines at two prices stay two: one line of their sum would show a price at which nothing was sold.
            key = (*line_key(line), *(plain(price) for price in (line.list_unit_price, line.unit_price)), line.per)
            alike.setdefault(key, []).append(((document.draft_id, line.line_no), line))
    left = []
    for placed_lines in alike.values():
        line = _line([line for _, line in placed_lines], locale, digits)
        if line.quantity or line.amount or line.list_amount or line.discount_amount or line.line_count:
            left.append((line, [place for place, _ in placed_lines]))
    left.sort(key=lambda line_and_places: _order(line_and_places[0]))
    lines = [line.model_copy(update={"line_no": number}) for number, (line, _) in enumerate(left, 1)]
    places: dict[Place, int | None] = {place: None for placed_lines in alike.values() for place, _ in placed_lines}
    return lines, places | {place: number for number, (_, went) in enumerate(left, 1) for place in went}


def _order(line: Line) -> Key:
    """By section, group and product; of one product, what is taken back stands before what holds now."""
    group = line.billing_group or ""
    return (
        SECTIONS.index(line.section),
        group,
        line.product_code,
        line.period_start,
        line.country or "",
        line.amount > 0,
    )


def _line(lines: list[Line], locale: str, digits: int) -> Line:
    first = lines[0]
    quantity = _total(line.quantity for line in lines)
    amount, listed, discount = (
        _total(getattr(line, name) for line in lines) or rounded(Decimal(0), digits)
        for name in ("amount", "list_amount", "discount_amount")
    )
    text = CORRECTED.get(locale[:2], CORRECTED["en"])
    is_said = first.description.endswith(text.format(text=""))
    prices = {
        name: getattr(first, name) if _is_price(first, name, quantity, total, digits) else None
        for name, total in (("list_unit_price", listed), ("unit_price", amount))
    }
    return first.model_copy(
        update={
            **prices,
            "description": first.description if is_said else text.format(text=first.description),
            # Nothing more and nothing less, only another amount: a quantity of 0 would say that there is nothing.
            "quantity": plain(quantity) or None,
            "amount": amount,
            "list_amount": listed,
            "discount_amount": discount,
            "line_count": plain(_total(line.line_count for line in lines)),
            "resource_id": _same(line.resource_id for line in lines),
            "charge_key": _same(line.charge_key for line in lines) or first.charge_key,
            "fraction": _same(line.fraction for line in lines),
            "bounded_by": next((line.bounded_by for line in lines if line.bounded_by), None),
            "discount_text": next((line.discount_text for line in lines if line.discount_text), None),
        }
    )


def _is_price(line: Line, name: str, quantity: Decimal | None, amount: Decimal, digits: int) -> bool:
    """Whether what is left is so many units at the price: differences of rounded amounts may be a cent off."""
    price = getattr(line, name)
    if price is None or not quantity:
        return False
    exact = Fraction(price) * Fraction(quantity) * Fraction(line.fraction or 1) / (line.per or 1)
    return rounded(exact, digits) == amount


def _taxes(documents: list[Document], places: dict[Place, int | None]) -> list[Tax]:
    alike: dict[Key, list[tuple[str, Tax]]] = {}
    for document in documents:
        for tax in document.taxes:
            key = (*tax_key(tax), tax.unit, plain(tax.rate_amount), tax.table)
            alike.setdefault(key, []).append((document.draft_id, tax))
    summed = [_tax(drafts_and_taxes, places) for drafts_and_taxes in alike.values()]
    left = [tax for tax in summed if tax.amount or tax.base_amount or tax.exempt_amount or tax.line_count]
    # Recovery fees before taxes, as taxes.apply numbers them; the sort is stable, so within a kind the order stays.
    left.sort(key=lambda tax: tax.kind == "tax")
    return [tax.model_copy(update={"tax_no": number}) for number, tax in enumerate(left, 1)]


def _tax(drafts_and_taxes: list[tuple[str, Tax]], places: dict[Place, int | None]) -> Tax:
    """One row of rows that say the same, each with the draft_id of its document."""
    taxes = [tax for _, tax in drafts_and_taxes]
    sums = {
        name: plain(_total(getattr(tax, name) for tax in taxes))
        for name in ("gross_base", "base_amount", "exempt_amount", "line_count")
    }
    gross, taxable = sums["gross_base"], (sums["base_amount"] or 0) + (sums["exempt_amount"] or 0)
    percent = _same(plain(tax.taxable_percent) for tax in taxes)
    if percent is None:
        # Rows at two percentages have one again as a sum: the one that leads from the gross base to the taxable part.
        percent = plain(rounded(100 * taxable / gross, 12)) if gross else Decimal(100)
    amount = _total(tax.amount for tax in taxes)
    parts = _tax_parts(drafts_and_taxes, places)
    rounding = "rest" if any(tax.rounding == "rest" for tax in taxes) else taxes[0].rounding
    update = {**sums, "amount": amount, "taxable_percent": percent, "parts": parts, "rounding": rounding}
    return taxes[0].model_copy(update=update)


def _tax_parts(drafts_and_taxes: list[tuple[str, Tax]], places: dict[Place, int | None]) -> list[TaxPart]:
    """What is left of the bases, on the lines that are printed."""
    alike: dict[Key, list[tuple[str, TaxPart]]] = {}
    for draft_id, tax in drafts_and_taxes:
        for part in tax.parts:
            key = (part.of, part.telecom_percent, part.interstate, part.interstate_share)
            alike.setdefault(key, []).append((draft_id, part))
    summed = []
    for drafts_and_parts in alike.values():
        parts = [part for _, part in drafts_and_parts]
        went = {places.get((draft_id, number)) for draft_id, part in drafts_and_parts for number in part.lines}
        sums = {name: plain(_total(getattr(part, name) for part in parts)) for name in ("amount", "line_count")}
        lines = sorted(number for number in went if number is not None)
        summed.append(parts[0].model_copy(update={**sums, "lines": lines}))
    return [part for part in summed if part.amount or part.line_count]


def _national(documents: list[Document]) -> list[NationalAmounts]:
    alike: dict[Key, list[NationalAmounts]] = {}
    for amounts in (amounts for document in documents for amounts in document.national):
        # What was charged at one day's rate is given back at that rate, so only amounts of one rate are added up.
        key = (amounts.country, amounts.currency, amounts.rate, amounts.rate_date, amounts.source)
        alike.setdefault(key, []).append(amounts)
    summed = [
        rows[0].model_copy(update={name: _total(getattr(row, name) for row in rows) for name in ("taxable", "tax")})
        for rows in alike.values()
    ]
    return [amounts for amounts in summed if amounts.taxable or amounts.tax]


def _total(numbers: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of the numbers that are there; None where none is."""
    present = [number for number in numbers if number is not None]
    return sum(present[1:], present[0]) if present else None


def _same(values: Iterable[Any]) -> Any:
    """The value that all of them have; None where they differ."""
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None
