"""The sample's documents as text, compared exactly. Accept a change with --update-golden and read the diff."""

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.home.settings import Home
from flows.home.store import Store
from schemas.document import Document, Line, Tax

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def documents(sample: Callable[[str], Home]) -> dict[str, Document]:
    with Store(sample("june")) as store:
        rows = store.rows("select invoice_number, document_json from issued_documents order by 1")
    return {number: Document.model_validate_json(text) for number, text in rows}


def test_the_golden_months(documents: dict[str, Document], update_golden: bool) -> None:
    written = {f"{d.invoice_month}/{number}.txt": as_text(d) for number, d in documents.items()}
    if update_golden:
        for old in GOLDEN.glob("*/*.txt"):
            old.unlink()
        for name, text in written.items():
            (GOLDEN / name).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / name).write_text(text, encoding="utf-8")
    kept = {path.relative_to(GOLDEN).as_posix(): path.read_text(encoding="utf-8") for path in GOLDEN.glob("*/*.txt")}
    assert written == kept


def as_text(document: Document) -> str:
    """What the document says, a fact a line."""
    head = [
        f"{document.kind} {document.invoice_number} of {document.issue_date}, due {document.due_date}",
        f"{document.seller.name} to {document.bill_to.account_id} {document.bill_to.name}",
        f"{document.jurisdiction}, {document.locale}",
        f"usage {document.usage_period_start} to {document.usage_period_end}"
        + (", final" if document.is_final else ""),
        "",
    ]
    meters = [
        f"{a.allowance_id} {a.usage_month} {a.pool or ''}: {a.granted} {a.unit}s, {a.used} used, {a.over} over"
        for a in document.allowances
    ]
    totals = [
        f"subtotal {document.subtotal}",
        f"taxes and fees {document.tax_total}",
        f"total {document.total} {document.currency}",
    ]
    why = (
        [f"{c.section}: {c.previous} -> {c.current}" for c in document.comparison.changes]
        if document.comparison
        else []
    )
    parts = [
        head,
        [_line(line) for line in document.lines],
        ["", *meters] if meters else [],
        [""],
        [_tax(t) for t in document.taxes],
    ]
    parts += [
        ["", *totals],
        ["", "against the previous document", *why] if why else [],
        *[[note] for note in document.notes],
    ]
    return "\n".join(text for part in parts for text in part) + "\n"


def _line(line: Line) -> str:
    price = "" if line.unit_price is None else f" at {line.unit_price}" + (f" per {line.per}" if line.per != 1 else "")
    share = f" x {line.fraction}" if line.fraction else ""
    where = " ".join(
        filter(None, (line.billing_group and f"[{line.billing_group}]", line.country and f"({line.country})"))
    )
    return (
        f"{line.line_no:3} {line.section}/{line.product_code} {where} {line.period_start}..{line.period_end}: "
        f"{line.quantity} {line.unit}{share}{price} = {line.amount}"
    ).replace("  ", " ")


def _tax(tax: Tax) -> str:
    exempt = f", exempt {tax.exempt_amount} {tax.certificate_number or ''}" if tax.exempt_amount else ""
    if tax.unit == "amount_per_line":
        where = f"{tax.tax_code} {tax.jurisdiction} {tax.tax_date}"
        return f"{where}: {tax.line_count} lines at {tax.rate_amount} = {tax.amount}"
    return (
        f"{tax.tax_code} {tax.jurisdiction} {tax.tax_date}: {tax.rate_percent} % of {tax.base_amount} "
        f"({tax.taxable_percent} % of {tax.gross_base}{exempt}) = {tax.amount}"
    )
