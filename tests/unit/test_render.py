"""Documents as HTML and PDF: what a customer reads, and that nothing else gets in."""

import io
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from pypdf import PdfReader
from pypdf.generic import IndirectObject

import templates
from schemas.document import Balance, Document, canonical
from templates import charges
from templates.clean import clean_text
from templates.languages import LOCALE_FOLDER
from templates.page import page_of
from templates.render import OwnFilesOnly, pdf_of_json, render_html, render_pdf
from tests.unit import sample_documents as sample


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def section_of(html: str, name: str) -> str:
    found = re.search(rf'<section class="{name}">(.*?)</section>', html, re.DOTALL)
    return found.group(1) if found else ""


def rows_of(document: Document) -> list[charges.Row]:
    return [row for block in page_of(document).sections for group in block.groups for row in group.rows]


def row(document: Document, description: str) -> charges.Row:
    return next(row for row in rows_of(document) if row.description == description)


def test_equal_documents_give_equal_bytes_in_another_process() -> None:
    stored = canonical(sample.american())
    render_pdf(sample.german())
    here = pdf_of_json(stored)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        there = pool.submit(pdf_of_json, stored).result(timeout=120)
    assert here == there
    assert pdf_of_json(canonical(sample.american(invoice_number="LUMA-2026-000124"))) != here


def test_pdf_is_tagged_dated_and_says_what_it_is() -> None:
    reader = PdfReader(io.BytesIO(render_pdf(sample.canadian_french())))
    catalog = reader.trailer["/Root"]
    assert catalog["/Lang"] == "fr-CA"
    assert catalog["/MarkInfo"]["/Marked"]
    assert reader.metadata is not None
    assert reader.metadata.title == "Facture LUQC-2026-000045"
    assert reader.metadata.author == "Luma Téléphonie Canada inc."
    assert reader.metadata["/CreationDate"].startswith("D:20260601000000")
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


