"""Records that are parts of one call, where their source says so: same call id, another leg (RULES 15).

One of them carries the call: all its answered seconds, so that it has one connect fee and is rounded up once. The
others start when it does and carry nothing, so that whichever file or month brings them, they are usage of the call's
month.
"""

import duckdb
import polars as pl

from flows.home.call_parts import sources_in_parts
from flows.home.settings import Settings
from rating.dispositions import is_cause, says_unanswered

_PARTS = """
create temp table call_parts as
with records as (
    select *, coalesce(duration_s > 0 and not list_contains($no, disposition)
            and (answered_at is not null or not list_contains($causes, disposition)), duration_s > 0) as is_answered
    from feed_calls where list_contains($sources, source) and {known}
    -- What came with several contents is suspended, all of it.
    qualify count(*) over (partition by source, call_id, leg) = 1)
select usage_id, min(started_at) over one_call as call_started_at,
    (sum(duration_s) filter (where is_answered) over one_call)::bigint as seconds,
    row_number() over (
        partition by source, call_id order by is_answered desc, started_at, length(leg), leg, usage_id) = 1 as carries
from records
window one_call as (partition by source, call_id)
qualify count(*) over one_call > 1 and bool_or(is_answered) over one_call"""


def find_parts(con: duckdb.DuckDBPyConnection, settings: Settings, known: str) -> bool:
    """Leaves calls in parts in call_parts (usage_id, call_started_at, seconds, carries); says whether there are any.

    known: SQL that says of a row of feed_calls whether it counts.
    """
    sources = sources_in_parts(settings)
    if not sources:
        return False
    told = con.execute(
        "select distinct disposition from feed_calls where list_contains($1, source) and disposition is not null",
        [sources],
    ).fetchall()
    words = pl.DataFrame({"word": [word for (word,) in told]}, schema={"word": pl.String})
    no, causes = (words.filter(says(pl.col("word")))["word"].to_list() for says in (says_unanswered, is_cause))
    con.execute(_PARTS.format(known=known), {"sources": sources, "no": no, "causes": causes}).fetchall()
    return bool(con.execute("select 1 from call_parts limit 1").fetchall())
