"""Mails: once, in the window, exactly to the recipients, and a truthful state after anything a server can do."""

import datetime as dt
import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from flows.books.publish import publish, read
from flows.home.mail_settings import SmtpSettings
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.post.send import SendReport, send
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.flows import booked
from tests.scenarios.month.home import make_home

IN_WINDOW = date(2026, 6, 3)
NOW = datetime(2026, 6, 3, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path)) as opened:
        booked.issue_june(opened, booked.book(opened))
        yield opened


class Server:
    """A real SMTP server on loopback; what it does with whom is set by recipient."""

    def __init__(self) -> None:
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.answers: dict[str, str] = {}
        self.drop_after_data: set[str] = set()
        self.connections = 0

    async def handle_EHLO(self, _server: SMTP, session: Any, _envelope: Any, hostname: str, responses: list[str]):  # noqa: N802
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address not in self.answers:
            envelope.rcpt_tos.append(address)
        return self.answers.get(address, "250 OK")

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.taken.append((envelope.rcpt_tos, message))
        if self.drop_after_data & set(envelope.rcpt_tos):
            server.transport.abort()  # type: ignore[union-attr]
        return "250 taken"

    @property
    def recipients(self) -> list[str]:
        return sorted(address for addresses, _ in self.taken for address in addresses)


@contextmanager
def serving(**options: Any) -> Iterator[tuple[Server, SmtpSettings]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Server()
    controller = Controller(server, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield server, SmtpSettings(host="127.0.0.1", port=port, security="none", timeout_s=600)
    finally:
        controller.stop()


def go(store: Store, smtp: SmtpSettings | None = None, month: str = "2026-06", **options: Any) -> SendReport:
    options = {"today": IN_WINDOW, "now": NOW, "by": "grace", **options}
    return send(store, booked.settings(smtp), month, **options)


def states(store: Store) -> dict[str, str]:
    return dict(store.rows("select recipient, arg_max(state, rowid) from delivery_events group by 1"))


def test_without_a_server_one_file_per_recipient_the_same_bytes_each_time(store, tmp_path):
    report = go(store)
    folder = store.home.out("2026-06") / "mail"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["AU-2026-000001-1.eml", "US-2026-000003-1.eml", "US-2026-000003-2.eml"]
    assert (dict(report.counts), report.incomplete) == ({"written": 3}, False)
    message = email.message_from_bytes((folder / names[1]).read_bytes(), policy=email.policy.default)
    assert message["To"].addresses[0].addr_spec == "books@alder.example"
    assert message["From"].addresses[0].addr_spec == "billing@us.example"
    attached = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert attached["US-2026-000003.pdf"] == b"%PDF-1.7 US-2026-000003\n"
    assert attached["US-2026-000003.csv"] == b"started_at,amount\n"
    with Store(Home(tmp_path / "again")) as other:
        booked.issue_june(other, booked.book(other))
        go(other, by="ada", now=NOW.replace(hour=20))
        for name in names:
            assert (other.home.out("2026-06") / "mail" / name).read_bytes() == (folder / name).read_bytes()


def test_nobody_ever_gets_another_accounts_document(store):
    with serving() as (server, smtp):
        go(store, smtp)
    assert server.recipients == ["books@alder.example", "hello@banksia.example", "it@alder.example"]
    for addresses, message in server.taken:
        number = "AU-2026-000001" if addresses == ["hello@banksia.example"] else "US-2026-000003"
        other = {"AU-2026-000001", "US-2026-000003"} - {number}
        text = message.as_string() + "".join(
            str(part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart()
        )
        assert len(addresses) == 1
        assert number in text
        assert not any(name in text for name in other)


def test_a_second_send_does_nothing(store):
    with serving() as (server, smtp):
        go(store, smtp)
        with pytest.raises(NothingToDo, match="every mail is sent"):
            go(store, smtp)
    assert len(server.taken) == 3
    assert server.connections == 1
    with pytest.raises(NothingToDo, match="no document is issued"):
        go(store, month="2026-08")


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2026, 6, 6), date(2026, 7, 1)])
def test_outside_the_window_nothing_goes_without_a_reason(store, day):
    with pytest.raises(Refused, match=r"2026-06-01 to 2026-06-05.*--late-reason"):
        go(store, today=day)
    assert states(store) == {}
    report = go(store, today=day, late_reason="printer on fire")
    assert dict(report.counts) == {"written": 3}
    assert store.rows("select distinct late_reason from delivery_events") == [("printer on fire",)]
    assert store.rows("select act, reason from audit_log") == [("send", "printer on fire")]


