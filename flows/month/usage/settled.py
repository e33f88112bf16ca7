"""Usage that is not read again: what documents hold for good, what is too old, what an earlier rating has left."""

from typing import TYPE_CHECKING

import duckdb

from flows.month.usage.columns import KIND

if TYPE_CHECKING:
    from flows.month.usage.kept import Kept

WRITTEN_OFF = """
    select r.usage_no from rated as r join rated_for as f using (for_no) where f.billed_as = 'written_off'
        and f.run_id in (select run_id from run_events where state = 'approved')"""

_ISSUED = """
create temp table for_issued as
select distinct f.for_no from rated_for as f
join issued_documents as d on d.run_id = f.run_id and d.account_id = f.account_id"""

_SETTLED_FOR_GOOD = f"""
create temp table usage_settled as
select usage_no from rated where for_no in (select for_no from for_issued)
union all {WRITTEN_OFF}"""

# Of a file that was taken back out and came again, under whatever name: what was billed of it stays billed.
_CAME_AGAIN = "insert into usage_settled " + " union all ".join(
    f"""
    select f.usage_no from feed_{feed} as f where f.usage_id in (
        select usage_id from kept_usage where usage_no in (select usage_no from usage_settled))"""
    for feed in KIND
)

_OLD = """
insert into usage_settled
select usage_no from rated where started_at < $since and for_no not in (select for_no from for_issued)
union all select usage_no from suspended_usage where started_at < $since and usage_no is not null
union all select usage_no from excluded_usage where started_at < $since and usage_no is not null"""
"""Rows of an earlier version whose file nobody knows have no number; one null would make `not in` true of nothing."""


def narrowed(con: duckdb.DuckDBPyConnection, since: str) -> bool:
    """Whether some usage is not to be read again; usage_to_rate then has the rows that are."""
    con.execute(_ISSUED).fetchall()
    con.execute(_SETTLED_FOR_GOOD).fetchall()
    if con.execute("select 1 from kept_usage limit 1").fetchall():
        con.execute(_CAME_AGAIN).fetchall()
    con.execute(_OLD, {"since": since}).fetchall()
    if not con.execute("select 1 from usage_settled limit 1").fetchall():
        return False
    rows = " union all ".join(
        f"select '{feed}' as feed, rowid as row_id from feed_{feed} "
        "where usage_no not in (select usage_no from usage_settled)"
        for feed in KIND
    )
    con.execute(f"create temp table usage_to_rate as {rows}").fetchall()
    return True


def without(con: duckdb.DuckDBPyConnection, kept: "Kept", *, is_narrowed: bool) -> None:
    """Leaves in usage_to_rate what is to be read beside what is kept."""
    con.register("_again", kept.again.to_frame("usage_no").to_arrow())
    rows = " union all ".join(
        f"select '{feed}' as feed, rowid as row_id from feed_{feed} "
        "where (not list_contains($files, file_seq) or usage_no in (select usage_no from _again))"
        + (f" and rowid in (select row_id from usage_to_rate where feed = '{feed}')" if is_narrowed else "")
        for feed in KIND
    )
    con.execute(f"create temp table usage_besides as {rows}", {"files": list(kept.files)}).fetchall()
    con.unregister("_again")
    if is_narrowed:
        con.execute("drop table usage_to_rate").fetchall()
    con.execute("alter table usage_besides rename to usage_to_rate").fetchall()
