"""Figures so far from their history that nobody should issue them unseen: [bounds] in tollbook.toml."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from statistics import median
from typing import Any

from flows.home.settings import BoundsSettings, Settings
from flows.home.store import Store
from flows.review.stops import Stop
from schemas.codes import StopCode
from schemas.counts import count_of
from schemas.money import minor_digits, rounded
from schemas.periods import shift_month

_LOOKS_AT = 6
"""Earlier months that make an account's history."""

# What an earlier month came to is what stands of it, with what issued corrections gave back and charged anew. The month
# itself is what was first billed: its corrections are looked at one by one, before and after.
_HISTORY = """
    select account_id, any_value(seller_id), any_value(currency),
        coalesce(sum(total) filter (where invoice_month = $month), 0) as total,
        list(total order by invoice_month) filter (where invoice_month < $month) as earlier
    from (select account_id, invoice_month, any_value(seller_id) as seller_id, any_value(currency) as currency,
              sum(total) as total
          from documents_in_force where invoice_month between $since and $month
              and (corrects is null or (is_issued and invoice_month < $month)) group by 1, 2)
    group by account_id having count(*) filter (where invoice_month = $month) > 0 order by account_id"""
_TOTALS = """
    select seller_id, currency,
        count(*) filter (where invoice_month = $month and corrects is null),
        count(*) filter (where invoice_month = $previous and corrects is null),
        coalesce(sum(total) filter (where invoice_month = $month), 0),
        coalesce(sum(total) filter (where invoice_month = $previous), 0)
    from documents_in_force where invoice_month in ($month, $previous)
        and (corrects is null or (is_issued and invoice_month = $previous))
    group by all order by all"""
_USAGE = """
    with counted as (
        select account_id, count(distinct usage_no) filter (where usage_month = $usage_month) as now,
            count(distinct usage_no) filter (where usage_month = $before) as then
        from rated join rated_for using (for_no) where usage_month in ($usage_month, $before) group by account_id)
    select c.account_id, a.seller_id, c.then from counted c join (
        select account_id, any_value(seller_id) as seller_id from run_accounts join run_states r using (run_id)
        where r.invoice_month = $month and r.state in ('drafted', 'approved')
            and outcome in ('billed', 'nothing_to_bill')
        group by account_id) a using (account_id)
    where c.now = 0 and c.then >= $records
        -- Whoever's service was suspended had no reason to call.
        and not exists (select 1 from current_suspensions s where s.account_id = c.account_id
            and strftime(s.valid_from, '%Y-%m') <= $usage_month
            and (s.valid_to is null or strftime(s.valid_to, '%Y-%m') >= $usage_month))
    order by account_id"""

_NEW_USAGE = """
    select a.seller_id, count(distinct u.account_id) filter (where u.usage_month = $usage_month) as accounts
    from (select account_id, usage_month from rated join rated_for using (for_no)) as u join (
        select distinct account_id, seller_id from run_accounts join run_states r using (run_id)
        where r.invoice_month = $month and r.state in ('drafted', 'approved')) as a using (account_id)
    where u.usage_month in ($usage_month, $before)
    group by a.seller_id having accounts > 0 and count(*) filter (where u.usage_month = $before) = 0 order by all"""
_TOO_LONG = """
    select u.account_id, any_value(a.seller_id), count(distinct u.usage_id), max(u.duration_s),
        arg_max(u.source_file || ', line ' || u.source_line, (u.duration_s, u.source_file, u.source_line))
    from rated_usage as u join run_states as r using (run_id)
        join run_accounts as a on a.run_id = u.run_id and a.account_id = u.account_id
    where u.invoice_month = $month and r.state in ('drafted', 'approved') and r.kind <> 'correction'
        and u.kind = 'voice' and u.duration_s > $seconds
    group by u.account_id order by u.account_id"""


def far_off(store: Store, settings: Settings, month: str) -> Iterator[Stop]:
    """Documents, totals and usage of an invoice month beyond the bounds. Inside publish.in_force."""
    bounds = settings.bounds
    if bounds.invoice_factor:
        yield from _documents(store, bounds, month)
    yield from _seller_totals(store, bounds, month)
    if bounds.usage_records:
        yield from _vanished(store, bounds, month)
    if bounds.max_call_hours:
        yield from _too_long(store, bounds, month)


