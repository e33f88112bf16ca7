"""The tables of the working database: those of tables.sql beside this file, and one for every feed."""

from pathlib import Path
from string import Template
from typing import Any, get_args

import duckdb

from schemas import states
from schemas.codes import FindingCode, LeftOutCode, ParkedCode, StopCode
from schemas.feed import Column, Feed
from schemas.feeds import FEEDS

SCHEMA_VERSION = 11
"""Goes up with every change of a table or of a closed list; flows/home/migrations.py says what becomes of old rows."""

_HERE = Path(__file__).parent

_SQL_TYPE = {
    "text": "varchar",
    "choice": "varchar",
    "date": "date",
    "instant": "timestamptz",
    "decimal": "decimal(38, 12)",
    "integer": "bigint",
    "boolean": "boolean",
}

ORIGIN_COLUMNS = ("source_file", "source_line", "file_seq", "row_md5")
"""What every stored feed row carries beside its canonical columns: where it came from, and its content."""


def stored_columns(feed: Feed) -> list[tuple[str, str]]:
    """(name, SQL type) of a feed's table, canonical columns first, then where the row came from.

    A `moment` is two columns: the civil date, and `<name>_at`, the instant when one was given.
    Usage has `usage_id` in front: its identity (RULES 15).
    """
    columns: list[tuple[str, str]] = [("usage_id", "varchar")] if feed.is_usage else []
    for column in feed.columns:
        columns += _stored(column)
    return [
        *columns,
        ("source_file", "varchar"),
        ("source_line", "bigint"),
        ("file_seq", "bigint"),
        ("row_md5", "varchar"),
    ]


def _stored(column: Column) -> list[tuple[str, str]]:
    if column.kind == "moment":
        return [(column.name, "date"), (f"{column.name}_at", "timestamptz")]
    return [(column.name, _SQL_TYPE[column.kind])]


def closed_lists() -> dict[str, tuple[str, ...]]:
    """What `$name` stands for in tables.sql, there in the form ('one', 'another')."""
    from rating.outcomes import EXCLUDED, SUSPENDED

    return {
        "run_kinds": get_args(states.RunKind),
        "run_states": get_args(states.RunState),
        "outcomes": get_args(states.Outcome),
        "account_codes": (*get_args(ParkedCode), *get_args(LeftOutCode)),
        "finding_codes": get_args(FindingCode),
        "stop_codes": get_args(StopCode),
        "suspended": tuple(SUSPENDED),
        "excluded": tuple(EXCLUDED),
        "document_kinds": get_args(states.DocumentKind),
        "correction_kinds": get_args(states.CorrectionKind),
        "tax_sources": get_args(states.TaxSource),
        "file_states": get_args(states.FileState),
        "mail_states": get_args(states.MailState),
        "hold_states": get_args(states.HoldState),
        "erased_files": get_args(states.ErasedFile),
    }


def tables_sql() -> str:
    """Every table of the working database, as `create table if not exists` statements."""
    lists = {name: "(" + ", ".join(f"'{word}'" for word in words) + ")" for name, words in closed_lists().items()}
    statements = [Template((_HERE / "tables.sql").read_text(encoding="utf-8")).substitute(lists)]
    for feed in FEEDS.values():
        columns = ", ".join(f"{name} {kind}" for name, kind in stored_columns(feed))
        statements.append(f"create table if not exists feed_{feed.name} ({columns});")
    return "\n".join(statements)


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Everything, in an empty database; the version goes in last, so that it says that all of it is there."""
    con.execute(tables_sql())
    con.execute("insert into schema_version values ($1)", [SCHEMA_VERSION])


def shape(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Table -> its columns in order and its constraints: what two databases of one version agree in."""
    columns = con.execute(
        "select table_name, list((column_name, data_type, is_nullable) order by column_index) from duckdb_columns() "
        "where database_name = current_database() and not internal and table_name in "
        "(select table_name from duckdb_tables() where database_name = current_database()) group by all"
    ).fetchall()
    constraints = dict(
        con.execute(
            "select table_name, list(constraint_text order by constraint_text) from duckdb_constraints() "
            "where database_name = current_database() group by all"
        ).fetchall()
    )
    return {table: (of_table, constraints.get(table, [])) for table, of_table in columns}