def test_a_reason_is_kept_only_where_it_was_needed(store):
    go(store, late_reason="just in case")
    assert store.rows("select distinct late_reason from delivery_events") == [(None,)]


def test_each_sellers_own_date_opens_its_window(store):
    # 15:00 UTC on 31 May: 1 June in Sydney, 31 May in New York.
    report = go(store, today=None, now=datetime(2026, 5, 31, 15, 0, tzinfo=UTC))
    assert dict(report.counts) == {"written": 1, "waiting": 2}
    assert report.incomplete
    assert states(store) == {"hello@banksia.example": "written"}
    # 03:59 UTC on 6 June: still the 5th in New York, and one minute later no more.
    with pytest.raises(Refused, match="2026-06-06 for us"):
        go(store, today=None, now=datetime(2026, 6, 6, 4, 0, tzinfo=UTC))
    assert dict(go(store, today=None, now=datetime(2026, 6, 6, 3, 59, tzinfo=UTC)).counts) == {"written": 2}


def test_one_refused_recipient_stops_nobody_else_and_only_it_is_tried_again(store):
    with serving() as (server, smtp):
        server.answers["it@alder.example"] = "550 no such user <it@alder.example>"
        report = go(store, smtp)
        assert dict(report.counts) == {"accepted": 2, "refused": 1}
        assert report.incomplete
        assert any(
            "US-2026-000003, recipient 2: refused: 550 no such user (address)" in line for line in report.lines()
        )
        assert not any("@" in line for line in report.lines())
        server.answers.clear()
        assert dict(go(store, smtp).counts) == {"accepted": 1}
    assert server.recipients == ["books@alder.example", "hello@banksia.example", "it@alder.example"]


def test_a_server_that_is_busy_leaves_the_mail_queued_and_the_others_going(store):
    with serving() as (server, smtp):
        server.answers["books@alder.example"] = "421 too many mails"
        assert dict(go(store, smtp).counts) == {"accepted": 2, "queued": 1}
        assert states(store)["books@alder.example"] == "queued"
        server.answers.clear()
        assert dict(go(store, smtp).counts) == {"accepted": 1}


def test_a_server_that_is_down_leaves_every_mail_queued(store):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        smtp = SmtpSettings(host="127.0.0.1", port=closed.getsockname()[1], security="none")
        report = go(store, smtp)
    assert dict(report.counts) == {"queued": 3}
    assert report.incomplete
    with serving() as (_, smtp):
        assert dict(go(store, smtp).counts) == {"accepted": 3}


def test_a_line_broken_after_the_body_is_unknown_and_never_sent_again_by_itself(store):
    with serving() as (server, smtp):
        server.drop_after_data.add("books@alder.example")
        assert dict(go(store, smtp).counts) == {"accepted": 2, "unknown": 1}
        server.drop_after_data.clear()
        report = go(store, smtp)
        assert (dict(report.counts), report.incomplete) == ({"unknown": 1}, True)
        assert len(server.taken) == 3
        assert dict(go(store, smtp, resend_unknown=True).counts) == {"accepted": 1}
        with pytest.raises(NothingToDo):
            go(store, smtp, resend_unknown=True)


