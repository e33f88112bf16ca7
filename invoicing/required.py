"""What a document must show, by country; `missing` names what it lacks, and such a document is not issued.

Sources: Council Directive 2006/112/EC, articles 219, 226 and 230; HMRC VATREC5010 and 5060 (United Kingdom); Revenue,
VAT invoices and credit notes (Ireland); Input Tax Credit Information Regulations, SOR/91-45 (Canada's tiers, since
2021-04-20) and SOR/91-44; GST Act, subdivision 29-C (Australia); 47 CFR 64.2401 (United States).
What every document has by its shape (dates, totals, sums) is checked where it is built (invoicing/documents.py).
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from schemas.dated import in_language
from schemas.document import Document, Tax
from schemas.law import EU_MEMBERS, OWN_FEES

REVERSE_CHARGE_WORDS = {
    "en": "Reverse charge",
    "fr": "Autoliquidation",
    "de": "Steuerschuldnerschaft des Leistungsempfängers",
}
"""Article 226(11a), in the languages that documents are printed in."""

_CANADIAN_VAT = frozenset({"GST", "HST"})
_CANADA_NUMBER, _CANADA_BUYER = Decimal(100), Decimal(500)
_AUSTRALIA_BUYER = Decimal(1000)

Rule = Callable[[Document], Iterator[str]]


def missing(document: Document) -> list[str]:
    """What the document lacks, each with whose rule demands it; empty when it may be issued."""
    return [f"{whose}: {lack}" for whose, rule, applies in _RULES if applies(document) for lack in rule(document)]


def _every_country(document: Document) -> Iterator[str]:
    """What any reader needs, wherever."""
    seller, buyer = document.seller, document.bill_to
    if not seller.name or not seller.address_lines:
        yield "the seller's name and address"
    if not buyer.name:
        yield "the customer's name"
    if any(not line.description.strip() for line in document.lines):
        yield "a description on every line"
    shown_as_tax = sorted({tax.tax_code for tax in document.taxes if tax.tax_code in OWN_FEES and tax.kind == "tax"})
    if shown_as_tax:
        yield f"its own fees as fees: {', '.join(shown_as_tax)} shown as a government's tax"


def _european_union(document: Document) -> Iterator[str]:
    """Article 226, by its numbers."""
    yield from _vat_basics(document, EU_MEMBERS)
    if not (document.bill_to.address_lines and document.bill_to.city and document.bill_to.country):
        yield "the customer's full address (5)"
    for tax in _vat(document):
        if _is_reversed(tax):
            yield from _reverse_charge(document, tax)
        elif tax.exempt_amount and not (tax.certificate_number or tax.note):
            yield "a reference for the exemption (11)"
    yield from _credit_reference(document, "article 219")


def _vat_basics(document: Document, countries: frozenset[str]) -> Iterator[str]:
    """Seller's number, rate and base of every VAT row, national money: the same in the EU and the United Kingdom."""
    seller = document.seller
    if not seller.tax_id and not any("VAT" in r.label.upper() for r in seller.registrations):
        yield "the seller's VAT number"
    for tax in _vat(document):
        if not _is_reversed(tax) and tax.certificate_number is None and tax.base_amount != 0 and tax.rate_percent == 0:
            yield f"the rate of {tax.tax_code} {tax.jurisdiction}"
    shown = {amounts.country for amounts in document.national}
    for country in sorted({tax.jurisdiction[:2] for tax in _vat(document) if tax.amount != 0} & countries):
        currency = national_currency(country, document.issue_date.isoformat())
        if currency != document.currency and country not in shown:
            yield f"the VAT in {currency}, the currency of {country} (no rate of {document.currency} in catalog/fx.csv)"


def _reverse_charge(document: Document, tax: Tax) -> Iterator[str]:
    if not document.bill_to.tax_id:
        yield "the customer's VAT number (4)"
    words = in_language(REVERSE_CHARGE_WORDS, document.locale)
    if words not in (tax.note or ""):
        yield f"the words {words!r} (11a)"
    if tax.tax_id_check is None or tax.tax_id_check.result != "valid":
        yield "a valid check of the customer's VAT number (Regulation 282/2011, article 18)"


