"""`tollbook restore --from-store`: the books of what left the house again, when there is no database and no back-up.

Documents come from store/ by the hashes that the journal names, PDFs from out/, mails from the journal. What a document
was made of (calls, charges, runs) is in none of them: so these books go on like those of another program that billed up
to now (RULES 7), and say so.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from flows.books.kept_files import sha256_of
from flows.books.publish import publish
from flows.books.runs import NEXT_SEQ
from flows.home import audit
from flows.home.journal import Journal
from flows.home.loss import accept_loss
from flows.home.objects import kept
from flows.home.settings import Home
from flows.home.store import Store
from flows.home.told import Told
from flows.month.draft_rows import document_rows, line_rows, tax_rows
from invoicing.numbers import parts_of
from schemas.document import Document
from schemas.errors import Refused
from schemas.periods import shift_month


@dataclass
class Rebuilt:
    """What was found again; `missing`: numbers whose document lies nowhere."""

    documents: int = 0
    pdfs: int = 0
    mails: int = 0
    missing: list[str] = field(default_factory=list)
    entries: int = 0
    """Entries of the audit log that are gone."""
    next_month: str = ""

    incomplete = True

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))

    def lines(self) -> list[str]:
        found = f"{self.documents} issued documents, {self.pdfs} PDFs and {self.mails} mails (unknown)"
        said = [f"{found} are in the books again"]
        if self.missing:
            few = ", ".join(self.missing[:5])
            said.append(f"{len(self.missing)} numbers have no document any more and are never given again: {few}")
        said.append(f"gone: calls, charges and runs behind them, drafts, and {self.entries} entries of the audit log")
        now = (
            f'now: first_invoice_month = "{self.next_month}" in [billing] of tollbook.toml, for months before it count'
        )
        return [*said, f"{now} as billed by another system; `tollbook ingest` takes the inbox in again"]


def rebuild(home: Home, *, by: str, now: datetime) -> Rebuilt:
    """Makes tollbook.duckdb anew. The home's lock is held. Raises Refused where there is one, or no journal."""
    if home.database.exists() and not _is_empty(home):
        raise Refused(
            "tollbook.duckdb is there: what it holds is more than can be rebuilt. If it is damaged, move it away."
        )
    if not home.journal.exists():
        raise Refused(
            "journal.jsonl is gone, which names what left the house: `tollbook restore FILE` is the only way."
        )
    for path in (home.database, home.write_ahead_log):
        path.unlink(missing_ok=True)
    told = Told()
    for line in Journal(home.journal).read():
        told.take(line)
    found = Rebuilt(entries=told.head[0] if told.head else 0)
    documents = {number: document for number in told.numbers if (document := _document(home, told.numbers[number][1]))}
    found.missing = sorted(set(told.numbers) - set(documents))
    with Store(home, whatever_is_left=True) as store:
        with store.transaction():
            _write(store, home, list(documents.values()), told, found, by, now)
            audit.record(store, "rebuild", max((d.invoice_month for d in documents.values()), default=""), by, now)
        accept_loss(store, "rebuilt from the store", by, now)
        found.documents = len(documents)
        months = [document.invoice_month for document in documents.values()]
        found.next_month = shift_month(max(months), 1) if months else ""
        publish(store)
    return found


def _is_empty(home: Home) -> bool:
    """Whether nothing was ever done in these books: a rebuilding that was cut off made them."""
    with Store(home, whatever_is_left=True) as store:
        return not store.rows("select 1 from audit_log limit 1") and not store.rows(
            "select 1 from source_files limit 1"
        )


def _document(home: Home, sha256: str) -> Document | None:
    path = kept(home, sha256)
    return Document.model_validate_json(path.read_bytes()) if sha256_of(path) == sha256 else None


def _write(
    store: Store, home: Home, documents: list[Document], told: Told, found: Rebuilt, by: str, now: datetime
) -> None:
    if documents:
        store.append("documents", document_rows(documents))
        store.append("invoice_lines", line_rows(documents, store.columns("invoice_lines")))
        taxes = tax_rows(documents, store.columns("invoice_taxes"))
        store.append("invoice_taxes", taxes.with_columns(computed_by=pl.col("computed_by").fill_null("tables")))
    for run_id, month, kind in sorted({(d.run_id, d.invoice_month, _kind(d)) for d in documents}):
        store.con.execute(
            "insert into runs (run_seq, run_id, invoice_month, kind, inputs_sha256, issued_sha256) "
            f"values ({NEXT_SEQ}, $1, $2, $3, '', '')",
            [run_id, month, kind],
        )
        store.con.execute("insert into run_events values ($1, 'approved', $2, 'rebuilt', $3)", [run_id, by, now])
    for document in documents:
        number = document.invoice_number
        seller, sha256 = told.numbers[number]
        series, _, sequence = parts_of(number)
        store.con.execute(
            "insert into issued_documents values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            [
                *(document.draft_id, number, seller, series, sequence, document.bill_to.account_id),
                *(document.invoice_month, document.run_id, document.issue_date, document.due_date),
                *(kept(home, sha256).read_text(encoding="utf-8"), sha256, by, now),
            ],
        )
        store.con.execute(
            "insert into run_accounts (run_id, account_id, seller_id, outcome, currency, total) "
            "values ($1, $2, $3, 'billed', $4, $5)",
            [document.run_id, document.bill_to.account_id, seller, document.currency, document.total],
        )
        found.pdfs += _rendered(store, home, document)
    found.mails = len([number for number in told.mails.values() if number not in found.missing])


def _kind(document: Document) -> str:
    if document.correction:
        return "correction"
    return "supplementary" if re.search(r"-S-", document.run_id) else "regular"


def _rendered(store: Store, home: Home, document: Document) -> bool:
    """Whether the document's PDF lies in out/ as it was issued; else the next approval draws it again."""
    out = home.out(document.invoice_month)
    pdf = out / "invoices" / f"{document.invoice_number}.pdf"
    sha256 = sha256_of(pdf)
    if sha256 is None or sha256_of(kept(home, sha256)) != sha256:
        return False
    csv = out / "usage" / document.usage_csv if document.usage_csv else None
    csv_sha256 = sha256_of(csv) if csv else None
    store.con.execute(
        "insert into rendered_documents values ($1, $2, $3, $4, $5)",
        [
            document.invoice_number,
            home.relative(pdf),
            sha256,
            home.relative(csv) if csv and csv_sha256 else None,
            csv_sha256,
        ],
    )
    return True
