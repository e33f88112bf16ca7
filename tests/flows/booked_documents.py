"""Who the booked home bills for, and the documents it bills with: a service fee, a usage line, a tax and a fee each."""

from datetime import date
from decimal import Decimal
from typing import Any

from flows.home.mail_settings import SmtpSettings
from flows.home.seller_settings import SellerSettings
from flows.home.settings import BillingSettings, Settings
from schemas.document import BillTo, Document, Line, Seller, Tax

SELLERS = {"us": ("USD", "US-TX", "America/New_York"), "au": ("AUD", "AU", "Australia/Sydney")}
ACCOUNTS = {
    "A-1": ("us", "Alder & Sons", ["books@alder.example", "BOOKS@alder.example", "it@alder.example"]),
    "A-2": ("au", "Banksia Florists", ["hello@banksia.example"]),
    "A-3": ("us", "Cedar <Row>", ["cedar@cedar.example"]),
    "A-4": ("us", "Dogwood Dental", ["desk@dogwood.example"]),
    "A-5": ("us", "Elm Street Books", ["elm@elm.example"]),
}
"""Sellers: currency, jurisdiction, zone. Accounts: seller, name, addresses of mail."""


def settings(smtp: SmtpSettings | None = None) -> Settings:
    """Both sellers; the window is the 1st to 5th."""
    sellers = {
        seller: SellerSettings(**_seller(seller), time_zone=zone, series=seller.upper())
        for seller, (_, _, zone) in SELLERS.items()
    }
    return Settings(billing=BillingSettings(first_invoice_month="2026-05"), sellers=sellers, smtp=smtp)


def _seller(seller: str) -> dict[str, Any]:
    return {
        "name": f"Tollbooth {seller.upper()}",
        "address_lines": ["1 Example Street"],
        "country": SELLERS[seller][1][:2],
        "email": f"billing@{seller}.example",
    }


def document(account_id: str, month: str, fee: str, usage: str) -> Document:
    """A draft of one service fee and one usage line; 10 % tax and a recovery fee of 1.00."""
    seller, name, emails = ACCOUNTS[account_id]
    currency, jurisdiction, _ = SELLERS[seller]
    country, first = jurisdiction[:2], date.fromisoformat(f"{month}-01")
    subtotal = Decimal(fee) + Decimal(usage)
    sales = {"tax_code": "SALES" if seller == "us" else "GST", "kind": "tax", "jurisdiction": jurisdiction}
    recovery = {"tax_code": "RRF", "kind": "recovery_fee", "jurisdiction": country}
    taxes = [
        _tax(1, **sales, tax_date=first, base_amount=subtotal, rate_percent=Decimal(10), amount=subtotal / 10),
        _tax(2, **recovery, tax_date=first, base_amount=subtotal, rate_percent=Decimal(0), amount=Decimal("1.00")),
    ]
    tax_total = sum((tax.amount for tax in taxes), Decimal(0))
    address: dict[str, Any] = {"address_lines": ["2 Sample Road"], "city": "Sampleton", "postal_code": "00000"}
    return Document(
        template_version="1",
        kind="invoice",
        draft_id=f"draft-{account_id}-{month}",
        invoice_number=f"draft-{account_id}-{month}",
        status="draft",
        run_id=f"run-{month}",
        seller=Seller(seller_id=seller, **_seller(seller)),
        bill_to=BillTo(account_id=account_id, name=name, **address, country=country, emails=emails),
        jurisdiction=jurisdiction,
        locale="en_US",
        currency=currency,
        minor_digits=2,
        invoice_month=month,
        issue_date=first,
        due_date=first.replace(day=28),
        usage_period_start=None,
        usage_period_end=None,
        lines=[
            _line(1, "service_fees", "recurring", Decimal(fee), jurisdiction, first),
            _line(2, "international_minutes", "usage", Decimal(usage), jurisdiction, first),
        ],
        taxes=taxes,
        subtotal=subtotal,
        tax_total=tax_total,
        total=subtotal + tax_total,
    )


def _line(number: int, section: Any, kind: Any, amount: Decimal, jurisdiction: str, first: date) -> Line:
    return Line(
        line_no=number,
        section=section,
        charge_type=kind,
        product_code=section,
        charge_key=f"key-{number}",
        resource_kind="devices",
        resource_id=None,
        description=section,
        quantity=Decimal(1),
        unit="unit",
        unit_price=amount,
        amount=amount,
        period_start=first,
        period_end=first.replace(day=28),
        tax_class="voice",
        jurisdiction=jurisdiction,
    )


def _tax(number: int, **values: Any) -> Tax:
    code, base = values["tax_code"], values["base_amount"]
    always = {"taxable_percent": Decimal(100), "exempt_amount": Decimal(0)}
    return Tax(tax_no=number, name=code, text=f"About {code}.", gross_base=base, **always, **values)
