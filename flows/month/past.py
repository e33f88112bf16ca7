"""What was issued to each account before a month: its last document, its totals, and who holds one of the month."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from flows.home.store import Store
from invoicing.adjustments import with_adjustment
from schemas.document import Document, HistoryPoint
from schemas.money import minor_digits, rounded

HISTORY_MONTHS = 12

_LAST = """
    with before as (
        select run_id, draft_id, account_id, goes_with <> invoice_number as adds, row_number() over (
            partition by account_id order by invoice_month, goes_with <> invoice_number, sequence, series) as place
        from standing_documents where invoice_month < $month),
    last as (
        from before qualify place >= coalesce(max(place) filter (where not adds) over (partition by account_id), 1))"""
"""The last document of each account before the month, and the adjustments after it: what they come to together."""


@dataclass(frozen=True)
class Past:
    """Issued documents before a run. `previous`: the last one, with what adjustments added to it."""

    previous: dict[str, Document]
    history: dict[str, list[HistoryPoint]]


def past_of(store: Store, month: str, accounts: Iterable[str]) -> Past:
    """The past of these accounts before `month`. Only their last documents are parsed; all else are columns."""
    asked = {"month": month, "accounts": list(accounts)}
    previous: dict[str, Document] = {}
    for account, text in store.rows(
        f"{_LAST} select l.account_id, i.document_json from last l join issued_documents i using (run_id, draft_id) "
        "where l.account_id in (select unnest($accounts::varchar[])) order by l.account_id, l.place",
        asked,
    ):
        document = Document.model_validate_json(text)
        previous[account] = with_adjustment(previous[account], document) if account in previous else document
    history: dict[str, list[HistoryPoint]] = {}
    for account, of_month, currency, total in store.rows(
        f"""
        select s.account_id, s.invoice_month, any_value(d.currency), sum(d.total)
        from standing_documents s join documents d using (run_id, draft_id)
        where s.invoice_month < $month and s.account_id in (select unnest($accounts::varchar[]))
        group by s.account_id, s.invoice_month
        qualify row_number() over (partition by s.account_id order by s.invoice_month desc) <= {HISTORY_MONTHS}
        order by s.account_id, s.invoice_month""",
        asked,
    ):
        point = HistoryPoint(invoice_month=of_month, total=rounded(total, minor_digits(currency)))
        history.setdefault(account, []).append(point)
    return Past(previous, history)


def holders_of(store: Store, month: str) -> frozenset[str]:
    """Accounts that hold a document of the month that stands."""
    return frozenset(
        account
        for (account,) in store.rows("select account_id from standing_documents where invoice_month = $1", [month])
    )


def previous_totals(store: Store, month: str) -> dict[str, Decimal]:
    """What the last document of every account before the month comes to, with its adjustments."""
    return dict(
        store.rows(
            f"{_LAST} select l.account_id, sum(d.total) from last l join documents d using (run_id, draft_id) "
            "group by l.account_id",
            {"month": month},
        )
    )
