"""Blanks before quotes, `1, "Main St, 5"`, as many programs write them: what a record means without the blanks.

A cell that begins with a blank and then a quote can be read in no other way: plain text has no quotes.
"""

import re

import polars as pl

_BLANKS = {"\t": " *", " ": "\t*"}
"""What may stand before a quote where one of the two is the delimiter."""


def _pattern(delimiter: str) -> str:
    blanks = _BLANKS.get(delimiter, "[ \t]*")
    return rf'(^|{re.escape(delimiter)}){blanks}("(?:[^"]|"")*")'


def tightened(text: str, delimiter: str) -> pl.Expr:
    """The records of column `text` without the blanks before quoted cells."""
    return pl.col(text).str.replace_all(_pattern(delimiter), "${1}${2}")


def tight(record: str, delimiter: str) -> str:
    """As `tightened`, of one record."""
    return re.sub(_pattern(delimiter), r"\1\2", record) if '"' in record else record
