"""How old the suspended usage is: by reason and age, with how many accounts and what it may be worth.

A suspense nobody reads is a leak, so the review, `status` and `replay` all show it.
"""

from datetime import date
from typing import Any

import duckdb

_AGEING = """
with aged as (
    select feed, reason, account_id, duration_s, estimate, estimate_currency,
        $as_of - (started_at at time zone 'UTC')::date as days,
        case when days <= 30 then '0-30' when days <= 60 then '31-60' when days <= 90 then '61-90' else '91+' end as age
    from {suspended}
),
worth as (
    select feed, reason, age,
        list({{'currency': estimate_currency, 'amount': amount}} order by estimate_currency) as estimates
    from (select feed, reason, age, estimate_currency, sum(estimate) as amount from aged
          where estimate is not null group by all)
    group by feed, reason, age
)
select a.feed, a.reason, a.age, count(*) as records, coalesce(sum(a.duration_s), 0)::bigint as seconds,
    count(distinct a.account_id) as accounts, any_value(w.estimates) as estimates,
    count(*) filter (where a.estimate is null) as without_estimate, max(a.days) as oldest_days
from aged as a left join worth as w using (feed, reason, age)
group by a.feed, a.reason, a.age order by a.feed, a.reason, a.age"""

IN_FORCE = """
    (select u.* from suspended_usage as u join usage_in_force as f
        on f.outcome = 'suspended' and f.run_id = u.run_id and f.usage_id = u.usage_id)"""
"""Of the working database, inside publish.in_force."""


def ageing(con: duckdb.DuckDBPyConnection, as_of: date, suspended: str = "suspended_usage") -> list[dict[str, Any]]:
    """A row per feed, reason and age in days at `as_of`: records, seconds, accounts, estimates per currency.

    `suspended` is the view of the snapshot, or IN_FORCE. An account nobody knows counts for none.
    """
    aged = con.sql(_AGEING.format(suspended=suspended), params={"as_of": as_of})
    return [dict(zip(aged.columns, row, strict=True)) for row in aged.fetchall()]
