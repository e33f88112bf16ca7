"""The working database and the folder beside it: the one writer of everything that lasts.

Tables are made here (tables.sql); what is asked of them stands where the answer is used, in every room of flows, and
reaches them through a `Store`. The pure packages hold no SQL.
"""

import contextlib
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from flows.home.disk import trouble
from flows.home.schema import SCHEMA_VERSION, create
from flows.home.settings import Home
from flows.home.views import create_views, latest
from flows.home.whole_files import to_disk
from schemas.errors import Refused
from schemas.feeds import FEEDS

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from flows.home.journal import Journal

DATABASE_SHARE = 0.4
"""Of a run's memory limit, what DuckDB may hold; the frames that are worked on beside it take the rest."""

BATCH_ROWS = 61_440
"""Rows that a thread of DuckDB takes at a time. Larger parts leave one thread idle and fill row groups badly: the file
doubles in size, and what was written is written once more at the checkpoint."""

EXACT_SUMS = "set disabled_optimizers = 'statistics_propagation'"
"""For every connection of ours. In a `left join` of whose right side DuckDB 2.0.0 knows that no row fits, it takes the
left side's rows for none as well, and every sum of them for 0: it squeezes the sum into a byte on its way to `order by`
(of 90,127 seconds it makes 15), and answers `having`, `where` and `case` on it without looking. Seen and guarded in
tests/flows/test_exact_sums.py. Without `compressed_materialization` alone only the first of the two is gone."""


@dataclass(frozen=True)
class Scope:
    """What of the master data is looked at: that of some accounts, or what was known before a file. None: all."""

    accounts: tuple[str, ...] | None = None
    before_file: int | None = None


