"""Records that are what they are through others: several contents of one identity, legs and parts of a call."""

from collections.abc import Sequence

import duckdb
import polars as pl

from flows.home.store import Scope
from flows.month.usage.columns import KIND
from schemas.feeds import FEEDS

_IDENTITY = {feed: FEEDS[feed].key for feed in KIND}


def known_files(scope: Scope) -> str:
    """SQL that says of a row of a feed whether its file is known."""
    return "true" if scope.before_file is None else f"file_seq < {int(scope.before_file)}"


def same_identity(feed: str) -> str:
    """SQL that joins a feed's rows `c` to its variants `v`."""
    return " and ".join(f"v.{key} is not distinct from c.{key}" for key in _IDENTITY[feed])


def find_variants(con: duckdb.DuckDBPyConnection, scope: Scope) -> frozenset[str]:
    """Feeds with records of one identity that differ, left in variants_of_<feed>; ingest has noted which identities to
    look at (RULES 15)."""
    feeds: set[str] = set()
    noted = {feed for (feed,) in con.execute("select distinct feed from usage_variants").fetchall()}
    for feed, keys in _IDENTITY.items():
        if feed not in noted:
            continue
        identity = ", ".join(keys)
        variants = con.execute(
            f"create temp table variants_of_{feed} as select {identity}, count(*) as variants "
            f"from feed_{feed} as f where {known_files(scope)} and exists (select 1 from usage_variants as v "
            f"where v.feed = '{feed}' and v.identity = {_joined(keys)}) group by all having count(*) > 1"
        ).fetchall()[0][0]
        if variants:
            feeds.add(feed)
    return frozenset(feeds)


def specials(
    con: duckdb.DuckDBPyConnection, with_variants: frozenset[str], *, has_parts: bool, has_legs: bool
) -> pl.Series:
    """usage_no of the records that are what they are through others: several contents, legs and parts of a call."""
    asked = ["select null::bigint as usage_no where false"]
    asked += [
        f"select c.usage_no from feed_{feed} as c join variants_of_{feed} as v on {same_identity(feed)}"
        for feed in sorted(with_variants)
    ]
    if has_parts:
        asked.append("select usage_no from feed_calls where usage_id in (select usage_id from call_parts)")
    if has_legs:
        asked.append("select usage_no from feed_calls where rowid in (select row_id from other_legs)")
    numbers: pl.Series = con.sql(" union ".join(asked)).pl()["usage_no"]
    return numbers


def _joined(keys: Sequence[str]) -> str:
    return " || ':' || ".join(f"coalesce({name}, '-')" for name in keys)
