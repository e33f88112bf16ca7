"""One SMTP server: connect, hand over a mail, and say truthfully what became of it.

The one thing SMTP cannot tell is what happened when the line breaks while the body is on its way: the server may have
the whole mail. That outcome has a name of its own, `unknown`, and is nobody's to guess.
"""

import contextlib
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from flows.home.mail_settings import SmtpSettings
from schemas.errors import TollbookError
from schemas.states import MailState

_TOO_BIG = 552
_NOT_NOW = range(400, 500)


@dataclass(frozen=True)
class Outcome:
    """What became of a mail. `queued`: not handed over, may be tried again; `too_big`: refused for its size."""

    state: MailState
    detail: str
    too_big: bool = False


class Unreachable(TollbookError):
    """No connection that may be used; `for_good` when trying again cannot help (certificate, password)."""

    exit_code = 3

    def __init__(self, detail: str, for_good: bool = False) -> None:
        super().__init__(detail)
        self.for_good = for_good


class _Phased(smtplib.SMTP):
    """Remembers whether the body was on its way when the line broke."""

    in_body = False

    def data(self, msg: Any) -> tuple[int, bytes]:
        self.in_body = True
        answer = super().data(msg)
        self.in_body = False
        return answer


class _PhasedTls(_Phased, smtplib.SMTP_SSL):
    pass


class Mailer:
    """One connection for a batch of mails, made again when it broke. Use as a context manager."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: _Phased | None = None

    def __enter__(self) -> "Mailer":
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def connect(self) -> None:
        """Makes sure of a connection. TLS fails closed: never in clear text where the settings ask for TLS."""
        if self._smtp is not None and self._smtp.sock is not None:
            return
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            self._smtp = self._opened()
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", "") or error.reason
            raise Unreachable(f"{where}: TLS failed: {reason}", for_good=True) from None
        except smtplib.SMTPNotSupportedError as error:
            raise Unreachable(f"{where}: {error}", for_good=True) from None
        except smtplib.SMTPAuthenticationError as error:
            raise Unreachable(f"{where}: login refused ({error.smtp_code})", for_good=True) from None
        except smtplib.SMTPResponseException as error:
            raise Unreachable(f"{where}: {_reply(error.smtp_code, error.smtp_error)}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"{where}: {error}") from None

    def _opened(self) -> _Phased:
        wanted = self._settings
        context = ssl.create_default_context()
        smtp: _Phased
        if wanted.security == "tls":
            smtp = _PhasedTls(wanted.host, wanted.port, timeout=wanted.timeout_s, context=context)
        else:
            smtp = _Phased(wanted.host, wanted.port, timeout=wanted.timeout_s)
        try:
            if wanted.security == "starttls":
                smtp.starttls(context=context)
            if wanted.username is not None and wanted.password is not None:
                smtp.login(wanted.username, wanted.password.get_secret_value())
            smtp.ehlo_or_helo_if_needed()
        except BaseException:
            smtp.close()
            raise
        return smtp

    def size_limit(self) -> int:
        """Bytes a mail may have: the settings' limit, or the server's where it names a smaller one."""
        ours = self._settings.max_size_mb * 1024 * 1024
        announced = self._smtp.esmtp_features.get("size", "") if self._smtp is not None else ""
        theirs = int(announced) if announced.isdigit() else 0
        return min(ours, theirs) if theirs else ours

    def send(self, message: EmailMessage, content: bytes, sender: str, recipient: str) -> Outcome:
        """Hands over one mail, `content` as it is written, for one recipient. Raises Unreachable when the line is gone
        and cannot be made again."""
        outcome = self._try(message, content, sender, recipient)
        if outcome is None:
            # An idle line the server had closed: nothing of this mail was said on it, so a second try is safe.
            self.connect()
            outcome = self._try(message, content, sender, recipient)
        return outcome or Outcome("queued", "the connection broke before the mail was handed over")

    def _try(self, message: EmailMessage, content: bytes, sender: str, recipient: str) -> Outcome | None:
        """None when the line broke before the body was sent."""
        smtp = self._smtp
        assert smtp is not None, "connect() first"
        smtp.in_body = False
        try:
            if (sender + recipient).isascii():
                refused = smtp.sendmail(sender, [recipient], content)
            else:
                # Written once more, with addresses as they are: only a server that says SMTPUTF8 takes it.
                refused = smtp.send_message(message, sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            return _judged(error.smtp_code, error.smtp_error)
        except smtplib.SMTPNotSupportedError:
            return Outcome("refused", "the server takes no address outside ASCII")
        except (smtplib.SMTPServerDisconnected, OSError):
            self._drop()
            doubt = "the connection broke after the mail was sent; the server may have it"
            return Outcome("unknown", doubt) if smtp.in_body else None
        return _judged(*next(iter(refused.values()))) if refused else Outcome("accepted", "")

    def _drop(self) -> None:
        if self._smtp is not None and self._smtp.sock is not None:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                self._smtp.quit()
            self._smtp.close()
        self._smtp = None


def _judged(code: int, text: bytes | str) -> Outcome:
    return Outcome("queued" if code in _NOT_NOW else "refused", _reply(code, text), too_big=code == _TOO_BIG)


def _reply(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"
