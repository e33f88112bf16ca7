"""The analysts' snapshot: every view of CONTRACT section 4 in a file of its own, swapped in atomically.

Nobody but us opens the working database: a reader there would block the run, and a run would block the reader. Who
holds the old snapshot open keeps reading it, consistent, and sees the new one when opening again.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from flows.books.known_tables import fill_known
from flows.books.master import history_tables
from flows.books.outdated import outdated_runs
from flows.books.parquet import wants_parquet, write_parquet
from flows.books.shown_numbers import hides_numbers, shown_number
from flows.books.views import blocks, views
from flows.home import audit, progress
from flows.home.stand import last_entry
from flows.home.store import EXACT_SUMS, Store
from flows.home.whole_files import to_disk
from schemas.errors import TollbookError

_BASE = Path(__file__).with_name("base.sql")
_TEMPORARY = "create or replace temp table"
_STORAGE = "v1.5.0"
"""Format of the file: clients of DuckDB 1.5 can read it."""


def publish(store: Store, *, parquet: bool = False) -> Path:
    """Builds published/tollbook.duckdb anew from the working database and returns its path; beside it Parquet files,
    where the settings or `parquet` ask for them.

    Tables lie in schema `base`, in a fixed order; the views, with a comment on each and on every column, in `main`.
    A kill leaves the former snapshot in place. No transaction may be open.
    """
    target = store.home.published
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(".partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent, ignore_cleanup_errors=True) as scratch:
        fresh = Path(scratch) / target.name
        with progress.stage("publish"), _attached(store.con, fresh):
            _fill(store)
            _describe(store.con)
        fresh.chmod(0o640)
        to_disk(fresh)
        fresh.replace(target)
    to_disk(target.parent)
    if parquet or wants_parquet(store.home):
        with read(target) as con:
            write_parquet(store.home, con)
    audit.keep_head(store)
    store.keep_head()
    return target


def is_owed(store: Store) -> bool:
    """Whether something was done since the snapshot was published last, or it is gone; of books that never published
    one, no."""
    head = audit.published_head(store)
    return head is not None and (head != last_entry(store) or not store.home.published.exists())


def publish_if_owed(store: Store) -> bool:
    """Publishes what a command that was cut off still owes; whether it did."""
    if not is_owed(store):
        return False
    publish(store)
    return True


def read(path: Path) -> duckdb.DuckDBPyConnection:
    """The snapshot, opened as an analyst would: read-only, in UTC, nothing downloaded."""
    con = duckdb.connect(str(path), read_only=True)
    con.execute(f"set TimeZone = 'UTC'; set autoinstall_known_extensions = false; {EXACT_SUMS}")
    return con


@contextlib.contextmanager
def _attached(con: duckdb.DuckDBPyConnection, path: Path) -> Iterator[None]:
    """`path` attached as `snapshot`, detached (and so folded into one file) at the end."""
    (working,) = con.execute("select current_catalog()").fetchone() or ("memory",)
    quoted = str(path).replace("'", "''")
    con.execute(f"attach '{quoted}' as snapshot (storage_version '{_STORAGE}')")
    # Only an ordered insertion gives equal content in equal order; the store has it off for speed.
    con.execute("set preserve_insertion_order = true")
    try:
        yield
    finally:
        con.execute(f'use "{working}".main')
        con.execute("detach snapshot")
        con.execute("set preserve_insertion_order = false")


@contextlib.contextmanager
def in_force(con: duckdb.DuckDBPyConnection, names: Sequence[str] | None = None) -> Iterator[None]:
    """What stands in the working database, as temporary tables: run_states, documents_in_force, usage_in_force ...

    `names`: only these, for a caller that needs no more.
    """
    temporary = {
        name: step
        for name, step in blocks(_BASE).items()
        if step.startswith(_TEMPORARY) and (names is None or name in names)
    }
    for step in temporary.values():
        con.execute(step)
    try:
        yield
    finally:
        for name in temporary:
            con.execute(f"drop table temp.{name}")


_SHOWN = "create or replace temp macro shown_number(number) as "


def _fill(store: Store) -> None:
    con = store.con
    con.execute("create schema snapshot.base")
    con.execute(_SHOWN + shown_number("number", hides=hides_numbers(store.home)))
    for step in history_tables().values():
        con.execute(step)
    fill_known(store)
    with in_force(con):
        for step in blocks(_BASE).values():
            if not step.startswith(_TEMPORARY):
                con.execute(step)
        con.execute("create table snapshot.base.outdated_runs (run_id varchar)")
        for run_id in sorted(outdated_runs(store)):
            con.execute("insert into snapshot.base.outdated_runs values ($1)", [run_id])
        _same_books(con)


_BOTH = """
    select 'documents, total and tax' as what,
        (count(*), coalesce(sum(total), 0), coalesce(sum(tax_total), 0))::varchar as here,
        (select (count(*), coalesce(sum(total), 0), coalesce(sum(tax_total), 0))::varchar
            from snapshot.base.invoices) as there
    from documents_in_force
    union all
    select 'issued documents and their printed totals',
        (count(*), coalesce(sum((document_json ->> '$.total')::decimal(38, 12)), 0))::varchar,
        (select (count(*), coalesce(sum(total), 0))::varchar from snapshot.base.invoices
            where invoice_number in (select invoice_number from issued_documents))
    from issued_documents
    union all
    select 'rated usage and its seconds', (count(*), coalesce(sum(duration_s), 0))::varchar,
        (select (count(*), coalesce(sum(duration_s), 0))::varchar from snapshot.base.rated_usage)
    from rated_usage where row_id in (select row_id from usage_in_force where outcome = 'rated')
    union all
    select 'loaded usage', count(*)::varchar, (
        select (count(*) filter (where is_loaded))::varchar from (
            select is_loaded from snapshot.base.rated_usage union all select true from snapshot.base.suspended_usage
            union all select true from snapshot.base.excluded_usage
            union all select true from snapshot.base.pending_usage))
    from loaded_usage
    union all
    select 'acts', count(*)::varchar, (select count(*)::varchar from snapshot.base.audit_log) from audit_log"""


def _same_books(con: duckdb.DuckDBPyConnection) -> None:
    """What is published adds up to what is in the working database, counted apart from the code that filled it."""
    wrong = [row for row in con.execute(_BOTH).fetchall() if row[1] != row[2]]
    if wrong:
        mismatches = "; ".join(f"{what}: {here} here, {there} in the snapshot" for what, here, there in wrong)
        raise TollbookError(f"the snapshot does not hold what the books hold, and was not published: {mismatches}")


def _describe(con: duckdb.DuckDBPyConnection) -> None:
    """Views are made from inside the snapshot: their text must not carry the name it is attached by."""
    con.execute("use snapshot.main")
    statements = [statement for view in views().values() for statement in view.statements()]
    con.execute(";\n".join(["begin transaction", *statements, "commit"]))  # hundreds of comments, one write
