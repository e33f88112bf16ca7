"""Views of the working database: what a run's state is, which documents stand, which master data is in force.

They are made when the database is, and again whenever the ones in it are not those that this program reads by.
"""

import hashlib
from pathlib import Path

import duckdb

from schemas.feed import Feed
from schemas.feeds import FEEDS


def latest(feed: Feed, where: str = "true") -> str:
    """Query for the rows of a feed of master data in force: per key the last row of the last file (RULES 18)."""
    return (
        f"select * from feed_{feed.name} where {where} qualify row_number() over "
        f"(partition by {', '.join(feed.key)} order by file_seq desc, source_line desc) = 1"
    )


def create_views(con: duckdb.DuckDBPyConnection, schema_version: int) -> None:
    """Makes every view anew, unless those in the database are these, over tables of this schema version.

    A view remembers its tables' columns: after a change of tables it has to be made again. No transaction may be open.
    """
    statements = (Path(__file__).parent / "views.sql").read_text(encoding="utf-8")
    statements += "".join(
        f"create or replace view current_{feed.name} as {latest(feed)};\n"
        for feed in FEEDS.values()
        if not feed.is_usage
    )
    mark = hashlib.sha256(f"{schema_version}\n{statements}".encode()).hexdigest()
    made = "select comment from duckdb_views() where view_name = 'run_states' and not internal"
    if con.execute(made).fetchall() == [(mark,)]:
        return
    con.execute(f"begin transaction; {statements} comment on view run_states is '{mark}'; commit")
