"""Cancellations that an invoice month is the first to know: each is confirmed by one mail (the guide), with the last
day that is billed. A function of the feeds and of which files the runs of the month and of those before it knew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from flows.home.store import Store
from rating.spans import all_spans
from schemas.dated import in_language
from schemas.periods import add_months, month_start
from schemas.product import Product


@dataclass(frozen=True)
class Ending:
    """A subscription that ends: what it is called in the customer's language, and the last day that is billed."""

    subscription_id: str
    name: str
    quantity: str
    last_billed_on: date


@dataclass(frozen=True)
class Cancellation:
    """A subscription, or a whole account where `subscription_id` is None, that was cancelled. `stated_on`: its
    cancel_requested_on or end_date; `endings`: the subscription, or those of the account that are billed up to its end.
    """

    account_id: str
    seller_id: str
    subscription_id: str | None
    stated_on: date
    last_billed_on: date
    endings: list[Ending]


_STATED = """
    with regular as (
        select r.invoice_month, d.seller_id, k.before_file, d.is_issued
        from runs as r join run_knowledge as k using (run_id) join run_states as s using (run_id) join (
            select run_id, seller_id, false as is_issued from documents union
            select run_id, seller_id, true from issued_documents) as d using (run_id)
        where r.kind = 'regular' and s.state in ('drafted', 'approved')),
    bounds as (
        select seller_id,
            max(before_file) filter (where invoice_month = $month and (is_issued or $drafted)) as known,
            max(before_file) filter (where invoice_month < $month and is_issued) as earlier
        from regular group by seller_id),
    sellers as (select distinct account_id, seller_id from current_accounts),
    stated as (
        select account_id, null as subscription_id, end_date as stated_on, min(file_seq) as first_file
        from feed_accounts where end_date is not null group by all
        union all
        select account_id, subscription_id, coalesce(end_date, cancel_requested_on), min(file_seq)
        from feed_subscriptions where coalesce(end_date, cancel_requested_on) is not null group by all)
    select s.account_id, a.seller_id, s.subscription_id, s.stated_on
    from stated as s join sellers as a using (account_id) join bounds as b using (seller_id)
    where s.first_file < b.known
        -- The first month of a home knows all that ever ended: only what was cancelled since the month before is news.
        and case when b.earlier is null then s.stated_on >= $since else s.first_file >= b.earlier end
    order by all"""
"""What the month's regular runs were the first to know: account_id, seller_id, subscription_id, stated_on."""


def cancellations(
    store: Store, products: Callable[[], dict[str, Product]], month: str, *, drafted: bool = False
) -> list[Cancellation]:
    """Those that the issued runs of invoice month `month` are the first to know, by account and subscription.

    products: the catalogue's, read only where there is a cancellation. drafted: those of the month's drafts too, for
    whoever looks before approving. What was taken back since, or has nothing that is billed, is none.
    """
    since = add_months(month_start(month), -1)
    stated = store.rows(_STATED, {"month": month, "since": since, "drafted": drafted})
    if not stated:
        return []
    return _with_last_days(store, products(), stated)


def _with_last_days(
    store: Store, products: dict[str, Product], stated: list[tuple[str, str, str | None, date]]
) -> list[Cancellation]:
    concerned = pl.Series([account for account, *_ in stated]).unique().implode()
    current = {
        feed: store.current(feed).filter(pl.col("account_id").is_in(concerned))
        for feed in ("accounts", "devices", "numbers", "subscriptions", "suspensions")
    }
    last = current["accounts"].sort("account_id", pl.col("effective_from").fill_null(date.min))
    last = last.unique("account_id", keep="last", maintain_order=True)
    leaving = dict(last.filter(pl.col("end_date").is_not_null()).select("account_id", "end_date").iter_rows())
    devices, numbers, subscriptions = current["devices"], current["numbers"], current["subscriptions"]
    spans = all_spans(devices, numbers, subscriptions, leaving, products, current["suspensions"])
    starts = last.select("account_id", "billing_start_date", "locale")
    billed = spans.join(starts, on="account_id").filter(
        (pl.col("last_day") >= pl.col("billing_start_date")).fill_null(value=True)
    )
    leaves = [(account, seller, None, day) for account, seller, id_, day in stated if id_ is None]
    whole = {account for account, _, _, day in leaves if leaving.get(account) == day}
    found = []
    for account, seller, subscription, day in stated:
        own = billed.filter(pl.col("account_id") == account)
        if subscription is None:
            if account in whole:
                found.append(_of_account(own, seller, account, day, products))
        elif account not in whole and (ending := _ending(own, subscription, products)) is not None:
            rows = subscriptions.filter(pl.col("subscription_id") == subscription).sort("start_date")
            now = rows.select(pl.coalesce("end_date", "cancel_requested_on").last()).item()
            if now == day:
                found.append(Cancellation(account, seller, subscription, day, ending.last_billed_on, [ending]))
    return found


def _ending(own: pl.DataFrame, subscription: str, products: dict[str, Product]) -> Ending | None:
    """When the account's subscription is billed for the last time; None while it goes on, or where it never was."""
    spans = own.filter(pl.col("feed") == "subscriptions", pl.col("resource_id") == subscription).sort("start")
    if spans.is_empty() or spans["end"].null_count():
        return None
    state = spans.row(-1, named=True)
    name = in_language(products[state["product_code"]].name, state["locale"])
    until = spans.select(pl.col("end").max()).item() - timedelta(days=1)
    return Ending(subscription, name, f"{state['quantity'].normalize():f}", until)


def _of_account(own: pl.DataFrame, seller: str, account: str, day: date, products: dict[str, Product]) -> Cancellation:
    """The account's last billed day is that of whatever bills longest, at least the end of its month (RULES 5)."""
    ids = own.filter(pl.col("feed") == "subscriptions")["resource_id"].unique().sort()
    endings = [ending for id_ in ids if (ending := _ending(own, id_, products)) is not None]
    month_end = add_months(day.replace(day=1), 1) - timedelta(days=1)
    ends = own.select(pl.col("end").max()).item()
    until = max([month_end, *([ends - timedelta(days=1)] if ends else [])])
    return Cancellation(account, seller, None, day, until, [it for it in endings if it.last_billed_on >= day])
