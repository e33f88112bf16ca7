"""Databases of earlier versions brought to today's, on opening and in one transaction: a kill leaves either whole.

DuckDB adds no constraint to a table that exists. So every table that differs from tables.sql is made anew, its rows
are copied in their order (the last of several rows is a state), and it takes the old one's name. A migration says
only what stands in the columns that old rows lack.
"""

import contextlib
import re
from pathlib import Path

import duckdb

from flows.home.schema import SCHEMA_VERSION, USAGE_NO, shape, tables_sql
from schemas.codes import LeftOutCode, ParkedCode
from schemas.document import ENGINE_ANSWER
from schemas.errors import Refused

_SENTENCES: tuple[tuple[str, ParkedCode | LeftOutCode], ...] = (
    ("set aside by %", "set_aside"),
    ("printing failed: %", "printing_failed"),
    ("charging failed: %", "stage_failed"),
    ("taxing failed: %", "stage_failed"),
    ("drafting failed: %", "stage_failed"),
    ("billing_start_date % is not service_start_date % plus % free months%", "free_months"),
    ("billing address: %", "address_misfit"),
    ("location %: %", "location_misfit"),
    ("feed prices names deck %, which tollbook.toml does not declare", "unknown_deck"),
    ("feed prices agrees a price for %", "idle_price"),
    ("feed % names product %, which the catalogue does not know", "unknown_product"),
    ("plan % is not in the catalogue", "unknown_plan"),
    ("plan % is in %, the account in %", "plan_currency"),
    ("no price in % for product % on %", "no_price"),
    ("no pricing in % for product % on %", "no_pricing"),
    ("charge % is in %, the account in %", "charge_currency"),
    ("seller % is not in tollbook.toml", "unknown_seller"),
    ("products name both safe_harbour and measured%", "usf_method"),
    ("product % was billed and is no longer in the catalogue", "product_gone"),
    ("product % has no tax_class or interstate method in force", "no_tax_class"),
    ("product %: the amount % cannot be kept exactly%", "amount_not_exact"),
    ("product %: quantity % is above the last tier%", "quantity_not_priced"),
    ("product %: a quantity below zero %", "quantity_not_priced"),
    ("the document lacks %", "document_lacks"),
    ("no tax table for %", "no_tax_table"),
    ("% goes by the account's own calls, and there are none to measure %", "no_calls_to_measure"),
    ("% has no safe-harbour share on % (table %", "no_tax_share"),
    ("% has no rate on % (table %", "no_tax_rate"),
    ("% has no factor for % (table %", "no_tax_rate"),
    ("% of % is in %, the document in % (table %", "tax_currency"),
    ("holds an issued document of %", "holds_document"),
    ("not asked for", "not_asked_for"),
    ("billing starts on %", "starts_later"),
    ("served until %", "has_left"),
)
"""How version 5 began the reasons that have codes since, the first that fits. The one place where a reason is read."""


def code_of_reason() -> str:
    """The code of an account of version 5; `other` where a parked one's reason is none that we know."""
    quoted = [(like.replace("'", "''"), code) for like, code in _SENTENCES]
    cases = " ".join(f"when reason like '{like}' then '{code}'" for like, code in quoted)
    return f"case {cases} when outcome = 'parked' then 'other' end"


_COMPUTED_BY = f"""
    coalesce((
        select any_value('engine') from documents as d
        where d.run_id = invoice_taxes.run_id and d.draft_id = invoice_taxes.draft_id and starts_with(
            d.document_json ->> concat('$.taxes[', invoice_taxes.tax_no - 1, '].table'), '{ENGINE_ANSWER}')
    ), 'tables')"""

_OF_JSON = {
    "issue_date": "(document_json ->> 'issue_date')::date",
    "due_date": "(document_json ->> 'due_date')::date",
    "minor_digits": "(document_json ->> 'minor_digits')::bigint",
}
_OF_LINE = USAGE_NO.format(file_seq="file_seq", source_line="source_line")
# Of the file that had it; of one that was taken back out and came again, of the last.
_OF_FEED = (
    "(select max("
    + USAGE_NO.format(file_seq="f.file_seq", source_line="{table}.source_line")
    + ") from source_files as f where f.source_file = {table}.source_file and f.feed = {table}.feed)"
)

