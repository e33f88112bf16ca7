"""The shape of what a document says: what the templates place, and what mails quote. templates/page.py fills it."""

from dataclasses import dataclass

from schemas.document import Document
from templates.charges import Meter, SectionBlock
from templates.chart import Chart
from templates.headline import Headline


@dataclass(frozen=True)
class TaxRow:
    """A tax or recovery fee. `details` explain date, base and exemption; `text` says what it is."""

    name: str
    rate: str
    base: str
    amount: str
    text: str
    details: list[str]


@dataclass(frozen=True)
class Money:
    """What it comes to: the summary of the first page, taxes and fees, the sums below the tables (`sums` by name), what
    the sum of the lines is called, VAT in the money of the country where it is due."""

    summary: list[tuple[str, str]]
    total: str
    before_taxes: str
    taxes: list[TaxRow]
    recovery_fees: list[TaxRow]
    sums: dict[str, str]
    national: list[str]


@dataclass(frozen=True)
class People:
    """Who bills whom, beside the names and addresses in the document; empty where there is nothing to say."""

    registrations: list[str]
    customer_tax_id: str
    country: str
    contact: str


@dataclass(frozen=True)
class Notes:
    """Sentences, each empty where it does not apply: what kind of document it is, what moved its total, what stood
    open, what is not printed, how it may be disputed, where every call is listed, what the law asks for."""

    banners: list[str]
    change: list[str]
    balance: str
    left_out: str
    dispute: str
    usage_csv: str
    owed: list[str]


@dataclass(frozen=True)
class Page:
    """A whole document, ready to be placed. Every text is cleaned, translated and formatted."""

    document: Document
    language: str
    paper: str
    is_draft: bool
    title: str
    headline: Headline
    facts: list[tuple[str, str]]
    how_to_pay: list[tuple[str, str]]
    chart: Chart | None
    sections: list[SectionBlock]
    details_on_new_page: bool
    meters: list[Meter]
    money: Money
    people: People
    notes: Notes
