"""The analysts' snapshot: every view of CONTRACT section 4 in a file of its own, swapped in atomically.

Nobody but us opens the working database: a reader there would block the run, and a run would block the reader. Who
holds the old snapshot open keeps reading it, consistent, and sees the new one when opening again.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb

from flows.books.known_tables import fill_known
from flows.books.last_snapshot import drop_single_tables, stamp_of, taken_over
from flows.books.master import history_tables
from flows.books.outdated import outdated_runs
from flows.books.parquet import wants_parquet, write_parquet
from flows.books.published_months import MONTHS, fill_months, forget
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


def publish(store: Store, *, parquet: bool = False, whole: bool = False) -> Path:
    """Writes published/tollbook.duckdb from the working database and returns its path; beside it Parquet files, where
    the settings or `parquet` ask for them. Months in which nothing happened are those of the last snapshot, unless it
    is to be made `whole` or cannot be used.

    Tables lie in schema `base`, in a fixed order; the views, with a comment on each and on every column, in `main`.
    A kill leaves the former snapshot in place. No transaction may be open.
    """
    target = store.home.published
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(".partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=target.parent, ignore_cleanup_errors=True) as scratch:
        with progress.stage("publish"):
            fresh = _written(store, target, Path(scratch), whole=whole)
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


def _written(store: Store, last: Path, scratch: Path, *, whole: bool) -> Path:
    """The new snapshot, in a file of its own under `scratch`."""
    stamp = stamp_of(store)
    copy = scratch / f"copy-{last.name}"
    if not whole and taken_over(stamp, last, copy):
        try:
            _write(store, copy, stamp, is_copy=True)
        except (duckdb.Error, TollbookError):
            pass  # whatever the last snapshot has, the books are what counts
        else:
            return copy
    fresh = scratch / last.name
    _write(store, fresh, stamp, is_copy=False)
    return fresh


def _write(store: Store, path: Path, stamp: str, *, is_copy: bool) -> None:
    with _attached(store.con, path):
        if is_copy:
            drop_single_tables(store.con)
        _fill(store, stamp, is_copy=is_copy)
        if not is_copy:
            _describe(store.con)


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
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # where none is open
            con.execute("rollback")
        raise
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


def _fill(store: Store, stamp: str, *, is_copy: bool) -> None:
    con = store.con
    if not is_copy:
        con.execute("create schema snapshot.base")
    con.execute(_SHOWN + shown_number("number", hides=hides_numbers(store.home)))
    for step in history_tables().values():
        con.execute(step)
    fill_known(store)
    with in_force(con, ("documents_in_force", "account_zones")):
        try:
            touched = fill_months(store, stamp, is_copy=is_copy)
            for step in blocks(_BASE).values():
                if not step.startswith(_TEMPORARY):
                    con.execute(step)
            _fill_pending(con, is_copy=is_copy)
            con.execute("create table snapshot.base.outdated_runs (run_id varchar)")
            for run_id in sorted(outdated_runs(store)):
                con.execute("insert into snapshot.base.outdated_runs values ($1)", [run_id])
            _same_books(con, touched)
        finally:
            forget(con)


def _fill_pending(con: duckdb.DuckDBPyConnection, *, is_copy: bool) -> None:
    """What no run has dealt with: of a copy only files are asked that hold more records than have an outcome."""
    steps = blocks(MONTHS)
    files = "(select file_seq from source_files)"
    if is_copy:
        files = "(" + ", ".join(str(seq) for (seq,) in con.execute(steps["short_files"]).fetchall() or [(-1,)]) + ")"
    con.execute(steps["pending_usage"].format(files=files))


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
            where list_contains($touched, invoice_month)
                and invoice_number in (select invoice_number from issued_documents))
    from issued_documents where list_contains($touched, invoice_month)
    union all
    select 'rated usage and its seconds', (count(*), coalesce(sum(duration_s), 0))::varchar,
        (select (count(*), coalesce(sum(duration_s), 0))::varchar from snapshot.base.rated_usage
            where run_id in (select run_id from month_runs where is_touched))
    from (
        with counted as (
            select u.same_no, min(u.usage_no) as usage_no from rated_now as u
            join rated_for as f on f.for_no = u.for_no
            join month_runs as r on r.run_id = f.run_id and r.is_touched
            left join month_issued as i on i.run_id = f.run_id and i.account_id = f.account_id
            left join usage_gone as g on g.same_no = u.same_no
            left join usage_contested as c on c.same_no = u.same_no and c.run_seq <> r.run_seq
            where (r.stands or i.run_id is not null) and (i.run_id is not null or g.same_no is null)
                and c.same_no is null
            group by u.same_no)
        select usage_no, duration_s from usage_records where usage_no in (select usage_no from counted))
    union all
    select 'loaded usage', count(*)::varchar, (
        select (count(*) filter (where is_loaded))::varchar from (
            select is_loaded from snapshot.base.rated_usage union all select true from snapshot.base.suspended_usage
            union all select true from snapshot.base.excluded_usage
            union all select true from snapshot.base.pending_usage))
    from (select usage_id from feed_calls union all select usage_id from feed_messages)
    union all
    select 'acts', count(*)::varchar, (select count(*)::varchar from snapshot.base.audit_log) from audit_log"""


def _same_books(con: duckdb.DuckDBPyConnection, touched: Iterable[str]) -> None:
    """What is published adds up to what is in the working database, counted apart from the code that filled it: of
    usage and printed totals the touched months, for the others were compared when they were made."""
    wrong = [row for row in con.execute(_BOTH, {"touched": sorted(touched)}).fetchall() if row[1] != row[2]]
    if wrong:
        mismatches = "; ".join(f"{what}: {here} here, {there} in the snapshot" for what, here, there in wrong)
        raise TollbookError(f"the snapshot does not hold what the books hold, and was not published: {mismatches}")


def _describe(con: duckdb.DuckDBPyConnection) -> None:
    """Views are made from inside the snapshot: their text must not carry the name it is attached by."""
    con.execute("use snapshot.main")
    statements = [statement for view in views().values() for statement in view.statements()]
    con.execute(";\n".join(["begin transaction", *statements, "commit"]))  # hundreds of comments, one write
