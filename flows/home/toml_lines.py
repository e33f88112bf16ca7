"""Where a key stands in a TOML file: tomllib reads values alone, so its text is looked through once more."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from typing import Any

_HEADER = re.compile(r"^\s*\[\[?(?P<path>[^\[\]]+)\]\]?\s*(?:#.*)?$")
_PART = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
_KEY = re.compile(rf"^\s*(?P<path>{_PART}(?:\s*\.\s*{_PART})*)\s*=")


def line_of(text: str, keys: Sequence[Any]) -> int | None:
    """The line of the deepest of `keys` that stands in `text`, 1 the first; None where none does."""
    wanted = [str(key) for key in keys if not isinstance(key, int)]
    best: tuple[int, int] | None = None
    for number, path in _paths(text):
        if path == wanted[: len(path)] and (best is None or len(path) > best[0]):
            best = (len(path), number)
    if best is None:
        return None
    depth, number = best
    # What is left stands inside the value: a table on the same line, or on those below it.
    inside = text.splitlines()[number - 1 :]
    for key in wanted[depth:]:
        pattern = re.compile(rf"(?<![A-Za-z0-9_-])[\"']?{re.escape(key)}[\"']?\s*=")
        at = next((offset for offset, line in enumerate(inside) if pattern.search(line)), None)
        if at is None:
            break
        number, inside = number + at, inside[at:]
    return number


def _paths(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line, keys from the top) of every header and every key at the start of a line."""
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _split(header["path"])
            yield number, table
        elif key := _KEY.match(line):
            yield number, [*table, *_split(key["path"])]


def _split(path: str) -> list[str]:
    """`sources."a.b"` -> sources, a.b"""
    try:
        data: Any = tomllib.loads(f"[{path}]")
    except tomllib.TOMLDecodeError:
        return [path]
    keys = []
    while data:
        ((key, data),) = data.items()
        keys.append(key)
    return keys
