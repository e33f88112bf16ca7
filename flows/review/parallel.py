"""How many calls of one extension ran at once: a stolen account shows here before it shows in money."""

from typing import Any

from flows.home.store import Store

_MOST = """
    with calls as (
        select r.account_id, c.extension, r.started_at, r.started_at + to_seconds(r.duration_s) as ended_at
        from rated_usage as r join run_states as s using (run_id) join feed_calls as c using (usage_no)
        where r.invoice_month = $month and s.state in ('drafted', 'approved') and s.kind <> 'correction'
            and r.kind = 'voice' and c.extension is not null),
    -- Of an end and a start at one instant the end comes first: calls one after the other are not at once.
    edges as (
        select account_id, extension, started_at as moment, 1 as step from calls
        union all select account_id, extension, ended_at, -1 from calls),
    running as (
        select account_id, extension, moment, sum(step) over (
            partition by account_id, extension order by moment, step rows unbounded preceding)::bigint as calls
        from edges)
    select account_id, extension, max(calls) as calls,
        strftime(min_by(moment, (-calls, moment)) at time zone 'UTC', '%Y-%m-%d %H:%M:%S') as moment
    from running group by all having max(calls) > 2 order by calls desc, account_id, extension limit 10"""


def parallel_calls(store: Store, month: str) -> list[dict[str, Any]]:
    """account_id, extension, calls, moment: the ten extensions of an invoice month with the most calls at once."""
    rows = store.rows(_MOST, {"month": month})
    return [dict(zip(("account_id", "extension", "calls", "moment"), row, strict=True)) for row in rows]
