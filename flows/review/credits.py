"""Credits that nobody should issue unseen: of more than their invoice charged, or after its days (RULES 24)."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from flows.books.standing import ROOTS
from flows.home.settings import Settings
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.money import minor_digits, rounded

_NAMED = f"""
    with recursive {ROOTS},
    lines as (
        select l.*, d.seller_id, d.currency, d.invoice_number, d.is_issued, d.invoice_month
        from invoice_lines l join documents_in_force d on d.run_id = l.run_id and d.draft_id = l.draft_id
        where d.invoice_month <= $month),
    named as (
        select l.account_id, l.seller_id, l.currency, r.root, l.reverses, l.charge_key, l.period_start as credited_on,
            l.amount
        from lines l join roots r on r.invoice_number = l.reverses
        where l.invoice_month = $month and l.resource_kind = 'charge' and l.amount < 0)"""
"""root: roots of documents (flows.books.standing); named: what the month's charges give back of invoices they name."""

_OVER = f"""
    {_NAMED},
    standing as (select invoice_number from standing_documents),
    charged as (
        select r.root, sum(l.amount) as amount from lines l join roots r using (invoice_number)
        where l.is_issued and l.reverses is null and l.invoice_number in (from standing) group by r.root),
    returned as (
        select r.root, -sum(l.amount) as amount from lines l join roots r on r.invoice_number = l.reverses
        where not l.is_issued or l.invoice_number in (from standing) group by r.root)
    select n.account_id, n.seller_id, n.currency, max(n.reverses), max(t.amount), coalesce(max(c.amount), 0)
    from named n join returned t using (root) left join charged c using (root)
    group by n.account_id, n.seller_id, n.currency, root
    having max(t.amount) > coalesce(max(c.amount), 0) order by n.account_id, root"""

_LATE = f"""
    {_NAMED}
    select n.account_id, n.seller_id, n.currency, n.reverses, i.issue_date, n.credited_on, -sum(n.amount)
    from named n join issued_documents i on i.invoice_number = n.reverses
    group by all order by n.account_id, n.reverses, n.credited_on"""


_ANY = """
    select 1 from invoice_lines l join documents_in_force d on d.run_id = l.run_id and d.draft_id = l.draft_id
    where d.invoice_month = $1 and l.resource_kind = 'charge' and l.reverses is not null and l.amount < 0 limit 1"""


def credit_stops(store: Store, settings: Settings, month: str) -> Iterator[Stop]:
    """over_credited and late_credit of an invoice month. Inside publish.in_force."""
    if not store.rows(_ANY, [month]):
        return
    for account, seller, currency, number, returned, charged in store.rows(_OVER, {"month": month}):
        told = f"{_money(returned, currency)} of {_money(charged, currency)} {currency} net credited of {number}"
        yield Stop("over_credited", account, told, seller)
    for account, seller, currency, number, issued_on, credited_on, amount in store.rows(_LATE, {"month": month}):
        days = settings.sellers[seller].dispute_days if seller in settings.sellers else None
        if days is not None and credited_on > issued_on + timedelta(days=days):
            told = (
                f"{_money(amount, currency)} {currency} of {number}, issued on {issued_on}, credited on {credited_on}: "
                f"after its {days} days"
            )
            yield Stop("late_credit", account, told, seller)


def _money(amount: Decimal, currency: str) -> str:
    return f"{rounded(amount, minor_digits(currency)):,f}"