def _documents(store: Store, bounds: BoundsSettings, month: str) -> Iterator[Stop]:
    values = {"month": month, "since": shift_month(month, -_LOOKS_AT)}
    for account, seller, currency, total, earlier in store.rows(_HISTORY, values):
        if len(earlier or []) < bounds.invoice_months:
            continue
        usual = median(earlier)
        far = total > usual * bounds.invoice_factor or total * bounds.invoice_factor < usual
        if far and abs(total - usual) > bounds.invoice_floor:
            now, then = _money(total, currency), _money(usual, currency)
            usually = f"the median of its last {len(earlier)} months is" if len(earlier) > 1 else "its last month was"
            told = f"{now} {currency}; {usually} {then}"
            yield Stop("invoice_far", account, told, seller)


def _seller_totals(store: Store, bounds: BoundsSettings, month: str) -> Iterator[Stop]:
    previous = shift_month(month, -1)
    for seller, currency, now, then, total, before in store.rows(_TOTALS, {"month": month, "previous": previous}):
        # The larger of the two: who falls to nothing was not small.
        if not then or max(now, then) < bounds.documents_floor:
            continue
        if bounds.documents_percent and abs(now - then) * 100 > then * bounds.documents_percent:
            yield Stop(
                "documents_far", f"{seller} {currency}", f"{count_of(now, 'document')}, {then} last month", seller
            )
        if bounds.total_percent and abs(total - before) * 100 > abs(before) * bounds.total_percent:
            told = f"{_money(total, currency)}, last month {_money(before, currency)}"
            yield Stop("total_far", f"{seller} {currency}", told, seller)


def _vanished(store: Store, bounds: BoundsSettings, month: str) -> Iterator[Stop]:
    usage_month = shift_month(month, -1)
    values = {
        "month": month, "usage_month": usage_month, "before": shift_month(month, -2), "records": bounds.usage_records,
    }  # fmt: skip
    for account, seller, records in store.rows(_USAGE, values):
        told = (
            f"{count_of(records, 'call or message', 'calls and messages')} in {values['before']}, none in {usage_month}"
        )
        yield Stop("usage_vanished", account, told, seller)


def _too_long(store: Store, bounds: BoundsSettings, month: str) -> Iterator[Stop]:
    values = {"month": month, "seconds": bounds.max_call_hours * 3600}
    for account, seller, calls, longest, where in store.rows(_TOO_LONG, values):
        too_long = f"{count_of(calls, 'call')} over {count_of(bounds.max_call_hours, 'hour')}"
        told = f"{too_long}; the longest {longest:,} seconds ({where})"
        yield Stop("call_too_long", account, told, seller)


def without_history(store: Store, settings: Settings, month: str) -> list[dict[str, Any]]:
    """What no bound could be held against, for want of an earlier month: seller_id, currency, bound (a StopCode), and
    the accounts it concerns. Inside publish.in_force."""
    bounds, found = settings.bounds, []
    values = {"month": month, "since": shift_month(month, -_LOOKS_AT)}
    young = Counter(
        (seller, currency)
        for _, seller, currency, _, earlier in store.rows(_HISTORY, values)
        if len(earlier or []) < bounds.invoice_months
    )
    if bounds.invoice_factor:
        found += [_lacking(*of, "invoice_far", accounts) for of, accounts in young.items()]
    previous = shift_month(month, -1)
    for seller, currency, now, then, _, _ in store.rows(_TOTALS, {"month": month, "previous": previous}):
        if not then:
            percents: dict[StopCode, int] = {
            "documents_far": bounds.documents_percent, "total_far": bounds.total_percent,
        }  # fmt: skip
            found += [_lacking(seller, currency, code, now) for code, percent in percents.items() if percent]
    if bounds.usage_records:
        usage = {"month": month, "usage_month": previous, "before": shift_month(month, -2)}
        found += [
            _lacking(seller, None, "usage_vanished", accounts) for seller, accounts in store.rows(_NEW_USAGE, usage)
        ]
    return sorted(found, key=lambda row: (row["seller_id"], row["currency"] or "", row["bound"]))


def _lacking(seller: str, currency: str | None, bound: StopCode, accounts: int) -> dict[str, Any]:
    return {"seller_id": seller, "currency": currency, "bound": bound, "accounts": accounts}


def _money(amount: Decimal, currency: str) -> str:
    return f"{rounded(amount, minor_digits(currency)):,f}"
