"""A document, whole: everything a PDF, a mail, a credit note or an explanation needs (RULES 25).

Its canonical JSON (`canonical`) is what is stored at issue; nothing that prints a document reads anything else.
"""

import hashlib
from datetime import date
from decimal import Decimal
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field

from schemas.product import Section
from schemas.states import CorrectionKind, DocumentKind, TaxSource

ChargeType = Literal["recurring", "proration", "usage", "one_time", "discount", "credit"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Registration(_Part):
    """A seller's registration as printed: label 'VAT no.', number 'DE123456789'."""

    label: str = Field(examples=["VAT no."])
    """What it is called."""
    number: str = Field(examples=["GB 999 9900 21"])
    """As printed."""
    country: str | None = Field(None, examples=["GB"])
    """Whose registration it is, ISO 3166; without it printed everywhere."""


class Bank(_Part):
    """Where to pay by transfer; only what is given is printed."""

    name: str | None = Field(None, examples=["Sample Bank"])
    """Of the bank."""
    account_holder: str | None = Field(None, examples=["Example Telephone Inc."])
    """Whose account it is."""
    account_number: str | None = Field(None, examples=["000000000"])
    """With routing_number, sort_code or bsb."""
    routing_number: str | None = Field(None, examples=["099900108"])
    """United States and Canada."""
    sort_code: str | None = Field(None, examples=["99-99-99"])
    """United Kingdom."""
    bsb: str | None = Field(None, examples=["999-999"])
    """Australia."""
    iban: str | None = Field(None, examples=["GB79CORV99999900001234"])
    """International account number."""
    bic: str | None = Field(None, examples=["CORVGB2X"])
    """Of the bank, beside iban."""


class Seller(_Part):
    """The legal entity that bills, as printed."""

    seller_id: str
    name: str
    brand: str | None = None
    address_lines: list[str]
    country: str
    region: str | None = None
    email: str
    phone: str | None = None
    website: str | None = None
    payment_url: str | None = None
    tax_id: str | None = None
    registrations: list[Registration] = Field(default_factory=list)
    bank: Bank | None = None
    dispute_days: int | None = None


class BillTo(_Part):
    """The customer, as printed."""

    account_id: str
    name: str
    customer_type: str | None = None
    address_lines: list[str]
    city: str
    region: str | None = None
    postal_code: str
    country: str
    tax_id: str | None = None
    emails: list[str]


class Line(_Part):
    """One printed line. `amount` is rounded once; prices keep their own digits. Periods are half-open."""

    line_no: int
    section: Section
    charge_type: ChargeType
    product_code: str
    charge_key: str
    resource_kind: str
    resource_id: str | None
    description: str
    billing_group: str | None = None
    destination: str | None = None
    country: str | None = None
    quantity: Decimal | None
    unit: str | None
    list_unit_price: Decimal | None = None
    unit_price: Decimal | None = None
    per: int | None = None
    """Units the price is for: 60 for a price per minute of seconds; None or 1 otherwise."""
    fraction: str | None = None
    """Share of the period that is billed, such as 16/31; None when whole."""
    list_amount: Decimal | None = None
    """Before discount, minimum and maximum; None in documents of a time that had none."""
    discount_amount: Decimal = Decimal(0)
    discount_text: str | None = None
    """What the discounts are called, as the feed says."""
    bounded_by: Literal["minimum", "maximum"] | None = None
    """What `amount` is, where the product's minimum or maximum decided it."""
    price_model: str | None = None
    """How a whole period's quantity was priced; None where it is a price per unit (schemas/pricing.py)."""
    amount: Decimal
    period_start: date
    period_end: date
    tax_date: date | None = None
    tax_class: str
    jurisdiction: str
    line_count: Decimal | None = None
    """Lines or numbers in service on a month's first day: what taxes per line count."""
    reverses: str | None = None
    """The document whose charge this line gives back."""


class TaxIdCheck(_Part):
    """The record of a check of the customer's VAT id, as the register answered it."""

    tax_id: str
    checked_at: str
    result: Literal["valid", "invalid"]
    reference: str | None = None


class TaxPart(_Part):
    """A part of a tax row's base: lines of one taxable share, or (`of`) what another tax or fee charged on them."""

    lines: list[int]
    of: str | None = None
    amount: Decimal
    telecom_percent: Decimal | None = None
    interstate: str | None = None
    """How the interstate share was found: safe_harbour, measured, all, none; None where it does not matter."""
    interstate_share: Decimal | None = None
    line_count: Decimal = Decimal(0)


class NationalAmounts(_Part):
    """VAT in the money of the country where it is due, for documents in another currency."""

    country: str
    currency: str
    rate: Decimal
    """Units of `currency` for one unit of the document's."""
    rate_date: date
    source: str
    taxable: Decimal
    tax: Decimal


ENGINE_ANSWER = "engine answer "
"""How `table` of a tax row begins that another program worked out; the rest names its request."""


class Tax(_Part):
    """One tax or recovery fee row: one tax, jurisdiction, rate and tax date; rounded once."""

    tax_no: int
    tax_code: str
    kind: Literal["tax", "recovery_fee"]
    name: str
    text: str
    """A sentence that explains it, in the document's language."""
    jurisdiction: str
    tax_date: date
    gross_base: Decimal
    taxable_percent: Decimal
    base_amount: Decimal
    exempt_amount: Decimal
    rate_percent: Decimal
    amount: Decimal
    certificate_number: str | None = None
    note: str | None = None
    reference: str | None = None
    table: str | None = None
    unit: Literal["percent_of_base", "amount_per_line"] = "percent_of_base"
    line_count: Decimal | None = None
    """With amount_per_line: the lines charged for, at `rate_amount` each; base and rate_percent are then 0."""
    rate_amount: Decimal | None = None
    rounding: str | None = None
    date_basis: str | None = None
    valid_from: date | None = None
    """First day of the rate."""
    status: Literal["sourced", "sample"] | None = None
    exempt_reason: str | None = None
    tax_id_check: TaxIdCheck | None = None
    parts: list[TaxPart] = Field(default_factory=list)

    @property
    def computed_by(self) -> TaxSource:
        """Who worked the row out; also of a row that gives another one back."""
        return "engine" if (self.table or "").startswith(ENGINE_ANSWER) else "tables"


class AllowanceUse(_Part):
    """How much of what the plan includes was used, for the meters."""

    allowance_id: str
    name: str
    pool: str | None
    usage_month: str
    unit: str
    granted: Decimal
    used: Decimal
    over: Decimal


class SectionChange(_Part):
    """Why the total changed: one section (or taxes) against the previous document."""

    section: str
    previous: Decimal
    current: Decimal


class Comparison(_Part):
    """The previous document of the account and what differs."""

    previous_number: str
    previous_month: str
    previous_total: Decimal
    changes: list[SectionChange]


class Balance(_Part):
    """What was open before this document, frozen with its date; never part of the total (RULES 14)."""

    as_of: date
    amount: Decimal


class HistoryPoint(_Part):
    """Total of one earlier month, for the bar chart."""

    invoice_month: str
    total: Decimal


class Document(_Part):
    """An invoice or a credit note."""

    schema_version: Literal[1] = 1
    template_version: str
    kind: DocumentKind
    draft_id: str
    invoice_number: str
    status: Literal["draft", "issued"]
    run_id: str
    seller: Seller
    bill_to: BillTo
    jurisdiction: str
    jurisdictions: list[str] = Field(default_factory=list)
    """`jurisdiction` and all that it lies in, the widest first: US, US-IL, US-IL-CHI."""
    locale: str
    currency: str
    minor_digits: int
    invoice_month: str
    issue_date: date
    due_date: date
    usage_period_start: date | None
    usage_period_end: date | None
    is_final: bool = False
    corrects: str | None = None
    """Number of the document that this one corrects."""
    correction: CorrectionKind | None = None
    """How it does so: takes it back whole, stands in its place, or adds what it lacked."""
    reversed_by: list[str] = Field(default_factory=list, exclude_if=lambda numbers: not numbers)
    """Numbers of the reversals of what this one stands in place of; none in other documents."""
    replaced_total: Decimal | None = Field(default=None, exclude_if=lambda total: total is None)
    """What that came to."""
    replacement: str | None = Field(default=None, exclude_if=lambda number: number is None)
    """Number of the document that stands in place of what this one takes back."""
    note: str | None = Field(default=None, exclude_if=lambda note: note is None)
    """What the operator tells the customer of this correction, in the customer's language."""
    taxed_on: date | None = None
    """Issue date of the first document that this one goes back to: its taxes are those of that day."""
    lines: list[Line]
    taxes: list[Tax]
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal
    allowances: list[AllowanceUse] = Field(default_factory=list)
    internal_sections: list[Section] = Field(default_factory=list)
    """Sections in which calls between the account's extensions count, by every plan of its usage month; empty in
    documents of a time that did not say."""
    comparison: Comparison | None = None
    history: list[HistoryPoint] = Field(default_factory=list)
    balance: Balance | None = None
    notes: list[str] = Field(default_factory=list)
    national: list[NationalAmounts] = Field(default_factory=list)
    usage_csv: str | None = None
    """Name of the itemised CSV beside the PDF, when there is usage."""


def canonical(document: Document) -> bytes:
    """The document as stored: sorted keys, no spaces, UTF-8, decimals as text."""
    return orjson.dumps(document.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)


def digest(document: Document) -> str:
    """SHA-256 of the canonical JSON, hex."""
    return hashlib.sha256(canonical(document)).hexdigest()
