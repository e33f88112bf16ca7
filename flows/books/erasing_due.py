"""Whose call detail is due for erasing: accounts that left six months ago (the guide). Listed, never done by itself."""

from datetime import date
from typing import Any

from flows.home.store import Store

MONTHS_KEPT = 6
"""After the account's last day."""

_DUE = """
    with left_on as (
        select account_id, end_date from current_accounts
        qualify row_number() over (partition by account_id order by effective_from desc nulls last) = 1
    )
    select account_id, end_date, strftime(end_date, '%Y-%m') as until_month
    from left_on
    where end_date + to_months($months) <= $today
        and not exists (
            select 1 from erased as e
            where e.account_id = left_on.account_id and e.until_month >= strftime(left_on.end_date, '%Y-%m')
        )
        and exists (select 1 from rated_for as f where f.account_id = left_on.account_id)
    order by account_id"""


def erasing_due(store: Store, today: date) -> list[dict[str, Any]]:
    """account_id, end_date, until_month and the act that erases, of accounts with rated usage that is still whole."""
    rows = store.rows(_DUE, {"months": MONTHS_KEPT, "today": today})
    return [
        {
            "account_id": account,
            "end_date": end.isoformat(),
            "until_month": month,
            "act": f"tollbook erase {account} --until {month} --reason TEXT",
        }
        for account, end, month in rows
    ]
