"""The database refuses every word that is not on the closed list of its column."""

import duckdb
import pytest

from flows.home.schema import closed_lists, create
from rating.outcomes import EXCLUDED, SUSPENDED

COLUMNS = {
    "run_kinds": ["runs.kind"],
    "run_states": ["run_events.state"],
    "outcomes": ["run_accounts.outcome"],
    "account_codes": ["run_accounts.code"],
    "finding_codes": ["run_findings.kind"],
    "stop_codes": ["stop_overrides.code"],
    "suspended": ["suspended_usage.reason"],
    "excluded": ["excluded_usage.reason"],
    "document_kinds": ["documents.kind"],
    "correction_kinds": ["documents.correction"],
    "tax_sources": ["invoice_taxes.computed_by"],
    "file_states": ["source_files.state"],
    "mail_states": ["delivery_events.state"],
    "hold_states": ["account_holds.state"],
    "erased_files": ["erased_files.what"],
}


def test_the_database_holds_the_very_lists_and_refuses_every_other_word() -> None:
    assert set(COLUMNS) == set(closed_lists())
    assert (closed_lists()["suspended"], closed_lists()["excluded"]) == (tuple(SUSPENDED), tuple(EXCLUDED))
    with duckdb.connect() as con:
        create(con)
        for name, columns in COLUMNS.items():
            for table, column in (each.split(".") for each in columns):
                con.execute(f"create or replace table one as select {_blank(con, table)} from range(1)")
                for word in closed_lists()[name]:
                    con.execute(f"insert into {table} by name select * replace ($1 as {column}) from one", [word])
                with pytest.raises(duckdb.ConstraintException, match=column):
                    con.execute(f"insert into {table} by name select * replace ('typo' as {column}) from one")


def _blank(con: duckdb.DuckDBPyConnection, table: str) -> str:
    """A row of `table` that its constraints let in, but for the column that is tried."""
    rows = con.execute(
        "select column_name, data_type, is_nullable from duckdb_columns() where table_name = $1 order by column_index",
        [table],
    ).fetchall()
    plain = {"BIGINT": "0", "VARCHAR": "''", "TIMESTAMP WITH TIME ZONE": "timestamptz '2025-01-01'"}
    given = (
        {"outcome": "'billed'"} if table == "run_accounts" else {"kind": "'invoice'"} if table == "documents" else {}
    )
    if table == "run_accounts":
        given["code"] = "'other'"
    return ", ".join(
        f"{given.get(name, 'null' if nullable else plain[kind])}::{kind} as {name}" for name, kind, nullable in rows
    )


def test_nobody_is_parked_without_a_code() -> None:
    with duckdb.connect() as con:
        create(con)
        con.execute("insert into run_accounts (account_id, outcome, code) values ('ANN', 'parked', 'no_price')")
        with pytest.raises(duckdb.ConstraintException, match="code IS NOT NULL"):
            con.execute("insert into run_accounts (account_id, outcome) values ('ANN', 'parked')")
