"""The outbox: which mails a month asks for, what stands in them, and each step of theirs (table delivery_events).

A mail is `queued`, then `sending` before its first byte leaves, then accepted, written, refused or unknown. One whose
address was changed before it could go is `replaced`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from flows.home.journal import Line
from flows.home.settings import Home
from flows.home.store import Store
from flows.post.papers import Paper, checked
from schemas.errors import Refused
from schemas.mail_address import MOST_RECIPIENTS, one_address
from schemas.states import MailState

if TYPE_CHECKING:
    from flows.books.cancellations import Cancellation


@dataclass(frozen=True)
class Mail:
    """One mail of the outbox: a document to one recipient, the `index`-th of its document (from 1); or, without a
    number, what confirms a cancellation (flows/post/confirmations.py)."""

    message_id: str
    invoice_number: str | None
    seller_id: str
    recipient: str
    index: int
    state: MailState | None
    cancellation: "Cancellation | None" = None

    def __str__(self) -> str:
        """What it is, without an address."""
        if self.cancellation is None:
            return f"{self.invoice_number}, recipient {self.index}"
        return f"cancellation of {self.cancellation.subscription_id or self.cancellation.account_id}"


@dataclass(frozen=True)
class Outbox:
    """`mails`: those that a month asks for, with their last state. `left_behind`: begun and not gone, to an address
    that is the account's no longer; where the document still goes to another one, that mail is among `mails`."""

    mails: list[Mail]
    left_behind: list[Mail]


_DONE, _IN_DOUBT = ("accepted", "written"), ("sending", "unknown")

_ISSUED = """
    with now as (
        select account_id, email, cc_emails from current_accounts
        qualify row_number() over (partition by account_id order by
            coalesce(effective_from <= $on, true) desc,
            case when effective_from <= $on then effective_from end desc nulls last, effective_from) = 1)
    select i.invoice_number, i.seller_id, cast(i.document_json -> '$.bill_to.emails' as varchar[]), n.email, n.cc_emails
    from issued_documents as i left join now as n using (account_id)
    where i.invoice_month = $month order by i.seller_id, i.invoice_number"""


def outbox(store: Store, month: str, on: date, *, resend: bool = False) -> Outbox:
    """The mails of the month's issued documents on the day `on`, to the addresses that their accounts have then
    (RULES 32). What has gone to all it was meant for asks for nothing more, whatever becomes of the addresses.

    resend: whether what may have arrived at an address that is no longer the account's goes to the new one.
    """
    begun: dict[str, list[tuple[str, str, MailState]]] = {}
    for number, *mail in store.rows(
        "select invoice_number, message_id, recipient, state from mail_states "
        "where invoice_month = $1 and state <> 'replaced' order by invoice_number, recipient",
        [month],
    ):
        begun.setdefault(number, []).append(tuple(mail))
    found = Outbox([], [])
    for number, seller, printed, own, copies in store.rows(_ISSUED, {"month": month, "on": on}):
        old = begun.get(number, [])
        copied = [it for it in (copies or "").replace(";", ",").split(",") if it.strip()]
        now = _distinct([own, *copied] if own else printed)
        if old and all(state in _DONE for *_, state in old):
            found.mails.extend(_begun(number, seller, old))
            continue
        gone = {key: (recipient, state) for key, recipient, state in old if key not in {_key(number, it) for it in now}}
        # What went to the second address that was printed stands for the second one of today.
        places = {_key(number, it): place for place, it in enumerate(_distinct(printed))}
        held = {places[key] for key, (_, state) in gone.items() if key in places and _stands(state, resend=resend)}
        mails = _mails(number, seller, now, old)
        found.mails.extend(mail for mail in mails if mail.state is not None or mail.index - 1 not in held)
        for former in _begun(number, seller, [(key, *of) for key, of in gone.items()]):
            (found.mails if _stands(former.state, resend=resend) else found.left_behind).append(former)
    return found


