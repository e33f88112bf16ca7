"""A sample of somebody's file, looked at before anything is declared: how its text is written, settings to paste."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from schemas.errors import WrongUsage

MARKS = ",;\t|"
"""What separates cells, the usual first."""

DAYS: tuple[str, ...] = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d %b %Y",
)
DAYS += ("%d-%b-%y", "%b %d, %Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y%m%d")
"""Ways of writing a day that are tried, the unmistakable first."""


def content_of(path: Path) -> bytes:
    """The file's bytes. Raises WrongUsage for what cannot be read or is empty."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongUsage(f"{path}: {error.strerror or 'it cannot be read'}; expected a file") from None
    if not content:
        raise WrongUsage(f"{path}: found an empty file; expected a sample with some records")
    return content


def encoding_of(content: bytes) -> str:
    """utf-8 where it is that; utf-16 by its mark or its zeros; else cp1252, the usual one of Windows."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    start = content[:2000]
    for encoding, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if len(start) > 3 and zeros.count(0) * 2 > len(zeros):
            return encoding
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A sample may be cut inside its last character.
        if error.start < len(content) - 3:
            return "cp1252" if _is_cp1252(content) else "latin-1"
    return "utf-8"


def _is_cp1252(content: bytes) -> bool:
    try:
        content.decode("cp1252")
    except UnicodeDecodeError:
        return False
    return True


def delimiter_of(text: str) -> str:
    """The mark that cuts most of the first lines into the same number of cells, more than one."""
    best, most = MARKS[0], (0.0, 0)
    for mark in MARKS:
        try:
            first = io.StringIO("\n".join(text.splitlines()[:60]))
            rows = list(csv.reader(first, delimiter=mark, skipinitialspace=True))
        except csv.Error:
            continue
        counts = Counter(len(row) for row in rows if any(row))
        if not counts:
            continue
        width, lines = max(counts.items(), key=lambda pair: (pair[1] * (pair[0] > 1), pair[0]))
        share = (lines / sum(counts.values()), width)
        if width > 1 and share > most:
            best, most = mark, share
    return best


def days_of(cells: list[str]) -> list[str]:
    """The formats of DAYS that fit every one of these cells."""
    from datetime import datetime

    def fits(cell: str, day_format: str) -> bool:
        try:
            datetime.strptime(cell, day_format)  # noqa: DTZ007 only whether it is one
        except ValueError:
            return False
        return True

    cells = list(dict.fromkeys(cells))[:500]
    return [way for way in DAYS if cells and all(fits(cell, way) for cell in cells)]


def toml_value(value: Any) -> str:
    """A value as tollbook.toml says it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        inside = ", ".join(f"{_key(key)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, (int, date)):
        return str(value)
    if isinstance(value, Decimal):
        return f'"{value:f}"'
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def toml_block(title: str, said: Mapping[str, Any], asked: Mapping[str, str]) -> list[str]:
    """The table to paste. What only its owner can say stands in it as a comment, until the # is taken away."""
    known = [f"{key} = {toml_value(value)}" for key, value in said.items() if key not in asked]
    values = {key: toml_value(said[key]) if key in said else "…" for key in asked}
    return [f"[{title}]", *known, *(f"# {key} = {values[key]}  # {question}" for key, question in asked.items())]


def name_for(path: Path, taken: Collection[str] = ()) -> str:
    """A name for a table, made of a file's name; `taken`: those that stand in the settings already."""
    name = re.sub(r"[^a-z0-9_]+", "_", path.name.casefold().split(".")[0]).strip("_") or "sample"
    others = (name if number == 1 else f"{name}_{number}" for number in count(1))
    return next(other for other in others if other not in taken)
