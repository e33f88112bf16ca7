"""Where documents are sent: what one plain e-mail address is, and how many an account may have."""

import re
from email.errors import MessageError
from email.headerregistry import Address

MOST_RECIPIENTS = 5
"""Of an account: email and cc_emails together (CONTRACT, section 2)."""

LONGEST_ADDRESS = 254
"""Characters an address can have and still travel over SMTP (RFC 5321)."""

_PLAIN = re.compile(r'(?=[!-~]+@)[^@,;:<>()\[\]"\\]+@[^\s@,;:<>()"\\]+')


def one_address(text: str) -> Address | None:
    """The one address that `text` is, its domain in ASCII; None for lists, names, line breaks and anything else.

    `a@b.c, x@y.z` would silently be two, and a line break would begin a header.
    """
    if len(text) > LONGEST_ADDRESS or not _PLAIN.fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    try:
        address = Address(addr_spec=f"{local}@{domain.encode('idna').decode('ascii')}")
    except (ValueError, IndexError, MessageError):  # the parser raises IndexError for some malformed ones
        return None
    return address if address.username and address.domain else None
