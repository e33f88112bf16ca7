"""The outbox: which mails a month asks for, what stands in them, and each step of theirs (table delivery_events).

A mail is `queued`, then `sending` before its first byte leaves, then accepted, written, refused or unknown.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

from flows.books.erased import is_erased_file
from flows.home.store import Store
from schemas.document import Document
from schemas.errors import Refused
from schemas.mail_address import MOST_RECIPIENTS, one_address
from schemas.states import MailState


@dataclass(frozen=True)
class Mail:
    """One mail of the outbox: a document to one recipient, the `index`-th of its document (from 1)."""

    message_id: str
    invoice_number: str
    seller_id: str
    recipient: str
    index: int
    state: MailState | None


def outbox(store: Store, month: str) -> list[Mail]:
    """Every mail the month's issued documents ask for, with its last state."""
    states = dict(store.rows("select message_id, state from mail_states where invoice_month = $1", [month]))
    mails = []
    for number, seller, emails in store.rows(
        "select invoice_number, seller_id, cast(document_json -> '$.bill_to.emails' as varchar[]) "
        "from issued_documents where invoice_month = $1 order by seller_id, invoice_number",
        [month],
    ):
        for index, recipient in enumerate(_distinct(emails), start=1):
            key = hashlib.sha256(f"{number}\n{recipient.lower()}".encode()).hexdigest()[:32]
            mails.append(Mail(key, number, seller, recipient, index, states.get(key)))
    return mails


def _distinct(emails: list[str]) -> list[str]:
    """Addresses without repeats, whatever their case, in the order given."""
    return list({email.strip().lower(): email.strip() for email in reversed(emails)}.values())[::-1]


@dataclass(frozen=True)
class Step:
    """What every step of one `send` has in common: its month, by whom, why outside the window, when."""

    month: str
    by: str
    late_reason: str | None
    now: datetime


def record(store: Store, mail: Mail, step: Step, state: MailState, detail: str | None = None) -> None:
    """Committed before anything else happens: what a kill leaves behind is true."""
    store.con.execute(
        "insert into delivery_events values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        [
            *(mail.message_id, mail.invoice_number, step.month, mail.recipient, state, detail),
            *(step.late_reason, step.by, step.now),
        ],
    )


def queue(store: Store, mails: list[Mail], step: Step) -> None:
    """Every mail of the batch is known before the first goes: a document with one to come never counts as sent."""
    import polars as pl

    rows = [(mail.message_id, mail.invoice_number, mail.recipient) for mail in mails]
    names = ["message_id", "invoice_number", "recipient"]
    store.append(
        "delivery_events",
        pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row").with_columns(
            pl.lit(step.month).alias("invoice_month"),
            pl.lit("queued").alias("state"),
            pl.lit(step.late_reason, dtype=pl.String).alias("late_reason"),
            pl.lit(step.by).alias("by_name"),
            pl.lit(step.now).alias("happened_at"),
        ),
    )


def message(store: Store, mail: Mail, sent_on: date, with_csv: bool) -> tuple[EmailMessage, str]:
    """The mail, with the PDF exactly as it was issued, and its sender. Raises Refused: what is wrong, what to do."""
    from templates.mail import build_mail

    _check_address(mail)
    document = _issued(store, mail)
    files = store.rows(
        "select pdf_file, pdf_sha256, usage_csv_file, usage_csv_sha256 from rendered_documents "
        "where invoice_number = $1 order by rowid desc limit 1",
        [mail.invoice_number],
    )
    if not files:
        raise Refused(f"no PDF yet; `tollbook approve {document.invoice_month}` renders what is missing")
    pdf_file, pdf_sha256, csv_file, csv_sha256 = files[0]
    pdf = _checked(store, pdf_file, pdf_sha256)
    usage_csv = None
    # What is erased cannot go out any more; the document itself can.
    if csv_file and with_csv and not is_erased_file(store, csv_file):
        usage_csv = (document.usage_csv or Path(csv_file).name, _checked(store, csv_file, csv_sha256))
    built = build_mail(document, mail.recipient, pdf, f"{mail.invoice_number}.pdf", usage_csv, sent_on)
    return built, document.seller.email


def _issued(store: Store, mail: Mail) -> Document:
    """The document, if it is still what was issued."""
    ((text, sha256),) = store.rows(
        "select document_json, document_sha256 from issued_documents where invoice_number = $1", [mail.invoice_number]
    )
    if hashlib.sha256(text.encode()).hexdigest() != sha256:
        raise Refused("the stored document is not the one that was issued; restore tollbook.duckdb from a back-up")
    return Document.model_validate_json(text)


def _checked(store: Store, file: str, sha256: str) -> bytes:
    try:
        content = (store.home.root / file).read_bytes()
    except OSError:
        raise Refused(f"{file} is missing or unreadable; restore it from a back-up") from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise Refused(f"{file} is not the file that was issued; restore it from a back-up")
    return content


def _check_address(mail: Mail) -> None:
    """Exactly one mailbox, or none."""
    if mail.index > MOST_RECIPIENTS:
        raise Refused(f"more than {MOST_RECIPIENTS} recipients")
    if one_address(mail.recipient) is None:
        raise Refused("not an e-mail address; mend the account's email or cc_emails")
