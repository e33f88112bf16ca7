"""A small home with two booked months, written straight into its tables: what publish, deliver and review read.

Two sellers, five accounts, six calls. May is issued; June is drafted, and issued where a test asks for it. A month that
is really run takes fifty times as long, and here every figure can be read off: rows are told by column name (BOOKS),
what all rows of a table have in common once (DEFAULTS).
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from flows.home.schema import LINES_OF_A_FILE
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from schemas.document import Document, canonical
from tests.flows.booked_documents import ACCOUNTS, SELLERS, document, settings
from tests.flows.rated_rows import change_rated

__all__ = [
    "ACCOUNTS",
    "CLOCK",
    "account",
    "book",
    "document",
    "draft",
    "insert",
    "issue",
    "issue_june",
    "run",
    "settings",
]

CLOCK = datetime(2026, 6, 2, 12, 0, tzinfo=UTC)
_MAY = "inbox/calls/may.csv"
_USAGE = {"account_id": "A-1", "started_at": datetime(2026, 5, 10, 15, tzinfo=UTC), "source_file": _MAY}
DEFAULTS: dict[str, dict[str, Any]] = {
    "source_files": {"state": "loaded", "ingested_at": datetime(2026, 6, 1, 8, 0, tzinfo=UTC)},
    "rejected_records": {"feed": "calls", "source_file": _MAY, "sha256": "hash-2"},
    "duplicate_records": {"feed": "calls", "source_file": _MAY, "of_file": _MAY, "sha256": "hash-2"},
    "feed_accounts": {"source_file": "inbox/accounts/accounts.csv", "file_seq": 1},
    "feed_calls": {"account_id": "A-1", "source": "pbx", "direction": "outbound", "source_file": _MAY, "file_seq": 2},
    "runs": {"kind": "regular", "issued_sha256": "none", "drafted_by": "ada", "drafted_at": CLOCK},
    "run_events": {"by_name": "ada", "happened_at": CLOCK},
    "rated_usage": {**_USAGE, "kind": "voice", "currency": "USD"},
    "line_usage": {"line_no": 2, "component": "charged"},
    "suspended_usage": {**_USAGE, "feed": "calls"},
    "excluded_usage": {**_USAGE, "feed": "calls"},
    "run_accounts": {"total": 0, "previous_total": 0},
}

BOOKS = {
    "source_files": """
        file_seq  source_file                  feed      sha256  records  loaded  rejected  duplicate
        1         inbox/accounts/accounts.csv  accounts  hash-1  5        5       0         0
        2         inbox/calls/may.csv          calls     hash-2  8        6       1         1
    """,
    "rejected_records": """
        source_line  column_name  reason                       raw_line
        8            duration_s   found 'x'; expected seconds  a,b,x
    """,
    "duplicate_records": """
        source_line  of_line  raw_line
        9            2        a,b,3
    """,
    "snapshot_missing": """
        feed     source_file            row_key  sha256
        devices  inbox/devices/all.csv  D-9      h
    """,
    "feed_calls": """
        usage_id  call_id  source_line  started_at            duration_s
        u2        2        2            2026-05-10T15:00:00Z  60
        u3        3        3            2026-05-11T15:00:00Z  30
        u4        4        4            2026-05-12T15:00:00Z  45
        u5        5        5            2026-05-13T15:00:00Z  0
        u6        6        6            2026-06-20T15:00:00Z  99
        u7        7        7            2026-05-14T15:00:00Z  10
    """,
    "runs": """
        run_seq  run_id       invoice_month  inputs_sha256
        1        run-2026-05  2026-05        in-run-2026-05
        2        run-old      2026-06        in-run-old
        3        run-2026-06  2026-06        in-run-2026-06
    """,
    "run_events": """
        run_id       state
        run-2026-05  open
        run-2026-05  drafted
        run-2026-05  approved
        run-old      open
        run-old      drafted
        run-old      superseded
        run-2026-06  open
        run-2026-06  drafted
    """,
    "rated_usage": """
        run_id       usage_id  source_line  duration_s  amount          draft_id
        run-old      u2        2            60          9.99            draft-A-1-2026-06
        run-2026-06  u2        2            60          1.600000000000  draft-A-1-2026-06
        run-2026-06  u3        3            30          0.796666666667  draft-A-1-2026-06
    """,
    "line_usage": """
        run_id       draft_id           usage_id  units  amount
        run-old      draft-A-1-2026-06  u2        60     9.99
        run-2026-06  draft-A-1-2026-06  u2        60     1.600000000000
        run-2026-06  draft-A-1-2026-06  u3        30     0.796666666667
    """,
    "suspended_usage": """
        run_id       usage_id  source_line  duration_s  reason   detail             estimate  estimate_currency
        run-2026-06  u4        4            45          no_rate  no prefix matches  0.75      USD
        run-2026-06  u7        7            10          no_rate  no prefix matches  -         -
    """,
    "excluded_usage": """
        run_id       usage_id  source_line  duration_s  reason
        run-2026-06  u5        5            0           unanswered
    """,
    "run_accounts": """
        run_id       account_id  seller_id  currency  outcome      code          total   previous_total  reason
        run-2026-05  A-1         us         USD       billed       -             111     -               -
        run-2026-05  A-2         au         AUD       not_started  starts_later  0       0               -
        run-2026-05  A-3         us         USD       billed       -             56      0               -
        run-2026-05  A-4         us         USD       parked       no_price      0       0               no price in USD for headset
        run-2026-05  A-5         us         USD       not_started  starts_later  0       0               -
        run-2026-06  A-1         us         USD       billed       -             124.64  111             -
        run-2026-06  A-2         au         AUD       billed       -             23      0               -
        run-2026-06  A-3         us         USD       closed       has_left      0       56              -
        run-2026-06  A-4         us         USD       parked       no_price      0       0               no price in USD for headset
        run-2026-06  A-5         us         USD       not_started  starts_later  0       0               -
    """,  # noqa: E501 a table reads as a table
    "run_findings": """
        run_id       account_id  kind              detail
        run-2026-06  A-1         older_difference  -3.00 USD
    """,
}
"""Rows by table; cells are two blanks or more apart, `-` is null."""

_DOCUMENTS = [
    ("may", "A-1", "2026-05", "100.00", "0.00"),
    ("gone", "A-3", "2026-05", "50.00", "0.00"),
    ("june", "A-1", "2026-06", "110.00", "2.40"),
    ("new", "A-2", "2026-06", "20.00", "0.00"),
]
"""Name, account, month, service fee, usage."""


def rows_of(text: str) -> Iterator[dict[str, str | None]]:
    """The rows of a table as BOOKS writes it."""
    head, *lines = (re.split(r"\s{2,}", line.strip()) for line in text.strip().splitlines())
    for cells in lines:
        yield {name: None if cell == "-" else cell for name, cell in zip(head, cells, strict=True)}


def insert(store: Store, table: str, **values: Any) -> None:
    """One row, completed by DEFAULTS."""
    row = {**DEFAULTS.get(table, {}), **values}
    if table in ("feed_calls", "feed_messages", "suspended_usage", "excluded_usage") and row.get("source_line"):
        row["usage_no"] = int(row.get("file_seq", 2)) * LINES_OF_A_FILE + int(row["source_line"])
    if table == "line_usage":
        known = store.rows("select max(usage_no) from usage_records where usage_id = $1", [row["usage_id"]])
        row["usage_no"] = known[0][0]
    marks = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    statement, cells = f"insert into {table} ({', '.join(row)}) values ({marks})", list(row.values())
    if table == "rated_usage":
        change_rated(store, statement, cells)
    else:
        store.con.execute(statement, cells)


def book(store: Store) -> dict[str, Document]:
    """May issued for A-1 and A-3; June drafted for A-1 and A-2, A-3 ceased, A-4 parked, A-5 not started."""
    docs = {name: document(account_id, month, fee, usage) for name, account_id, month, fee, usage in _DOCUMENTS}
    with store.transaction():
        for line, (account_id, (seller, name, _)) in enumerate(ACCOUNTS.items(), start=2):
            insert(
                store, "feed_accounts", account_id=account_id, name=name, seller_id=seller,
                currency=SELLERS[seller][0], source_line=line,
            )  # fmt: skip
        for table, text in BOOKS.items():
            for row in rows_of(text):
                insert(store, table, **row)
        for doc in docs.values():
            draft(store, doc)
        draft(store, docs["june"].model_copy(update={"run_id": "run-old"}))
        issue(store, docs["may"], "US-2026-000001")
        issue(store, docs["gone"], "US-2026-000002")
    return docs


def issue_june(store: Store, docs: dict[str, Document]) -> None:
    """Both June documents, numbered; the run approved."""
    issue(store, docs["june"], "US-2026-000003")
    issue(store, docs["new"], "AU-2026-000001")
    insert(store, "run_events", run_id="run-2026-06", state="approved", by_name="grace")


def run(store: Store, run_id: str, seq: int, month: str, *states: str, kind: str = "regular") -> None:
    insert(store, "runs", run_seq=seq, run_id=run_id, invoice_month=month, kind=kind, inputs_sha256=f"in-{run_id}")
    for state in states:
        insert(store, "run_events", run_id=run_id, state=state)


def account(store: Store, run_id: str, account_id: str, outcome: str) -> None:
    """What became of an account in a run, nothing billed."""
    seller = ACCOUNTS[account_id][0]
    insert(
        store, "run_accounts", run_id=run_id, account_id=account_id, seller_id=seller, outcome=outcome,
        currency=SELLERS[seller][0],
    )  # fmt: skip


def draft(store: Store, doc: Document) -> None:
    """The document's rows, as the engine leaves them."""
    key = {"run_id": doc.run_id, "draft_id": doc.draft_id, "account_id": doc.bill_to.account_id}
    same = {"invoice_month", "kind", "currency", "subtotal", "tax_total", "total", "is_final"}
    same |= {"issue_date", "due_date", "minor_digits"}
    insert(
        store, "documents", **key, **doc.model_dump(include=same), seller_id=doc.seller.seller_id,
        bill_to_country=doc.bill_to.country, document_json=canonical(doc).decode(),
    )  # fmt: skip
    for table, parts in (("invoice_lines", doc.lines), ("invoice_taxes", doc.taxes)):
        columns = {name for (name,) in store.rows(f"select column_name from (describe {table})")}
        for part in parts:
            insert(store, table, **key, **part.model_dump(include=columns - set(key)))


def issue(store: Store, doc: Document, number: str) -> None:
    """Numbers and renders a draft; the PDF is bytes that name the document, the CSV one line."""
    final = doc.model_copy(update={"invoice_number": number, "status": "issued", "usage_csv": f"{number}.csv"})
    text = canonical(final)
    insert(
        store, "issued_documents", **doc.model_dump(include={"run_id", "draft_id", "invoice_month", "issue_date"}),
        invoice_number=number, seller_id=doc.seller.seller_id, account_id=doc.bill_to.account_id,
        due_date=doc.due_date, document_json=text.decode(), document_sha256=hashlib.sha256(text).hexdigest(),
        issued_by="grace", issued_at=CLOCK,
    )  # fmt: skip
    folder = store.home.out(doc.invoice_month)
    pdf, csv = folder / "invoices" / f"{number}.pdf", folder / "usage" / f"{number}.csv"
    insert(
        store, "rendered_documents", invoice_number=number, pdf_file=store.home.relative(pdf),
        pdf_sha256=write_atomic(pdf, f"%PDF-1.7 {number}\n".encode()),
        usage_csv_file=store.home.relative(csv), usage_csv_sha256=write_atomic(csv, b"started_at,amount\n"),
    )  # fmt: skip