MIGRATIONS: dict[int, dict[str, dict[str, str]]] = {
    5: {"run_accounts": {"code": code_of_reason()}, "invoice_taxes": {"computed_by": _COMPUTED_BY}},
    6: {},  # new words on a closed list
    7: {},  # which record is the other leg of a call: old ones name none
    # Whose row it was, and from which address a mail came: old rows do not say. Subscriptions that wait for their
    # confirmation, of which old ones are none; suspensions; new words on closed lists.
    8: {"rejected_records": {"row_key": "null"}, "delivery_events": {"sender": "null"}},
    9: {},  # the journal beside the database, begun when the books are opened; mails that confirm a cancellation
    # Rated usage as what rating adds (rated.sql), joined by the number of its record.
    # Days and smallest unit of documents beside the JSON that says them.
    10: {
        "documents": _OF_JSON,
        "feed_calls": {"usage_no": _OF_LINE},
        "feed_messages": {"usage_no": _OF_LINE},
        "line_usage": {"usage_no": "null"},  # given there too
        "suspended_usage": {"usage_no": _OF_FEED.format(table="suspended_usage")},
        "excluded_usage": {"usage_no": _OF_FEED.format(table="excluded_usage")},
    },
}
"""Version -> table -> column that it lacks -> SQL over the table's old row (and other tables as they were)."""


def upgrade(con: duckdb.DuckDBPyConnection, version: int) -> None:
    """Brings a database of an earlier version to today's. Raises Refused for a version that nobody can bring there."""
    if version not in MIGRATIONS:
        oldest = min(MIGRATIONS)
        raise Refused(
            f"tollbook.duckdb has schema version {version}, this program writes {SCHEMA_VERSION} and upgrades from "
            f"{oldest} on: use the program version that made it."
        )
    columns: dict[str, dict[str, str]] = {}
    for step in range(version, SCHEMA_VERSION):
        for table, of_table in MIGRATIONS[step].items():
            columns.setdefault(table, {}).update(of_table)
    con.execute("begin transaction")
    try:
        _drop_views(con)
        _rebuild(con, columns)
        con.execute("update schema_version set version = $1", [SCHEMA_VERSION])
        con.execute("commit")
    except BaseException as error:
        with contextlib.suppress(duckdb.Error):
            con.execute("rollback")
        if isinstance(error, duckdb.ConstraintException):
            raise Refused(
                f"tollbook.duckdb cannot be brought from schema version {version} to {SCHEMA_VERSION}, and was not "
                f"changed: {str(error).splitlines()[0]}. Please report it; the program version that made it reads it."
            ) from None
        raise
    con.execute("checkpoint")


def _drop_views(con: duckdb.DuckDBPyConnection) -> None:
    """A view remembers the columns of its tables; flows/home/views.py makes all of them anew."""
    for (name,) in con.execute(
        "select view_name from duckdb_views() "
        "where database_name = current_database() and not internal and not temporary"
    ).fetchall():
        con.execute(f'drop view "{name}"')


def _rebuild(con: duckdb.DuckDBPyConnection, columns: dict[str, dict[str, str]]) -> None:
    """Every table that is not as today's program makes it, made anew with its rows."""
    with duckdb.connect() as model:
        model.execute(tables_sql())
        asked = shape(model)
    have = shape(con)
    differing = [table for table, form in asked.items() if table in have and have[table] != form]

    def renamed(found: re.Match[str]) -> str:
        return found[0].replace(found[1], f"new_{found[1]}") if found[1] in differing else found[0]

    con.execute(re.sub(r"create table if not exists (\w+)", renamed, tables_sql()))
    # The order of rows is content, and the store has its keeping switched off for speed.
    con.execute("set preserve_insertion_order = true")
    for table in differing:
        old = {name for name, *_ in have[table][0]}
        values = {name: name for name, *_ in asked[table][0] if name in old} | columns.get(table, {})
        listed = ", ".join(f"{value} as {name}" for name, value in values.items())
        con.execute(f"insert into new_{table} by name select {listed} from {table}")
    con.execute("set preserve_insertion_order = false")
    for table in differing:
        con.execute(f"drop table {table}")
        con.execute(f"alter table new_{table} rename to {table}")
    if "rated_usage" in have:
        con.execute("alter table rated_usage rename to wide_usage")
        con.execute((Path(__file__).parent / "rated.sql").read_text(encoding="utf-8"))
        con.execute("drop table wide_usage")
