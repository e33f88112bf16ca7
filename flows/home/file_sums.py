"""What the usage of each file comes to, noted when the file is taken in: a run's inputs are sums of these (RULES 29).

A file without a note is added up from its rows, so a note that is taken back costs time and nothing else. Taken back
they are by whatever changes rows of a file: a rollback (which has files settled again) and an erasure.
"""

from flows.home.store import Store
from schemas.feeds import FEEDS

_FEEDS = tuple(name for name, feed in FEEDS.items() if feed.is_usage)


def _sums(feed: str) -> str:
    """SQL: per file_seq how many records, two sums of their hashes that no order changes, and one of which calls name
    which other legs."""
    legs = "null::uhugeint"
    if feed == "calls":
        named = "md5_number(concat_ws(':', source, call_id, leg, other_leg_id))"
        # Not as a filter of the sum: for that the text is made of every record, though few have another leg.
        legs = f"bit_xor(case when other_leg_id is not null then {named} end)"
    return f"""
        select '{feed}' as feed, file_seq, count(*) as records, bit_xor(md5_number(row_md5)) as row_xor,
            sum((md5_number(row_md5) >> 72)::hugeint) as row_sum, {legs} as legs_xor
        from feed_{feed}"""


def note_file_sums(store: Store, feed: str) -> None:
    """Notes the sums of the feed's files that have no note. Inside the transaction that stores their rows."""
    if feed not in _FEEDS:
        return
    lacking = store.rows(
        f"select distinct file_seq from feed_{feed} where file_seq not in (select file_seq from file_sums) order by 1"
    )
    if lacking:
        # Listed: then DuckDB reads no more than their rows.
        listed = ", ".join(str(seq) for (seq,) in lacking)
        store.con.execute(f"insert into file_sums by name {_sums(feed)} where file_seq in ({listed}) group by file_seq")


def forget_file_sums(store: Store) -> None:
    """Takes all notes back, before rows of files that were taken in change."""
    store.con.execute("delete from file_sums")


def note_all_file_sums(store: Store) -> None:
    """Notes what is not noted, of all feeds."""
    for feed in _FEEDS:
        note_file_sums(store, feed)


def usage_sums(store: Store, before_file: int | None = None) -> dict[str, tuple[int, int, int, int | None]]:
    """Feed of usage -> its records, their two sums and that of other legs, of files before one; of those with any."""
    before = f"file_seq < {int(before_file)}" if before_file is not None else "true"
    there = " union all ".join(
        f"select '{feed}', file_seq, count(*) from feed_{feed} group by file_seq" for feed in _FEEDS
    )
    noted = {(feed, seq): count for feed, seq, count in store.rows("select feed, file_seq, records from file_sums")}
    lacking = [seq for feed, seq, count in store.rows(there) if noted.get((feed, seq)) != count]
    parts = [f"select * from file_sums where {before} and not list_contains($1, file_seq)"]
    if lacking:
        listed = ", ".join(map(str, lacking))
        parts += [f"{_sums(feed)} where {before} and file_seq in ({listed}) group by file_seq" for feed in _FEEDS]
    rows = store.rows(
        "select feed, sum(records)::bigint, bit_xor(row_xor), sum(row_sum), bit_xor(legs_xor) "
        f"from ({' union all by name '.join(parts)}) group by feed",
        [lacking],
    )
    return {feed: (records, xor, total, legs) for feed, records, xor, total, legs in rows}
