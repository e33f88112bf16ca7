"""Number formats and styles of the review's workbook, each made once."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet could take for a formula, once somebody edits the cell."""
_ACCENT, _TINT, _QUIET = "#0f5a6b", "#eef4f5", "#5a6a70"


class Formats:
    """The formats of one workbook."""

    def __init__(self, book: "Workbook") -> None:
        self._book = book
        top = {"valign": "top"}
        self.count = book.add_format({"num_format": "#,##0", **top})
        self.plain = book.add_format({"num_format": "General", **top})
        self.day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left", "indent": 1, **top})
        self.link = book.add_format({"font_color": _ACCENT, "underline": 1, **top})
        self.title = book.add_format({"bold": True, "font_size": 16, "font_color": _ACCENT})
        self.section = book.add_format({"bold": True, "font_size": 12, "font_color": _ACCENT})
        self.quiet = book.add_format({"font_color": _QUIET})
        self._money = cache(self._new_money)
        self._text = cache(self._new_text)
        self._head = cache(self._new_head)

    def money(self, digits: int, *, is_change: bool = False) -> "Format":
        """An amount with a currency's decimals; a change with its sign."""
        return self._money(digits, is_change)

    def text(self, text: str) -> "Format":
        """For a text: one that begins like a formula is marked as text."""
        return self._text(text.startswith(_FORMULA_STARTS))

    def head(self, *, is_figure: bool) -> "Format":
        """For a column's heading."""
        return self._head(is_figure)

    def _new_money(self, digits: int, is_change: bool) -> "Format":
        number = "#,##0" + (f".{'0' * digits}" if digits else "")
        shown = f"+{number};-{number};{number}" if is_change else number
        return self._book.add_format({"num_format": shown, "valign": "top"})

    def _new_text(self, is_quoted: bool) -> "Format":
        style = self._book.add_format({"text_wrap": True, "align": "left", "indent": 1, "valign": "top"})
        if is_quoted:
            style.set_quote_prefix()
        return style

    def _new_head(self, is_figure: bool) -> "Format":
        return self._book.add_format(
            {"bold": True, "bg_color": _TINT, "bottom": 1, "valign": "vcenter", "indent": 0 if is_figure else 1,
             "align": "right" if is_figure else "left"}
        )  # fmt: skip
