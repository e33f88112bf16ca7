"""What a document says: words, figures and their order, in every language."""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import templates
from schemas.document import Balance, Document
from templates import charges
from templates.formats import Formats
from templates.languages import LOCALE_FOLDER, known_locale, translations
from templates.page import page_of
from templates.render import render_html
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample

Make = Callable[..., Document]


def section_of(html: str, name: str) -> str:
    found = re.search(rf'<section class="{name}">(.*?)</section>', html, re.DOTALL)
    return found.group(1) if found else ""


def charges_of(document: Document) -> charges.Charges:
    return charges.Charges(document, Formats(known_locale("en_US"), document.currency), translations("en"))


def rows_of(document: Document) -> list[charges.Row]:
    return [row for block in page_of(document).sections for group in block.groups for row in group.rows]


def row(document: Document, description: str) -> charges.Row:
    return next(row for row in rows_of(document) if row.description == description)


@pytest.mark.parametrize(
    ("make", "language", "words"),
    [
        (sample.american, "en-US", ["Invoice", "Amount due", "$1,222.90", "July 1, 2026", "Equipment rental"]),
        (
            abroad.canadian_french,
            "fr-CA",
            ["Facture", "Montant à payer", "Frais au prorata", "2 229,86 $", "1er juillet 2026"],
        ),
        (
            abroad.german,
            "de-DE",
            ["Rechnung", "Zu zahlen", "2.139,69 €", "Im Tarif enthaltene Minuten", "USt-IdNr. DE111111111"],
        ),
    ],
)
def test_each_language_says_it_in_its_own_words(make: Make, language: str, words: list[str]) -> None:
    html = render_html(make()).replace("\N{NO-BREAK SPACE}", " ")
    assert f'<html lang="{language}">' in html
    assert [word for word in words if word not in html] == []


def test_a_language_without_a_catalogue_reads_english_with_its_own_figures() -> None:
    html = render_html(abroad.german(locale="nl_NL"))
    assert '<html lang="en">' in html
    assert "Amount due" in html
    assert "€\N{NO-BREAK SPACE}2.139,69" in html


@pytest.mark.parametrize(
    ("make", "changes", "title"),
    [
        (sample.american, {}, "Invoice"),
        (sample.american, {"is_final": True}, "Final invoice"),
        (abroad.australian, {}, "Tax invoice"),
        (abroad.australian, {"kind": "credit_note"}, "Adjustment note"),
        (abroad.british_credit_note, {}, "Credit note"),
        (abroad.german, {"kind": "credit_note", "corrects": "X-1"}, "Rechnungskorrektur"),
        (abroad.german, {"kind": "credit_note"}, "Kaufmännische Gutschrift"),
    ],
)
def test_titles(make: Make, changes: dict[str, object], title: str) -> None:
    assert page_of(make(**changes)).title == title


def test_registrations_of_both_parties_are_printed() -> None:
    british = render_html(abroad.british_credit_note())
    assert "VAT no. GB000000000" in british
    assert "VAT no. GB111111111" in british
    assert "LUGB-2026-000019" in british
    assert "ABN 00 000 000 000" in render_html(abroad.australian())
    canadian = render_html(abroad.canadian_french())
    assert "TPS/TVH 000000000 RT0001" in canadian
    assert "TVQ 0000000000 TQ0001" in canadian


def test_recovery_fees_and_taxes_never_share_a_heading() -> None:
    html = render_html(sample.american())
    fees, taxes = section_of(html, "fees"), section_of(html, "taxes")
    assert "Our recovery fees" in fees
    assert "(USF)" in fees
    assert "(RRF)" in fees
    assert "$144.61" in fees
    assert "sales tax" not in fees
    assert "recovery" not in taxes.lower()
    assert "USF" not in taxes
    assert "Government taxes" in taxes
    assert "Texas sales tax" in taxes
    assert "$74.83" in taxes
    assert "Charged on $268.21 of $413.27." in fees
    assert "Exempt: $60.00, certificate TX-000-1." in taxes
    summary = dict(page_of(sample.american()).money.summary)
    assert summary["Our recovery fees"] == "$144.61"
    assert summary["Government taxes"] == "$74.83"


def test_rows_of_one_fee_tell_their_dates_and_explain_it_once() -> None:
    june = sample.tax("RRF", "recovery_fee", "Regulatory recovery fee", "3.25", "100", sample.RRF_TEXT)
    may = june.model_copy(update={"tax_date": date(2026, 5, 16)})
    first, second = page_of(sample.document([], [june, may])).money.recovery_fees
    assert (first.details, first.text) == (["As of June 1, 2026."], sample.RRF_TEXT)
    assert (second.details, second.text) == (["As of May 16, 2026."], "")


