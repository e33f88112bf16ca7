"""[smtp] of tollbook.toml: the server that takes the mails. What stands here may be secret: no message repeats it."""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, model_validator

from flows.home.file_settings import Table

_NAME = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?"


def _host(text: str) -> str:
    """Not what was found: a login may stand in it."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if len(text) > 253 or not re.fullmatch(_NAME, text):
            raise ValueError("expected the name of a host, such as smtp.telephone.example, and nothing else") from None
    return text


Host = Annotated[str, AfterValidator(_host)]


def _is_here(host: str) -> bool:
    """Whether it is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


class SmtpSettings(Table):
    """[smtp]: the server that takes the mails. The password may come from $TOLLBOOK_SMTP__PASSWORD instead."""

    host: Host = Field(examples=["smtp.telephone.example"])
    """Name of the server, or its IP address; without scheme, port or login."""
    port: int = Field(587, examples=[587])
    """Its port."""
    security: Literal["starttls", "tls", "none"] = Field("starttls", examples=["starttls"])
    """How the connection is protected."""
    username: str | None = Field(None, examples=["billing"])
    """Login name, where the server asks for one."""
    password: SecretStr | None = Field(None, examples=["from the environment"])
    """Better in the environment: TOLLBOOK_SMTP__PASSWORD."""
    timeout_s: int = Field(30, gt=0, examples=[30])
    """How long the server may take to answer, in seconds."""
    max_size_mb: int = Field(20, gt=0, examples=[20])
    """A larger mail is not sent, in megabytes."""
    login_in_clear: str | None = Field(None, examples=["the server is reached through our own tunnel"])
    """Why a password may travel unprotected to another machine; without a reason it does not."""

    @model_validator(mode="after")
    def _password_is_kept(self) -> "SmtpSettings":
        if self.username and self.security == "none" and not self.login_in_clear and not _is_here(self.host):
            raise ValueError(
                'security = "none" would send the password in clear to another machine; expected "starttls" or "tls", '
                "or the reason in login_in_clear"
            )
        return self
