"""All usage of some accounts in a time, whoever billed it, but for what is another's for good."""

from datetime import date

import duckdb

from flows.home.near_number import NEAR_NUMBER
from flows.month.usage.columns import KIND
from flows.month.usage.settled import WRITTEN_OFF

_STARTED = {"calls": "started_at", "messages": "sent_at"}

_KNOWN = "file_is_known"
"""Where the queries below say which files count. No format string: the SQL has braces of its own."""


def _asked_for(feed: str) -> str:
    """Whether a record may be one of the accounts asked for: it states them, or states nobody and has their number."""
    return f"""(account_id in (select account_id from asked) or (account_id is null
            and {NEAR_NUMBER[feed]} in (select number from asked)))"""


_OF_ACCOUNTS = "create temp table usage_to_rate as " + " union all ".join(
    f"""
    select '{feed}' as feed, rowid as row_id, usage_id, usage_no from feed_{feed}
    where {_STARTED[feed]} >= $first::timestamptz - interval 1 day
        and {_STARTED[feed]} < $last::timestamptz + interval 1 day
        and {_KNOWN} and {_asked_for(feed)}"""
    for feed in KIND
)

# Parts that began later than the month's end, of calls that began within it.
_PARTS_OF_ACCOUNTS = f"""
insert into usage_to_rate
select 'calls', feed_calls.rowid, usage_id, usage_no from feed_calls join call_parts using (usage_id)
where call_started_at >= $first::timestamptz - interval 1 day and call_started_at < $last::timestamptz + interval 1 day
    and {_KNOWN} and {_asked_for("calls")}
    and usage_id not in (select usage_id from usage_to_rate where feed = 'calls')"""

_BILLED_TO_OTHERS = f"""
create temp table billed_to_others as
select r.usage_no from rated as r where r.for_no in (
    select f.for_no
    from rated_for as f join standing_documents as d on d.run_id = f.run_id and d.account_id = f.account_id
    where f.account_id not in (select account_id from asked))
    and r.usage_no in (select usage_no from usage_to_rate union all select usage_no from kept_usage)
union all {WRITTEN_OFF}"""

_LEAVE_OUT = """
delete from usage_to_rate where usage_no in (select usage_no from billed_to_others)
    or usage_id in (select usage_id from kept_usage where usage_no in (select usage_no from billed_to_others))"""


def find_usage_of(con: duckdb.DuckDBPyConnection, known: str, first: date, last: date, *, has_parts: bool) -> None:
    """Leaves in usage_to_rate the records of the accounts in `asked` (account_id, number) that began in [first, last).

    known: SQL that says of a row of a feed whether it counts.
    """
    days = {"first": first, "last": last}
    con.execute(_OF_ACCOUNTS.replace(_KNOWN, known), days).fetchall()
    if has_parts:
        con.execute(_PARTS_OF_ACCOUNTS.replace(_KNOWN, known), days).fetchall()
    con.execute(_BILLED_TO_OTHERS).fetchall()
    con.execute(_LEAVE_OUT).fetchall()