@pytest.mark.parametrize("make", [sample.canadian_french, sample.german, sample.australian, sample.british_credit_note])
def test_latin_text_prints_in_the_vendored_font(make: object) -> None:
    bill_to = sample.CA_CUSTOMER.model_copy(update={"name": "Łódź — ßüéœ “£€” \N{NARROW NO-BREAK SPACE}x"})
    locale = {"fr_CA": "fr_FR"}
    document = make(bill_to=bill_to)  # type: ignore[operator]
    document = document.model_copy(update={"locale": locale.get(document.locale, document.locale)})
    reader = PdfReader(io.BytesIO(render_pdf(document)))
    fonts = {
        font.get_object()["/BaseFont"].split("+")[-1]
        for page in reader.pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts and all(name.startswith("Inter") for name in fonts), fonts


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
    monkeypatch.setattr(OwnFilesOnly, "fetch", lambda self, url, headers=None: fetched.append(url))
    hostile_line = sample.line("service_fees", name, "1", "5", billing_group=name, destination=name)
    document = sample.document(
        [hostile_line],
        [sample.tax("SALES", "tax", name, "5", "5.00", name)],
        bill_to=sample.US_CUSTOMER.model_copy(update={"name": name, "address_lines": [name], "city": name}),
        seller=sample.US_SELLER.model_copy(update={"brand": name, "payment_url": "file:///etc/passwd"}),
        notes=[name],
    )
    pdf = render_pdf(document)
    shown = re.sub(r"\s+", "", text_of(pdf))
    assert re.sub(r"\s+", "", name) in shown
    assert "root:" not in shown and "49{" not in shown
    reader = PdfReader(io.BytesIO(pdf))
    assert not reader.attachments and "/Names" not in reader.trailer["/Root"]
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
    bill_to = sample.US_CUSTOMER.model_copy(update={"name": "W" * 10_000, "city": "شركة \u202e" + "ж" * 500})
    assert len(PdfReader(io.BytesIO(render_pdf(sample.tiny(bill_to=bill_to)))).pages) == 1


@pytest.mark.parametrize(
    ("make", "language", "words"),
    [
        (sample.american, "en-US", ["Invoice", "Amount due", "$1,222.90", "July 1, 2026", "Equipment rental"]),
        (sample.canadian_french, "fr-CA", ["Facture", "Montant à payer", "Frais au prorata", "2 229,86 $", "1 juillet 2026"]),
        (sample.german, "de-DE", ["Rechnung", "Zu zahlen", "2.139,69 €", "Im Tarif enthaltene Minuten", "USt-IdNr. DE111111111"]),
    ],
)
def test_each_language_says_it_in_its_own_words(make: object, language: str, words: list[str]) -> None:
    html = render_html(make()).replace("\N{NO-BREAK SPACE}", " ")  # type: ignore[operator]
    assert f'<html lang="{language}">' in html
    assert [word for word in words if word not in html] == []


def test_a_language_without_a_catalogue_reads_english_with_its_own_figures() -> None:
    html = render_html(sample.german(locale="nl_NL"))
    assert '<html lang="en">' in html and "Amount due" in html and "€\N{NO-BREAK SPACE}2.139,69" in html


@pytest.mark.parametrize(
    ("make", "changes", "title"),
    [
        (sample.american, {}, "Invoice"),
        (sample.american, {"is_final": True}, "Final invoice"),
        (sample.australian, {}, "Tax invoice"),
        (sample.australian, {"kind": "credit_note"}, "Adjustment note"),
        (sample.british_credit_note, {}, "Credit note"),
        (sample.german, {"kind": "credit_note", "corrects": "X-1"}, "Rechnungskorrektur"),
        (sample.german, {"kind": "credit_note"}, "Kaufmännische Gutschrift"),
    ],
)
def test_titles(make: object, changes: dict[str, object], title: str) -> None:
    assert page_of(make(**changes)).title == title  # type: ignore[operator]


def test_registrations_of_both_parties_are_printed() -> None:
    british = render_html(sample.british_credit_note())
    assert "VAT no. GB000000000" in british and "VAT no. GB111111111" in british and "LUGB-2026-000019" in british
    assert "ABN 00 000 000 000" in render_html(sample.australian())
    canadian = render_html(sample.canadian_french())
    assert "TPS/TVH 000000000 RT0001" in canadian and "TVQ 0000000000 TQ0001" in canadian


def test_recovery_fees_and_taxes_never_share_a_heading() -> None:
    html = render_html(sample.american())
    fees, taxes = section_of(html, "fees"), section_of(html, "taxes")
    assert "Our recovery fees" in fees and "(USF)" in fees and "(RRF)" in fees and "$144.61" in fees
    assert "sales tax" not in fees and "recovery" not in taxes.lower() and "USF" not in taxes
    assert "Government taxes" in taxes and "Texas sales tax" in taxes and "$74.83" in taxes
    assert "Charged on 64.9% of $413.27." in fees
    assert "Exempt: $60.00, certificate TX-000-1." in taxes
    summary = dict(page_of(sample.american()).summary)
    assert summary["Our recovery fees"] == "$144.61" and summary["Government taxes"] == "$74.83"


@pytest.mark.parametrize("make", [sample.american, sample.canadian_french, sample.british_credit_note, sample.tiny])
def test_the_summary_adds_up_to_the_total(make: object) -> None:
    document = make()  # type: ignore[operator]
    fees = sum(tax.amount for tax in document.taxes)
    assert sum(amount for _group, amount in charges.Charges.summary(_Only(document))) + fees == document.total  # type: ignore[arg-type]


class _Only:
    def __init__(self, document: Document) -> None:
        self.document = document


def test_drafts_are_marked_on_every_page_and_ask_for_no_money() -> None:
    pages = PdfReader(io.BytesIO(render_pdf(sample.american(status="draft", invoice_number="D-1")))).pages
    assert len(pages) == 3
    assert all("DRAFT" in page.extract_text() for page in pages)
    html = render_html(sample.american(status="draft"))
    assert "A draft: do not pay yet." in html and "How to pay" not in html and "pay.luma.example" not in html
    assert "DRAFT" not in text_of(render_pdf(sample.american()))


def test_pages_are_numbered_and_table_heads_repeat() -> None:
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(render_pdf(sample.american()))).pages]
    assert [f"Page {number} of 3" in text for number, text in enumerate(pages, 1)] == [True] * 3
    assert all("Description" in text and "Unit price" in text for text in pages[1:])


def test_prices_keep_their_own_digits_and_periods_their_last_day() -> None:
    document = sample.american()
    assert row(document, "SMS beyond the plan").unit_price == "$0.0055 / credit"
    assert row(document, "Minutes beyond the plan").quantity.replace("\N{NO-BREAK SPACE}", " ") == "440 min 12 s"
    assert row(document, "Minutes beyond the plan").unit_price == "$0.024 / min"
    added = row(document, "Standard extension added on May 15")
    assert (added.quantity, added.unit_price, added.amount) == ("2 × 16/31", "$24.95", "$25.75")
    assert re.sub(r"\s", " ", added.period) == "May 16 – 31, 2026"
    assert row(document, "Number port").period == "May 12, 2026"
    assert row(document, "Desk phone rental").details == ["List price $6.00, discount -$12.00"]
    french = row(sample.canadian_french(), "SMS hors forfait")
    assert french.unit_price == "0,00715\N{NO-BREAK SPACE}$ / crédit"


