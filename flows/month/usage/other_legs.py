"""Records that another record of the same call names as its other leg, in whatever file and order they came (RULES 15).

A switch that writes both legs says in one of them which other record tells of the same call; that other one does not
bill. Where two name each other, the one that was set up later is the other leg, of one instant the later id.
"""

import duckdb

_OTHER_LEGS = """
create temp table other_legs as
with naming as (
    select source, call_id, other_leg_id, started_at from feed_calls where other_leg_id is not null and {known})
select distinct c.rowid as row_id
from feed_calls as c join naming as n on n.source = c.source and n.other_leg_id = c.call_id
where n.call_id <> c.call_id
    and (c.other_leg_id is distinct from n.call_id
        or (n.started_at, n.call_id) < (c.started_at, c.call_id))"""


def find_other_legs(con: duckdb.DuckDBPyConnection, known: str) -> bool:
    """Leaves them in other_legs (row_id); says whether there are any.

    known: SQL that says of a row of feed_calls whether it counts.
    """
    if not con.execute("select 1 from feed_calls where other_leg_id is not null limit 1").fetchall():
        return False
    con.execute(_OTHER_LEGS.format(known=known)).fetchall()
    return bool(con.execute("select 1 from other_legs limit 1").fetchall())
