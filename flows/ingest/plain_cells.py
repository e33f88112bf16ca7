"""Cells that are all written in the one plain way that most files of millions of lines have: values, nothing to check.

Told once for a whole column, by a test that every cell of it passes. Where a single one does not, the column is read by
the rules of parse.py, which say of each cell what is wrong; what passes here they would read as the same values.
"""

import re

import polars as pl

from schemas.feed import Column

FORMS = {
    f"%Y-%m-%d{mark}%H:%M:%S{end}": (
        rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{mark}(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]{end}$"
    )
    for mark in "T "
    for end in ("Z", "")
}
"""What nearly every file writes all its times in -> what such a cell looks like."""

_UNSAFE = "[^ -~]"
_UNSAFE_IN_IDS = "[^!-~]"
"""What a plain text does not have, and what a plain id does not: there are blanks around some that are none of it."""


def one_form(cells: pl.Series) -> str | None:
    """The form of FORMS that all cells are written in; None where they are not, or there are none."""
    first = cells.drop_nulls().head(1).to_list()
    form = next((form for form, pattern in FORMS.items() if first and re.match(pattern, first[0])), None)
    return form if form and cells.str.contains(FORMS[form]).all() else None


def plain_values(column: Column, cells: pl.Series, form: str | None, limit: int, *, is_id: bool) -> pl.Series | None:
    """The column's values where no cell of it can be wrong but by being empty; None where one might be.

    form: that of all its cells, of an instant; limit: characters that a text has at most; is_id: whether other rows
    name it.
    """
    if column.kind == "text":
        return cells if _is_plain(cells, limit, _UNSAFE_IN_IDS if is_id else _UNSAFE) else None
    if column.kind == "choice":
        return cells if cells.is_in(list(column.choices)).all() else None
    if column.kind == "integer":
        return cells.cast(pl.Int64) if cells.str.contains("^[0-9]{1,9}$").all() else None
    if column.kind == "instant" and form and form.endswith("Z"):
        values = cells.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC")
        return values if values.null_count() == cells.null_count() else None
    return None


def _is_plain(cells: pl.Series, limit: int, unsafe: str) -> bool:
    some = cells.drop_nulls().head(1)
    if some.len() and not cells.null_count() and (cells == some[0]).all():
        cells = some  # a constant, as the source mostly is
    return int(cells.str.len_bytes().max() or 0) <= limit and not cells.str.contains(unsafe).any()  # type: ignore[arg-type]