@pytest.mark.parametrize(
    ("quantity", "unit", "printed"),
    [
        ("0", "second", "0 min"), ("59", "second", "59 s"), ("60", "second", "1 min"), ("3661.5", "second", "61 min 1.5 s"),
        ("-90", "second", "-1 min 30 s"), ("1.5", "minute", "1 min 30 s"), ("1", "credit", "1 credit"),
        ("1000.000000", "credit", "1,000 credits"), ("1.5", "message", "1.5 messages"), ("12", "unit", "12"), ("2", "seat", "2 seat"),
    ],
)
def test_units(quantity: str, unit: str, printed: str) -> None:
    page = charges.Charges(sample.tiny(), *_american_words())
    assert page.units(Decimal(quantity), unit).replace("\N{NO-BREAK SPACE}", " ") == printed


def _american_words() -> tuple[charges.Formats, charges.Translations]:
    return charges.Formats(templates.languages.known_locale("en_US"), "USD"), templates.languages.translations("en")  # type: ignore[attr-defined]


def test_amounts_stored_with_twelve_decimals_print_with_two() -> None:
    wide = sample.document([sample.line("service_fees", "Line", "2.000000000000", "24.950000000000",
                                        amount=Decimal("49.900000000000"))])
    assert (rows_of(wide)[0].quantity, rows_of(wide)[0].unit_price, rows_of(wide)[0].amount) == ("2", "$24.95", "$49.90")


def test_meters_say_included_used_and_over() -> None:
    minutes, low, sms = page_of(sample.american()).meters
    plain = [re.sub(r"\s", " ", text) for text in (minutes.used, minutes.included, minutes.over)]
    assert plain == ["6,461 min 12 s", "6,021 min", "440 min 12 s"]
    assert low.over == "" and re.sub(r"\s", " ", low.left) == "369 min" and low.bar < sms.bar + charges.METER_WIDTH
    assert "1,811 credits used of 500 credits included" in render_html(sample.american())


def test_why_the_total_changed_names_the_biggest_sections() -> None:
    first, second = page_of(sample.american()).change
    assert first == "$54.50 more than on the previous invoice (May 2026: $1,168.40)."
    assert second == "What changed most: Service fees +$49.90, Additional outbound minutes -$20.46, Prorated charges +$19.56."
    assert page_of(sample.german()).change[0].startswith("100,41\N{NO-BREAK SPACE}€ weniger als")


def test_nothing_to_pay_and_credits() -> None:
    zero = page_of(sample.tiny())
    assert (zero.headline.amount, zero.headline.when, zero.how_to_pay) == ("$0.00", "Nothing to pay.", [])
    credit = page_of(sample.british_credit_note())
    assert (credit.headline.label, credit.headline.amount, credit.total) == ("Your credit", "£44.40", "-£44.40")
    assert credit.how_to_pay == [] and ("Corrects", "LUGB-2026-000019") in credit.facts
    assert "Due on" not in dict(credit.facts)


def test_payment_balance_dispute_and_csv_are_said() -> None:
    html = render_html(sample.american(balance=Balance(as_of=date(2026, 5, 31), amount=Decimal("-12.50"))))
    assert "a credit of $12.50 stood open on May 31, 2026" in html
    assert '<a href="https://pay.luma.example">' in html and "000123456" in html
    assert "within 15 days of its issue, that is until June 16, 2026" in html
    assert "LUMA-2026-000123-usage.csv" in html


def test_lines_above_the_cap_are_counted_and_summed_but_not_printed() -> None:
    document = sample.long(count=charges.MOST_LINES, usage_csv="all.csv")
    assert len(rows_of(document)) == charges.MOST_LINES
    page = page_of(document)
    left = len(document.lines) - charges.MOST_LINES
    assert page.left_out.startswith(f"{left} more lines") and "all.csv" in page.left_out
    abroad = next(block for block in page.sections if block.key == "international_minutes")
    total = sum(line.amount for line in document.lines if line.section == "international_minutes")
    assert abroad.subtotal == f"${total:,.2f}"


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_message_is_translated_and_none_is_stale(language: str) -> None:
    methods = [("**.py", "python"), ("**.j2", "jinja2")]
    options = {"**.j2": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
    keywords = {"_": None, "N_": None, "n_": (1, 2), "pgettext": ((1, "c"), 2)}
    found = extract_from_dir(Path(templates.__file__).parent, methods, options, keywords)  # type: ignore[arg-type]
    wanted = {(context, message) for _file, _line, message, _comments, context in found}
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "documents.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert {(message.context, message.id) for message in catalogue if message.id} == wanted
    for message in filter(lambda m: m.id, catalogue):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        assert all(texts) and not message.fuzzy, message.id
        for text in texts:
            assert set(re.findall(r"%\(\w+\)s", text)) == set(re.findall(r"%\(\w+\)s", ids[-1])), message.id
