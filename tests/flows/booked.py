"""A small home with two booked months, written straight into its tables: what publish, deliver and review read.

Two sellers, five accounts, seven calls. May is issued; June is drafted, and issued where a test asks for it.
"""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from flows.home.settings import BillingSettings, SellerSettings, Settings, SmtpSettings
from flows.home.store import Store, write_atomic
from schemas.document import BillTo, Document, Line, Seller, Tax, canonical

CLOCK = datetime(2026, 6, 2, 12, 0, tzinfo=UTC)
INGESTED = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
SELLERS = {"us": ("USD", "US-TX", "America/New_York"), "au": ("AUD", "AU", "Australia/Sydney")}
ACCOUNTS = {
    "A-1": ("us", "Alder & Sons", ["books@alder.example", "BOOKS@alder.example", "it@alder.example"]),
    "A-2": ("au", "Banksia Florists", ["hello@banksia.example"]),
    "A-3": ("us", "Cedar <Row>", ["cedar@cedar.example"]),
    "A-4": ("us", "Dogwood Dental", ["desk@dogwood.example"]),
    "A-5": ("us", "Elm Street Books", ["elm@elm.example"]),
}


def settings(smtp: SmtpSettings | None = None) -> Settings:
    """Both sellers; the window is the 1st to 5th."""
    sellers = {
        seller: SellerSettings(
            name=f"Tollbooth {seller.upper()}",
            address_lines=["1 Example Street"],
            country=jurisdiction[:2],
            time_zone=zone,
            email=f"billing@{seller}.example",
            series=seller.upper(),
        )
        for seller, (_, jurisdiction, zone) in SELLERS.items()
    }
    return Settings(billing=BillingSettings(first_invoice_month="2026-05"), sellers=sellers, smtp=smtp)


def document(account_id: str, month: str, fee: str, usage: str, number: str | None = None) -> Document:
    """A document of one service fee and one usage line; 10 % tax and a recovery fee of 1.00."""
    seller_id, name, emails = ACCOUNTS[account_id]
    currency, jurisdiction, _ = SELLERS[seller_id]
    first = date.fromisoformat(f"{month}-01")
    lines = [
        _line(1, "service_fees", "recurring", Decimal(fee), jurisdiction, first),
        _line(2, "international_minutes", "usage", Decimal(usage), jurisdiction, first),
    ]
    subtotal = Decimal(fee) + Decimal(usage)
    taxes = [
        _tax(
            1, "SALES" if seller_id == "us" else "GST", "tax", subtotal, Decimal(10), subtotal / 10, jurisdiction, first
        ),
        _tax(2, "RRF", "recovery_fee", subtotal, Decimal(0), Decimal("1.00"), jurisdiction[:2], first),
    ]
    tax_total = sum((tax.amount for tax in taxes), Decimal(0))
    return Document(
        template_version="1",
        kind="invoice",
        draft_id=f"draft-{account_id}-{month}",
        invoice_number=number or f"draft-{account_id}-{month}",
        status="issued" if number else "draft",
        run_id=f"run-{month}",
        seller=Seller(
            seller_id=seller_id,
            name=f"Tollbooth {seller_id.upper()}",
            address_lines=["1 Example Street"],
            country=jurisdiction[:2],
            email=f"billing@{seller_id}.example",
        ),
        bill_to=BillTo(
            account_id=account_id,
            name=name,
            address_lines=["2 Sample Road"],
            city="Sampleton",
            postal_code="00000",
            country=jurisdiction[:2],
            emails=emails,
        ),
        jurisdiction=jurisdiction,
        locale="en_US",
        currency=currency,
        minor_digits=2,
        invoice_month=month,
        issue_date=first,
        due_date=first.replace(day=28),
        usage_period_start=None,
        usage_period_end=None,
        lines=lines,
        taxes=taxes,
        subtotal=subtotal,
        tax_total=tax_total,
        total=subtotal + tax_total,
    )


def _line(number: int, section: Any, kind: Any, amount: Decimal, jurisdiction: str, first: date) -> Line:
    return Line(
        line_no=number,
        section=section,
        charge_type=kind,
        product_code=section,
        charge_key=f"key-{number}",
        resource_kind="devices",
        resource_id=None,
        description=section,
        quantity=Decimal(1),
        unit="unit",
        unit_price=amount,
        amount=amount,
        period_start=first,
        period_end=first.replace(day=28),
        tax_class="voice",
        jurisdiction=jurisdiction,
    )


def _tax(
    number: int, code: str, kind: Any, base: Decimal, rate: Decimal, amount: Decimal, where: str, day: date
) -> Tax:
    return Tax(
        tax_no=number,
        tax_code=code,
        kind=kind,
        name=code,
        text=f"About {code}.",
        jurisdiction=where,
        tax_date=day,
        gross_base=base,
        taxable_percent=Decimal(100),
        base_amount=base,
        exempt_amount=Decimal(0),
        rate_percent=rate,
        amount=amount,
    )


