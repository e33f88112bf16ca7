"""Mails that confirm a cancellation: which a month asks for, what stands in them, and that each goes once (the guide).

They belong to the invoice month whose runs are the first to know (flows/books/cancellations.py), go with its documents
through the same outbox, and only to the account's own address.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage

from flows.books.cancellations import cancellations
from flows.books.erased import erased_accounts
from flows.books.holds import holds
from flows.catalog.load import load_catalog
from flows.home.settings import Settings
from flows.home.store import Store
from flows.post.outbox import Mail, check_address
from schemas.errors import Refused

_DONE = ("accepted", "written")

_NOW = """
    select name, email, locale from current_accounts where account_id = $account
    qualify row_number() over (order by coalesce(effective_from <= $on, true) desc,
        case when effective_from <= $on then effective_from end desc nulls last, effective_from) = 1"""


@dataclass(frozen=True)
class Confirmations:
    """`mails`: those that a month asks for. `withheld`: how many are not sent because their account is set aside."""

    mails: list[Mail]
    withheld: int = 0

    def notes(self) -> list[str]:
        """For the report of a `send`."""
        if not self.withheld:
            return []
        plural = "cancellation waits" if self.withheld == 1 else "cancellations wait"
        return [f"{self.withheld} {plural} to be confirmed: the account is set aside (`tollbook unpark`)"]


def confirmations(store: Store, month: str, on: date) -> Confirmations:
    """The mails that the month's cancellations ask for on the day `on`, with their last state. None goes to an account
    whose call detail is erased, nor again for what another month has confirmed."""
    asked = cancellations(store, lambda: load_catalog(store.home).products, month)
    begun = {
        key: (of_month, state)
        for key, of_month, state in store.rows(
            "select message_id, invoice_month, state from mail_states join confirmations using (message_id)"
        )
    }
    erased, held = erased_accounts(store), holds(store)
    mails, withheld = [], 0
    for cancellation in asked:
        account = cancellation.account_id
        stated = (account, cancellation.subscription_id or "", cancellation.stated_on.isoformat())
        key = hashlib.sha256("\n".join(("cancellation", *stated)).encode()).hexdigest()[:32]
        of_month, state = begun.get(key, (month, None))
        if of_month != month or (account in erased and state not in _DONE):
            continue
        if account in held and state not in _DONE:
            withheld += 1
            continue
        ((_, email, _),) = store.rows(_NOW, {"account": account, "on": on})
        mails.append(Mail(key, None, cancellation.seller_id, email.strip(), 1, state, cancellation))
    return Confirmations(mails, withheld)


def note_confirmations(store: Store, mails: Iterable[Mail]) -> None:
    """Keeps what the mails of a batch confirm, before the first of them goes."""
    for mail in mails:
        if (said := mail.cancellation) is not None:
            store.con.execute(
                "insert into confirmations select $1, $2, $3, $4, $5, $6 "
                "where $1 not in (select message_id from confirmations)",
                [mail.message_id, said.account_id, said.seller_id, said.subscription_id, said.stated_on,
                 said.last_billed_on],
            )  # fmt: skip


def confirmation(store: Store, settings: Settings, mail: Mail, sent_on: date) -> EmailMessage:
    """The mail, in the customer's language. Raises Refused: what is wrong, what to do."""
    from templates.confirmation import Ended, build_confirmation

    check_address(mail)
    said = mail.cancellation
    if said is None:
        raise Refused(f"{mail} confirms nothing")
    if mail.seller_id not in settings.sellers:
        raise Refused(f"tollbook.toml: no [sellers.{mail.seller_id}], whose mail this is")
    ((name, _, locale),) = store.rows(_NOW, {"account": said.account_id, "on": sent_on})
    seller = settings.sellers[mail.seller_id].as_printed(mail.seller_id)
    services = [Ended(it.name, it.quantity, it.subscription_id, it.last_billed_on) for it in said.endings]
    account = (said.account_id, name, locale)
    return build_confirmation(
        seller, account, said.subscription_id, said.last_billed_on, services, mail.recipient, sent_on, mail.message_id
    )


def file_name(mail: Mail) -> str:
    """The name of the .eml file of a mail, without a server to hand it to."""
    if mail.cancellation is None:
        return f"{mail.invoice_number}-{mail.index}.eml"
    account = re.sub(r"[^A-Za-z0-9._-]", "_", mail.cancellation.account_id)
    return f"cancelled-{account}-{mail.message_id[:8]}.eml"
