"""A document to the e-mail that carries it. Equal input gives equal bytes: ids and boundaries come from content."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path

import css_inline

from schemas.document import Document
from schemas.errors import Refused
from schemas.mail_address import one_address
from templates.clean import clean_text
from templates.formats import Formats
from templates.languages import known_locale, text_language, translations
from templates.mail_headers import WholeWords
from templates.page import page_of
from templates.page_shape import Page
from templates.render import environment

_POLICY = WholeWords()

_NOON = time(12, tzinfo=UTC)
"""Mails are dated at noon UTC: the same civil day nearly everywhere on earth."""


@dataclass(frozen=True)
class MailWords:
    """What the mail says, in the order in which it says it; both its text and its HTML part place these."""

    subject: str
    first_line: str
    attached: list[str]


def build_mail(
    document: Document,
    recipient: str,
    pdf: bytes,
    pdf_name: str,
    usage_csv: tuple[str, bytes] | None,
    sent_on: date,
    sender: str | None = None,
) -> EmailMessage:
    """One message to one recipient: text, HTML, the PDF, and the itemised usage as (file name, bytes) if given.

    `sender` is the From address when it is not the seller's own, which then takes the replies. Message-ID comes
    from document number and recipient, so that a second sending is known as one. Raises Refused for a draft, for
    anything but exactly one plain address, and for a file name that is a path.
    """
    if document.status != "issued":
        raise Refused(f"{document.invoice_number} is a draft; only issued documents are sent")
    page = page_of(document)
    words = _words(page, pdf_name, usage_csv[0] if usage_csv else None)
    seller = page.document.seller
    message = envelope(
        seller.brand or seller.name, seller.email, recipient, words.subject, sent_on, document.invoice_number, sender
    )
    message.set_content("\n".join(_text(page, words)) + "\n", cte="quoted-printable")
    message.add_alternative(_html(page, words), subtype="html", cte="quoted-printable")
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=_file_name(pdf_name))
    if usage_csv is not None:
        name, content = usage_csv
        message.add_attachment(content, maintype="text", subtype="csv", filename=_file_name(name))
    message["Content-Language"] = page.language
    fix_boundaries(message)
    return message


def envelope(
    name: str, email: str, recipient: str, subject: str, sent_on: date, about: str, sender: str | None = None
) -> EmailMessage:
    """An empty message of a seller to one recipient; `about` is what it carries or says, for its Message-ID."""
    to, reply_to = _address(recipient), _address(email)
    message = EmailMessage(policy=_POLICY)
    message["From"] = _named(name, _address(sender) if sender else reply_to)
    if sender and sender != email:
        message["Reply-To"] = reply_to
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.combine(sent_on, _NOON))
    message["Message-ID"] = _message_id(about, to, reply_to.domain)
    message["Auto-Submitted"] = "auto-generated"
    return message


def mail_bytes(message: EmailMessage) -> bytes:
    """The message as it goes over SMTP and into an .eml file: CRLF line ends."""
    return message.as_bytes(policy=_POLICY)


def _address(text: str) -> Address:
    """The one address `text` is. Raises Refused for anything else."""
    if (address := one_address(text)) is None:
        raise Refused(f"found {text[:120]!r}; expected exactly one e-mail address, such as name@company.example")
    return address


def _named(name: str, address: Address) -> Address:
    return Address(display_name=clean_text(name), username=address.username, domain=address.domain)


def _message_id(about: str, to: Address, domain: str) -> str:
    content = f"{about}\n{to.addr_spec}"
    return f"<{hashlib.sha256(content.encode()).hexdigest()[:40]}@{domain}>"


def _file_name(name: str) -> str:
    if not name or name != clean_text(name) or re.search(r'[/\\:"]', name):
        raise Refused(f"found {name[:120]!r}; expected a plain file name for an attachment")
    return name


def _words(page: Page, pdf_name: str, csv_name: str | None) -> MailWords:
    document = page.document
    locale = known_locale(document.locale)
    texts = translations(text_language(locale))
    _ = texts.gettext
    formats = Formats(locale, document.currency)
    values = {
        "seller": document.seller.brand or document.seller.name,
        "title": page.title,
        "number": document.invoice_number,
        "amount": page.headline.amount,
        "day": formats.day(document.due_date),
    }
    if document.kind == "credit_note" or document.total < 0:
        subject = _("%(seller)s: %(title)s %(number)s, credit of %(amount)s")
        first = _("%(title)s %(number)s: a credit of %(amount)s, nothing to pay.")
    elif document.total == 0:
        subject = _("%(seller)s: %(title)s %(number)s, nothing to pay")
        first = _("%(title)s %(number)s: %(amount)s, nothing to pay.")
    else:
        subject = _("%(seller)s: %(title)s %(number)s, %(amount)s due by %(day)s")
        first = _("%(title)s %(number)s: %(amount)s, due by %(day)s.")
    attached = [_("Attached: %(file)s, the document itself.") % {"file": pdf_name}]
    if csv_name:
        attached.append(_("Attached: %(file)s, each call and message behind its lines.") % {"file": csv_name})
    subject %= values
    if document.reversed_by:  # else it looks like one bill more
        subject = _("%(subject)s (in place of %(corrects)s)") % {"subject": subject, "corrects": document.corrects}
    # Mail programs show no-break spaces in a subject as odd gaps.
    return MailWords(re.sub(r"\s", " ", subject), first % values, attached)


def _text(page: Page, words: MailWords) -> Iterator[str]:
    _ = translations(page.language.split("-")[0]).gettext
    yield words.first_line
    yield from page.notes.banners
    if page.notes.change:
        yield from ("", " ".join(page.notes.change))
    yield ""
    rows = [*page.money.summary, (f"{_('Total')} {page.document.currency}", page.money.total)]
    wide, figures = max(len(label) for label, _value in rows), max(len(amount) for _label, amount in rows)
    yield from (f"{label:<{wide}}  {amount:>{figures}}" for label, amount in rows)
    if page.how_to_pay or page.headline.link:
        yield from ("", _("How to pay"))
        yield from (f"{label}: {value}" for label, value in page.how_to_pay)
        if page.headline.link:
            yield f"{_('Pay online:')} {page.headline.link}"
    yield from ("", *words.attached, "", page.people.contact)
    yield from filter(None, (page.notes.dispute, page.notes.balance))
    yield from ("", "-- ", page.document.seller.name, *page.document.seller.address_lines, *page.people.registrations)


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=False)


def _html(page: Page, words: MailWords) -> str:
    return inlined_html("mail.html.j2", page.language, page=page, words=words)


def inlined_html(template: str, language: str, **values: object) -> str:
    """A template for mail programs, with the style in every element."""
    css = (Path(__file__).parent / "mail.css").read_text(encoding="utf-8")
    return _inliner().inline(
        environment(language.split("-", maxsplit=1)[0]).get_template(template).render(**values, css=css)
    )


def fix_boundaries(message: EmailMessage) -> None:
    """Boundaries from the Message-ID; the default ones are random."""
    seed = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:24]
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{seed}_{number}")
