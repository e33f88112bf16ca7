"""The data dictionary: every view and column of the snapshot with its type and its comment, as a page of Markdown.

`python -m flows.books.dictionary FILE` writes it of an empty home's snapshot: views, types and comments are the
program's, not a home's. It holds what the snapshot itself says (duckdb_views, duckdb_columns), so an analyst's own
tools show the same.
"""

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from flows.books.publish import publish, read
from flows.books.views import views
from flows.home.settings import Home
from flows.home.store import Store

_HEAD = """# Data dictionary

<!-- Written by `python -m flows.books.dictionary docs/analysts/dictionary.md`; tests hold it to the snapshot. -->

What `published/tollbook.duckdb` holds, view by view, from the comments that it carries itself: `select * from
duckdb_columns()` says the same. Amounts are exact decimals in the currency of the same row; instants are UTC; days
are civil days of the account; every [from, to) is half-open, and null ends are open. A column marked as a clock column
may differ between two homes that were given the same files."""

_TYPES = {
    "VARCHAR": "text", "DATE": "date", "BOOLEAN": "boolean", "BIGINT": "integer", "INTEGER": "integer",
    "TIMESTAMP WITH TIME ZONE": "instant", "TIMESTAMP": "local time", "DECIMAL(38,12)": "decimal",
}  # fmt: skip


def dictionary(con: duckdb.DuckDBPyConnection) -> str:
    """The page, of an opened snapshot."""
    comments = dict(
        con.execute(
            "select view_name, comment from duckdb_views() where schema_name = 'main' and not internal"
        ).fetchall()
    )
    columns = con.execute(
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        "where schema_name = 'main' and not internal order by table_name, column_index"
    ).fetchall()
    listed = "\n".join(f"- [{name}](#{name}): {_first_sentence(comments[name])}" for name in views())
    parts = [_HEAD, listed]
    for name in views():
        rows = [row[1:] for row in columns if row[0] == name]
        parts.append("\n".join([f"## {name}", "", comments[name], "", *_table(rows)]))
    return "\n\n".join(parts) + "\n"


def _table(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for name, kind, comment in rows:
        yield f"| `{name}` | {_TYPES.get(kind, kind.lower())} | {comment.replace('|', chr(92) + '|')} |"


def _first_sentence(text: str) -> str:
    return re.split(r"[:.](?: |$)", text, maxsplit=1)[0] + "."


def main(file: str) -> None:
    """Writes the page of an empty home's snapshot."""
    with tempfile.TemporaryDirectory(prefix="tollbook-dictionary-") as folder:
        with Store(Home(Path(folder))) as store:
            path = publish(store)
        with read(path) as con:
            Path(file).write_text(dictionary(con), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
