"""A deck's file to canonical rows: lines, headings, what is left out, and which row ends which.

Everything is read as text and converted by the declared format (flows/decks/formats.py); nothing is guessed, and no
line disappears unless the declaration says that titles and footers may be left out, and then it is listed.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from flows.decks.cells import Line, Row, day_before
from flows.decks.content import Lines
from flows.decks.currencies import contradicts, currencies_in, words_for
from flows.decks.formats import FORMATS, DeckFormat
from flows.home.file_settings import DeckSettings
from schemas.catalog import DECK_COLUMNS
from schemas.errors import Fault, WrongUsage


@dataclass(frozen=True)
class Sheet:
    """`rows`: line, DECK_COLUMNS as text. `skipped`: lines left out as declared. `faults`: why it cannot be used.

    `unused`: headings of columns that nothing is read from.
    """

    rows: pl.DataFrame
    skipped: list[Fault]
    faults: list[Fault]
    unused: list[str]


def read_sheet(everything: Lines, file: str, settings: DeckSettings) -> Sheet:
    """The lines of a deck in its declared format. Raises WrongUsage for a file without a usable header."""
    layout = FORMATS[settings.format]
    above = [cells for number, cells in everything if number <= settings.skip_rows]
    lines = iter(everything[len(above) :])
    if settings.listed:
        number, header = settings.skip_rows + 1, settings.listed
        headings = _listed_headings(layout, file, settings)
    else:
        number, header = next(lines, (settings.skip_rows + 1, []))
        headings = _headings(layout, header, file, number, settings)
    places = {key: header.index(heading) for key, heading in headings.items()}
    skipped: list[Fault] = []
    faults = _currency_faults(above, headings, layout, file, number, settings)
    found: list[tuple[int, Row]] = []
    blank: list[Fault] = []
    money = [place for place, name in enumerate(header) if _OF_CURRENCIES.search(name)]
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
            expected = "in columns" if settings.listed else "in the header"
            faults.append(Fault(file, number, None, f"{len(cells)} cells", f"{len(header)}, as {expected}"))
            continue
        found += [(number, row) for row in layout.convert(line)]
        faults += line.faults
        for place in money:
            cell = cells[place].strip() if place < len(cells) else ""
            if contradicts(currencies_in(cell, cell if _CODE.fullmatch(cell) else ""), settings):
                faults.append(_asked(file, number, header[place], cell, settings))
    unused = [name for name in header if name.strip() and name not in headings.values()]
    return Sheet(_frame(_in_order(found, settings, skipped, file)), skipped, faults, unused)


_OF_CURRENCIES = re.compile(r"(?i)\b(currency|curr|ccy|valuta|devise|moneda|w[äa]e?hrung)\b")
"""Headings of columns that name a currency line by line."""

_CODE = re.compile("[A-Z]{3}")


def _asked(file: str, line: int, column: str | None, found: str, settings: DeckSettings) -> Fault:
    """A sheet that says another currency than its declaration: the question, and both of its answers."""
    said = ", ".join(sorted(words_for(found) | currencies_in(found, found if _CODE.fullmatch(found) else "")))
    remedy = f'Is it in {said}? Then declare currency so. Is the sheet wrong? Then say sheet_currency = "{said[:3]}".'
    return Fault(file, line, column, repr(found[:60]), f"prices in {settings.currency}, as declared", remedy)


def _currency_faults(
    above: list[list[str]],
    headings: dict[str, str],
    layout: DeckFormat,
    file: str,
    number: int,
    settings: DeckSettings,
) -> list[Fault]:
    """The titles, and the headings of the prices that are read, if they name another currency."""
    titles = [(line, None, " ".join(filter(None, cells))) for line, cells in enumerate(above, 1)]
    prices = [(number, headings[key], headings[key]) for key in (*layout.priced, "connect_fee") if key in headings]
    return [
        _asked(file, line, column, text, settings)
        for line, column, text in [*titles, *prices]
        if contradicts(words_for(text), settings)
    ]


def _listed_headings(layout: DeckFormat, file: str, settings: DeckSettings) -> dict[str, str]:
    """Key -> its name in `columns`, of a file without header line."""
    names = [name for name in settings.listed if name]
    lacks = [key for key in layout.needs if key not in {*names, *settings.defaults}]
    twice = sorted({name for name in names if names.count(name) > 1})
    if lacks or twice:
        found = f"{twice[0]} more than once" if twice else ", ".join(names)
        expected = "each once" if twice else f"also {', '.join(lacks)}"
        known = ", ".join(layout.headings)
        raise WrongUsage(
            f"tollbook.toml: deck {file}: columns: found {found}; expected {expected}. "
            f"Format {settings.format} reads {known}"
        )
    _defaults_known(layout, file, settings)
    return {key: key for key in layout.headings if key in names}


def _defaults_known(layout: DeckFormat, file: str, settings: DeckSettings) -> None:
    unknown = [key for key in settings.mapped if key not in layout.headings]
    unknown += [key for key in settings.defaults if key not in {**layout.headings, **DECK_COLUMNS}]
    if unknown:
        expected = ", ".join(layout.headings)
        raise WrongUsage(f"tollbook.toml: deck {file}: found {unknown[0]!r}; format {settings.format} has {expected}")


def _headings(layout: DeckFormat, header: list[str], file: str, number: int, settings: DeckSettings) -> dict[str, str]:
    """Key -> the heading under which it stands in this file."""
    where = f"{file}, line {number}"
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise WrongUsage(f"{where}: found the column {twice[0]!r} more than once; expected each once")
    _defaults_known(layout, file, settings)
    mapped = settings.mapped
    plain = {name.strip().casefold(): name for name in header}
    found = {key: name for key, name in mapped.items() if name in header}
    for key, usual in layout.headings.items():
        theirs = next((plain[name] for name in usual if name in plain), None)
        # A column that is declared to hold seconds, such as Increment, is no interval 60/1.
        is_seconds = key == "interval" and theirs in {mapped.get("increment_s"), mapped.get("minimum_s")} - {None}
        if key not in mapped and theirs is not None and not is_seconds:
            found[key] = theirs
    lacks = [name for key, name in mapped.items() if key not in found]
    lacks += [key for key in layout.needs if key not in found and key not in mapped | settings.defaults]
    if lacks:
        shown = ", ".join(header)
        remedy = _no_header(header) or _other_delimiter(header, settings)
        raise WrongUsage(f"{where}: found columns {shown}; expected also {', '.join(lacks)}{remedy}")
    return found


def _no_header(header: list[str]) -> str:
    """The remedy where the line that should be a header looks like a rate."""
    cells = [cell.strip() for cell in header]
    if not any(re.fullmatch(r"[^0-9A-Za-z]*[0-9]*[.,][0-9]+", cell) for cell in cells):
        return ""
    return '. If the file has no header line, list its columns in order: columns = ["prefix", "price", "destination"]'


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
