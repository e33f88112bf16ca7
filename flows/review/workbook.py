"""review.xlsx: the review for a spreadsheet, a sheet per table, with every row.

Amounts are rounded to their currency's decimals and written as the numbers that a spreadsheet has, which are binary
floating-point by the format's nature: 15 digits, exact to the cent below ten trillion. What begins like a formula stays
text. Equal reviews give equal bytes.
"""

import io
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from flows.review.cells import Rows, cell, tag, worded
from flows.review.report import Review
from flows.review.sheet_formats import Formats
from flows.review.spec import Column, Kind, Spec, columns
from flows.review.summary_sheet import write_summary
from flows.review.tables import TABLES
from schemas.money import minor_digits, rounded
from schemas.periods import month_start

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_MOST_LINKS = 30_000
"""Rows of a sheet that carry links: a spreadsheet allows some 65,000 of them."""
_LONGEST_TEXT = 32_000
_WIDEST, _NARROWEST = 48, 8
_LINE_HEIGHT = 15

_BROKEN: frozenset[Kind] = frozenset({"text", "code", "moves", "sums"})
"""Kinds of cells that are broken into lines."""

OPEN_ITEMS = Spec(
    "Parked and stopped",
    "",
    "Nothing is parked or stopped.",
    columns(
        "what word What; about code About; name text Name; seller text Seller; detail text Found; "
        "remedy text What to do; reason text Let through because; by_name text By; previous_total money Last month; "
        "currency text Currency"
    ),
    sheet="Parked & stopped",
)


def workbook_of(review: Review) -> bytes:
    """The workbook as the bytes of an .xlsx file."""
    from xlsxwriter import Workbook

    content = io.BytesIO()
    book = Workbook(content, {"in_memory": True})
    created = datetime.combine(month_start(review.month), datetime.min.time())  # no clock: the month's first day
    book.set_properties({"title": f"Review of {review.month}", "created": created})
    formats = Formats(book)
    sheets = _sheets(review)
    front = book.add_worksheet("Summary")
    for spec, rows in sheets:
        sheet = book.add_worksheet(spec.sheet)
        _print_setup(sheet, f"Review of {review.month}: {spec.title}")
        _write_table(sheet, formats, review.columns(spec), rows)
    _print_setup(front, f"Review of {review.month}")
    front.fit_to_pages(1, 1)
    write_summary(front, formats, review, [(spec.sheet, spec.title, len(rows)) for spec, rows in sheets])
    book.close()
    return content.getvalue()


def _sheets(review: Review) -> list[tuple[Spec, Rows]]:
    """What has a sheet of its own, and its rows; what is empty and quiet has none."""
    found = [(spec, review.tables[name]) for name, spec in TABLES.items() if spec.sheet]
    shown = [(spec, rows) for spec, rows in found if rows or not spec.is_quiet]
    return [(OPEN_ITEMS, _open_items(review)), *shown]


def _open_items(review: Review) -> Rows:
    stops = [
        {**row, "what": row["code"], "name": None, "previous_total": None, "currency": None}
        for row in review.tables["stops"]
    ]
    parked = [
        {
            **row,
            "what": "parked",
            "about": row["account_id"],
            "detail": row["reason"],
            "reason": None,
            "by_name": None,
        }
        for row in review.tables["parked"]
    ]
    return stops + parked


def _print_setup(sheet: "Worksheet", title: str) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.6)
    sheet.set_header(f"&L&B{title.replace('&', '&&')}")
    sheet.set_footer("&L&A&RPage &P of &N")


def _write_table(sheet: "Worksheet", formats: Formats, columns_: list[Column], rows: Rows) -> None:
    """A head that stays in sight, with filters, over a row each."""
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    sheet.set_row(0, 1.4 * _LINE_HEIGHT)
    heights = [1] * len(rows)
    for place, column in enumerate(columns_):
        heading = f"{column.heading} (s)" if column.kind == "seconds" else column.heading
        width = _width(column, heading, rows)
        sheet.write_string(0, place, heading, formats.head(is_figure=column.is_figure))
        sheet.set_column(place, place, width)
        for line, row in enumerate(rows, start=1):
            _write_cell(sheet, formats, (line, place), column, row)
            if column.kind in _BROKEN and row[column.name]:
                heights[line - 1] = max(heights[line - 1], _lines(cell(column, row), width))
    for line, lines in enumerate(heights, start=1):
        if lines > 1:  # not every spreadsheet makes a row as high as its text by itself
            sheet.set_row(line, _LINE_HEIGHT * min(lines, 20))
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns_) - 1)


def _lines(text: str, width: int) -> int:
    """Into how many lines a text is broken; a tenth is lost at the ends of lines."""
    return 1 if len(text) < width else -(-len(text) * 11 // (width * 10))


def _write_cell(sheet: "Worksheet", formats: Formats, at: tuple[int, int], column: Column, row: dict[str, Any]) -> None:
    value = row[column.name]
    if value is None:
        return
    if column.kind in ("money", "change"):
        digits = minor_digits(row["currency"]) if row.get("currency") else 2
        sheet.write_number(*at, rounded(value, digits), formats.money(digits, is_change=column.kind == "change"))
    elif column.is_figure:
        sheet.write_number(*at, value, formats.plain if column.kind == "number" else formats.count)
    elif column.kind == "day":
        day = date.fromisoformat(value) if isinstance(value, str) else value
        sheet.write_datetime(*at, datetime.combine(day, datetime.min.time()), formats.day)
    elif column.kind == "file":
        if at[0] <= _MOST_LINKS:
            sheet.write_url(*at, f"external:{value}", formats.link, tag(value))
    else:
        write_text(sheet, formats, at, _text(column, row))


def write_text(sheet: "Worksheet", formats: Formats, at: tuple[int, int], text: str) -> None:
    """Text, whatever it begins with."""
    sheet.write_string(*at, text[:_LONGEST_TEXT], formats.text(text))


def _text(column: Column, row: dict[str, Any]) -> str:
    return worded(row[column.name]) if column.kind == "word" else cell(column, row).replace("`", "")


def _width(column: Column, heading: str, rows: Rows) -> int:
    """Wide enough for most of what stands there; longer texts are broken into lines."""
    longest = max((len(cell(column, row)) for row in rows[:1000] if row[column.name] is not None), default=0)
    return max(_NARROWEST, min(_WIDEST, max(longest + 2, len(heading) + 4)))