def _united_kingdom(document: Document) -> Iterator[str]:
    """A full VAT invoice; the shorter one up to 250 pounds is not used."""
    yield from _vat_basics(document, frozenset({"GB"}))
    if any(line.quantity is None and line.unit_price is not None for line in document.lines):
        yield "the quantity of every line"
    yield from _credit_reference(document, "VAT Regulations 1995, regulation 15C")


def _canada(document: Document) -> Iterator[str]:
    """The tiers of 100 and 500 dollars."""
    total = abs(document.total)
    labels = " ".join(f"{r.label} {r.number}" for r in document.seller.registrations).upper()
    numbers = f"{labels} {document.seller.tax_id or ''}".upper()
    charged = {tax.tax_code for tax in document.taxes if tax.amount != 0}
    if total >= _CANADA_NUMBER and charged & _CANADIAN_VAT and "GST" not in labels and "RT0" not in numbers:
        yield "the seller's GST/HST number (from 100 dollars on)"
    if "QST" in charged and "TQ0" not in numbers.replace(" ", "") and "QST" not in labels and "TVQ" not in labels:
        yield "the seller's QST number"
    if total >= _CANADA_BUYER and not document.bill_to.name:
        yield "the buyer's name (from 500 dollars on)"
    if total >= _CANADA_BUYER and document.due_date < document.issue_date:
        yield "terms of payment (from 500 dollars on)"


def _australia(document: Document) -> Iterator[str]:
    """A tax invoice; its words are the template's (templates/headline.py)."""
    seller, buyer = document.seller, document.bill_to
    if not any(r.label.upper() == "ABN" for r in seller.registrations) and seller.country == "AU" and not seller.tax_id:
        yield "the seller's ABN"
    if abs(document.total) >= _AUSTRALIA_BUYER and not (buyer.name or buyer.tax_id):
        yield "the buyer's identity or ABN (from 1,000 dollars on)"
    if any(line.quantity is None and line.unit_price is not None for line in document.lines):
        yield "the quantity of every line"


def _united_states(document: Document) -> Iterator[str]:
    """Truth in billing: for interconnected VoIP a good practice, so only what costs nothing is demanded."""
    if any(not tax.text.strip() for tax in document.taxes):
        yield "a plain sentence on every fee"


def _credit_reference(document: Document, rule: str) -> Iterator[str]:
    """A note that gives back what a document charged names it; a credit of goodwill amends none."""
    if document.kind != "credit_note" or document.corrects:
        return
    if any(line.tax_date is not None and line.reverses is None for line in document.lines):
        yield f"the invoice that it amends ({rule}): invoice_number in feed charges"


def national_currency(country: str, day: str) -> str:
    """The currency in which VAT is due in a country, on a day written YYYY-MM-DD."""
    if country == "BG":
        return "EUR" if day >= "2026-01-01" else "BGN"
    own = {"CZ": "CZK", "DK": "DKK", "HU": "HUF", "PL": "PLN", "RO": "RON", "SE": "SEK"}
    own |= {"GB": "GBP", "CH": "CHF", "NO": "NOK"}
    return own.get(country, "EUR")


def _vat(document: Document) -> list[Tax]:
    return [tax for tax in document.taxes if tax.tax_code == "VAT"]


def _is_reversed(tax: Tax) -> bool:
    return tax.exempt_amount != 0 and tax.certificate_number is None


def _in(codes: frozenset[str]) -> Callable[[Document], bool]:
    """The seller's country, or one whose VAT the document charges or reverses."""
    return lambda document: document.seller.country in codes or any(t.jurisdiction[:2] in codes for t in _vat(document))


_RULES: tuple[tuple[str, Rule, Callable[[Document], bool]], ...] = (
    ("every country", _every_country, lambda _: True),
    ("EU, article 226", _european_union, _in(EU_MEMBERS)),
    ("United Kingdom, VATREC5010", _united_kingdom, _in(frozenset({"GB"}))),
    (
        "Canada, SOR/91-45",
        _canada,
        lambda d: d.seller.country == "CA" or any(t.jurisdiction[:2] == "CA" for t in d.taxes),
    ),
    (
        "Australia, GST Act 29-70",
        _australia,
        lambda d: d.seller.country == "AU" or any(t.jurisdiction[:2] == "AU" for t in d.taxes),
    ),
    ("United States, 47 CFR 64.2401", _united_states, lambda d: d.bill_to.country == "US"),
)
