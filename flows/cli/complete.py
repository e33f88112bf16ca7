"""What the shell offers when a word is completed: what the home's folders and settings say, without opening its books.

Nothing heavy is imported and no database opened: somebody waits at the keyboard. What cannot be read offers nothing.
"""

import csv
import os
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import typer

MOST = 200
"""Words that are offered at once."""
_MOST_BYTES = 4_000_000
"""Of a file of accounts that is read for its ids."""


def months(context: typer.Context, incomplete: str) -> list[str]:
    """Invoice months that have a folder below out/, the newest first, and before it the one that is run next."""
    from schemas.periods import shift_month

    known = sorted((path.name for path in (_root(context) / "out").glob("20[0-9][0-9]-[01][0-9]")), reverse=True)
    return _fitting([*(shift_month(month, 1) for month in known[:1]), *known], incomplete)


def accounts(context: typer.Context, incomplete: str) -> list[str]:
    """Ids in column account_id of the CSV files of inbox/accounts/."""
    return _fitting(dict.fromkeys(_account_ids(_root(context) / "inbox" / "accounts")), incomplete)


def documents(context: typer.Context, incomplete: str) -> list[str]:
    """Numbers of issued documents, the newest month first, as their PDFs are called."""
    printed = sorted((_root(context) / "out").glob("*/invoices/*.pdf"), key=lambda path: path.parts[-3:], reverse=True)
    return _fitting((path.stem for path in printed), incomplete)


def inbox_files(context: typer.Context, incomplete: str) -> list[str]:
    """Files below inbox/, as tables and messages call them."""
    root = _root(context)
    paths = (Path(folder, name) for folder, _, names in os.walk(root / "inbox") for name in sorted(names))
    return _fitting((path.relative_to(root).as_posix() for path in paths), incomplete)


def decks(context: typer.Context, incomplete: str) -> list[str]:
    """Decks of tollbook.toml."""
    return _fitting(_settings(context).get("decks", {}), incomplete)


def sellers(context: typer.Context, incomplete: str) -> list[str]:
    """Sellers of tollbook.toml."""
    return _fitting(_settings(context).get("sellers", {}), incomplete)


def shapes(incomplete: str) -> list[str]:
    """What `tollbook schema` prints the shape of."""
    from schemas.feeds import FEEDS

    return _fitting(("settings", "catalog", "document", "deck", *FEEDS), incomplete)


def tax_tables(context: typer.Context, incomplete: str) -> list[str]:
    """Names of tax tables, ours and the home's own."""
    folders = (Path(str(files("data"))) / "reference" / "taxes", _root(context) / "catalog" / "taxes")
    tables = (path.relative_to(folder).with_suffix("") for folder in folders for path in folder.rglob("*.yaml"))
    return _fitting(sorted({path.as_posix() for path in tables}), incomplete)


def _root(context: typer.Context) -> Path:
    """The home that the line so far names, else the environment's, else this folder."""
    named = context.find_root().params.get("home")
    return Path(named or os.environ.get("TOLLBOOK_HOME") or ".")


def _settings(context: typer.Context) -> dict[str, Any]:
    with suppress(OSError, tomllib.TOMLDecodeError):
        return tomllib.loads((_root(context) / "tollbook.toml").read_text(encoding="utf-8"))
    return {}


def _account_ids(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.csv")):
        with suppress(OSError, UnicodeDecodeError, csv.Error), path.open(encoding="utf-8-sig", newline="") as file:
            if path.stat().st_size <= _MOST_BYTES:
                yield from (row["account_id"] for row in csv.DictReader(file) if row.get("account_id"))


def _fitting(words: Iterable[str], incomplete: str) -> list[str]:
    return list(islice((word for word in words if word.startswith(incomplete)), MOST))
