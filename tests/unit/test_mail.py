"""The e-mail that carries a document: its parts, its words, and that nobody else is written to."""

from datetime import date
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from typing import Any

import pytest

from schemas.document import Document
from schemas.errors import Refused
from templates.mail import build_mail, envelope, mail_bytes
from tests.unit import sample_abroad as abroad
from tests.unit import sample_documents as sample
from tests.unit.sample_parties import US_CUSTOMER, US_SELLER

PDF = b"%PDF-1.7\n\x00\xff not really"
CSV = ("LUMA-2026-000123-usage.csv", "début,seconds\r\n2026-05-01,60\r\n".encode())


def mail(document: Document | None = None, recipient: str = "jo@harbor.example", **more: Any) -> EmailMessage:
    given: dict[str, Any] = {
        "pdf": PDF,
        "pdf_name": "LUMA-2026-000123.pdf",
        "usage_csv": CSV,
        "sent_on": date(2026, 6, 2),
    }
    return build_mail(document or sample.american(), recipient, **(given | more))


def read(message: EmailMessage) -> EmailMessage:
    """As the receiver's mail program sees it."""
    parsed = message_from_bytes(mail_bytes(message), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(message: EmailMessage, kind: str) -> str:
    part = read(message).get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\N{NO-BREAK SPACE}", " ").replace("&nbsp;", " ")


def test_parts_stand_in_order_and_attachments_arrive_whole() -> None:
    received = read(mail())
    assert [part.get_content_type() for part in received.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "application/pdf",
        "text/csv",
    ]
    pdf, csv = received.iter_attachments()
    assert (pdf.get_filename(), pdf.get_payload(decode=True)) == ("LUMA-2026-000123.pdf", PDF)
    assert (csv.get_filename(), csv.get_payload(decode=True)) == CSV
    assert [part.get_content_type() for part in read(mail(usage_csv=None)).iter_attachments()] == ["application/pdf"]


def test_headers() -> None:
    received = read(mail())
    assert received["From"] == "Luma Voice <billing@luma.example>"
    assert received["To"] == "jo@harbor.example"
    assert received["Reply-To"] is None
    assert received["Date"] == "Tue, 02 Jun 2026 12:00:00 +0000"
    assert received["Content-Language"] == "en-US"
    assert received["Auto-Submitted"] == "auto-generated"
    other = read(mail(sender="robot@mailer.example"))
    assert other["From"] == "Luma Voice <robot@mailer.example>"
    assert other["Reply-To"] == "billing@luma.example"


@pytest.mark.parametrize(
    "text",
    [
        "Corvane Voice: Rechnung DE-2026-000001, 110,03 € fällig am 15. Juni 2026",
        "Käufer & Söhne Telefongesellschaft für das nördliche Württemberg mbH & Co. KG",
        "é" * 200,
        "x " * 80 + "€ f" * 40,
    ],
)
def test_a_text_with_accents_arrives_as_it_is(text: str) -> None:
    message = envelope(text, "billing@example.com", "ann@example.org", text, date(2026, 6, 2), "DE-2026-000001")
    sent = message_from_bytes(mail_bytes(message))
    assert str(make_header(decode_header(sent["Subject"]))) == text
    assert str(make_header(decode_header(sent["From"]))) == f"{text} <billing@example.com>"
    assert b"=?utf-8?q??=" not in mail_bytes(message)
    assert max(map(len, mail_bytes(message).split(b"\r\n"))) <= 78


def test_equal_input_gives_equal_bytes() -> None:
    first = mail_bytes(mail())
    assert mail_bytes(mail()) == first
    assert mail_bytes(message_from_bytes(first, policy=policy.SMTP)) == first
    assert b"\n" not in first.replace(b"\r\n", b"")
    assert max(map(len, first.split(b"\r\n"))) <= 998


def test_message_id_is_of_document_and_recipient_only() -> None:
    first = mail()["Message-ID"]
    assert first.endswith("@luma.example>")
    assert mail(pdf=b"%PDF other", sent_on=date(2026, 6, 3))["Message-ID"] == first
    assert mail(recipient="ann@harbor.example")["Message-ID"] != first
    assert mail(sample.american(invoice_number="LUMA-2026-000124"))["Message-ID"] != first


@pytest.mark.parametrize(
    ("document", "subject", "first_line"),
    [
        (
            sample.american(),
            "Luma Voice: Invoice LUMA-2026-000123, $1,222.90 due by July 1, 2026",
            "Invoice LUMA-2026-000123: $1,222.90, due by July 1, 2026.",
        ),
        (
            abroad.canadian_french(),
            "Luma Voice : Facture LUQC-2026-000045, 2 229,86 $ à payer au plus tard le 1er juillet 2026",
            "Facture LUQC-2026-000045 : 2 229,86 $, à payer au plus tard le 1er juillet 2026.",
        ),
        (
            abroad.german(),
            "Luma Voice: Rechnung LUDE-2026-000009, 2.139,69 € fällig am 1. Juli 2026",
            "Rechnung LUDE-2026-000009: 2.139,69 €, fällig am 1. Juli 2026.",
        ),
        (
            abroad.british_credit_note(),
            "Luma Voice: Credit note LUGBC-2026-000003, credit of £44.40",
            "Credit note LUGBC-2026-000003: a credit of £44.40, nothing to pay.",
        ),
        (
            sample.tiny(),
            "Tin Can Telephone: Invoice T-1, nothing to pay",
            "Invoice T-1: $0.00, nothing to pay.",
        ),
    ],
)
def test_amount_and_date_lead_subject_and_text(document: Document, subject: str, first_line: str) -> None:
    message = mail(document)
    assert read(message)["Subject"] == subject
    assert body(message, "plain").splitlines()[0] == first_line
    assert first_line in body(message, "html").split("</p>")[0]


def test_text_and_html_say_the_same_and_load_nothing() -> None:
    text, html = body(mail(), "plain"), body(mail(), "html")
    for words in ("$54.50 more than on the previous invoice", "Our recovery fees", "$144.61", "000123456", CSV[0]):
        assert words in text
        assert words in html
    assert "<style" not in html
    assert 'class="amount" style="' in html
    assert not any(loading in html for loading in ("src=", "url(", "<link", "<script"))
    assert "How to pay" not in body(mail(abroad.british_credit_note()), "plain")


@pytest.mark.parametrize(
    "recipient",
    [
        "a@b.example\r\nBcc: x@y.example",
        "a@b.example, x@y.example",
        "a@b.example;x@y.example",
        "a@b.example x@y.example",
        '"Jo" <jo@b.example>',
        "Jo <jo@b.example>",
        "a@b@c.example",
        "a,b@c.example",
        "a@",
        "@b.example",
        "nobody",
        "",
        "a\x00@b.example",
        "ü@b.example",
        "a@b..example",
        "x" * 300 + "@b.example",
    ],
)
def test_anything_but_one_address_is_refused(recipient: str) -> None:
    with pytest.raises(Refused, match="expected exactly one e-mail address"):
        mail(recipient=recipient)


@pytest.mark.parametrize("recipient", ["jo+bills@harbor.example", "o'neil@b-c.example", "x@[192.0.2.1]"])
def test_one_address_is_written_to_alone(recipient: str) -> None:
    received = read(mail(recipient=recipient))
    assert [str(address.addr_spec) for address in received["To"].addresses] == [recipient]
    assert {"Cc", "Bcc"}.isdisjoint(received.keys())


def test_an_international_domain_is_written_in_ascii() -> None:
    assert read(mail(recipient="jo@müller.example"))["To"] == "jo@xn--mller-kva.example"


def test_names_cannot_add_headers_or_markup() -> None:
    name = 'Evil\r\nBcc: x@y.example\r\n\r\n<img src="http://127.0.0.1/">'
    document = sample.american(
        seller=US_SELLER.model_copy(update={"brand": name, "name": name}),
        bill_to=US_CUSTOMER.model_copy(update={"name": name}),
    )
    message = mail(document)
    assert read(message)["Bcc"] is None
    assert [address.addr_spec for address in read(message)["From"].addresses] == ["billing@luma.example"]
    assert "<img" not in body(message, "html")


@pytest.mark.parametrize("name", ["../x.pdf", "a\r\nX: y.pdf", "", 'a".pdf', "C:\\x.pdf"])
def test_a_file_name_is_a_name_and_no_path(name: str) -> None:
    with pytest.raises(Refused, match="plain file name"):
        mail(pdf_name=name)


def test_drafts_are_not_sent() -> None:
    with pytest.raises(Refused, match="is a draft"):
        mail(sample.american(status="draft"))
