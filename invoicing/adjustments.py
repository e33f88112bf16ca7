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

from schemas.catalog import SECTIONS
from schemas.document import Document, Line, NationalAmounts, Tax, TaxPart
from schemas.money import plain, rounded

Key = tuple[Any, ...]
Place = tuple[str, int]
"""A line of one of the documents that are added up: draft_id, line_no."""

CORRECTED = {"en": "{text} (corrected)", "fr": "{text} (rectifié)", "de": "{text} (berichtigt)"}


@dataclass(frozen=True)
class Adjustment:
    """The document, and which of its lines each line went to that it adds up; None where nothing is left of it."""

    document: Document
    places: dict[Place, int | None]


def line_key(line: Line) -> Key:
    """What makes two printed lines the same one: where it stands, what for, and for which days."""
    return (
        line.section, line.charge_type, line.product_code, line.billing_group or "", line.country or "",
        line.period_start, line.period_end, line.jurisdiction, line.tax_class, line.price_model or "",
        line.charge_key if line.resource_kind in ("charge", "usage") else "",
    )  # fmt: skip


def tax_key(tax: Tax) -> Key:
    """What makes two tax rows the same one."""
    return (
        tax.tax_code, tax.kind, tax.jurisdiction, tax.tax_date, tax.rate_percent.normalize(),
        tax.certificate_number or "", tax.exempt_amount != 0,
    )  # fmt: skip


def adjustment(
    original: Document, now: Document | None, reversals: list[Document], draft_id: str, day: date
) -> Adjustment:
    """The draft that turns what documents hold into `now`, dated `day`; a credit note where it is below zero.

    original: what it says that it corrects. now: what the month comes to, None for nothing. reversals: of every
    document that stands (invoicing.corrections.reversal). Taxes are those of the original's date, as theirs are.
    """
    parts = [*([now] if now else []), *reversals]
    head = now or original
    lines, places = _lines(parts, head.locale, head.minor_digits)
    taxes = _taxes(parts, places)
    zero = rounded(Decimal(0), head.minor_digits)
    subtotal, tax_total = (sum((row.amount for row in rows), zero) for rows in (lines, taxes))
    usage = [line for line in lines if line.charge_type == "usage"]
    is_credit = subtotal + tax_total < 0
    document = head.model_copy(
        update={
            "kind": "credit_note" if is_credit else "invoice",
            "status": "draft",
            "run_id": parts[0].run_id,
            "draft_id": draft_id,
            "invoice_number": draft_id,
            "issue_date": day,
            "due_date": day if is_credit else day + (head.due_date - head.issue_date),
            "usage_period_start": min((line.period_start for line in usage), default=None),
            "usage_period_end": max((line.period_end for line in usage), default=None),
            "is_final": False,
            "corrects": original.invoice_number,
            "correction": "adjustment",
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
            "notes": sorted({tax.note for tax in taxes if tax.note and tax.exempt_amount}),
            "national": _national(parts),
            "usage_csv": None,
        }
    )
    return Adjustment(document, places)


def with_adjustment(document: Document, added: Document) -> Document:
    """A document with an adjustment of it, as one: what the next one is compared with."""
    sums = {name: getattr(document, name) + getattr(added, name) for name in ("subtotal", "tax_total", "total")}
    return document.model_copy(
        update={**sums, "lines": [*document.lines, *added.lines], "taxes": [*document.taxes, *added.taxes]}
    )


def _lines(parts: list[Document], locale: str, digits: int) -> tuple[list[Line], dict[Place, int | None]]:
    """Lines that agree in place, days and price are one; those of which something is left, in the order of sections."""
    found: dict[Key, list[tuple[Place, Line]]] = {}
    for part in parts:
        for line in part.lines:
            key = (*line_key(line), *(plain(price) for price in (line.list_unit_price, line.unit_price)), line.per)
            found.setdefault(key, []).append(((part.draft_id, line.line_no), line))
    left = []
    for those in found.values():
        line = _line([one for _, one in those], locale, digits)
        if line.quantity or line.amount or line.list_amount or line.discount_amount or line.line_count:
            left.append((line, [place for place, _ in those]))
    left.sort(key=lambda one: _order(one[0]))
    lines = [line.model_copy(update={"line_no": number}) for number, (line, _) in enumerate(left, 1)]
    places: dict[Place, int | None] = {place: None for those in found.values() for place, _ in those}
    return lines, places | {place: number for number, (_, went) in enumerate(left, 1) for place in went}


