"""Decks as they were read, in store/decks: 40,000 lines are checked one by one, which takes seconds in every command.

A file is named by what it was made from: the deck's bytes, its declaration, and the code that read them. All of it is
derived: whoever removes it has it made again.
"""

import contextlib
import hashlib
import io
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import polars as pl

from flows.home.whole_files import write_atomic

LEAST_ROWS = 1_000
"""Of smaller decks reading costs no more than looking."""
_MOST_FILES = 32
_DECIDE = ("flows/decks", "flows/home", "rating", "schemas")
"""Folders of the modules that read and check decks, their declarations and their prices."""


def read_once(folder: Path, made_from: tuple[bytes, ...], read: Callable[[], pl.DataFrame]) -> pl.DataFrame:
    """What `read` makes of these bytes; what it made of them before, where that is kept. What it raises is kept
    nowhere."""
    path = folder / f"{_key(made_from)}.parquet"
    with contextlib.suppress(OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return pl.read_parquet(path)
    table = read()
    if table.height >= LEAST_ROWS and folder.parent.is_dir():
        with contextlib.suppress(OSError):  # a disk that is full, or a home that may only be read
            _write(path, table)
    return table


def _write(path: Path, table: pl.DataFrame) -> None:
    parquet = io.BytesIO()
    table.write_parquet(parquet)
    path.parent.mkdir(exist_ok=True)
    write_atomic(path, parquet.getvalue())
    newest = sorted(path.parent.glob("*.parquet"), key=lambda kept: kept.stat().st_mtime, reverse=True)
    for old in newest[_MOST_FILES:]:
        old.unlink(missing_ok=True)


def _key(made_from: tuple[bytes, ...]) -> str:
    parts = (_code(), *(hashlib.sha256(part).digest() for part in made_from))
    return hashlib.sha256(b"".join(parts)).hexdigest()[:32]


@cache
def _code() -> bytes:
    """A hash of all that decides what a deck comes to: a deck is read again by a program that reads otherwise."""
    root = Path(__file__).parents[2]
    modules = [path for part in _DECIDE for path in sorted((root / part).glob("*.py"))]
    said = repr([pl.__version__, *(version(name) for name in ("fastexcel", "pydantic"))]).encode()
    return hashlib.sha256(b"".join([said, *(path.read_bytes() for path in modules)])).digest()
