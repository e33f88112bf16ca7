"""A month's tables in the snapshot: made anew, or left as they are where what they are made of is what it was.

Most acts on a month change no row of its usage: an approval gives its documents numbers, and nothing else. So each
table is noted with its basis, a hash of everything its rows come from but these numbers, reckoned from whole numbers in
the working database; where it is the same, the numbers alone are brought up to date.
"""

from collections.abc import Iterable

import duckdb

SUMS = {
    "rated_usage": ("duration_s", "billable_units", "charged_units", "amount"),
    "line_usage": ("units", "amount"),
    "suspended_usage": ("duration_s",),
    "excluded_usage": ("duration_s",),
    "invoice_lines": ("amount",),
    "line_discounts": ("amount",),
    "invoice_taxes": ("amount",),
    "meters": ("granted_units",),
}
"""Table of each month -> columns whose sums are compared wherever it is taken over."""
SHOWN = tuple(part for part in SUMS if part != "meters")
"""Those that views of the snapshot read, over all months."""
NOTES = ("months", "month_parts", "month_files")
"""What a snapshot knows of its months, in schema base."""
NONE = "none"
"""In place of a month: a table without rows, which has the columns where there is no month."""


def part_table(part: str, month: str) -> str:
    """The table of a month, in schema base."""
    return f'"{part}_{month.replace("-", "_")}"'


OF_USAGE = ("rated_usage", "suspended_usage", "excluded_usage")
_COUNTS = ("month_rated", "month_suspended", "month_excluded")
"""Temporary tables of what of one month's usage counts."""
_BASIS = {
    "rated_usage": "rated_basis",
    "suspended_usage": "suspended_basis",
    "excluded_usage": "excluded_basis",
    **dict.fromkeys(("line_usage", "invoice_lines", "line_discounts", "invoice_taxes"), "papers_basis"),
}
"""Table -> block of months.sql that says what it is made of; meters have none and are always made anew."""
_WITHOUT_NUMBERS = ("suspended_usage", "excluded_usage")


def make_month(
    con: duckdb.DuckDBPyConnection, steps: dict[str, str], month: str, parts: Iterable[str] = tuple(SUMS)
) -> None:
    """A month's tables, or some of them, as they should be. What usage counts is decided (published_months)."""
    for table in _COUNTS:
        con.execute(steps[table].format(month=month))
    bases: dict[str, str] = {}
    for part in parts:
        name = _BASIS.get(part)
        if name is not None and name not in bases:
            ((bases[name],),) = con.execute(steps[name].format(month=month)).fetchall()
        basis = bases[name] if name is not None else None
        if basis is not None and _is_made_of(con, part, month, basis):
            _number(con, steps, part, month)
        else:
            _make(con, steps, part, month, basis)


def make_none(con: duckdb.DuckDBPyConnection, steps: dict[str, str]) -> None:
    """The tables without rows."""
    for table in _COUNTS:
        con.execute(steps[table].format(month=NONE))
    for part in SUMS:
        con.execute(f"create table snapshot.base.{part_table(part, NONE)} as {steps[part].format(month=NONE)}")


def forget_month(con: duckdb.DuckDBPyConnection) -> None:
    """Drops the temporary tables."""
    for name in _COUNTS:
        con.execute(f"drop table if exists temp.{name}")


def _is_made_of(con: duckdb.DuckDBPyConnection, part: str, month: str, basis: str) -> bool:
    """Whether there is a table made of this. All its cells must be those noted: what it gets is noted as right."""
    noted = con.execute(
        "select content from snapshot.base.month_parts where part = $1 and month = $2 and basis = $3",
        [part, month, basis],
    ).fetchall()
    if not noted:
        return False
    table = f"snapshot.base.{part_table(part, month)}"
    return con.execute(f"select {content_of('t')} from {table} as t").fetchall() == noted


def _number(con: duckdb.DuckDBPyConnection, steps: dict[str, str], part: str, month: str) -> None:
    """Brings the documents' numbers of a table that stays up to date."""
    if part in _WITHOUT_NUMBERS:
        return
    table = f"snapshot.base.{part_table(part, month)}"
    ((changed,),) = con.execute(steps["numbered"].format(table=table)).fetchall()
    if changed:
        con.execute(
            f"update snapshot.base.month_parts set content = (select {content_of('t')} from {table} as t) "
            "where part = $1 and month = $2",
            [part, month],
        )


def drop_part(con: duckdb.DuckDBPyConnection, part: str, month: str) -> None:
    """Takes a month's table out, and what is noted of it."""
    con.execute(f"drop table if exists snapshot.base.{part_table(part, month)}")
    for notes in ("month_parts", "month_files"):
        con.execute(f"delete from snapshot.base.{notes} where part = $1 and month = $2", [part, month])


def _make(con: duckdb.DuckDBPyConnection, steps: dict[str, str], part: str, month: str, basis: str | None) -> None:
    """A month's table, made anew and noted."""
    drop_part(con, part, month)
    table = f"snapshot.base.{part_table(part, month)}"
    con.execute(f"create table {table} as {steps[part].format(month=month)}")
    con.execute(
        f"insert into snapshot.base.month_parts select $1, $2, {sums_of(part)}, {content_of('t')}, 0, $3 "
        f"from {table} as t",
        [part, month, basis],
    )
    if part in OF_USAGE:
        loaded = "where is_loaded" if part == "rated_usage" else ""
        con.execute(
            "insert into snapshot.base.month_files "
            f"select $1, $2, source_file, count(*) from {table} {loaded} group by source_file order by source_file",
            [part, month],
        )


def sums_of(part: str) -> str:
    """SQL for the number of rows and the sums of a table, as text."""
    return "count(*), concat_ws(' ', " + ", ".join(f"coalesce(sum({name}), 0)" for name in SUMS[part]) + ")"


def content_of(table: str) -> str:
    """SQL for a hash of all cells of a table, whatever the order of its rows."""
    return f"coalesce(bit_xor(hash({table})), 0)::varchar"