def test_calls_abroad_name_the_country_when_no_destination_is_given() -> None:
    abroad_line = sample.line("international_minutes", "Calls abroad", "60", "0.1", country="CH")
    assert rows_of(sample.document([abroad_line]))[0].destination == "Switzerland"
    assert rows_of(sample.document([abroad_line], locale="de_AT"))[0].destination == "Schweiz"
    assert rows_of(sample.document([abroad_line], locale="it_IT"))[0].destination == "Switzerland"


@pytest.mark.parametrize("make", [sample.american, abroad.canadian_french, abroad.british_credit_note, sample.tiny])
def test_the_summary_adds_up_to_the_total(make: Make) -> None:
    document = make()
    groups = sum((amount for _group, amount in charges_of(document).summary()), Decimal(0))
    assert groups + sum((tax.amount for tax in document.taxes), Decimal(0)) == document.total


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
    french = row(abroad.canadian_french(), "SMS hors forfait")
    assert french.unit_price == "0,00715\N{NO-BREAK SPACE}$ / crédit"


def test_a_line_says_its_list_amount_its_discounts_by_name_and_what_bounded_it() -> None:
    document = sample.american()
    first = document.lines[0]
    changes: dict[str, object] = {
        "list_unit_price": None,
        "unit_price": None,
        "list_amount": Decimal("40.00"),
        "discount_amount": Decimal("10.00"),
        "discount_text": "Loyalty, Spring",
        "bounded_by": "minimum",
    }
    lines = [first.model_copy(update=changes), *document.lines[1:]]
    details = row(document.model_copy(update={"lines": lines}), first.description).details
    assert details == ["List amount $40.00, discount -$10.00", "Loyalty, Spring", "Minimum charge"]


@pytest.mark.parametrize(
    ("quantity", "unit", "printed"),
    [
        ("0", "second", "0 min"),
        ("59", "second", "59 s"),
        ("60", "second", "1 min"),
        ("3661.5", "second", "61 min 1.5 s"),
        ("-90", "second", "-1 min 30 s"),
        ("1.5", "minute", "1.5 min"),
        ("1", "credit", "1 credit"),
        ("1000.000000", "credit", "1,000 credits"),
        ("1.5", "message", "1.5 messages"),
        ("12", "unit", "12"),
        ("2", "seat", "2 seat"),
    ],
)
def test_units(quantity: str, unit: str, printed: str) -> None:
    assert charges_of(sample.tiny()).units(Decimal(quantity), unit).replace("\N{NO-BREAK SPACE}", " ") == printed


def test_amounts_stored_with_twelve_decimals_print_with_two() -> None:
    wide = sample.document(
        [sample.line("service_fees", "Line", "2.000000000000", "24.950000000000", amount=Decimal("49.900000000000"))]
    )
    assert (rows_of(wide)[0].quantity, rows_of(wide)[0].unit_price, rows_of(wide)[0].amount) == (
        "2",
        "$24.95",
        "$49.90",
    )


def test_meters_say_included_used_and_over() -> None:
    minutes, low, sms = page_of(sample.american()).meters
    plain = [re.sub(r"\s", " ", text) for text in (minutes.used, minutes.included, minutes.over)]
    assert plain == ["6,021 min", "6,021 min", "440.2 min"]
    assert low.over == ""
    assert re.sub(r"\s", " ", low.left) == "369 min"
    assert low.bar == charges.METER_WIDTH * 131 // 500
    assert sms.bar == charges.METER_WIDTH * 500 // 1811
    assert "500 credits used of 500 credits included" in render_html(sample.american())


def test_minutes_are_feminine_in_french_and_credits_are_not() -> None:
    french = re.sub(r"\s", " ", render_html(sample.american(locale="fr_FR")).replace("\N{NARROW NO-BREAK SPACE}", " "))
    assert "6 021 min utilisées sur 6 021 min incluses" in french
    assert "369 min restantes" in french
    assert "500 crédits utilisés sur 500 crédits inclus" in french


def test_why_the_total_changed_names_the_biggest_sections() -> None:
    first, second = page_of(sample.american()).notes.change
    assert first == "$54.50 more than on the previous invoice (May 2026: $1,168.40)."
    assert (
        second
        == "What changed most: Service fees +$49.90, Additional outbound minutes -$20.46, Prorated charges +$19.56."
    )
    assert page_of(abroad.german()).notes.change[0].startswith("100,41\N{NO-BREAK SPACE}€ weniger als")


def test_nothing_to_pay_and_credits() -> None:
    zero = page_of(sample.tiny())
    assert (zero.headline.amount, zero.headline.when, zero.how_to_pay) == ("$0.00", "Nothing to pay.", [])
    credit = page_of(abroad.british_credit_note())
    assert (credit.headline.label, credit.headline.amount, credit.money.total) == ("Your credit", "£44.40", "-£44.40")
    assert credit.how_to_pay == []
    assert ("Corrects", "LUGB-2026-000019") in credit.facts
    assert "Due on" not in dict(credit.facts)


