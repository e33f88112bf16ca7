"""What was cancelled and is confirmed by a mail with this month's documents: for whom, and until when it is billed."""

from typing import Any

from flows.books.cancellations import cancellations
from flows.catalog.load import Tables
from flows.home.store import Store


def newly_cancelled(store: Store, tables: Tables, month: str) -> list[dict[str, Any]]:
    """last_billed_on, account_id, name, subscription_id (null: the whole account), stated_on, mail (how far its mail
    is); the soonest first."""
    found = cancellations(store, lambda: tables.catalog.products, month, drafted=True)
    if not found:
        return []
    names = dict(store.rows("select account_id, arg_max(name, coalesce(effective_from, date '0001-01-01')) "
                            "from current_accounts group by account_id"))  # fmt: skip
    states = {
        tuple(stated): state
        for *stated, state in store.rows(
            "select account_id, subscription_id, stated_on, state from confirmations "
            "join mail_states using (message_id)"
        )
    }
    return sorted(
        (
            {
                "last_billed_on": it.last_billed_on,
                "account_id": it.account_id,
                "name": names[it.account_id],
                "subscription_id": it.subscription_id,
                "stated_on": it.stated_on,
                "mail": states.get((it.account_id, it.subscription_id, it.stated_on), "with the documents"),
            }
            for it in found
        ),
        key=lambda row: (row["last_billed_on"], row["account_id"], row["subscription_id"] or ""),
    )
