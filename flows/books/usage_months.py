"""The snapshot's rated usage and line usage: a table per invoice month (base.rated_usage_2026_06), a view over all.

Most months of a home are over: nothing of them moves but by a correction, a late difference, a rollback, an account's
zone or an erasure. So the last snapshot is copied, what each month is made from is compared with what it was made from,
and only months that differ are made anew, in the same order. A copy is made of nothing that may have to be forgotten:
after an erasure, or when numbers are to be hidden, and by another program, everything is made anew in a fresh file.
"""

import hashlib
import shutil
from pathlib import Path

import duckdb

from flows.books.shown_numbers import hides_numbers
from flows.books.views import blocks
from flows.home.schema import SCHEMA_VERSION
from flows.home.store import Store

_MONTHS = Path(__file__).with_name("months.sql")
TABLES = ("rated_usage", "line_usage")
_EMPTY = "none"
"""A table without rows, which gives the columns where there is no month."""


def taken_over(store: Store, last: Path, fresh: Path) -> bool:
    """Copies the last snapshot's months to `fresh`; False, and nothing copied, where they may not be used."""
    if not last.exists():
        return False
    try:
        with duckdb.connect(str(last), read_only=True) as con:
            usable = con.execute("select stamp from base.usage_months limit 1").fetchone() == (_stamp(store),)
    except duckdb.Error:  # of a time before there were months, or damaged
        return False
    if usable:
        shutil.copyfile(last, fresh)
    return usable


def drop_others(con: duckdb.DuckDBPyConnection) -> None:
    """Leaves nothing of an attached copy but the months and what is known of them."""
    kept = {f"{table}_{month}" for table in TABLES for month in (_EMPTY, *_made_from(con))}
    views = con.execute(
        "select schema_name, view_name from duckdb_views() where database_name = 'snapshot' and not internal"
    ).fetchall()
    tables = con.execute("select table_name from duckdb_tables() where database_name = 'snapshot'").fetchall()
    drops = [f'drop view snapshot.{schema}."{name}"' for schema, name in views]
    drops += [f'drop table snapshot.base."{name}"' for (name,) in tables if name not in {*kept, "usage_months"}]
    con.execute(";\n".join(["begin transaction", *drops, "commit"]))


def fill_months(store: Store, *, is_copy: bool) -> None:
    """Makes the months that are not there as they should be, and the views over all. Inside publish.in_force."""
    con, steps = store.con, blocks(_MONTHS)
    asked = {month.replace("-", "_"): made_from for month, made_from in con.execute(steps["made_from"]).fetchall()}
    there = _made_from(con) if is_copy else {}
    if not is_copy:
        con.execute("create table snapshot.base.usage_months (month varchar, made_from varchar, stamp varchar)")
        for table in TABLES:
            con.execute(f"create table snapshot.base.{table}_{_EMPTY} as {steps[table].format(month='')}")
    for month in sorted({*there, *asked}):
        if there.get(month) == asked.get(month):
            continue
        for table in TABLES:
            con.execute(f"drop table if exists snapshot.base.{table}_{month}")
            if month in asked:
                rows = steps[table].format(month=month.replace("_", "-"))
                con.execute(f"create table snapshot.base.{table}_{month} as {rows}")
    stamp = _stamp(store)
    con.execute("delete from snapshot.base.usage_months")
    con.executemany(
        "insert into snapshot.base.usage_months values ($1, $2, $3)",
        [(month, made_from, stamp) for month, made_from in {_EMPTY: "", **asked}.items()],
    )
    _over_all(con, sorted(asked))


def _over_all(con: duckdb.DuckDBPyConnection, months: list[str]) -> None:
    """The views base.rated_usage and base.line_usage, made from inside the snapshot."""
    (working,) = con.execute("select current_catalog()").fetchone() or ("memory",)
    con.execute("use snapshot.main")
    try:
        for table in TABLES:
            parts = " union all ".join(f"select * from base.{table}_{month}" for month in (_EMPTY, *months))
            con.execute(f"create view base.{table} as {parts}")
            con.execute(f"comment on view base.{table} is 'All months of base.{table}_<month>.'")
    finally:
        con.execute(f'use "{working}".main')


def _made_from(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(
        con.execute(f"select month, made_from from snapshot.base.usage_months where month <> '{_EMPTY}'").fetchall()
    )


def _stamp(store: Store) -> str:
    """What all months share: the program that makes them, what was erased, whether numbers are hidden."""
    here = Path(__file__).parent
    code = [(here / name).read_bytes() for name in ("base.sql", "months.sql", "usage_months.py", "publish.py")]
    erased = store.rows("select * from erased order by all")
    shared = repr((duckdb.__version__, SCHEMA_VERSION, hides_numbers(store.home), erased)).encode()
    return hashlib.sha256(b"".join([*code, shared])).hexdigest()
