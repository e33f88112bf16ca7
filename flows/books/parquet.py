"""Parquet beside the snapshot, for tools that read no DuckDB: published/parquet/<view>.parquet, usage by month.

The set is swapped in as one: `parquet` is a link to a folder of its own. A file whose rows are what they were is not
written again; it is the same file in a new folder. index.json says of which state of the books they are, and the hash
of each file's rows. Once there, they are kept as the snapshot is: what was erased is erased here too. Whoever wants
them no more removes link and folder.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from flows.home import progress
from flows.home.settings import Home, load_settings
from flows.home.whole_files import to_disk, write_atomic

WHOLE = ("invoices", "invoice_lines", "invoice_taxes", "accounts", "latest_accounts")
"""Views that are one file each; `rated_usage` is one per usage month."""

_FORMAT = 1
"""Goes up with every change of how these files are written."""

_OPTIONS = "format parquet, compression zstd"


@dataclass(frozen=True)
class _Part:
    """One file: where it lies, and the rows of which view it holds."""

    file: str
    view: str
    month: str | None = None

    @property
    def rows(self) -> str:
        """SQL for its rows."""
        return f"from {self.view}" + (f" where usage_month = '{self.month}'" if self.month else "")


def wants_parquet(home: Home) -> bool:
    """Whether there are such files already, or the home's settings ask for them."""
    return _link(home).is_symlink() or (home.settings_file.exists() and load_settings(home).publish.parquet)


def _link(home: Home) -> Path:
    return home.published.with_name("parquet")


def write_parquet(home: Home, con: duckdb.DuckDBPyConnection) -> Path:
    """Writes the files of the snapshot that `con` has open, and returns the folder. A kill leaves the former ones."""
    link = _link(home)
    known = _index(link)
    parts = list(_parts(con))
    keys = {part.file: _key(con, part) for part in parts}
    (head,) = con.execute("select max(seq) from audit_log").fetchone() or (None,)
    index = {"format": _FORMAT, "audit_seq": head, "files": keys}
    former = link.resolve() if link.is_symlink() else None
    _remove_others(link)
    if index == known:
        return link
    fresh = _free_name(link)
    with progress.stage("parquet", len(parts), "files") as tick:
        for part in parts:
            _put(con, part, fresh, former if known["files"].get(part.file) == keys[part.file] else None)
            tick(1)
    write_atomic(fresh / "index.json", json.dumps(index, indent=1).encode() + b"\n")
    _swap(link, fresh)
    _remove_others(link)
    return link


def _remove_others(link: Path) -> None:
    """Removes every set but the one that the link leads to: a former one holds what may have been erased since."""
    for folder in link.parent.glob("parquet-*"):
        if not link.is_symlink() or folder.name != link.resolve().name:
            shutil.rmtree(folder, ignore_errors=True)


def _parts(con: duckdb.DuckDBPyConnection) -> Iterator[_Part]:
    for view in WHOLE:
        yield _Part(f"{view}.parquet", view)
    for (month,) in con.execute(
        "select distinct usage_month from rated_usage where usage_month is not null order by 1"
    ).fetchall():
        yield _Part(f"rated_usage/{month}.parquet", "rated_usage", month)


def _key(con: duckdb.DuckDBPyConnection, part: _Part) -> str:
    """Of the rows, whatever their order: equal for equal rows of one version of DuckDB."""
    sums = f"count(*), bit_xor(hash({part.view})), sum(hash({part.view})::hugeint)::varchar"
    return "-".join(str(value) for value in con.execute(f"select {sums} {part.rows}").fetchall()[0])


def _put(con: duckdb.DuckDBPyConnection, part: _Part, fresh: Path, former: Path | None) -> None:
    """The part's file, as it lies in `former` where its rows are the same."""
    path = fresh / part.file
    path.parent.mkdir(parents=True, exist_ok=True)
    if former is not None and (former / part.file).exists():
        os.link(former / part.file, path)
        return
    quoted = str(path).replace("'", "''")
    con.execute(f"copy ({part.rows}) to '{quoted}' ({_OPTIONS})")
    path.chmod(0o640)
    to_disk(path)


def _swap(link: Path, fresh: Path) -> None:
    waiting = link.with_name(".partial-parquet")
    waiting.unlink(missing_ok=True)
    waiting.symlink_to(fresh.name)
    waiting.replace(link)
    to_disk(link.parent)


def _free_name(link: Path) -> Path:
    """A folder beside the link that is not there."""
    current = link.resolve().name if link.is_symlink() else ""
    return link.with_name(f"parquet-{int(current.rpartition('-')[2] or 0) + 1}")


def _index(link: Path) -> dict[str, Any]:
    """What the former set says of itself; nothing where there is none, or one of another form."""
    none: dict[str, Any] = {"files": {}}
    try:
        known: dict[str, Any] = json.loads((link / "index.json").read_bytes())
    except (OSError, ValueError):
        return none
    return known if known.get("format") == _FORMAT else none
