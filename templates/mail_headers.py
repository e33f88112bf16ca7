"""Headers of a mail as they stand on the wire.

The standard library folds a text in which words with and without accents alternate into pieces that lose or double the
blanks between them; a subject and a name are written here as encoded words throughout (RFC 2047).
"""

from email.header import Header
from email.headerregistry import AddressHeader
from email.policy import EmailPolicy
from typing import Any


class WholeWords(EmailPolicy):
    """CRLF line ends, and one encoded text where a subject or a sender's name is not ASCII."""

    linesep = "\r\n"

    def fold_binary(self, name: str, value: Any) -> bytes:
        encoded = self._subject(value) if name.lower() == "subject" else self._sender(name, value)
        return super().fold_binary(name, value) if encoded is None else f"{name}: {encoded}{self.linesep}".encode()

    def _subject(self, value: Any) -> str | None:
        text = str(value)
        return None if text.isascii() else self._words(text, "Subject")

    def _sender(self, name: str, value: Any) -> str | None:
        addresses = value.addresses if isinstance(value, AddressHeader) else ()
        if len(addresses) != 1 or addresses[0].display_name.isascii():
            return None
        return f"{self._words(addresses[0].display_name, name)}{self.linesep} <{addresses[0].addr_spec}>"

    def _words(self, text: str, name: str) -> str:
        return Header(text, "utf-8", header_name=name).encode(linesep=self.linesep)