def insert(store: Store, table: str, **values: Any) -> None:
    """One row."""
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    store.con.execute(f"insert into {table} ({names}) values ({marks})", list(values.values()))


def run(store: Store, run_id: str, seq: int, month: str, *states: str, kind: str = "regular") -> None:
    insert(
        store, "runs", run_seq=seq, run_id=run_id, invoice_month=month, kind=kind, inputs_sha256=f"in-{run_id}",
        issued_sha256="none", drafted_by="ada", drafted_at=CLOCK,
    )  # fmt: skip
    for state in states:
        insert(store, "run_events", run_id=run_id, state=state, by_name="ada", happened_at=CLOCK)


def draft(store: Store, doc: Document) -> None:
    """The document's rows, as the engine leaves them."""
    head = doc.model_dump(
        include={
            "run_id",
            "draft_id",
            "invoice_month",
            "kind",
            "currency",
            "subtotal",
            "tax_total",
            "total",
            "is_final",
        }
    )
    account = doc.bill_to.account_id
    insert(
        store, "documents", **head, account_id=account, seller_id=doc.seller.seller_id,
        bill_to_country=doc.bill_to.country, document_json=canonical(doc).decode(),
    )  # fmt: skip
    key = {"run_id": doc.run_id, "draft_id": doc.draft_id, "account_id": account}
    for table, parts in (("invoice_lines", doc.lines), ("invoice_taxes", doc.taxes)):
        columns = {name for (name,) in store.rows(f"select column_name from (describe {table})")}
        for part in parts:
            insert(store, table, **key, **part.model_dump(include=columns - set(key)))


def issue(store: Store, doc: Document, number: str) -> None:
    """Numbers and renders a draft; the PDF is bytes that name the document, the CSV one line."""
    final = doc.model_copy(update={"invoice_number": number, "status": "issued", "usage_csv": f"{number}.csv"})
    text = canonical(final)
    insert(
        store, "issued_documents", draft_id=doc.draft_id, invoice_number=number, seller_id=doc.seller.seller_id,
        account_id=doc.bill_to.account_id, invoice_month=doc.invoice_month, run_id=doc.run_id,
        issue_date=doc.issue_date, due_date=doc.due_date, document_json=text.decode(),
        document_sha256=hashlib.sha256(text).hexdigest(), issued_by="grace", issued_at=CLOCK,
    )  # fmt: skip
    folder = store.home.out(doc.invoice_month)
    pdf, csv = folder / "invoices" / f"{number}.pdf", folder / "usage" / f"{number}.csv"
    insert(
        store, "rendered_documents", invoice_number=number, pdf_file=store.home.relative(pdf),
        pdf_sha256=write_atomic(pdf, f"%PDF-1.7 {number}\n".encode()),
        usage_csv_file=store.home.relative(csv), usage_csv_sha256=write_atomic(csv, b"started_at,amount\n"),
    )  # fmt: skip


def source_file(
    store: Store, seq: int, name: str, feed: str, loaded: int, rejected: int = 0, duplicate: int = 0
) -> None:
    insert(
        store, "source_files", file_seq=seq, source_file=name, feed=feed, sha256=f"hash-{seq}",
        records=loaded + rejected + duplicate, loaded=loaded, rejected=rejected, duplicate=duplicate, state="loaded",
        ingested_at=INGESTED,
    )  # fmt: skip


def call(store: Store, line: int, day: date, seconds: int, file: str = "inbox/calls/may.csv", seq: int = 2) -> None:
    insert(
        store, "feed_calls", usage_id=f"u{line}", source="pbx", call_id=str(line), account_id="A-1",
        started_at=datetime(day.year, day.month, day.day, 15, tzinfo=UTC), direction="outbound", duration_s=seconds,
        source_file=file, source_line=line, file_seq=seq,
    )  # fmt: skip


def outcome(store: Store, table: str, run_id: str, line: int, seconds: int, **values: Any) -> None:
    insert(
        store, f"{table}_usage", run_id=run_id, usage_id=f"u{line}", account_id="A-1", duration_s=seconds,
        started_at=datetime(2026, 5, 10, 15, tzinfo=UTC), source_file="inbox/calls/may.csv", source_line=line, **values,
    )  # fmt: skip


def rated(store: Store, run_id: str, line: int, seconds: int, amount: str, draft_id: str) -> None:
    """A call at `amount`, on line 2 of the draft."""
    outcome(
        store, "rated", run_id, line, seconds, kind="voice", amount=Decimal(amount), currency="USD", draft_id=draft_id
    )
    insert(
        store, "line_usage", run_id=run_id, draft_id=draft_id, line_no=2, usage_id=f"u{line}", component="charged",
        units=seconds, amount=Decimal(amount),
    )  # fmt: skip


def book(store: Store) -> dict[str, Document]:
    """May issued for A-1 and A-3; June drafted for A-1 and A-2, A-3 ceased, A-4 parked, A-5 not started."""
    with store.transaction():
        return _book(store)


