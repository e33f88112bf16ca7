"""The last snapshot as the beginning of the next: copied, and used only where it is what this program left there.

A copy is made of nothing that may have to be forgotten: after an erasure or a rollback, when numbers are to be hidden,
and by another program, the snapshot is made whole, in a fresh file. So it is where the file holds a table that is not
ours, where a month's table is not what it was when it was made, and where too much of the file lies free.
"""

import hashlib
import shutil
from pathlib import Path

import duckdb

from flows.books.known_tables import KNOWN
from flows.books.master import HISTORIES
from flows.books.published_months import MONTHS
from flows.books.published_parts import NONE, NOTES, SHOWN, SUMS, content_of, part_table, sums_of
from flows.books.shown_numbers import hides_numbers
from flows.books.views import blocks, views
from flows.home.schema import SCHEMA_VERSION
from flows.home.store import EXACT_SUMS, Store

_BASE = Path(__file__).with_name("base.sql")
_FREE_BLOCKS = 64
"""Blocks of 256 KiB that may lie free, however small the file."""
_FREE_SHARE = 2
"""Of how many blocks one may lie free: each publication leaves those of the month that it makes anew."""
_NOT_OURS = """
    select 'index' from duckdb_indexes() union all select 'sequence' from duckdb_sequences()
    union all select 'type' from duckdb_types() where not internal
    union all select 'function' from duckdb_functions() where not internal
    union all select 'schema' from duckdb_schemas() where not internal and schema_name not in ('main', 'base')
    limit 1"""


def single_tables() -> list[str]:
    """Tables of schema base that hold all months, and are made anew at each publication."""
    made = [name for name, step in blocks(_BASE).items() if step.startswith("create table")]
    return [*HISTORIES, *KNOWN, *made, "pending_usage", "outdated_runs"]


def stamp_of(store: Store) -> str:
    """What all months share: the program that made them, what was erased or rolled back, whether numbers are hidden."""
    here = Path(__file__).parent
    code = [path.read_bytes() for path in (_BASE, MONTHS, *sorted(here.glob("*publish*.py")), Path(__file__))]
    code += ["\n".join(view.statements()).encode() for view in views().values()]
    erased = store.rows("select * exclude (is_complete) from erased order by all")
    rolled_back = store.rows("select seq, subject from audit_log where act = 'rollback' order by seq")
    shared = repr((duckdb.__version__, SCHEMA_VERSION, hides_numbers(store.home), erased, rolled_back)).encode()
    return hashlib.sha256(b"".join([*code, shared])).hexdigest()


def taken_over(stamp: str, last: Path, fresh: Path) -> bool:
    """Copies the last snapshot to `fresh`; False, and nothing copied, where it may not be used."""
    if not last.exists():
        return False
    shutil.copyfile(last, fresh)
    try:
        # By a connection of its own: what a damaged file does to one is not done to the books.
        with duckdb.connect(str(fresh)) as con:
            con.execute(EXACT_SUMS)
            usable = _is_ours(con, stamp) and not _is_hollow(con) and _is_as_it_was(con)
    except duckdb.Error:  # of a time before there were months, or damaged
        usable = False
    if not usable:
        fresh.unlink(missing_ok=True)
        fresh.with_name(f"{fresh.name}.wal").unlink(missing_ok=True)
    return usable


def drop_single_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Leaves the months of an attached copy, what is known of them, and the views."""
    drops = [f'drop table snapshot.base."{name}"' for name in single_tables()]
    con.execute(";\n".join(["begin transaction", *drops, "commit"]))


def _is_ours(con: duckdb.DuckDBPyConnection, stamp: str) -> bool:
    """Whether the file holds our tables and views, and nothing beside them."""
    if con.execute("select distinct stamp from base.months").fetchall() != [(stamp,)]:
        return False
    months = [month for (month,) in con.execute("select month from base.months").fetchall()]
    ours = {("base", part_table(part, month).strip('"')) for part in SUMS for month in months}
    ours |= {("base", name) for name in (*single_tables(), *NOTES)}
    tables = con.execute("select schema_name, table_name from duckdb_tables() where not internal").fetchall()
    shown = con.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
    return (
        sorted(tables) == sorted(ours)
        and sorted(shown) == sorted([("main", name) for name in views()] + [("base", part) for part in SHOWN])
        and not con.execute(_NOT_OURS).fetchall()
    )


def _is_hollow(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether too much of the file lies free: what was there would stay, and the file would only grow."""
    ((total, free),) = con.execute("select total_blocks, free_blocks from pragma_database_size()").fetchall()
    return bool(free > _FREE_BLOCKS and free * _FREE_SHARE > total)


def changed_months(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Tables of months that are not, cell by cell, what they were made as. All of them are read."""
    return [
        part_table(part, month)
        for part, month, content in con.execute(
            "select part, month, content from base.month_parts order by all"
        ).fetchall()
        if con.execute(f"select {content_of('t')} from base.{part_table(part, month)} as t").fetchall() != [(content,)]
    ]


def _is_as_it_was(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether every month has the rows and sums that it was made with; one table a time, the one looked at longest ago,
    is read whole."""
    noted = con.execute(
        "select part, month, rows, sums, content, checked_at from base.month_parts order by all"
    ).fetchall()
    if {(part, month) for part, month, *_ in noted} != {
        (part, month) for (month,) in con.execute("select month from base.months").fetchall() for part in SUMS
        if month != NONE
    }:  # fmt: skip
        return False
    if noted:
        # One statement: each of hundreds would cost more than what it adds up.
        asked = " union all ".join(
            f"select '{part}', '{month}', {sums_of(part)} from base.{part_table(part, month)}"
            for part, month, *_ in noted
        )
        if sorted(con.execute(asked).fetchall()) != [row[:4] for row in noted]:
            return False
    full = [row for row in noted if row[2]]
    if not full:
        return True
    part, month, _, _, content, _ = min(full, key=lambda row: (row[5], row[1], row[0]))
    if con.execute(f"select {content_of('t')} from base.{part_table(part, month)} as t").fetchall() != [(content,)]:
        return False
    con.execute(
        "update base.month_parts set checked_at = (select max(checked_at) + 1 from base.month_parts) "
        "where part = $1 and month = $2",
        [part, month],
    )
    return True
