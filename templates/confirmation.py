"""The e-mail that confirms a cancellation, with the last day that is billed (the guide). Equal input, equal bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage

from schemas.document import Seller
from templates.clean import LONGEST_NAME, clean_text
from templates.formats import Formats
from templates.headline import web_link
from templates.languages import known_locale, language_tag, text_language, translations
from templates.mail import envelope, fix_boundaries, inlined_html


@dataclass(frozen=True)
class Ended:
    """A service that ends: its name in the customer's language, how many, its subscription, its last billed day."""

    name: str
    quantity: str
    subscription_id: str
    last_billed_on: date


@dataclass(frozen=True)
class ConfirmationWords:
    """What the mail says, in the order in which it says it: `services` are what ends, and until when it is billed."""

    subject: str
    greeting: str
    first_line: str
    last_day: str
    services: list[tuple[str, str]]
    after: str
    contact: str
    legal: str


def build_confirmation(
    seller: Seller,
    account: tuple[str, str, str],
    subscription_id: str | None,
    last_billed_on: date,
    services: list[Ended],
    recipient: str,
    sent_on: date,
    about: str,
) -> EmailMessage:
    """One message to one recipient. account: its id, name and locale; subscription_id: None where the whole account
    ends. `about` makes its Message-ID. Raises Refused for anything but exactly one plain address."""
    id_, name, locale_name = account
    locale = known_locale(locale_name)
    language = language_tag(locale)
    words = _words(seller, id_, name, Formats(locale, currency=""), subscription_id, last_billed_on, services)
    message = envelope(seller.brand or seller.name, seller.email, recipient, words.subject, sent_on, about)
    message.set_content("\n".join(_text(words)) + "\n", cte="quoted-printable")
    brand = seller.brand or seller.name
    html = inlined_html("confirmation.html.j2", language, words=words, brand=brand, tag=language)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    message["Content-Language"] = language
    fix_boundaries(message)
    return message


def _words(
    seller: Seller,
    account_id: str,
    name: str,
    formats: Formats,
    subscription_id: str | None,
    last_billed_on: date,
    services: list[Ended],
) -> ConfirmationWords:
    _ = translations(text_language(formats.locale)).gettext
    day = formats.day(last_billed_on)
    values = {"seller": seller.brand or seller.name, "account": account_id, "day": day}
    if subscription_id is None:
        subject = _("%(seller)s: account %(account)s is cancelled, billed until %(day)s")
        first = _("We confirm that your account %(account)s is cancelled.")
    else:
        values["service"] = services[0].name if services else subscription_id
        subject = _("%(seller)s: %(service)s is cancelled, billed until %(day)s")
        first = _("We confirm that your subscription %(subscription)s is cancelled.")
        values["subscription"] = subscription_id
    ways = ", ".join(filter(None, (seller.email, seller.phone, web_link(seller.website))))
    return ConfirmationWords(
        subject=re.sub(r"\s", " ", clean_text(subject % values)),
        greeting=_("For %(name)s, account %(account)s") % (values | {"name": clean_text(name, LONGEST_NAME)}),
        first_line=clean_text(first % values),
        last_day=_("The last day that is billed is %(day)s.") % {"day": day},
        services=[
            (_service(it), _("billed until %(day)s") % {"day": formats.day(it.last_billed_on)}) for it in services
        ],
        after="" if subscription_id else _("Calls and messages up to the end come with the invoice that follows them."),
        contact=_("Reach us at %(ways)s and quote %(number)s.") % {
            "ways": ways, "number": subscription_id or account_id
        },
        legal=" · ".join([clean_text(seller.name, LONGEST_NAME), ", ".join(map(clean_text, seller.address_lines))]),
    )  # fmt: skip


def _service(service: Ended) -> str:
    count = "" if service.quantity == "1" else f"{service.quantity} × "
    return f"{count}{clean_text(service.name, LONGEST_NAME)} ({clean_text(service.subscription_id, LONGEST_NAME)})"


def _text(words: ConfirmationWords) -> Iterator[str]:
    yield from (words.greeting, "", words.first_line, words.last_day)
    if words.services:
        yield from ("", *(f"{service}: {until}" for service, until in words.services))
    yield from ("", *filter(None, (words.after, words.contact)), "", "-- ", words.legal)
