"""The working database written anew: nothing of what was deleted or changed is left in its free pages.

DuckDB keeps the bytes of deleted and updated rows until something else needs their place; a checkpoint does not
overwrite them. The new file holds what the tables hold, row for row in the same order, and takes the old one's name.
"""

from pathlib import Path

from flows.home.settings import Home
from flows.home.store import Store
from flows.home.whole_files import to_disk
from schemas.errors import TollbookError


def write_anew(home: Home, memory_limit_mb: int) -> None:
    """Writes the database into a new file beside it and swaps the two. The database must not be open.

    Needs as much free disk as the database has. A kill leaves the old file, or the new one, whole.
    """
    fresh = home.database.with_name(home.database.name + ".new")
    _remove(fresh)
    with Store(home, memory_limit_mb) as store:
        store.checkpoint()
        (name,) = store.rows("select current_catalog()")[0]
        # The last of several rows is a state (of a run, of a mail): their order is content.
        store.con.execute("set preserve_insertion_order = true")
        store.con.execute(f"attach '{str(fresh).replace(chr(39), chr(39) * 2)}' as fresh")
        store.con.execute(f'copy from database "{name}" to fresh')
        before, after = (_counts(store, catalog) for catalog in (name, "fresh"))
        store.con.execute("detach fresh")
    if before != after:
        _remove(fresh)
        raise TollbookError(f"the database written anew does not hold what it held: {before} became {after}")
    if _log(home.database).exists():
        raise TollbookError("tollbook.duckdb still has a write-ahead log after it was closed: it was not written anew")
    fresh.chmod(home.database.stat().st_mode & 0o777)
    to_disk(fresh)
    fresh.replace(home.database)
    to_disk(home.root)


def _counts(store: Store, catalog: str) -> dict[str, int]:
    """Rows by table."""
    tables = store.rows("select table_name from duckdb_tables() where database_name = $1 order by 1", [catalog])
    return {table: int(store.rows(f'select count(*) from "{catalog}".main."{table}"')[0][0]) for (table,) in tables}


def _log(database: Path) -> Path:
    return database.with_name(database.name + ".wal")


def _remove(database: Path) -> None:
    for path in (database, _log(database)):
        path.unlink(missing_ok=True)
