"""The first sheet of the review's workbook: verdict, runs, accounts, totals, laws, and where everything else stands."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.review.report import Review
from flows.review.sheet_formats import Formats
from flows.review.spec import AGAINST, OUTCOMES
from schemas.counts import count_of
from schemas.money import minor_digits, rounded

if TYPE_CHECKING:
    from xlsxwriter.worksheet import Worksheet

_WIDTHS = (30, 14, 12, 16, 16, 16, 16, 16, 16)
_TOTALS = ("net", "recovery_fees", "taxes", "total", "previous_total", "difference")


class _Lines:
    """Writes a sheet from top to bottom."""

    def __init__(self, sheet: "Worksheet", formats: Formats) -> None:
        self.sheet, self.formats, self.at = sheet, formats, 0

    def heading(self, text: str, columns: Sequence[str] = ()) -> None:
        self.at += 1
        self.sheet.write_string(self.at, 0, text, self.formats.section)
        self.at += 1
        for place, column in enumerate(columns):
            self.sheet.write_string(self.at, place, column, self.formats.head(is_figure=place > 1))
        self.at += bool(columns)

    def row(self, *cells: Any) -> None:
        """Texts and counts; a cell may come with a format of its own: (value, format)."""
        for place, value in enumerate(cells):
            shown, style = value if isinstance(value, tuple) else (value, None)
            if isinstance(shown, str):
                self.sheet.write_string(self.at, place, shown, style)
            elif shown is not None:
                self.sheet.write_number(self.at, place, shown, style or self.formats.count)
        self.at += 1


def write_summary(sheet: "Worksheet", formats: Formats, review: Review, sheets: list[tuple[str, str, int]]) -> None:
    """sheets: name, title and rows of the other sheets."""
    for place, width in enumerate(_WIDTHS):
        sheet.set_column(place, place, width)
    lines = _Lines(sheet, formats)
    lines.row((f"Review of {review.month}", formats.title))
    lines.row((review.verdict, formats.quiet))
    against = () if review.nothing_to_compare else ("Last month", "Difference")
    lines.heading("Totals", ("Seller", "Currency", "Documents", "Net", "Recovery fees", "Taxes", "Total", *against))
    for row in review.tables["totals"]:
        digits = minor_digits(row["currency"])
        amounts = [
            (rounded(row[name], digits), formats.money(digits, is_change=name == "difference"))
            for name in _TOTALS
            if not (review.nothing_to_compare and name in AGAINST)
        ]
        lines.row(row["seller"], row["currency"], row["documents"], *amounts)
    lines.heading("Accounts")
    for outcome, words in OUTCOMES.items():
        if outcome in review.outcomes:
            lines.row(words, review.outcomes[outcome])
    lines.heading("Runs", ("Run", "Kind", "Documents", "Issued"))
    for run in review.runs:
        lines.row(run["run_id"], f"{run['kind']}, {run['state']}", run["documents"], run["issued"])
    lines.heading("Laws of the books")
    for law in review.laws:
        lines.row("kept" if law.is_kept else f"NOT KEPT: {count_of(len(law.broken), 'row')}", law.meaning)
    lines.heading("Sheets", ("Sheet", "Rows"))
    for name, title, rows in sheets:
        sheet.write_url(lines.at, 0, f"internal:'{name}'!A1", formats.link, name, title)
        sheet.write_number(lines.at, 1, rows, formats.count)
        lines.at += 1