@pytest.mark.parametrize(
    ("locale", "heading"),
    [
        ("en_GB", "What is credited to you"),
        ("fr_FR", "Le détail de votre avoir"),
        ("de_DE", "Was wir Ihnen gutschreiben"),
    ],
)
def test_a_credit_note_charges_for_nothing(locale: str, heading: str) -> None:
    html = render_html(abroad.british_credit_note(locale=locale))
    assert f"<h2>{heading}</h2>" in html
    assert heading not in render_html(sample.american(locale=locale))


def test_a_change_is_not_parted_from_its_sign() -> None:
    html = render_html(sample.american())
    assert "Service fees +\N{WORD JOINER}$49.90, Additional outbound minutes -\N{WORD JOINER}$20.46" in html


def test_payment_balance_dispute_and_csv_are_said() -> None:
    html = render_html(sample.american(balance=Balance(as_of=date(2026, 5, 31), amount=Decimal("-12.50"))))
    assert "a credit of $12.50 stood open on May 31, 2026" in html
    assert '<a href="https://pay.luma.example">' in html
    assert "000123456" in html
    assert "within 15 days of its issue, that is until June 16, 2026" in html
    assert "LUMA-2026-000123-usage.csv" in html


def test_lines_above_the_cap_are_counted_and_summed_but_not_printed() -> None:
    document = sample.long(count=charges.MOST_LINES, usage_csv="all.csv")
    assert len(rows_of(document)) == charges.MOST_LINES
    page = page_of(document)
    left = len(document.lines) - charges.MOST_LINES
    assert page.notes.left_out.startswith(f"{left} more lines")
    assert "all.csv" in page.notes.left_out
    abroad = next(block for block in page.sections if block.key == "international_minutes")
    total = sum(line.amount for line in document.lines if line.section == "international_minutes")
    assert abroad.subtotal == f"${total:,.2f}"


@pytest.mark.parametrize("language", ["fr", "de"])
def test_every_message_is_translated_and_none_is_stale(language: str) -> None:
    methods = [("**.py", "python"), ("**.j2", "jinja2")]
    options = {"**.j2": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}}
    keywords = DEFAULT_KEYWORDS | {"n_": (1, 2)}
    found = extract_from_dir(Path(templates.__file__).parent, methods, options, keywords)
    wanted = {(context, message) for _file, _line, message, _comments, context in found}
    with (LOCALE_FOLDER / language / "LC_MESSAGES" / "documents.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    assert {(message.context, message.id) for message in catalogue if message.id} == wanted
    for message in filter(lambda m: m.id, catalogue):
        texts = [message.string] if isinstance(message.string, str) else list(message.string or [])
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        for text in texts:
            assert set(re.findall(r"%\(\w+\)s", text)) == set(re.findall(r"%\(\w+\)s", ids[-1])), message.id


def test_what_the_customer_owes_himself_is_said_once_and_is_no_tax_at_a_rate() -> None:
    german = abroad.german()
    note = "Reverse charge (Article 196)."
    (tax,) = german.taxes
    update = {"note": note, "exempt_amount": tax.gross_base, "base_amount": Decimal(0), "amount": Decimal("0.00")}
    document = german.model_copy(update={"taxes": [tax.model_copy(update=update)], "notes": [note]})
    html = render_html(document)
    assert html.count(note) == 1
    (row,) = page_of(document).money.taxes
    assert (row.rate, row.text, row.details) == ("", "", [note])
    assert page_of(document).money.before_taxes == "Summe vor Steuern"


def test_every_international_line_says_where_to() -> None:
    document = sample.american()
    line = next(line for line in document.lines if line.section == "international_minutes")
    for country, said in ((document.bill_to.country, "United States"), (None, "other destinations")):
        only = line.model_copy(update={"country": country, "destination": None})
        assert rows_of(document.model_copy(update={"lines": [only]}))[0].destination == said


def test_the_first_of_a_month_in_french() -> None:
    french = Formats(known_locale("fr_FR"), "EUR")
    assert french.day(date(2026, 6, 1)) == "1er juin 2026"
    assert french.day(date(2026, 6, 21)) == "21 juin 2026"
    assert french.period(date(2026, 6, 1), date(2026, 7, 1)) == "1er–30 juin 2026"
    assert french.period(date(2026, 6, 1), date(2026, 9, 1)) == "1er juin\u2009–\u200931 août 2026"
    assert french.period(date(2026, 6, 1), date(2026, 6, 2)) == "1er juin 2026"
    assert Formats(known_locale("en_US"), "EUR").day(date(2026, 6, 1)) == "June 1, 2026"