class Store:
    """A home's database, open for writing. Use as a context manager; one process at a time."""

    def __init__(
        self, home: Home, memory_limit_mb: int = 4096, scope: Scope | None = None, *, whatever_is_left: bool = False
    ) -> None:
        """whatever_is_left: open books that know less than has left the house, too; else they are refused."""
        self.home = home
        self.journal: Journal | None = None
        self._whatever_is_left = whatever_is_left
        self.scope = scope or Scope()
        self._memory_limit_mb = memory_limit_mb
        self.con: duckdb.DuckDBPyConnection

    def __enter__(self) -> "Store":
        scratch = self.home.store / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        is_new = not self.home.database.exists()
        if is_new and not self._whatever_is_left:
            from flows.home.stand import must_exist

            must_exist(self.home)
        try:
            self.con = duckdb.connect(str(self.home.database))
        except duckdb.IOException as error:
            raise _not_opened(error, self.home) from None
        if self.home.database.stat().st_mode & 0o007:
            self.home.database.chmod(0o640)
        share_mb = int(self._memory_limit_mb * DATABASE_SHARE)
        self.con.execute(
            "set TimeZone = 'UTC'; set autoinstall_known_extensions = false; "
            f"set memory_limit = '{share_mb}MB'; set preserve_insertion_order = false"
        )
        self.con.execute(EXACT_SUMS)
        self.con.execute("set temp_directory = $1", [str(scratch)])
        try:
            self._migrate()
            if not self._whatever_is_left:
                from flows.home.stand import stand

                self.journal = stand(self, is_new=is_new)
        except duckdb.OutOfMemoryException:
            self.con.close()
            raise Refused(
                f"{self._memory_limit_mb} MB are too few to open tollbook.duckdb: allow more (run.memory_limit_mb). "
                "The file is whole; nothing was changed."
            ) from None
        except duckdb.Error as error:
            self.con.close()
            raise _not_opened(error, self.home) from None
        except BaseException:
            self.con.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.journal is not None:
            self.journal.close()
        self.con.close()

    def keep_head(self) -> None:
        """Notes in the journal how far the audit log is: before something leaves the house, and after. No transaction
        may be open."""
        if self.journal is not None:
            from flows.home.stand import keep_head

            keep_head(self, self.journal)

    def _migrate(self) -> None:
        """Makes the tables of an empty database, or brings those of an older version to today's."""
        known = self.rows("select 1 from duckdb_tables() where table_name = 'schema_version'")
        version = self.rows("select max(version) from schema_version")[0][0] if known else None
        if version is None:
            create(self.con)
        elif version != SCHEMA_VERSION:
            from flows.home.migrations import upgrade

            self._keep_as_it_is(version)
            upgrade(self.con, version)
        create_views(self.con, SCHEMA_VERSION)

    def _keep_as_it_is(self, version: int) -> None:
        """A copy of the file before an upgrade: whoever must go back to the program before finds it there."""
        self.con.execute("checkpoint")
        kept = self.home.before_upgrade(version)
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_name(f".partial-{kept.name}")
        shutil.copyfile(self.home.database, partial)
        partial.chmod(0o640)
        to_disk(partial)
        partial.replace(kept)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. No DDL inside."""
        self.con.execute("begin transaction")
        try:
            yield
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                self.con.execute("rollback")
            raise
        self.con.execute("commit")

    @contextlib.contextmanager
    def everybody(self) -> Iterator[None]:
        """Master data of all accounts, whatever the scope says."""
        scope = self.scope
        self.scope = Scope(None, scope.before_file)
        try:
            yield
        finally:
            self.scope = scope

    def within(self, scope: Scope) -> "Store":
        """The same open database, looked at within another scope. Who opened it closes it."""
        other = copy(self)
        other.scope = scope
        return other

    def second(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the open database, for reading what is committed beside a transaction; to be closed."""
        con = self.con.cursor()
        con.execute("set TimeZone = 'UTC'").fetchall()
        return con

    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] | None = None) -> "pl.DataFrame":
        """A query's rows as a frame. Values go in as parameters, never into the text."""
        relation = self.con.sql(query, params=params) if params else self.con.sql(query)
        frame: pl.DataFrame = relation.pl()
        return frame

    def rows(self, query: str, params: Sequence[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """A query's rows as tuples."""
        return self.con.execute(query, params or []).fetchall()

    def parts(self, query: str, rows: int = 1_000_000) -> "Iterator[pl.DataFrame]":
        """A query's rows in frames of so many; nothing else may be asked of this store until the last one came."""
        import polars as pl

        for batch in self.con.sql(query).to_arrow_reader(rows):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame

    def append(self, table: str, frame: "pl.DataFrame") -> None:
        """Adds `frame` to a table of ours; its columns must be a subset of the table's."""
        if not frame.is_empty():
            self.append_each(table, [frame])

    def append_each(
        self,
        table: str,
        frames: "Iterable[pl.DataFrame]",
        query: str = "select * from _incoming",
        values: dict[str, Any] | None = None,
    ) -> int:
        """Adds frames of one schema as they come, in one statement, so that row groups are filled across frames.

        What the frames come from runs inside the statement: it must not use this store. Its errors are raised as such.
        `query` makes the table's rows of theirs, which it sees as _incoming; `values` are its parameters. Returns how
        many rows were added.
        """
        import polars as pl
        import pyarrow as pa

        # Strings as views: DuckDB reads them where they lie, instead of a copy of each column.
        views = pl.CompatLevel.newest()
        coming = iter(frames)
        first = next(coming, None)
        if first is None:
            return 0
        failed: list[Exception] = []

        def batches() -> "Iterator[pa.RecordBatch]":
            try:
                for frame in chain([first], coming):
                    yield from frame.to_arrow(compat_level=views).to_batches(max_chunksize=BATCH_ROWS)
            except Exception as error:
                failed.append(error)
                raise

        schema = first.clear().to_arrow(compat_level=views).schema
        self.con.register("_incoming", pa.RecordBatchReader.from_batches(schema, batches()))
        try:
            added = self.con.execute(f"insert into {table} by name {query}", values or {}).fetchall()
        except duckdb.Error:
            if failed:
                raise failed[0] from None
            raise
        finally:
            self.con.unregister("_incoming")
        return int(added[0][0])

    def append_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows of Python values to a table of ours, in one statement however many they are."""
        if not rows:
            return
        kinds = self._kinds[table]
        lists = ", ".join(f"unnest(${n}::{kinds[name]}[])" for n, name in enumerate(columns, 1))
        values = [list(column) for column in zip(*rows, strict=True)]
        self.con.execute(f"insert into {table} ({', '.join(columns)}) select {lists}", values)

    def columns(self, table: str) -> list[str]:
        """The columns of a table of ours, in order."""
        return [*self._kinds[table]]

    @cached_property
    def _kinds(self) -> dict[str, dict[str, str]]:
        """Table or view -> its columns in order, each with its type; none of them changes while the store is open."""
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in self.rows(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = current_database() and schema_name = 'main' order by table_name, column_index"
        ):
            found.setdefault(table, {})[column] = kind
        return found

    def checkpoint(self) -> None:
        """Folds the write-ahead log into the file; called at the end of every stage."""
        self.con.execute("checkpoint")

    def current(self, feed_name: str, before: int | None = None) -> "pl.DataFrame":
        """The rows of a feed of master data in force today: per key the last row of the last file (RULES 18).

        `before` leaves out files from that file_seq on. Of the store's scope come all rows of everything that its
        accounts ever had: a number that went to another account ends on that account's row.
        """
        feed = FEEDS[feed_name]
        keys = ", ".join(feed.key)
        before = self.scope.before_file if before is None else before
        asked = [f"file_seq < {int(before)}"] if before is not None else []
        params: dict[str, Any] = {}
        if self.scope.accounts is not None:
            table = f"feed_{feed_name}"
            own = f"select {feed.key[0]} from {table} where account_id in (select unnest($accounts))"
            asked.append(f"{feed.key[0]} in ({own})")
            params["accounts"] = list(self.scope.accounts)
        if asked:
            return self.sql(f"{latest(feed, ' and '.join(asked))} order by {keys}, row_md5", params)
        # Where no key comes twice, all rows are in force, and to put them in order by key takes half the time.
        twice = self.rows(f"select 1 from feed_{feed_name} group by {keys} having count(*) > 1 limit 1")
        return self.sql(
            f"from current_{feed_name} order by {keys}, row_md5" if twice else f"from feed_{feed_name} order by {keys}"
        )


def version_of(home: Home) -> int | None:
    """The schema version of a home's database; None where there is none. Raises Refused for what cannot be read."""
    if not home.database.exists():
        return None
    try:
        with duckdb.connect(str(home.database), read_only=True) as con:
            return int(con.execute("select max(version) from schema_version").fetchall()[0][0])
    except duckdb.CatalogException:
        return None  # cut off when its tables were made
    except duckdb.Error as error:
        raise _not_opened(error, home) from None


class Damaged(Refused):
    """A database that cannot be read."""


def _not_opened(error: duckdb.Error, home: Home) -> Refused:
    """Why a database could not be opened, and what to do."""
    if "set lock" not in str(error).lower():
        told = trouble(error, home.root)
        return Refused(told) if told else Damaged(damaged(error))
    return Refused(
        f"tollbook.duckdb is held open by {_holder(str(error))}. Analysts read published/tollbook.duckdb; "
        "close the other one and try again."
    )


def damaged(error: Exception) -> str:
    """What to do about a database that cannot be read."""
    first = str(error).splitlines()[0]
    return f"tollbook.duckdb is damaged: {first}. Nothing was changed; restore a back-up (`tollbook restore FILE`)."


def _holder(message: str) -> str:
    """The process that DuckDB's message says holds the file, with its command line where this system tells it."""
    found = re.search(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)(?: by user (?P<user>[^\s.]+))?", message)
    if found is None:
        return f"another process ({message})"
    try:
        words = Path(f"/proc/{found['pid']}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        words = []
    command = " ".join(word for word in words if word)[:120] or found["program"]
    return f"process {found['pid']} ({command})" + (f" of user {found['user']}" if found["user"] else "")
