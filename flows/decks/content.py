"""The lines of a deck's file as cells of text: a CSV in its declared encoding, or a workbook as carriers mail them.

What a file is, its first bytes say, not its name: a workbook saved under a .csv name is read as one.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date

from flows.home.file_settings import DeckSettings
from schemas.errors import WrongUsage

Lines = list[tuple[int, list[str]]]
"""A file's lines, from 1 on, with their cells."""

MAX_WORKBOOK = 512 * 2**20
"""Bytes of an unpacked workbook; a deck of 100,000 rows has some thirty million."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MIDNIGHT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) 00:00:00")


def is_workbook(content: bytes) -> bool:
    """Whether it begins as xlsx, xlsb and ods do, or as the xls of old."""
    return content.startswith((_ZIP, _OLE))


def lines_of(content: bytes, file: str, settings: DeckSettings) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) from the first line on. Raises WrongUsage naming the line that cannot be read."""
    if is_workbook(content):
        yield from _workbook(content, file, settings)
        return
    if settings.sheet is not None:
        raise WrongUsage(f"{file}: found text, and sheet = {settings.sheet!r} declared; expected a workbook")
    text = _text(content, file, settings)
    # A blank before a quote means nothing; elsewhere a heading may begin with one.
    has_blanks = re.search(rf'{re.escape(settings.delimiter)} +"', text) is not None
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=settings.delimiter, strict=True, skipinitialspace=has_blanks
    )
    before = 0
    try:
        for cells in reader:
            yield before + 1, cells
            before = reader.line_num
    except csv.Error as error:
        raise WrongUsage(f"{file}, line {before + 1}: {error}") from None


def _text(content: bytes, file: str, settings: DeckSettings) -> str:
    encoding = settings.encoding
    if encoding == "utf-8":
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise WrongUsage(f'{file}: found UTF-16 text; expected UTF-8, or encoding = "utf-16" declared for the deck')
        encoding = "utf-8-sig"
    elif content.startswith(codecs.BOM_UTF8) and "\n".encode(encoding) == b"\n":
        encoding = "utf-8-sig"  # its mark says so, whatever 8-bit encoding is declared
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"{file}, line {line}: found bytes that are no {settings.encoding.upper()}"
        remedy = 'Declare its encoding, such as encoding = "cp1252" (Windows) or "utf-16".'
        raise WrongUsage(f"{found}; expected text in {settings.encoding.upper()}. {remedy}") from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise WrongUsage(f"{file}, line {line}: found a NUL byte; expected text, or a workbook")
    if re.match(r"\s*<(!doctype|html|table|\?xml)", text[:200], re.IGNORECASE):
        raise WrongUsage(f"{file}: found HTML or XML under another name; expected CSV, or a workbook saved as .xlsx")
    return text


def _workbook(content: bytes, file: str, settings: DeckSettings) -> Iterator[tuple[int, list[str]]]:
    """Every row. A cell of text stays as it is (0085), a number is written in digits, a day as the deck declares."""
    import fastexcel

    _bounded(content, file)
    try:
        book = fastexcel.read_excel(content)
        names = book.sheet_names
        if settings.sheet is not None and settings.sheet not in names:
            found = f"{file}: found the sheets {', '.join(names)}; expected {settings.sheet!r}"
            raise WrongUsage(f"{found}, as declared in sheet")
        frame = book.load_sheet(settings.sheet or 0, header_row=None, dtypes="string").to_polars()
    except fastexcel.FastExcelError as error:
        reason = str(error).splitlines()[0]
        raise WrongUsage(f"{file}: found a workbook that cannot be read ({reason}); expected a whole .xlsx") from None
    for number, row in enumerate(frame.iter_rows(), 1):
        yield number, [_cell(value or "", settings.date_format) for value in row]


def sheet_names(content: bytes) -> list[str]:
    """The sheets of a workbook, in their order; none where it cannot be read."""
    import fastexcel

    try:
        return fastexcel.read_excel(content).sheet_names
    except fastexcel.FastExcelError:
        return []


def _bounded(content: bytes, file: str) -> None:
    """Raises WrongUsage for a workbook that unpacks to more than MAX_WORKBOOK."""
    if not content.startswith(_ZIP):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            size = sum(part.file_size for part in packed.infolist())
    except zipfile.BadZipFile:
        raise WrongUsage(f"{file}: found a damaged workbook; expected a whole one. Have it sent again.") from None
    if size > MAX_WORKBOOK:
        raise WrongUsage(f"{file}: found a workbook of {size} bytes unpacked; expected at most {MAX_WORKBOOK}")


def _cell(text: str, date_format: str | None) -> str:
    """A day of a workbook has no way of being written: it is written as the declaration says that days are."""
    if match := _MIDNIGHT.fullmatch(text):
        day = date.fromisoformat(match[1])
        return day.strftime(date_format) if date_format else day.isoformat()
    return text
