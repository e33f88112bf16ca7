"""A page is not left for one line: whatever the number of lines, the last page holds several beside its foot."""

import io
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache

import pytest
from pypdf import PdfReader

from schemas.document import Document
from templates.render import render_pdf
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample

MOST = 60
FEWEST_ROWS = 5
"""Two lines, the sum before taxes, the total, and who to ask are the least that a page is turned for."""


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


@pytest.mark.parametrize("with_taxes", [True, False], ids=["taxed", "untaxed"])
@pytest.mark.parametrize("make", [sample.american, abroad.canadian_french, abroad.german], ids=["en", "fr", "de"])
def test_no_page_is_left_for_one_line(make: Callable[[], Document], with_taxes: bool) -> None:
    """The last page is shortest where one line more has begun it, so those counts are sought and looked at."""

    @lru_cache
    def pages(count: int) -> list[list[str]]:
        reader = PdfReader(io.BytesIO(render_pdf(_of(count, make(), with_taxes=with_taxes))))
        return [page.extract_text().splitlines() for page in reader.pages]

    turns = _turns(lambda count: len(pages(count)), 1, MOST)
    assert turns
    for count in turns:
        foot = [row for row in pages(count)[-1] if row in pages(count)[0]]
        rows = [row for row in pages(count)[-1] if row not in foot]
        assert len(rows) >= FEWEST_ROWS, (count, rows)


def _turns(pages: Callable[[int], int], first: int, last: int) -> list[int]:
    """The counts from which on there is a page more, between two counts."""
    if pages(first) == pages(last):
        return []
    if last - first == 1:
        return [last]
    middle = (first + last) // 2
    return [*_turns(pages, first, middle), *_turns(pages, middle, last)]
