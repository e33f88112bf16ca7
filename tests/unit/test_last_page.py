"""A page is not left for one line: whatever the number of lines, the last page holds several beside its foot."""

from collections.abc import Callable
from decimal import Decimal
from functools import cache

import pytest
from weasyprint.document import Page
from weasyprint.formatting_structure.boxes import LineBox, MarginBox

from schemas.document import Document
from templates.page import FEW_LINES
from templates.render import laid_out
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample

MOST = 60
FEWEST_ROWS = 4
"""Two lines, the sum before taxes and the total are the least that a page is turned for."""


def _of(count: int, document: Document, *, with_taxes: bool) -> Document:
    """The document with so many lines of one section instead of its own, and nothing of the plan."""
    lines = [sample.line("service_fees", f"Line {number}", "1", "10.00", line_no=number + 1) for number in range(count)]
    subtotal = Decimal(10 * count)
    taxes = document.taxes if with_taxes else []
    tax_total = sum((tax.amount for tax in taxes), Decimal(0))
    return document.model_copy(
        update={
            "lines": lines, "taxes": taxes, "subtotal": subtotal, "tax_total": tax_total, "allowances": [],
            "total": subtotal + tax_total, "comparison": None, "history": [], "usage_csv": None,
        }
    )  # fmt: skip


def _rows(page: Page) -> int:
    """How many rows of text stand on a page, its foot and the repeated heading of its table apart."""
    boxes = [box for box in page._page_box.children if not isinstance(box, MarginBox)]
    heights = set()
    while boxes:
        box = boxes.pop()
        if isinstance(box, LineBox):
            heights.add(round(box.position_y))
        elif getattr(box, "element_tag", None) != "thead":
            boxes += getattr(box, "children", [])
    return len(heights)


@pytest.mark.parametrize(
    ("make", "with_taxes"),
    [(sample.american, False), (abroad.canadian_french, False), (abroad.german, True)],
    ids=["en", "fr", "de-taxed"],
)
def test_no_page_is_left_for_one_line(make: Callable[[], Document], with_taxes: bool) -> None:
    """The last page is shortest where one line more has begun it, so those counts are sought and looked at; up to
    FEW_LINES they stand on the first page."""

    @cache
    def pages(count: int) -> list[int]:
        return [_rows(page) for page in laid_out(_of(count, make(), with_taxes=with_taxes)).pages]

    turns = [count for few in ((1, FEW_LINES), (FEW_LINES + 1, MOST)) for count in _turns(pages, *few)]
    assert any(count > FEW_LINES + 1 for count in turns)
    assert {count: pages(count) for count in turns if pages(count)[-1] < FEWEST_ROWS} == {}


def _turns(pages: Callable[[int], list[int]], first: int, last: int) -> list[int]:
    """`first`, and the counts up to `last` from which on there is a page more."""

    def between(first: int, last: int) -> list[int]:
        if len(pages(first)) == len(pages(last)):
            return []
        if last - first == 1:
            return [last]
        middle = (first + last) // 2
        return [*between(first, middle), *between(middle, last)]

    return [first, *between(first, last)]
