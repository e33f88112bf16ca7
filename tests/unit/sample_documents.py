"""Documents for tests: small builders, and one bill per country a provider meets. All names are made up."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.document import (
    AllowanceUse,
    Balance,
    Bank,
    BillTo,
    Comparison,
    Document,
    HistoryPoint,
    Line,
    Registration,
    SectionChange,
    Seller,
    Tax,
)
from schemas.money import rounded
from schemas.periods import add_months, month_start, shift_month

MONTH = "2026-06"
USAGE_MONTH = "2026-05"


def line(section: str, description: str, quantity: str | None, price: str | None, **more: Any) -> Line:
    """A line whose amount follows from quantity × price × fraction ÷ per, unless `amount` is given."""
    start = month_start(USAGE_MONTH if section in _USAGE else MONTH)
    share = Fraction(more.get("fraction") or 1) / (more.get("per") or 1)
    exact = Fraction(quantity or 0) * Fraction(price or 0) * share
    fields: dict[str, Any] = {
        "line_no": 1,
        "section": section,
        "charge_type": "usage" if section in _USAGE else "recurring",
        "product_code": description.lower().replace(" ", "-")[:20],
        "charge_key": f"{section}/{description}",
        "resource_kind": "device",
        "resource_id": None,
        "description": description,
        "quantity": None if quantity is None else Decimal(quantity),
        "unit": None,
        "unit_price": None if price is None else Decimal(price),
        "amount": rounded(exact, 2),
        "period_start": start,
        "period_end": add_months(start, 1),
        "tax_class": "telecom",
        "jurisdiction": "US-TX",
    }
    return Line(**(fields | more))


_USAGE = {
    "included_minutes",
    "premium_minutes",
    "outbound_overage",
    "toll_free_minutes",
    "international_minutes",
    "sms_included",
    "sms_overage",
}


def tax(code: str, kind: str, name: str, rate: str, base: str, text: str = "", **more: Any) -> Tax:
    """A tax or recovery fee of `rate` percent of `base`."""
    fields: dict[str, Any] = {
        "tax_no": 1,
        "tax_code": code,
        "kind": kind,
        "name": name,
        "text": text,
        "jurisdiction": "US-TX",
        "tax_date": month_start(MONTH),
        "gross_base": Decimal(base),
        "taxable_percent": Decimal(100),
        "base_amount": Decimal(base),
        "exempt_amount": Decimal(0),
        "rate_percent": Decimal(rate),
        "amount": rounded(Fraction(base) * Fraction(rate) / 100, 2),
    }
    return Tax(**(fields | more))


def document(lines: list[Line], taxes: list[Tax] | None = None, **more: Any) -> Document:
    """A document with numbered lines and taxes and the sums that follow from them; American unless said otherwise."""
    numbered = [part.model_copy(update={"line_no": number}) for number, part in enumerate(lines, 1)]
    rows = [part.model_copy(update={"tax_no": number}) for number, part in enumerate(taxes or [], 1)]
    subtotal = sum((part.amount for part in numbered), Decimal(0))
    tax_total = sum((row.amount for row in rows), Decimal(0))
    fields: dict[str, Any] = {
        "template_version": "1",
        "kind": "invoice",
        "draft_id": "D-4f1c9a07b2",
        "invoice_number": "LUMA-2026-000123",
        "status": "issued",
        "run_id": "run-1",
        "seller": US_SELLER,
        "bill_to": US_CUSTOMER,
        "jurisdiction": "US-TX",
        "locale": "en_US",
        "currency": "USD",
        "minor_digits": 2,
        "invoice_month": MONTH,
        "issue_date": date(2026, 6, 1),
        "due_date": date(2026, 7, 1),
        "usage_period_start": date(2026, 5, 1),
        "usage_period_end": date(2026, 6, 1),
        "lines": numbered,
        "taxes": rows,
        "subtotal": subtotal,
        "tax_total": tax_total,
        "total": subtotal + tax_total,
    }
    return Document(**(fields | more))


def history(*totals: str) -> list[HistoryPoint]:
    """Totals of the months before MONTH, oldest first."""
    first = -len(totals)
    return [
        HistoryPoint(invoice_month=shift_month(MONTH, first + index), total=Decimal(total))
        for index, total in enumerate(totals)
    ]


US_SELLER = Seller(
    seller_id="luma-us",
    name="Luma Telephone Inc.",
    brand="Luma Voice",
    address_lines=["400 Example Plaza, Suite 12", "Austin, TX 78700", "United States"],
    country="US",
    region="TX",
    email="billing@luma.example",
    phone="+1 512 555 0100",
    website="https://www.luma.example",
    payment_url="https://pay.luma.example",
    tax_id="00-0000000",
    bank=Bank(
        name="First Sample Bank",
        account_holder="Luma Telephone Inc.",
        account_number="000123456",
        routing_number="000000000",
    ),
    dispute_days=15,
)
US_CUSTOMER = BillTo(
    account_id="A-10042",
    name="Harbor & Pine Dental Group",
    customer_type="business",
    address_lines=["1200 Fictional Avenue", "Floor 3"],
    city="Houston",
    region="TX",
    postal_code="77000",
    country="US",
    emails=["accounts@harborpine.example"],
)

RRF_TEXT = "Recovers part of what it costs us to meet regulatory and interconnection duties."
USF_TEXT = "Recovers what we must contribute to the federal Universal Service Fund; the rate changes each quarter."


def american(**more: Any) -> Document:
    """A month of a dental group in Texas: three sites, usage of most kinds, recovery fees and a sales tax."""
    proration = {"fraction": "16/31", "charge_type": "proration"}
    late_may = {"period_start": date(2026, 5, 16), "period_end": date(2026, 6, 1)}
    lines = [
        line("service_fees", "Standard extension", "18", "24.95", unit="extension", billing_group="Main office"),
        line("service_fees", "Standard extension", "6", "24.95", unit="extension", billing_group="Westside clinic"),
        line("service_fees", "Paging gateway", "1", "9.95", billing_group="Main office"),
        line("phone_numbers", "Local number", "24", "4.95", unit="number", billing_group="Main office"),
        line("phone_numbers", "Toll-free number", "1", "9.95", unit="number", billing_group="Main office"),
        line("prorated_charges", "Standard extension added on May 15", "2", "24.95", **proration, **late_may),
        line("prorated_charges", "Conference phone removed on May 15", "-1", "12.00", **proration, **late_may),
        line("included_minutes", "Local and long distance", "361260", None, unit="second", amount=Decimal(0)),
        line("premium_minutes", "Premium prefix 1787555", "1830", "0.35", unit="second", per=60),
        line("outbound_overage", "Minutes beyond the plan", "26412", "0.024", unit="second", per=60),
        line("toll_free_minutes", "Incoming to 800 555 0142", "52337", "0.0325", unit="second", per=60),
        line("international_minutes", "Calls abroad", "4519", "0.2093", unit="second", per=60, destination="Portugal"),
        line(
            "international_minutes",
            "Calls abroad",
            "600",
            None,
            unit="second",
            amount=Decimal("1.84"),
            destination="Japan",
        ),
        line("sms_included", "SMS in plan", "500", None, unit="credit", amount=Decimal(0)),
        line("sms_overage", "SMS beyond the plan", "1311", "0.0055", unit="credit"),
        line("contact_center", "Contact center seat", "3", "39.00", unit="seat"),
        line(
            "rentals",
            "Desk phone rental",
            "12",
            "5.00",
            unit="phone",
            list_unit_price=Decimal("6.00"),
            discount_amount=Decimal("12.00"),
        ),
        line(
            "one_time",
            "Number port",
            "1",
            "15.00",
            charge_type="one_time",
            period_start=date(2026, 5, 12),
            period_end=date(2026, 5, 13),
        ),
        line(
            "adjustments",
            "Credit for the outage of May 7",
            None,
            None,
            charge_type="credit",
            amount=Decimal("-20.00"),
            period_start=date(2026, 5, 7),
            period_end=date(2026, 5, 8),
        ),
    ]
    taxes = [
        tax(
            "USF",
            "recovery_fee",
            "Universal Service Fee (USF)",
            "36.6",
            "268.21",
            USF_TEXT,
            gross_base=Decimal("413.27"),
            taxable_percent=Decimal("64.9"),
        ),
        tax("RRF", "recovery_fee", "Regulatory Recovery Fee (RRF)", "4.5", "1032.18", RRF_TEXT),
        tax(
            "SALES",
            "tax",
            "Texas sales tax",
            "6.25",
            "1032.18",
            "Collected for the State of Texas.",
            exempt_amount=Decimal("60.00"),
            certificate_number="TX-000-1",
        ),
        tax("SALES", "tax", "Houston city sales tax", "1", "1032.18", "Collected for the city of Houston."),
    ]
    defaults: dict[str, Any] = {
        "allowances": [
            AllowanceUse(
                allowance_id="minutes",
                name="Plan minutes",
                pool=None,
                usage_month=USAGE_MONTH,
                unit="minute",
                granted=Decimal(6021),
                used=Decimal("6461.2"),
                over=Decimal("440.2"),
            ),
            AllowanceUse(
                allowance_id="low",
                name="Low-usage minutes",
                pool="Westside clinic",
                usage_month=USAGE_MONTH,
                unit="minute",
                granted=Decimal(500),
                used=Decimal(131),
                over=Decimal(0),
            ),
            AllowanceUse(
                allowance_id="sms",
                name="SMS credits",
                pool=None,
                usage_month=USAGE_MONTH,
                unit="credit",
                granted=Decimal(500),
                used=Decimal(1811),
                over=Decimal(1311),
            ),
        ],
        "comparison": Comparison(
            previous_number="LUMA-2026-000101",
            previous_month="2026-05",
            previous_total=Decimal("1168.40"),
            changes=[
                SectionChange(section="service_fees", previous=Decimal("558.85"), current=Decimal("608.75")),
                SectionChange(section="prorated_charges", previous=Decimal(0), current=Decimal("19.56")),
                SectionChange(section="outbound_overage", previous=Decimal("31.02"), current=Decimal("10.56")),
                SectionChange(section="taxes", previous=Decimal("212.10"), current=Decimal("219.41")),
                SectionChange(section="rentals", previous=Decimal("60.00"), current=Decimal("60.00")),
            ],
        ),
        "history": history(
            "1020.11",
            "1034.90",
            "998.02",
            "1043.77",
            "1102.50",
            "1087.31",
            "1110.04",
            "1095.66",
            "1151.20",
            "1149.98",
            "1168.40",
        ),
        "usage_csv": "LUMA-2026-000123-usage.csv",
    }
    return document(lines, taxes, **(defaults | more))


CA_SELLER = Seller(
    seller_id="luma-ca",
    name="Luma Téléphonie Canada inc.",
    brand="Luma Voice",
    address_lines=["1000, rue de l’Exemple", "Montréal (Québec)  H0H 0H0", "Canada"],
    country="CA",
    region="QC",
    email="facturation@luma.example",
    phone="+1 514 555 0100",
    payment_url="https://pay.luma.example/ca",
    registrations=[
        Registration(label="TPS/TVH", number="000000000 RT0001", country="CA"),
        Registration(label="TVQ", number="0000000000 TQ0001", country="CA"),
    ],
    dispute_days=15,
)
CA_CUSTOMER = BillTo(
    account_id="A-20007",
    name="Boulangerie L’Épi d’Été — Ste-Œuvre",
    address_lines=["12, chemin Imaginaire"],
    city="Québec",
    region="QC",
    postal_code="G0G 0G0",
    country="CA",
    emails=["compta@epi.example"],
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


DE_SELLER = Seller(
    seller_id="luma-de",
    name="Luma Telefonie GmbH",
    brand="Luma Voice",
    address_lines=["Musterallee 7", "10000 Berlin", "Deutschland"],
    country="DE",
    email="rechnung@luma.example",
    phone="+49 30 23125 000",
    tax_id="DE000000000",
    registrations=[Registration(label="Amtsgericht Musterstadt", number="HRB 00000")],
    bank=Bank(
        name="Musterbank", account_holder="Luma Telefonie GmbH", iban="DE00000000000000000000", bic="MUSTDEFFXXX"
    ),
)
DE_CUSTOMER = BillTo(
    account_id="K-7781",
    name="Gebrüder Weißenfels Möbelbau GmbH & Co. KG",
    address_lines=["Fabrikstraße 19", "Tor 2"],
    city="Köln",
    postal_code="50000",
    country="DE",
    tax_id="DE111111111",
    emails=["buchhaltung@weissenfels.example"],
)


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
    seller = Seller(
        seller_id="luma-au",
        name="Luma Telephone Pty Ltd",
        brand="Luma Voice",
        address_lines=["Level 9, 1 Sample Street", "Sydney NSW 2000", "Australia"],
        country="AU",
        email="accounts@luma.example",
        tax_id="00 000 000 000",
        bank=Bank(
            name="Sample Bank", account_holder="Luma Telephone Pty Ltd", bsb="000-000", account_number="12345678"
        ),
    )
    bill_to = BillTo(
        account_id="AU-301",
        name="Wattle Street Physiotherapy",
        address_lines=["5 Wattle Street"],
        city="Melbourne",
        region="VIC",
        postal_code="3000",
        country="AU",
        tax_id="11 111 111 111",
        emails=["desk@wattle.example"],
    )
    lines = [
        line("service_fees", "Standard extension", "8", "30.00", unit="extension"),
        line("outbound_overage", "Calls to mobiles", "5400", "0.18", unit="second", per=60),
    ]
    base = str(sum((part.amount for part in lines), Decimal(0)))
    defaults: dict[str, Any] = {
        "seller": seller,
        "bill_to": bill_to,
        "jurisdiction": "AU",
        "locale": "en_AU",
        "currency": "AUD",
        "invoice_number": "LUAU-2026-000077",
    }
    return document(lines, [tax("GST", "tax", "GST", "10", base, "Goods and services tax.")], **(defaults | more))


def british_credit_note(**more: Any) -> Document:
    """A credit note to a London customer that corrects an invoice; amounts are negative."""
    seller = Seller(
        seller_id="luma-gb",
        name="Luma Telephone Ltd",
        brand="Luma Voice",
        address_lines=["2 Specimen Row", "London EC1A 0AA", "United Kingdom"],
        country="GB",
        email="billing@luma.example",
        phone="+44 20 7946 0100",
        tax_id="GB000000000",
        bank=Bank(name="Sample Bank", sort_code="00-00-00", account_number="01234567"),
    )
    bill_to = BillTo(
        account_id="GB-88",
        name="Thistle & Wren Solicitors LLP",
        address_lines=["14 Invented Lane"],
        city="London",
        postal_code="SW1A 0AA",
        country="GB",
        tax_id="GB111111111",
        emails=["office@thistlewren.example"],
    )
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
        "seller": seller,
        "bill_to": bill_to,
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


def tiny(**more: Any) -> Document:
    """One line of nothing, no tax, no history: the smallest bill there is."""
    seller = Seller(
        seller_id="s",
        name="Tin Can Telephone",
        address_lines=["1 String Road"],
        country="US",
        email="hello@tincan.example",
    )
    bill_to = BillTo(
        account_id="1",
        name="Jo",
        address_lines=["2 String Road"],
        city="Knot",
        postal_code="00000",
        country="US",
        emails=["jo@knot.example"],
    )
    lines = [line("service_fees", "Line", "1", "0")]
    return document(lines, seller=seller, bill_to=bill_to, **({"invoice_number": "T-1"} | more))


def long(count: int = 90, **more: Any) -> Document:
    """Many lines in many billing groups: tables that run over pages."""
    first = date(2026, 5, 1)
    lines = [
        line(
            "international_minutes",
            "Calls abroad",
            str(60 + 37 * number),
            "0.0185",
            unit="second",
            per=60,
            destination=f"Destination {number:03d}",
            billing_group=f"Site {number % 7 + 1}",
            period_start=first + timedelta(days=number % 3),
        )
        for number in range(count)
    ]
    return document([*american().lines, *lines], american().taxes, **({"history": american().history} | more))