def _begun(number: str, seller: str, begun: list[tuple[str, str, MailState]]) -> list[Mail]:
    """Mails as they were begun, by their keys: where the books that knew an address are gone, it is not known."""
    return [Mail(key, number, seller, it, index, state) for index, (key, it, state) in enumerate(begun, start=1)]


def _stands(state: MailState | None, *, resend: bool) -> bool:
    """Whether a mail to an address of before has gone, or may have."""
    return state in _DONE or (state in _IN_DOUBT and not resend)


def _key(number: str, recipient: str) -> str:
    return hashlib.sha256(f"{number}\n{recipient.lower()}".encode()).hexdigest()[:32]


def _mails(number: str, seller: str, recipients: list[str], begun: list[tuple[str, str, MailState]]) -> list[Mail]:
    states = {key: state for key, _, state in begun}
    keys = [(_key(number, recipient), recipient) for recipient in recipients]
    return [Mail(key, number, seller, it, index, states.get(key)) for index, (key, it) in enumerate(keys, start=1)]


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
    senders: Mapping[str, str]
    """seller_id -> the address that its mails come from."""


def record(store: Store, mail: Mail, step: Step, state: MailState, detail: str | None = None) -> None:
    """Committed before anything else happens: what a kill leaves behind is true."""
    store.con.execute(
        "insert into delivery_events values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        [
            *(mail.message_id, mail.invoice_number, step.month, mail.recipient, state, detail),
            *(step.late_reason, step.by, step.now, step.senders.get(mail.seller_id)),
        ],
    )


def journaled(store: Store, mail: Mail, *, is_recorded: bool) -> None:
    """Before a mail is handed over it stands in the journal beside the database (RULES 30). is_recorded: whether the
    books have noted this time already."""
    if store.journal is None:
        return
    line: Line = {"kind": "mail", "key": mail.message_id, "number": mail.invoice_number}
    if mail.state is not None:
        # Tried before, maybe in lines of the journal that the books read no more.
        known = store.rows(
            "select count(*) from delivery_events where message_id = $1 and state in ('sending', 'written')",
            [mail.message_id],
        )
        line["times"] = known[0][0] + (not is_recorded)
    store.journal.append([line])


def queue(store: Store, mails: list[Mail], step: Step) -> None:
    """Every mail of the batch is known before the first goes: a document with one to come never counts as sent."""
    import polars as pl

    rows = [(mail.message_id, mail.invoice_number, mail.recipient, step.senders.get(mail.seller_id)) for mail in mails]
    names = ["message_id", "invoice_number", "recipient", "sender"]
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


def message(home: Home, mail: Mail, paper: Paper, sender: str, sent_on: date, with_csv: bool) -> EmailMessage:
    """The mail, with the PDF exactly as it was issued. Raises Refused: what is wrong, what to do."""
    from templates.mail import build_mail

    check_address(mail)
    issued = paper.document()
    # The document is as it was issued, its envelope as things are today (RULES 32).
    document = issued.model_copy(update={"seller": issued.seller.model_copy(update={"email": sender})})
    if paper.pdf_file is None:
        raise Refused(f"no PDF yet; `tollbook approve {document.invoice_month}` renders what is missing")
    pdf = checked(home, paper.pdf_file, paper.pdf_sha256)
    usage_csv = None
    # What is erased cannot go out any more; the document itself can.
    if paper.csv_file and with_csv and not paper.csv_is_erased:
        usage_csv = (document.usage_csv or Path(paper.csv_file).name, checked(home, paper.csv_file, paper.csv_sha256))
    return build_mail(document, mail.recipient, pdf, f"{mail.invoice_number}.pdf", usage_csv, sent_on)


def check_address(mail: Mail) -> None:
    """Exactly one mailbox, or none."""
    if mail.index > MOST_RECIPIENTS:
        raise Refused(f"more than {MOST_RECIPIENTS} recipients")
    if one_address(mail.recipient) is None:
        raise Refused("not an e-mail address; mend the account's email or cc_emails")