def _order(line: Line) -> Key:
    """Of one product, what is taken back stands before what holds now."""
    group = line.billing_group or ""
    return (
        SECTIONS.index(line.section),
        group,
        line.product_code,
        line.period_start,
        line.country or "",
        line.amount > 0,
    )


def _line(those: list[Line], locale: str, digits: int) -> Line:
    first = those[0]
    quantity = _total(line.quantity for line in those)
    amount, listed, discount = (
        _total(getattr(line, name) for line in those) or rounded(Decimal(0), digits)
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
            "line_count": plain(_total(line.line_count for line in those)),
            "resource_id": _same(line.resource_id for line in those),
            "charge_key": _same(line.charge_key for line in those) or first.charge_key,
            "fraction": _same(line.fraction for line in those),
            "bounded_by": next((line.bounded_by for line in those if line.bounded_by), None),
            "discount_text": next((line.discount_text for line in those if line.discount_text), None),
        }
    )


def _is_price(line: Line, name: str, quantity: Decimal | None, amount: Decimal, digits: int) -> bool:
    """Whether what is left is so many units at the price: differences of rounded amounts may be a cent off."""
    price = getattr(line, name)
    if price is None or not quantity:
        return False
    exact = Fraction(price) * Fraction(quantity) * Fraction(line.fraction or 1) / (line.per or 1)
    return rounded(exact, digits) == amount


def _taxes(parts: list[Document], places: dict[Place, int | None]) -> list[Tax]:
    found: dict[Key, list[tuple[str, Tax]]] = {}
    for part in parts:
        for tax in part.taxes:
            key = (*tax_key(tax), tax.unit, plain(tax.rate_amount), tax.table)
            found.setdefault(key, []).append((part.draft_id, tax))
    summed = [_tax(those, places) for those in found.values()]
    left = [tax for tax in summed if tax.amount or tax.base_amount or tax.exempt_amount or tax.line_count]
    left.sort(key=lambda tax: tax.kind == "tax")
    return [tax.model_copy(update={"tax_no": number}) for number, tax in enumerate(left, 1)]


def _tax(those: list[tuple[str, Tax]], places: dict[Place, int | None]) -> Tax:
    taxes = [tax for _, tax in those]
    sums = {
        name: plain(_total(getattr(tax, name) for tax in taxes))
        for name in ("gross_base", "base_amount", "exempt_amount", "line_count")
    }
    gross, reached = sums["gross_base"], (sums["base_amount"] or 0) + (sums["exempt_amount"] or 0)
    percent = _same(plain(tax.taxable_percent) for tax in taxes)
    if percent is None:
        percent = plain(rounded(100 * reached / gross, 12)) if gross else Decimal(100)
    amount = _total(tax.amount for tax in taxes)
    return taxes[0].model_copy(
        update={**sums, "amount": amount, "taxable_percent": percent, "parts": _tax_parts(those, places)}
    )


def _tax_parts(those: list[tuple[str, Tax]], places: dict[Place, int | None]) -> list[TaxPart]:
    """What is left of the bases, on the lines that are printed."""
    found: dict[Key, list[tuple[str, TaxPart]]] = {}
    for draft_id, tax in those:
        for part in tax.parts:
            found.setdefault((part.of, part.telecom_percent, part.interstate, part.interstate_share), []).append(
                (draft_id, part)
            )
    summed = []
    for same in found.values():
        went = {places.get((draft_id, number)) for draft_id, part in same for number in part.lines}
        sums = {name: plain(_total(getattr(part, name) for _, part in same)) for name in ("amount", "line_count")}
        lines = sorted(number for number in went if number is not None)
        summed.append(same[0][1].model_copy(update={**sums, "lines": lines}))
    return [part for part in summed if part.amount or part.line_count]


def _national(parts: list[Document]) -> list[NationalAmounts]:
    found: dict[Key, list[NationalAmounts]] = {}
    for one in (one for part in parts for one in part.national):
        found.setdefault((one.country, one.currency, one.rate, one.rate_date, one.source), []).append(one)
    summed = [
        those[0].model_copy(update={name: _total(getattr(one, name) for one in those) for name in ("taxable", "tax")})
        for those in found.values()
    ]
    return [one for one in summed if one.taxable or one.tax]


def _total(numbers: Iterable[Decimal | None]) -> Decimal | None:
    """The sum of those that are there; None where none is."""
    there = [number for number in numbers if number is not None]
    return sum(there[1:], there[0]) if there else None


def _same(values: Iterable[Any]) -> Any:
    """What all of them are, or None."""
    there = set(values)
    return there.pop() if len(there) == 1 else None
