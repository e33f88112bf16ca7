"""review.html: one file that loads nothing, for a screen, a phone and paper."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import templates
from flows.review import charts
from flows.review.cells import Rows, cell, signed, tag, worded, written
from flows.review.report import Review
from flows.review.spec import OUTCOMES, Column, Spec
from flows.review.tables import GROUPS

if TYPE_CHECKING:
    from jinja2 import Template

MOST_ROWS = 500
"""Rows of a table that the page shows; the workbook has all of them."""


def page_of(review: Review) -> str:
    """The page. Of a table with more rows than it shows those that come first; of documents the biggest."""
    shown = {name: rows[:MOST_ROWS] for name, rows in review.tables.items()}
    shown["documents"] = _biggest(review.tables["documents"])
    return _template().render(
        review=review,
        shown=shown,
        groups={
            key: (group, [name for name, spec in group.tables.items() if review.tables[name] or not spec.is_quiet])
            for key, group in GROUPS.items()
        },
        outcome_words=OUTCOMES,
        month_drawings=charts.month_drawings(review.history, review.sellers, review.month),
        section_drawings=charts.section_drawings(
            review.tables["sections"], is_compared=review.nothing_to_compare is None
        ),
    )


def _biggest(documents: Rows) -> Rows:
    if len(documents) <= MOST_ROWS:
        return documents
    largest = sorted(documents, key=lambda row: (-abs(row["total"]), row["seller_id"], row["invoice_number"]))
    return sorted(largest[:MOST_ROWS], key=lambda row: (row["seller_id"], -abs(row["total"]), row["invoice_number"]))


def _filled(review: Review, spec: Spec, rows: Rows) -> list[Column]:
    """The columns in which something stands; an empty one only takes room."""
    return [
        column
        for column in review.columns(spec)
        if column.is_figure or any(row[column.name] not in (None, "", []) for row in rows)
    ]


@cache
def _template() -> "Template":
    """Compiled once per process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(templates.__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"cell": cell, "written": written, "signed": signed, "worded": worded, "tag": tag}
    environment.globals["filled"] = _filled
    return environment.get_template("review.html.j2")
