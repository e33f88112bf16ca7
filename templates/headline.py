"""What the reader wants first: which document this is, how much, by when, and how to pay it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from babel.support import Translations

from schemas.document import Bank, Document
from templates.formats import Formats
from templates.words import N_


@dataclass(frozen=True)
class Headline:
    """The big box: a label, the amount, and a sentence on when; `link` is where to pay online, or empty."""

    label: str
    amount: str
    when: str
    link: str


_BANK = {
    "account_holder": N_("Account holder"),
    "name": N_("Bank"),
    "account_number": N_("Account number"),
    "routing_number": N_("Routing number"),
    "sort_code": N_("Sort code"),
    "bsb": N_("BSB"),
    "iban": N_("IBAN"),
    "bic": N_("BIC"),
}


def title(document: Document, texts: Translations) -> str:
    """The words the law of the seller's country wants on top.

    Australia: "Tax invoice" and "Adjustment note". German "Gutschrift" is a self-billed invoice
    (UStG 14(2)), so a note that corrects a document has a name of its own there.
    """
    _ = texts.gettext
    if document.kind == "credit_note":
        if document.seller.country == "AU":
            return _("Adjustment note")
        return str(texts.pgettext("corrects a document", "Credit note")) if document.corrects else _("Credit note")
    if document.seller.country == "AU":
        return _("Adjustment note") if document.correction == "adjustment" else _("Tax invoice")
    return _("Final invoice") if document.is_final else _("Invoice")


def headline(document: Document, formats: Formats, texts: Translations) -> Headline:
    """Amount due, nothing to pay, or a credit: told by the kind and the total."""
    _ = texts.gettext
    amount = formats.money(abs(document.total))
    if document.kind == "credit_note" or document.total < 0:
        return Headline(_("Your credit"), amount, _("Nothing to pay: this amount is a credit to you."), "")
    if document.total == 0:
        return Headline(_("Amount due"), amount, _("Nothing to pay."), "")
    if document.status == "draft":
        return Headline(_("Amount, as drafted"), amount, _("A draft: do not pay yet."), "")
    due = _("Please pay by %(day)s.") % {"day": formats.day(document.due_date)}
    return Headline(_("Amount due"), amount, due, web_link(document.seller.payment_url))


def how_to_pay(document: Document, texts: Translations) -> list[tuple[str, str]]:
    """(label, value) of the bank transfer; empty when nothing is to be paid."""
    bank = document.seller.bank
    if bank is None or document.total <= 0 or document.kind == "credit_note" or document.status == "draft":
        return []
    rows = [(texts.gettext(label), _bank_value(bank, field)) for field, label in _BANK.items()]
    return [*filter(lambda row: row[1], rows), (texts.gettext("Payment reference"), document.invoice_number)]


def _bank_value(bank: Bank, field: str) -> str:
    value = getattr(bank, field) or ""
    if field == "iban":
        bare = value.replace(" ", "")
        return " ".join(bare[start : start + 4] for start in range(0, len(bare), 4))
    return str(value)


def web_link(url: str | None) -> str:
    """The address when it is plain http(s), else nothing: a link in a bill runs no script and opens no file."""
    try:
        return url if url and urlsplit(url).scheme in ("http", "https") else ""
    except ValueError:
        return ""
