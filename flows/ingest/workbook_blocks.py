"""A sheet of a workbook (xlsx, and what else calamine reads) as the CSV that it would be, then read as one.

Every cell is text as it stands: numbers with all their digits, and with the leading zeros that their format shows;
dates and times in ISO 8601, spans of time as H:MM:SS. A record's line is its row in the sheet.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator

import fastexcel
import polars as pl

from flows.ingest.csv_blocks import Block, csv_blocks
from flows.ingest.files import MAX_COLUMNS, FileRefused, InboxFile, Physical, chunks
from flows.ingest.layouts import Layout
from flows.ingest.workbook_zeros import with_zeros
from schemas.errors import Fault

MAX_WORKBOOK = 2**30
"""Bytes of a workbook's unpacked parts; a sheet has at most 1,048,576 rows."""

_SPAN = r"^(1899-12-3[01]|190[0-4]-[0-9]{2}-[0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?$"
"""A cell that counts from the day on which the sheet's calendar begins: a time of day, or a span of time."""

_MIDNIGHT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2} 00:00:00$"


def workbook_blocks(file: InboxFile, layout: Layout, physical: Physical) -> Iterator[Block]:
    """Blocks of the declared sheet, else the first. Raises FileRefused for what is no workbook or has no such sheet."""
    content = b"".join(chunks(file.path, file.name))
    if hashlib.sha256(content).hexdigest() != physical.sha256:
        raise FileRefused(Fault(file.name, None, None, "a file that changed while it was read", "a finished file"))
    sheet = _sheet(content, file.name, layout.source.sheet if layout.source else None)
    text = _lines(sheet, layout.delimiter)
    lines = 0
    for block in csv_blocks(iter([text]), file.name, layout, ends=True):
        lines += block.lines
        yield block
    assert lines == sheet.height, "every row of the sheet is accounted for"


def _sheet(content: bytes, name: str, wanted: str | None) -> pl.DataFrame:
    """Its cells as text, row by row from the sheet's first on."""
    _not_too_big(content, name)
    try:
        book = fastexcel.read_excel(with_zeros(content))
        if wanted is not None and wanted not in book.sheet_names:
            found = f"the sheets {', '.join(book.sheet_names)}"
            raise FileRefused(Fault(name, None, None, found, f"the sheet {wanted!r}, as its source declares"))
        sheet = book.load_sheet(wanted or 0, header_row=None, skip_rows=0, dtypes="string")
        cells = sheet.to_polars()
    except fastexcel.FastExcelError as error:
        found = "a file that is no whole workbook"
        expected = "a workbook as Excel saves it (.xlsx)"
        raise FileRefused(Fault(name, None, None, found, expected, str(error).splitlines()[0])) from None
    if cells.width > MAX_COLUMNS:
        raise FileRefused(Fault(name, None, None, f"{cells.width} columns", f"at most {MAX_COLUMNS}"))
    return cells.select(_as_shown(pl.col(column), cells[column]) for column in cells.columns)


def _not_too_big(content: bytes, name: str) -> None:
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            size = sum(part.file_size for part in parts.infolist())
    except zipfile.BadZipFile:
        return
    if size > MAX_WORKBOOK:
        raise FileRefused(Fault(name, None, None, f"{size} bytes unpacked", f"at most {MAX_WORKBOOK}"))


def _as_shown(cell: pl.Expr, column: pl.Series) -> pl.Expr:
    """Line ends as blanks, for a row is a line; spans of time as H:MM:SS; a column of days without their midnights."""
    shown = cell.str.replace_all(r"[\r\n]+", " ")
    part = cell.str.extract_groups(_SPAN).struct
    day = part.field("1").str.to_date("%Y-%m-%d", strict=False)
    first = pl.when(day < pl.date(1904, 1, 1)).then(pl.date(1899, 12, 31)).otherwise(pl.date(1904, 1, 1))
    # A time of day is shown as 24 h of the day before where the calendar begins a day earlier.
    days = pl.max_horizontal((day - first).dt.total_days(), 0)
    hours = (days * 24 + part.field("2").cast(pl.Int64)).cast(pl.String).str.zfill(2)
    span = pl.concat_str(
        hours, pl.lit(":"), part.field("3"), pl.lit(":"), part.field("4"), part.field("5").fill_null("")
    )
    shown = pl.coalesce(span, shown)
    timed = column.filter(column.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"))
    if timed.len() and timed.str.contains(_MIDNIGHT).all():
        shown = pl.when(cell.str.contains(_MIDNIGHT)).then(cell.str.slice(0, 10)).otherwise(shown)
    return shown.alias(column.name)


def _lines(cells: pl.DataFrame, delimiter: str) -> bytes:
    """CSV, a line per row; an empty row is an empty line."""
    if not cells.height:
        return b""
    quoted = [
        pl.when(pl.col(name).is_null())
        .then(pl.lit(""))
        .otherwise(pl.lit('"') + pl.col(name).str.replace_all('"', '""', literal=True) + pl.lit('"'))
        for name in cells.columns
    ]
    line = pl.when(pl.all_horizontal(pl.all().is_null())).then(pl.lit("")).otherwise(
        pl.concat_str(quoted, separator=delimiter)
    )  # fmt: skip
    text: str = cells.select(line.str.join("\n")).item()
    return (text + "\n").encode()
