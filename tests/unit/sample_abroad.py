"""One bill per country a provider meets outside the United States."""

from datetime import date
from decimal import Decimal
from typing import Any

from schemas.document import AllowanceUse, Balance, Comparison, Document, SectionChange
from tests.unit.sample_documents import USAGE_MONTH, document, history, line, tax
from tests.unit.sample_parties import (
    AU_CUSTOMER,
    AU_SELLER,
    CA_CUSTOMER,
    CA_SELLER,
    DE_CUSTOMER,
    DE_SELLER,
    GB_CUSTOMER,
    GB_SELLER,
)


def canadian_french(**more: Any) -> Document:
    """A bakery in Quebec: French, TPS and TVQ, our federal and provincial recovery fees."""
    lines = [
        line("service_fees", "Poste standard", "52", "28.95", unit="poste"),
        line("phone_numbers", "Numéro local", "55", "4.5", unit="numéro"),
        line(
            "prorated_charges",
            "Poste standard ajouté le 15 mai",
            "3",
            "28.95",
            fraction="16/31",
            charge_type="proration",
            period_start=date(2026, 5, 16),
            period_end=date(2026, 6, 1),
        ),
        line(
            "international_minutes",
            "Appels internationaux",
            "7322",
            "0.031",
            unit="second",
            per=60,
            destination="France",
        ),
        line("sms_overage", "SMS hors forfait", "2204", "0.00715", unit="credit"),
        line("broadband", "Fibre 500 Mbit/s", "1", "89"),
    ]
    base = str(sum((part.amount for part in lines), Decimal(0)))
    taxes = [
        tax(
            "CA_FEDERAL_FEE",
            "recovery_fee",
            "Frais réglementaires fédéraux",
            "1.2",
            base,
            "Recouvrent une partie de nos coûts de conformité fédérale.",
        ),
        tax(
            "CA_PROVINCIAL_FEE",
            "recovery_fee",
            "Frais réglementaires provinciaux",
            "0.8",
            base,
            "Recouvrent une partie de nos coûts de conformité provinciale.",
        ),
        tax("GST", "tax", "TPS", "5", base, "Taxe sur les produits et services."),
        tax("QST", "tax", "TVQ", "9.975", base, "Taxe de vente du Québec."),
    ]
    defaults: dict[str, Any] = {
        "seller": CA_SELLER,
        "bill_to": CA_CUSTOMER,
        "jurisdiction": "CA-QC",
        "locale": "fr_CA",
        "currency": "CAD",
        "invoice_number": "LUQC-2026-000045",
        "usage_csv": "LUQC-2026-000045-usage.csv",
        "history": history("1890.10", "1920.44", "2105.00", "2011.36"),
        "comparison": Comparison(
            previous_number="LUQC-2026-000031",
            previous_month="2026-05",
            previous_total=Decimal("2011.36"),
            changes=[SectionChange(section="service_fees", previous=Decimal("1418.55"), current=Decimal("1505.40"))],
        ),
        "balance": Balance(as_of=date(2026, 5, 31), amount=Decimal("45.10")),
    }
    return document(lines, taxes, **(defaults | more))


def german(**more: Any) -> Document:
    """A furniture maker in Cologne: German, one VAT rate."""
    lines = [
        line("service_fees", "Nebenstelle Komfort", "120", "14.9", unit="Nebenstelle"),
        line("included_minutes", "Inland im Tarif", "1203960", None, unit="second", amount=Decimal(0)),
        line(
            "international_minutes",
            "Auslandsgespräche",
            "12345",
            "0.0489",
            unit="second",
            per=60,
            destination="Schweiz",
        ),
    ]
    base = str(sum((part.amount for part in lines), Decimal(0)))
    defaults: dict[str, Any] = {
        "seller": DE_SELLER,
        "bill_to": DE_CUSTOMER,
        "jurisdiction": "DE",
        "locale": "de_DE",
        "currency": "EUR",
        "invoice_number": "LUDE-2026-000009",
        "history": history("1764.02", "1790.55", "1771.90", "1802.01"),
        "usage_csv": "LUDE-2026-000009-usage.csv",
        "comparison": Comparison(
            previous_number="LUDE-2026-000004",
            previous_month="2026-05",
            previous_total=Decimal("2240.10"),
            changes=[
                SectionChange(section="international_minutes", previous=Decimal("110.00"), current=Decimal("10.06"))
            ],
        ),
        "allowances": [
            AllowanceUse(
                allowance_id="inland",
                name="Inlandsminuten",
                pool=None,
                usage_month=USAGE_MONTH,
                unit="minute",
                granted=Decimal(24000),
                used=Decimal(20066),
                over=Decimal(0),
            )
        ],
    }
    return document(lines, [tax("VAT", "tax", "Umsatzsteuer", "19", base)], **(defaults | more))


def australian(**more: Any) -> Document:
    """A practice in Melbourne: a tax invoice with ABN and GST."""
    lines = [
        line("service_fees", "Standard extension", "8", "30.00", unit="extension"),
        line("outbound_overage", "Calls to mobiles", "5400", "0.18", unit="second", per=60),
    ]
    base = str(sum((part.amount for part in lines), Decimal(0)))
    defaults: dict[str, Any] = {
        "seller": AU_SELLER,
        "bill_to": AU_CUSTOMER,
        "jurisdiction": "AU",
        "locale": "en_AU",
        "currency": "AUD",
        "invoice_number": "LUAU-2026-000077",
    }
    return document(lines, [tax("GST", "tax", "GST", "10", base, "Goods and services tax.")], **(defaults | more))


def british_credit_note(**more: Any) -> Document:
    """A credit note to a London customer that corrects an invoice; amounts are negative."""
    lines = [
        line(
            "service_fees",
            "Standard extension, billed twice in April",
            "-2",
            "18.50",
            unit="extension",
            charge_type="credit",
            period_start=date(2026, 4, 1),
            period_end=date(2026, 5, 1),
        )
    ]
    taxes = [tax("VAT", "tax", "VAT", "20", "-37.00", "Value added tax at the rate of the original invoice.")]
    defaults: dict[str, Any] = {
        "kind": "credit_note",
        "seller": GB_SELLER,
        "bill_to": GB_CUSTOMER,
        "jurisdiction": "GB",
        "locale": "en_GB",
        "currency": "GBP",
        "invoice_number": "LUGBC-2026-000003",
        "corrects": "LUGB-2026-000019",
        "usage_period_start": None,
        "usage_period_end": None,
        "notes": ["Reason: an extension was billed twice."],
    }
    return document(lines, taxes, **(defaults | more))