def test_a_mail_cut_off_by_a_kill_is_unknown(store, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with serving() as (server, smtp):
        with monkeypatch.context() as patch:
            patch.setattr("flows.post.smtp.Mailer.send", killed)
            with pytest.raises(KeyboardInterrupt):
                go(store, smtp)
        assert sorted(states(store).values()) == ["queued", "queued", "sending"]
        assert dict(go(store, smtp).counts) == {"accepted": 2, "unknown": 1}
        assert len(server.taken) == 2
        assert sorted(states(store).values()) == ["accepted", "accepted", "unknown"]


def test_too_big_a_mail_goes_without_its_csv_or_not_at_all(store):
    big = b"x" * 200_000
    sha256 = write_atomic(store.home.out("2026-06") / "usage" / "US-2026-000003.csv", big)
    store.con.execute(
        "update rendered_documents set usage_csv_sha256 = $1 where invoice_number like 'US-2026-000003'", [sha256]
    )
    with serving(data_size_limit=100_000) as (server, smtp):
        report = go(store, smtp)
        assert dict(report.counts) == {"accepted": 3}
        assert sum("without the itemised CSV" in line for line in report.lines()) == 2
        names = {part.get_filename() for _, message in server.taken for part in message.iter_attachments()}
        assert names == {"US-2026-000003.pdf", "AU-2026-000001.pdf", "AU-2026-000001.csv"}
    pdf = write_atomic(store.home.out("2026-05") / "invoices" / "US-2026-000002.pdf", big)
    store.con.execute("update rendered_documents set pdf_sha256 = $1 where invoice_number = 'US-2026-000002'", [pdf])
    with serving(data_size_limit=100_000) as (server, smtp):
        report = go(store, smtp, month="2026-05", late_reason="late")
        assert dict(report.counts) == {"accepted": 2, "refused": 1}
        assert any("US-2026-000002" in line and "larger" in line for line in report.lines())


def test_a_changed_pdf_is_not_sent(store):
    (store.home.out("2026-06") / "invoices" / "AU-2026-000001.pdf").write_bytes(b"%PDF-1.7 another")
    report = go(store)
    assert dict(report.counts) == {"written": 2, "refused": 1}
    assert any("AU-2026-000001" in line and "not the file that was issued" in line for line in report.lines())


def test_a_changed_document_is_not_sent(store):
    store.con.execute(
        "update issued_documents set document_json = replace(document_json, 'alder', 'evil') where seller_id = 'us'"
    )
    report = go(store)
    assert dict(report.counts) == {"written": 1, "refused": 2}


@pytest.mark.parametrize(
    "address", ["a@b.example, x@y.example", "a@b.example\r\nBcc: x@y.example", "", "Ann <a@b.example>", "a b@c.example"]
)
def test_an_address_that_is_not_exactly_one_gets_nothing(tmp_path, monkeypatch, address):
    monkeypatch.setitem(booked.ACCOUNTS, "A-2", ("au", "Banksia Florists", [address]))
    with Store(Home(tmp_path)) as store, serving() as (server, smtp):
        booked.issue_june(store, booked.book(store))
        assert dict(go(store, smtp).counts) == {"accepted": 2, "refused": 1}
        assert server.recipients == ["books@alder.example", "it@alder.example"]


def _account(store: Store, account: str, email: str, cc_emails: str | None = None, **more: Any) -> None:
    """The account's row as a later file brings it."""
    booked.insert(
        store, "feed_accounts", account_id=account, email=email, cc_emails=cc_emails, file_seq=99, source_line=1, **more
    )


def test_a_mail_goes_to_the_address_that_the_account_has_when_it_is_sent(store):
    """The document was issued with a wrong address; nothing of it is corrected but the account."""
    with serving() as (server, smtp):
        server.answers["books@alder.example"] = "550 no such user"
        assert dict(go(store, smtp).counts) == {"accepted": 2, "refused": 1}
        _account(store, "A-1", "accounts@alder.example", "it@alder.example")
        assert dict(go(store, smtp).counts) == {"accepted": 1}
        with pytest.raises(NothingToDo, match="every mail is sent"):
            go(store, smtp)
    assert server.recipients == ["accounts@alder.example", "hello@banksia.example", "it@alder.example"]
    (addresses, message) = server.taken[-1]
    assert addresses == ["accounts@alder.example"]
    assert message["To"].addresses[0].addr_spec == "accounts@alder.example"
    assert states(store) == {
        "books@alder.example": "replaced", "accounts@alder.example": "accepted", "it@alder.example": "accepted",
        "hello@banksia.example": "accepted",
    }  # fmt: skip
    store.con.execute("set TimeZone = 'UTC'")
    with read(publish(store)) as con:
        sent = "select recipient, sender, state from deliveries where invoice_number = 'US-2026-000003' order by 1"
        assert con.execute(sent).fetchall() == [
            ("accounts@alder.example", "billing@us.example", "accepted"),
            ("books@alder.example", "billing@us.example", "replaced"),
            ("it@alder.example", "billing@us.example", "accepted"),
        ]
        status = "select status from invoices where invoice_number = 'US-2026-000003'"
        assert con.execute(status).fetchall() == [("sent",)]


def test_what_has_gone_is_not_sent_again_because_an_address_changed(store):
    with serving() as (server, smtp):
        go(store, smtp)
        _account(store, "A-1", "accounts@alder.example", "it@alder.example; third@alder.example")
        with pytest.raises(NothingToDo, match="every mail is sent"):
            go(store, smtp)
        assert len(server.taken) == 3


def test_of_two_changed_addresses_only_the_one_that_got_nothing_gets_the_document(store):
    with serving() as (server, smtp):
        server.answers["it@alder.example"] = "550 no such user"
        go(store, smtp)
        _account(store, "A-1", "accounts@alder.example", "desk@alder.example")
        assert dict(go(store, smtp).counts) == {"accepted": 1}
    assert server.taken[-1][0] == ["desk@alder.example"]
    assert len(server.taken) == 3


def test_what_may_have_arrived_at_the_old_address_goes_to_the_new_one_only_when_asked_for(store):
    with serving() as (server, smtp):
        server.drop_after_data.add("books@alder.example")
        go(store, smtp)
        _account(store, "A-1", "accounts@alder.example", "it@alder.example")
        report = go(store, smtp)
        assert (dict(report.counts), report.incomplete) == ({"unknown": 1}, True)
        assert len(server.taken) == 3
        assert dict(go(store, smtp, resend_unknown=True).counts) == {"accepted": 1}
        assert server.taken[-1][0] == ["accounts@alder.example"]
        with pytest.raises(NothingToDo):
            go(store, smtp, resend_unknown=True)
    assert states(store)["books@alder.example"] == "replaced"


@pytest.mark.parametrize(
    ("effective_from", "address"),
    [(date(2026, 6, 3), "new@banksia.example"), (date(2026, 6, 4), "hello@banksia.example")],
)
def test_the_version_in_force_on_the_day_it_is_sent_says_where(store, effective_from, address):
    _account(store, "A-2", "hello@banksia.example", effective_from=None)
    _account(store, "A-2", "new@banksia.example", effective_from=effective_from)
    with serving() as (server, smtp):
        go(store, smtp)
    assert address in server.recipients
    assert len(server.taken) == 3


def test_a_mail_comes_from_the_address_that_its_seller_has_when_it_is_sent(store):
    with serving() as (server, smtp):
        settings = booked.settings(smtp)
        seller = settings.sellers["us"].model_copy(update={"email": "accounts@us.example"})
        settings.sellers["us"] = seller
        send(store, settings, "2026-06", today=IN_WINDOW, now=NOW, by="grace")
    senders = {to: message["From"].addresses[0].addr_spec for (to,), message in server.taken}
    assert senders == {
        "books@alder.example": "accounts@us.example", "it@alder.example": "accounts@us.example",
        "hello@banksia.example": "billing@au.example",
    }  # fmt: skip
    assert {*store.rows("select distinct sender from delivery_events")} == {
        ("accounts@us.example",), ("billing@au.example",),
    }  # fmt: skip


@pytest.mark.parametrize(
    "address", ["", "billing", "a@b.example, c@d.example", "Billing <a@b.example>", "a@b c.example"]
)
def test_a_sellers_address_is_checked_when_the_settings_are_read(tmp_path, address):
    home = make_home(tmp_path / "home")
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("billing@example.com", address), encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"line 11: sellers\.uk\.email: expected one plain e-mail address"):
        load_settings(home)


def test_tls_is_never_given_up(store, tmp_path):
    with serving() as (server, smtp):
        report = go(store, smtp.model_copy(update={"security": "starttls"}))
        assert dict(report.counts) == {"queued": 3}
        assert server.taken == []
    with serving(tls_context=_self_signed(tmp_path)) as (server, smtp):
        report = go(store, smtp.model_copy(update={"security": "starttls"}))
        assert dict(report.counts) == {"queued": 3}
        assert any("TLS failed" in line and "self-signed" in line for line in report.lines())
        assert server.taken == []


def _self_signed(folder: Path) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + dt.timedelta(days=36500))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "cert.pem").write_bytes(certificate + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem")
    return context


def test_the_password_shows_nowhere(store):
    with serving() as (_, smtp):
        secret = smtp.model_copy(
            update={"username": "tollbook", "password": SmtpSettings(host="h", password="hunter2").password}
        )
        report = go(store, secret)
    shown = (
        "\n".join(report.lines())
        + str(store.rows("from delivery_events"))
        + str(store.rows("from audit_log"))
        + repr(secret)
    )
    assert report.incomplete, "a server without login is a failed login, not an open door"
    assert "hunter2" not in shown