def _book(store: Store) -> dict[str, Document]:
    source_file(store, 1, "inbox/accounts/accounts.csv", "accounts", 5)
    source_file(store, 2, "inbox/calls/may.csv", "calls", 6, rejected=1, duplicate=1)
    insert(
        store, "rejected_records", feed="calls", source_file="inbox/calls/may.csv", source_line=8,
        column_name="duration_s", reason="found 'x'; expected seconds", raw_line="a,b,x", sha256="hash-2",
    )  # fmt: skip
    insert(
        store, "duplicate_records", feed="calls", source_file="inbox/calls/may.csv", source_line=9,
        of_file="inbox/calls/may.csv", of_line=2, raw_line="a,b,3", sha256="hash-2",
    )  # fmt: skip
    store.append(
        "feed_accounts",
        pl.DataFrame(
            [
                (account, name, seller, SELLERS[seller][0], "inbox/accounts/accounts.csv", line, 1)
                for line, (account, (seller, name, _)) in enumerate(ACCOUNTS.items(), start=2)
            ],
            schema=["account_id", "name", "seller_id", "currency", "source_file", "source_line", "file_seq"],
            orient="row",
        ),
    )
    for line, day, seconds in (
        (2, date(2026, 5, 10), 60), (3, date(2026, 5, 11), 30), (4, date(2026, 5, 12), 45), (5, date(2026, 5, 13), 0),
        (6, date(2026, 6, 20), 99), (7, date(2026, 5, 14), 10),
    ):  # fmt: skip
        call(store, line, day, seconds)
    run(store, "run-2026-05", 1, "2026-05", "open", "drafted", "approved")
    run(store, "run-old", 2, "2026-06", "open", "drafted", "superseded")
    run(store, "run-2026-06", 3, "2026-06", "open", "drafted")
    docs = {
        "may": document("A-1", "2026-05", "100.00", "0.00"),
        "gone": document("A-3", "2026-05", "50.00", "0.00"),
        "june": document("A-1", "2026-06", "110.00", "2.40"),
        "new": document("A-2", "2026-06", "20.00", "0.00"),
    }
    for doc in docs.values():
        draft(store, doc)
    issue(store, docs["may"], "US-2026-000001")
    issue(store, docs["gone"], "US-2026-000002")
    draft(store, docs["june"].model_copy(update={"run_id": "run-old"}))
    june = docs["june"].draft_id
    rated(store, "run-old", 2, 60, "9.99", june)
    rated(store, "run-2026-06", 2, 60, "1.600000000000", june)
    rated(store, "run-2026-06", 3, 30, "0.796666666667", june)
    outcome(
        store, "suspended", "run-2026-06", 4, 45, feed="calls", reason="no_rate", detail="no prefix matches",
        estimate=Decimal("0.75"), estimate_currency="USD",
    )  # fmt: skip
    outcome(store, "suspended", "run-2026-06", 7, 10, feed="calls", reason="no_rate", detail="no prefix matches")
    outcome(store, "excluded", "run-2026-06", 5, 0, feed="calls", reason="unanswered")
    for run_id, total, previous in (("run-2026-05", 111, None), ("run-2026-06", Decimal("124.64"), 111)):
        account(store, run_id, "A-1", "billed", total=total, previous=previous)
    account(store, "run-2026-05", "A-2", "not_started")
    account(store, "run-2026-05", "A-3", "billed", total=56)
    account(store, "run-2026-06", "A-2", "billed", total=23)
    account(store, "run-2026-06", "A-3", "closed", previous=56)
    for run_id in ("run-2026-05", "run-2026-06"):
        account(store, run_id, "A-4", "parked", "no price in USD for headset", code="no_price")
        account(store, run_id, "A-5", "not_started")
    insert(store, "run_findings", run_id="run-2026-06", account_id="A-1", kind="older_difference", detail="-3.00 USD")
    insert(store, "snapshot_missing", feed="devices", source_file="inbox/devices/all.csv", row_key="D-9", sha256="h")
    return docs


def account(
    store: Store,
    run_id: str,
    account_id: str,
    outcome: str,
    reason: str | None = None,
    total: Any = 0,
    previous: Any = 0,
    code: str | None = None,
) -> None:
    seller = ACCOUNTS[account_id][0]
    insert(
        store, "run_accounts", run_id=run_id, account_id=account_id, seller_id=seller, outcome=outcome, code=code,
        reason=reason, currency=SELLERS[seller][0], total=total, previous_total=previous,
    )  # fmt: skip


def issue_june(store: Store, docs: dict[str, Document]) -> None:
    """Both June documents, numbered; the run approved."""
    issue(store, docs["june"], "US-2026-000003")
    issue(store, docs["new"], "AU-2026-000001")
    insert(store, "run_events", run_id="run-2026-06", state="approved", by_name="grace", happened_at=CLOCK)
