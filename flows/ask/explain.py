"""From a document, a line or a tax row to how it came about (CONTRACT, section 3).

The document itself says all that is printed (RULES 25); the working database adds what stands behind a line: its
charges, discounts and usage.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from flows.ask.explain_tax import explain_tax, tax_named, tax_of_line
from flows.ask.explain_usage import Place, exact_sum, other_lines, part_told, parts_of, sum_told, usage_sum
from flows.books.erased import ERASED_ID, erased_accounts
from flows.home.store import Store
from schemas.counts import count_of
from schemas.document import Document, Line
from schemas.errors import WrongUsage
from schemas.money import rounded, with_cents

MOST_ROWS = 1000
"""Usage rows printed for a line; --json holds them all, and so does the usage CSV."""


@dataclass(frozen=True)
class Explanation:
    """Lines for a reader, data for a program."""

    text: list[str]
    data: Any
    incomplete: ClassVar[bool] = False

    def lines(self) -> list[str]:
        return self.text

    def as_json(self) -> Any:
        return self.data


@dataclass(frozen=True)
class StoredDocument:
    """A stored document and where its rows lie in the working database."""

    document: Document
    run_id: str
    draft_id: str


def explain(store: Store, name: str, what: str | None) -> Explanation:
    """`name`: an invoice number or a draft id; `what`: a line number, tax:N, or None for the whole document."""
    stored = find(store, name)
    if what is None:
        return _document(stored.document)
    if match := re.fullmatch(r"tax:(\d+)", what):
        number = int(match[1])
        return Explanation(
            explain_tax(stored.document, number), tax_named(stored.document, number).model_dump(mode="json")
        )
    if not re.fullmatch(r"\d+", what):
        raise WrongUsage(f"found {what!r}; expected a line number such as 3, or tax:1")
    return _line(store, stored, int(what))


def find(store: Store, name: str) -> StoredDocument:
    """An issued document by its number, or the newest draft of that id. Raises WrongUsage for a name nobody has."""
    rows = store.rows(
        "select document_json, run_id, draft_id from issued_documents where invoice_number = $1 "
        "union all select * from (select d.document_json, d.run_id, d.draft_id from documents d "
        "join runs r using (run_id) where d.draft_id = $1 order by r.run_seq desc limit 1)",
        [name],
    )
    if not rows:
        raise WrongUsage(f"found {name!r}; expected the number of an issued document or the id of a draft")
    text, run_id, draft_id = rows[0]
    return StoredDocument(Document.model_validate_json(text), run_id, draft_id)


def _document(document: Document) -> Explanation:
    money = document.currency
    heading = f"{document.kind} {document.invoice_number} of {document.issue_date} for {document.bill_to.name}"
    text = [f"{heading}, {document.jurisdiction}, run {document.run_id}"]
    for line in document.lines:
        named = ", ".join(filter(None, (line.description, line.destination or line.country)))
        text.append(f"line {line.line_no}: {named}: {_came_about(line, money)}")
    text.append(f"subtotal: {document.subtotal} {money}")
    for tax in document.taxes:
        how = (
            f"{tax.line_count or Decimal(0):f} x {tax.rate_amount or Decimal(0):f}"
            if tax.unit == "amount_per_line"
            else f"{tax.rate_percent:f} % of {tax.base_amount:f} ({tax.taxable_percent:f} % of {tax.gross_base:f})"
        )
        text.append(f"tax:{tax.tax_no}: {tax.name}, {tax.jurisdiction}: {how} = {tax.amount} {money}")
    text.append(f"total: {document.total} {money}")
    return Explanation(text, document.model_dump(mode="json"))


def _came_about(line: Line, money: str) -> str:
    """The arithmetic that is printed, in one line."""
    share = f" x {line.fraction}" if line.fraction else ""
    per = f" per {line.per}" if line.per not in (None, 1) else ""
    if line.list_unit_price is not None and line.quantity is not None:
        price = with_cents(line.list_unit_price, money)
        listed = f"{line.quantity:f} {line.unit or ''} x {price}{per}{share} = {line.list_amount}"
    else:
        counted = "" if line.quantity is None else f"{line.quantity:f} {line.unit or ''}".rstrip()
        listed = f"{counted} = {line.list_amount}" if counted else str(line.list_amount)
    text = listed.replace("  ", " ")
    if line.discount_amount:
        text += f", less {line.discount_amount} ({line.discount_text or 'discount'})"
    if line.bounded_by:
        text += f", {line.bounded_by} of the product"
    return f"{text}: {line.amount} {money}, {line.period_start} to {line.period_end} (exclusive)"


def _line(store: Store, stored: StoredDocument, number: int) -> Explanation:
    document = stored.document
    line = next((line for line in document.lines if line.line_no == number), None)
    if line is None:
        raise WrongUsage(f"found line {number}; {document.invoice_number} has lines 1 to {len(document.lines)}")
    money = document.currency
    text = [
        f"{document.invoice_number} line {number}: {line.description} ({line.product_code}, {line.section})",
        f"printed: {_came_about(line, money)}",
    ]
    if line.reverses:
        text.append(f"gives back what {line.reverses} charged, with the tax date {line.tax_date}")
    if document.correction == "adjustment":
        text.append(
            f"adjustment: what it comes to now, less what {document.corrects} and later ones billed, both rounded"
        )
    charges, discounts = _charges(store, stored, number), _discounts(store, stored, number)
    text += [_charge(row, money) for row in charges]
    if line.price_model == "minimum":
        text.append("minimum of a usage month for its days, less what its usage comes to, less what was billed of it")
    elif line.price_model is not None:
        text.append(f"model {line.price_model}: the product prices all units of a period together, none by itself")
    # Then the calls of a line only count its units; what they cost stands in its charge.
    by_call = line.charge_type == "usage" and line.price_model is None
    if charges and not by_call:
        exact = exact_sum([(row["amount_num"], row["amount_den"]) for row in charges])
        text.append(sum_told(exact, count_of(len(charges), "charge"), document))
    for row in discounts:
        how = f"{row['percent'].normalize():f} %" if row["percent"] is not None else "fixed amount"
        text.append(f"discount {row['discount_key']}: {how}, {rounded(row['amount'], document.minor_digits)} {money}")
    place = Place(stored.run_id, stored.draft_id, number)
    usage = parts_of(store, place) if line.charge_type == "usage" else []
    others = other_lines(store, place) if usage and by_call else []
    erased = _erased(store, document, usage)
    text += [erased] if erased else []
    text += [part_told(part) for part in usage[:MOST_ROWS]]
    if len(usage) > MOST_ROWS:
        text.append(f"and {len(usage) - MOST_ROWS} more; --json prints all of them")
    if usage and by_call:
        text += usage_sum(document, line, usage, others)
    for tax, amount in tax_of_line(document, line):
        text.append(f"of tax:{tax.tax_no} {tax.tax_code} {tax.jurisdiction}: {amount} {money} falls on this line")
    data = {"line": line.model_dump(mode="json"), "charges": charges, "discounts": discounts, "usage": usage}
    data |= {"other_lines": [it.as_json() for it in others]} if others else {}
    data |= {"erased": erased} if erased else {}
    return Explanation(text, data)


def _erased(store: Store, document: Document, usage: list[dict[str, Any]]) -> str | None:
    """That records of the line have lost their numbers; what they came to is still there."""
    records = {row["usage_id"] for row in usage if re.search(ERASED_ID, row["usage_id"])}
    erasure = erased_accounts(store).get(document.bill_to.account_id)
    if not records or erasure is None:
        return None
    return f"{count_of(len(records), 'record')} without their numbers: {erasure}; seconds, rates and amounts stay"


_CHARGE = "charge_key charge_type quantity unit_price priced_units part_start part_end cycle_start cycle_end"


def _charges(store: Store, stored: StoredDocument, number: int) -> list[dict[str, Any]]:
    return _rows(store, stored, number, "charges", f"{_CHARGE} amount_num amount_den", "charge_key, part_start")


def _discounts(store: Store, stored: StoredDocument, number: int) -> list[dict[str, Any]]:
    return _rows(store, stored, number, "line_discounts", "discount_key percent amount", "discount_key")


def _rows(
    store: Store, stored: StoredDocument, number: int, table: str, names: str, order: str
) -> list[dict[str, Any]]:
    columns = names.split()
    rows = store.rows(
        f"select {', '.join(columns)} from {table} "
        f"where run_id = $1 and draft_id = $2 and line_no = $3 order by {order}",
        [stored.run_id, stored.draft_id, number],
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _charge(row: dict[str, Any], money: str) -> str:
    price = "" if row["unit_price"] is None else f" at {row['unit_price'].normalize():f}"
    days = f"{row['part_start']} to {row['part_end']} of {row['cycle_start']} to {row['cycle_end']} (exclusive)"
    exact = Fraction(row["amount_num"]) / row["amount_den"]
    amount = rounded(exact, 12).normalize()
    quantity = row["quantity"].normalize()
    return f"charge {row['charge_key']}: {quantity:f}{price}, {days}: {amount:f} {money}"
