"""What a document must show, by country: each demand is met by a good document and missed by one that lacks it."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoicing.national import national_amounts
from invoicing.required import missing, national_currency
from schemas.document import BillTo, Document, Line, NationalAmounts, Registration, Seller, Tax, TaxIdCheck

JUNE = date(2026, 6, 1)
REVERSED = "Steuerschuldnerschaft des Leistungsempfängers (Artikel 196, Richtlinie 2006/112/EG)."


def _tax(code: str, place: str, amount: str, **changes: Any) -> Tax:
    facts: dict[str, Any] = {
        "tax_no": 1, "tax_code": code, "kind": "tax", "name": code, "text": "A sentence.", "jurisdiction": place,
        "tax_date": JUNE, "gross_base": Decimal(100), "taxable_percent": Decimal(100), "base_amount": Decimal(100),
        "exempt_amount": Decimal(0), "rate_percent": Decimal(20), "amount": Decimal(amount),
    }  # fmt: skip
    return Tax(**(facts | changes))


def _document(seller: str, buyer: str, taxes: list[Tax], **changes: Any) -> Document:
    line = Line(
        line_no=1, section="service_fees", charge_type="recurring", product_code="seat", charge_key="k",
        resource_kind="subscription", resource_id="S", description="Seat", quantity=Decimal(1), unit="seat",
        unit_price=Decimal(100), amount=Decimal(100), period_start=JUNE, period_end=date(2026, 7, 1),
        tax_class="telephony", jurisdiction=buyer,
    )  # fmt: skip
    numbers = {
        "CA": [Registration(label="GST/HST", number="000000000 RT0001"), Registration(label="QST", number="0 TQ0001")],
        "AU": [Registration(label="ABN", number="11 999 000 129")],
    }
    facts: dict[str, Any] = {
        "template_version": "1", "kind": "invoice", "draft_id": "D", "invoice_number": "D", "status": "draft",
        "run_id": "R",
        "seller": Seller(seller_id="s", name="Seller", address_lines=["1 Example Street"], country=seller,
                         email="s@s.example", tax_id="X1", registrations=numbers.get(seller, [])),
        "bill_to": BillTo(account_id="A", name="Buyer", address_lines=["2 Example Street"], city="Town",
                          postal_code="1", country=buyer, tax_id="DE999900129", emails=[]),
        "jurisdiction": buyer, "locale": "de_DE", "currency": {"GB": "GBP", "CA": "CAD", "AU": "AUD"}.get(buyer, "EUR"),
        "minor_digits": 2, "invoice_month": "2026-06", "issue_date": JUNE, "due_date": date(2026, 7, 1),
        "usage_period_start": None, "usage_period_end": None, "lines": [line], "taxes": taxes,
        "subtotal": Decimal(1000), "tax_total": Decimal(0), "total": Decimal(1000),
    }  # fmt: skip
    return Document(**(facts | changes))


CHECK = TaxIdCheck(tax_id="DE999900129", checked_at="2026-05-01T08:00:00Z", result="valid", reference="R-1")
REVERSE = _tax(
    "VAT", "DE", "0", base_amount=Decimal(0), exempt_amount=Decimal(100), rate_percent=Decimal(0), note=REVERSED,
    tax_id_check=CHECK,
)  # fmt: skip
OWN = _document("DE", "DE", [_tax("VAT", "DE", "19")])
ABROAD = _document("IE", "DE", [REVERSE])
BRITISH = _document("GB", "GB", [_tax("VAT", "GB", "20")])
CANADIAN = _document("CA", "CA", [_tax("GST", "CA", "5"), _tax("QST", "CA-QC", "9.98")])
AUSTRALIAN = _document("AU", "AU", [_tax("GST", "AU", "10")])


def _seller(document: Document, **changes: Any) -> Document:
    return document.model_copy(update={"seller": document.seller.model_copy(update=changes)})


def _buyer(document: Document, **changes: Any) -> Document:
    return document.model_copy(update={"bill_to": document.bill_to.model_copy(update=changes)})


@pytest.mark.parametrize("document", [OWN, ABROAD, BRITISH, CANADIAN, AUSTRALIAN])
def test_a_whole_document_lacks_nothing(document: Document) -> None:
    assert missing(document) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (_seller(OWN, tax_id=None), "EU, article 226: the seller's VAT number"),
        (_seller(BRITISH, tax_id=None), "United Kingdom, VATREC5010: the seller's VAT number"),
        (_seller(OWN, address_lines=[]), "every country: the seller's name and address"),
        (_buyer(OWN, address_lines=[]), "EU, article 226: the customer's full address (5)"),
        (_buyer(ABROAD, tax_id=None), "EU, article 226: the customer's VAT number (4)"),
        (
            ABROAD.model_copy(update={"locale": "fr_FR"}),
            "EU, article 226: the words 'Autoliquidation' (11a)",
        ),
        (
            ABROAD.model_copy(update={"taxes": [REVERSE.model_copy(update={"tax_id_check": None})]}),
            "EU, article 226: a valid check of the customer's VAT number (Regulation 282/2011, article 18)",
        ),
        (
            OWN.model_copy(update={"currency": "USD"}),
            "EU, article 226: the VAT in EUR, the currency of DE (no rate of USD in catalog/fx.csv)",
        ),
        (
            BRITISH.model_copy(update={"currency": "EUR"}),
            "United Kingdom, VATREC5010: the VAT in GBP, the currency of GB (no rate of EUR in catalog/fx.csv)",
        ),
        (
            OWN.model_copy(
                update={"kind": "credit_note", "lines": [OWN.lines[0].model_copy(update={"tax_date": JUNE})]}
            ),
            "EU, article 226: the invoice that it amends (article 219): invoice_number in feed charges",
        ),
        (
            _seller(CANADIAN, registrations=[CANADIAN.seller.registrations[1]]),
            "Canada, SOR/91-45: the seller's GST/HST number (from 100 dollars on)",
        ),
        (
            _seller(CANADIAN, registrations=[CANADIAN.seller.registrations[0]]),
            "Canada, SOR/91-45: the seller's QST number",
        ),
        (_seller(AUSTRALIAN, registrations=[], tax_id=None), "Australia, GST Act 29-70: the seller's ABN"),
        (
            _document("US", "US", [_tax("USF", "US", "1")], currency="USD"),
            "every country: its own fees as fees: USF shown as a government's tax",
        ),
    ],
)
def test_a_document_that_lacks_something_is_told_what_and_by_whom(document: Document, said: str) -> None:
    assert missing(document) == [said]


def test_canada_asks_for_no_number_below_a_hundred_dollars() -> None:
    small = CANADIAN.model_copy(update={"total": Decimal("99.99"), "taxes": [CANADIAN.taxes[0]]})
    assert missing(_seller(small, registrations=[])) == []


def test_a_credit_note_that_names_its_invoice_is_whole() -> None:
    line = OWN.lines[0].model_copy(update={"tax_date": JUNE, "reverses": "DE-2026-000001"})
    changes = {"kind": "credit_note", "taxes": [_tax("VAT", "DE", "-19")], "lines": [line]}
    assert missing(OWN.model_copy(update=changes)) == []
    assert missing(OWN.model_copy(update={"kind": "credit_note"})) == []  # goodwill amends no invoice


RATES = {("USD", "EUR"): [(date(2026, 5, 29), Decimal("0.9012"), "ECB"), (JUNE, Decimal("0.9"), "ECB")]}


def test_vat_in_national_money_takes_the_rate_of_the_day_or_the_last_before_it() -> None:
    currencies = {"IE": "EUR"}
    found = national_amounts([_tax("VAT", "IE", "23.00")], "USD", currencies, RATES)
    assert found == [
        NationalAmounts(country="IE", currency="EUR", rate=Decimal("0.9"), rate_date=JUNE, source="ECB",
                        taxable=Decimal("90.00"), tax=Decimal("20.70"))
    ]  # fmt: skip
    sunday = _tax("VAT", "IE", "23.00", tax_date=date(2026, 5, 31))
    assert national_amounts([sunday], "USD", currencies, RATES)[0].tax == Decimal("20.73")
    stale = _tax("VAT", "IE", "23.00", tax_date=date(2026, 6, 9))
    assert national_amounts([stale], "USD", currencies, RATES) == []
    told = OWN.model_copy(update={"currency": "USD", "national": [found[0].model_copy(update={"country": "DE"})]})
    assert missing(told) == []


def test_bulgaria_owes_in_euro_from_2026_on() -> None:
    assert (national_currency("BG", "2025-12-31"), national_currency("BG", "2026-01-01")) == ("BGN", "EUR")
