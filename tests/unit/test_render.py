"""Documents as PDF: equal bytes, tagged, in the vendored font, and nothing gets in but the document's text."""

import io
import multiprocessing
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader
from pypdf.generic import IndirectObject

from schemas.document import Document, canonical
from templates.clean import clean_text
from templates.render import OwnFilesOnly, pdf_of_json, render_html, render_pdf
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample
from tests.unit.sample_parties import CA_CUSTOMER, US_CUSTOMER, US_SELLER

Make = Callable[..., Document]


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_equal_documents_give_equal_bytes_in_another_process() -> None:
    stored = canonical(sample.american())
    render_pdf(abroad.german())
    here = pdf_of_json(stored)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(pdf_of_json, stored).result(timeout=600)
    assert here == there
    assert pdf_of_json(canonical(sample.american(invoice_number="LUMA-2026-000124"))) != here


def test_pdf_is_tagged_dated_and_says_what_it_is() -> None:
    reader = PdfReader(io.BytesIO(render_pdf(abroad.canadian_french())))
    catalog: Any = reader.trailer["/Root"]
    assert catalog["/Lang"] == "fr-CA"
    assert catalog["/MarkInfo"]["/Marked"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Facture LUQC-2026-000045"
    assert reader.metadata.author == "Luma Téléphonie Canada inc."
    assert str(reader.metadata["/CreationDate"]).startswith("D:20260601000000")
    assert "2 229,86" in " ".join(alternate_texts(catalog["/StructTreeRoot"]))


def alternate_texts(element: object) -> list[str]:
    if isinstance(element, IndirectObject):
        element = element.get_object()
    if isinstance(element, list):
        return [text for part in element for text in alternate_texts(part)]
    if not isinstance(element, dict):
        return []
    own = [str(element["/Alt"]).replace("\N{NO-BREAK SPACE}", " ")] if "/Alt" in element else []
    return own + (alternate_texts(element["/K"]) if "/K" in element else [])


@pytest.mark.parametrize("make", [abroad.canadian_french, abroad.german, abroad.australian, abroad.british_credit_note])
def test_latin_text_prints_in_the_vendored_font(make: Make) -> None:
    bill_to = CA_CUSTOMER.model_copy(update={"name": "Łódź — ßüéœ “£€” \N{NARROW NO-BREAK SPACE}x"})
    document = make(bill_to=bill_to)
    if document.locale == "fr_CA":
        # France groups thousands with U+202F, which few fonts hold.
        document = document.model_copy(update={"locale": "fr_FR"})
        assert "2\N{NARROW NO-BREAK SPACE}229" in render_html(document)
    reader = PdfReader(io.BytesIO(render_pdf(document)))
    resources: list[Any] = [page["/Resources"] for page in reader.pages]
    fonts = {font.get_object()["/BaseFont"] for part in resources for font in part["/Font"].values()}
    assert {name.split("+")[-1].split("-")[0] for name in fonts} == {"Inter"}


HOSTILE = [
    '<img src="file:///etc/passwd">',
    '<a rel=attachment href="file:///etc/passwd">x</a>',
    "<script>alert(1)</script>",
    "{{7*7}} {% include 'document.css' %} %(amount)s",
    '"><link rel=attachment href=file:///etc/passwd>',
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_text_and_nothing_is_fetched(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    render_pdf(sample.tiny())  # The fonts are in: from here on nothing may be fetched at all.
    fetched: list[str] = []
    monkeypatch.setattr(OwnFilesOnly, "fetch", lambda _self, url, _headers=None: fetched.append(url))
    hostile_line = sample.line("service_fees", name, "1", "5", billing_group=name, destination=name)
    document = sample.document(
        [hostile_line],
        [sample.tax("SALES", "tax", name, "5", "5.00", name)],
        bill_to=US_CUSTOMER.model_copy(update={"name": name, "address_lines": [name], "city": name}),
        seller=US_SELLER.model_copy(update={"brand": name, "payment_url": "file:///etc/passwd"}),
        notes=[name],
    )
    pdf = render_pdf(document)
    shown = re.sub(r"\s+", "", text_of(pdf))
    assert re.sub(r"\s+", "", name) in shown
    assert "root:" not in shown
    assert "49{" not in shown
    reader = PdfReader(io.BytesIO(pdf))
    assert not reader.attachments
    catalog: Any = reader.trailer["/Root"]
    assert "/Names" not in catalog
    assert fetched == []
    assert not [note for page in reader.pages for note in page.get("/Annots", [])]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://127.0.0.1/", "data:text/plain,x", "ftp://127.0.0.1/x"])
def test_fetcher_refuses_everything_but_the_fonts(url: str) -> None:
    with pytest.raises(ValueError, match="not a file of the templates"):
        OwnFilesOnly().fetch(url)


def test_odd_characters_are_replaced_and_long_names_bounded() -> None:
    assert clean_text("safe\u202egnp.exe\x00\x1b[0m") == "safe□gnp.exe□□[0m"
    assert clean_text("two\r\nlines\tand\u2028more") == "two  lines and more"
    assert clean_text("z" + "\u0301" * 50) == "z" + "\u0301" * 4
    assert clean_text("x" * 10_000, 120) == "x" * 119 + "…"
    assert clean_text("شركة — 株式会社 — Ωmega") == "شركة — 株式会社 — Ωmega"


def test_a_giant_name_leaves_the_page_in_order() -> None:
    bill_to = US_CUSTOMER.model_copy(update={"name": "W" * 10_000, "city": "شركة \u202e" + "ж" * 500})
    assert len(PdfReader(io.BytesIO(render_pdf(sample.tiny(bill_to=bill_to)))).pages) == 1


def test_drafts_are_marked_on_every_page_and_ask_for_no_money() -> None:
    pages = PdfReader(io.BytesIO(render_pdf(sample.american(status="draft", invoice_number="D-1")))).pages
    assert len(pages) == 3
    assert all("DRAFT" in page.extract_text() for page in pages)
    html = render_html(sample.american(status="draft"))
    assert "A draft: do not pay yet." in html
    assert "How to pay" not in html
    assert "pay.luma.example" not in html
    assert "DRAFT" not in text_of(render_pdf(sample.american()))


def test_pages_are_numbered_and_table_heads_repeat() -> None:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(render_pdf(sample.american()))).pages]
    assert [f"Page {number} of 3" in text for number, text in enumerate(pages, 1)] == [True] * 3
    assert all("Description" in text and "Unit price" in text for text in pages[1:])
