"""What a document is laid out from: well-formed markup, a sheet that knows every element, objects written once."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from weasyprint import CSS

import templates
from schemas.document import Document
from templates.paper import Paper
from templates.render import OwnFilesOnly, laid_out, render_pdf
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample

HERE = Path(templates.__file__).parent
INLINE = {"span", "svg", "rect", "text"}
"""Elements that look as they do without a rule: inline ones, and what is drawn."""


def test_every_element_of_a_document_has_its_rule() -> None:
    markup = "".join((HERE / name).read_text(encoding="utf-8") for name in ("document.html.j2", "parts.html.j2"))
    used = set(re.findall(r"<([a-z][a-z0-9]*)[\s/>]", markup))
    sheet = re.sub(r"/\*.*?\*/", "", (HERE / "defaults.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    ruled = {name for head in re.findall(r"([^{}]+)\{", sheet) for name in re.findall(r"[a-z][a-z0-9]*", head)}
    assert used - INLINE <= ruled, "an element without a rule would stand in the line and be seen"
    assert len(used) > 20


def test_the_sheet_of_ours_is_the_one_that_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Paper] = []
    ours = Paper._ua_stylesheets

    def noted(paper: Paper, *arguments: Any) -> list[CSS]:
        asked.append(paper)
        return ours(paper, *arguments)

    monkeypatch.setattr(Paper, "_ua_stylesheets", noted)
    render_pdf(sample.american())
    assert len(asked) == 1


@pytest.mark.parametrize("document", [sample.american(), abroad.german(), abroad.canadian_french()])
def test_written_once_the_file_has_the_same_bytes(document: Document, monkeypatch: pytest.MonkeyPatch) -> None:
    once = render_pdf(document)
    monkeypatch.setattr("templates.paper.written_once", lambda *_: None)
    assert render_pdf(document) == once


def test_markup_that_is_not_well_formed_is_an_error() -> None:
    with pytest.raises(ET.ParseError):
        Paper("<html><body><p>one<p>two</body></html>", OwnFilesOnly())


def test_what_customers_are_called_is_text_and_no_markup() -> None:
    american = sample.american()
    customer = american.bill_to.model_copy(update={"name": "A & B <b>Ltd</b> 'x'"})
    odd = american.model_copy(update={"bill_to": customer})
    assert len(laid_out(odd).pages) == len(laid_out(american).pages)
