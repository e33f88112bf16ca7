"""WeasyPrint given what the templates make: a tree that is well-formed already, and objects that are written once.

Parsing forgives nothing: a template's slip in its markup is an error where a browser would guess.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cssselect2
import pydyf
from weasyprint import CSS, HTML
from weasyprint.document import Document as Laid
from weasyprint.urls import URLFetcher

_DEFAULTS = Path(__file__).with_name("defaults.css")


class Paper(HTML):
    """A page of ours, of markup that is XML too. Raises ParseError for what is not."""

    def __init__(self, markup: str, url_fetcher: URLFetcher) -> None:
        # The markup is our template's, with everything that others have written escaped: no entity can be in it.
        root = ET.fromstring(markup)  # noqa: S314
        self.base_url = None
        self.url_fetcher = url_fetcher
        self.media_type = "print"
        self.wrapper_element = cssselect2.ElementWrapper.from_html_root(root, content_language=None)
        self.etree_element = self.wrapper_element.etree_element

    def _ua_stylesheets(self, forms: bool = False) -> list[CSS]:  # noqa: ARG002
        """In place of WeasyPrint's own: a fifth of a document's time went into what that says of every element."""
        return [_defaults()]


@lru_cache(maxsize=1)
def _defaults() -> CSS:
    return CSS(string=_DEFAULTS.read_text(encoding="utf-8"))


class _Written(pydyf.Object):
    """An object of a PDF in the bytes that it is written as."""

    def __init__(self, of: pydyf.Object) -> None:
        self.number, self.offset, self.generation, self.free = of.number, of.offset, of.generation, of.free
        self._data: bytes = of.data
        self._compressible: bool = of.compressible

    @property
    def data(self) -> bytes:
        return self._data

    @property
    def compressible(self) -> bool:
        return self._compressible


def written_once(_: Laid, pdf: pydyf.PDF) -> None:
    """A finisher for `write_pdf`: pydyf makes, and compresses, each object a second time for the file's identifier."""
    pdf.objects[:] = [part if part.free == "f" else _Written(part) for part in pdf.objects]


def write_options(identifier: str) -> dict[str, Any]:
    """Of `write_pdf`: identified by what the document says."""
    return {"finisher": written_once, "pdf_identifier": identifier.encode()}
