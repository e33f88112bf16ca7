"""Documents for tests: small builders, and American bills of every size. `sample_abroad` has the other countries."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.document import (
    AllowanceUse,
    BillTo,
    Comparison,
    Document,
    HistoryPoint,
    Line,
    SectionChange,
    Seller,
    Tax,
)
from schemas.money import rounded
from schemas.periods import add_months, month_start, shift_month
from tests.unit.sample_parties import US_CUSTOMER, US_SELLER

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
                used=Decimal(6021),
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
                used=Decimal(500),
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
    defaults: dict[str, Any] = {"seller": seller, "bill_to": bill_to, "invoice_number": "T-1"}
    return document(lines, **(defaults | more))


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
