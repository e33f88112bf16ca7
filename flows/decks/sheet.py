"""A deck's file to canonical rows: lines, headings, what is left out, and which row ends which.

Everything is read as text and converted by the declared format (flows/decks/formats.py); nothing is guessed, and no
line disappears unless the declaration says that titles and footers may be left out, and then it is listed.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from flows.decks.cells import Line, day_before
from flows.decks.formats import FORMATS, DeckFormat, Row
from flows.home.file_settings import DeckSettings
from schemas.catalog import DECK_COLUMNS
from schemas.errors import Fault, WrongUsage


@dataclass(frozen=True)
class Sheet:
    """`rows`: line, DECK_COLUMNS as text. `skipped`: lines left out as declared. `faults`: why it cannot be used."""

    rows: pl.DataFrame
    skipped: list[Fault]
    faults: list[Fault]


def read_sheet(content: bytes, file: str, settings: DeckSettings) -> Sheet:
    """Reads a deck in its declared format. Raises WrongUsage for a file without a usable header."""
    layout = FORMATS[settings.format]
    lines = _lines(content, file, settings)
    number, header = next(lines, (settings.skip_rows + 1, []))
    headings = _headings(layout, header, file, number, settings)
    places = {key: header.index(heading) for key, heading in headings.items()}
    skipped: list[Fault] = []
    faults: list[Fault] = []
    found: list[tuple[int, Row]] = []
    blank: list[Fault] = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            blank.append(Fault(file, number, None, "a blank line", "a rate", "Declare skip_unparsable, or remove it."))
            continue
        (skipped if settings.skip_unparsable else faults).extend(blank)
        blank = []
        said = {key: cells[place].strip() for key, place in places.items() if place < len(cells)}
        line = Line(file, number, said, headings, settings)
        if _is_aside(layout, line):
            shown = " ".join(cell.strip() for cell in cells if cell.strip())[:60]
            aside = Fault(file, number, None, repr(shown), "a rate", "Declare skip_unparsable, or remove it.")
            (skipped if settings.skip_unparsable else faults).append(aside)
            continue
        if len(cells) > len(header):
            faults.append(Fault(file, number, None, f"{len(cells)} cells", f"{len(header)}, as in the header"))
            continue
        found += [(number, row) for row in layout.convert(line)]
        faults += line.faults
    return Sheet(_frame(_in_order(found, settings, skipped, file)), skipped, faults)


def _lines(content: bytes, file: str, settings: DeckSettings) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) from the header on."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise WrongUsage(f"{file}, line {line}: found bytes that are no UTF-8; expected text in UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=settings.delimiter, strict=True)
    before = 0
    try:
        for cells in reader:
            if before >= settings.skip_rows:
                yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise WrongUsage(f"{file}, line {before + 1}: {error}") from None


def _headings(layout: DeckFormat, header: list[str], file: str, number: int, settings: DeckSettings) -> dict[str, str]:
    """Key -> the heading under which it stands in this file."""
    where = f"{file}, line {number}"
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise WrongUsage(f"{where}: found the column {twice[0]!r} more than once; expected each once")
    unknown = [key for key in settings.columns if key not in layout.headings]
    unknown += [key for key in settings.defaults if key not in {**layout.headings, **DECK_COLUMNS}]
    if unknown:
        expected = ", ".join(layout.headings)
        raise WrongUsage(f"tollbook.toml: deck {file}: found {unknown[0]!r}; format {settings.format} has {expected}")
    plain = {name.strip().casefold(): name for name in header}
    found = {key: name for key, name in settings.columns.items() if name in header}
    for key, usual in layout.headings.items():
        theirs = next((plain[name] for name in usual if name in plain), None)
        if key not in settings.columns and theirs is not None:
            found[key] = theirs
    lacks = [name for key, name in settings.columns.items() if key not in found]
    lacks += [key for key in layout.needs if key not in found and key not in settings.columns | settings.defaults]
    if lacks:
        shown = ", ".join(header)
        remedy = _other_delimiter(header, settings)
        raise WrongUsage(f"{where}: found columns {shown}; expected also {', '.join(lacks)}{remedy}")
    return found


def _other_delimiter(header: list[str], settings: DeckSettings) -> str:
    other = next(
        (mark for mark in ",;\t|" if mark != settings.delimiter and any(mark in name for name in header)), None
    )
    return f". If the file separates by {other!r}, declare delimiter = {other!r}" if other else ""


def _is_aside(layout: DeckFormat, line: Line) -> bool:
    """A title or a footer: no code in it and no price. With one of the two it is a rate that cannot be read."""
    if re.fullmatch(r"[\s0-9+^.*,;/–$-]*[0-9][\s0-9+^.*,;/–$-]*", line.cells.get("prefix", "")):
        return False
    return not any(character.isdigit() for key in layout.priced for character in line.cells.get(key, ""))


def _in_order(
    found: list[tuple[int, Row]], settings: DeckSettings, skipped: list[Fault], file: str
) -> list[tuple[int, Row]]:
    """Rows ended by what closes their code and, where declared, by the next row of their prefix."""
    start = settings.valid_from.isoformat() if settings.valid_from else ""
    rates = [(line, row) for line, row in found if "closed_from" not in row]
    by_prefix: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for _, row in rates:
        row["valid_from"] = row.get("valid_from") or start
        by_prefix[row["prefix"], row.get("jurisdiction", "")].append(row)
    if settings.supersede:
        for rows in by_prefix.values():
            _supersede(rows)
    for line, row in found:
        if "closed_from" in row and not _close(by_prefix, row):
            skipped.append(Fault(file, line, None, f"{row['prefix']} closed", "nothing more: no row of it was open"))
    return rates


def _supersede(rows: list[Row]) -> None:
    rows.sort(key=lambda row: row["valid_from"])
    for row, following in pairwise(rows):
        if row["valid_from"] < following["valid_from"] and not _ends_before(row, following["valid_from"]):
            row["valid_to"] = day_before(following["valid_from"])


def _ends_before(row: Row, iso: str) -> bool:
    return bool(row.get("valid_to")) and row["valid_to"] < iso


def _close(by_prefix: dict[tuple[str, str], list[Row]], closing: Row) -> bool:
    """Ends the rows of a code that are open on the day from which it is closed."""
    iso, done = closing["closed_from"], False
    for jurisdiction in ("", "interstate", "intrastate"):
        for row in by_prefix.get((closing["prefix"], jurisdiction), []):
            if iso and row["valid_from"] < iso and not _ends_before(row, iso):
                row["valid_to"] = day_before(iso)
                done = True
    return done


def _frame(rows: list[tuple[int, Row]]) -> pl.DataFrame:
    columns = {name: [row.get(name, "") for _, row in rows] for name in DECK_COLUMNS}
    schema = {"line": pl.Int64, **dict.fromkeys(DECK_COLUMNS, pl.String)}
    return pl.DataFrame({"line": [line for line, _ in rows], **columns}, schema=schema)
