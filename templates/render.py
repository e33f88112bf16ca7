"""A document to HTML and PDF. Equal documents give equal bytes, in any process and on any day."""

import atexit
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import CSS
from weasyprint.document import Document as Laid
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from schemas.collector import collector_resting
from schemas.document import Document, digest
from templates.languages import translations
from templates.page import page_of
from templates.paper import Paper, write_options

_HERE = Path(__file__).parent
_FONTS = {f"Inter-{weight}.ttf": number for weight, number in {"Regular": 400, "SemiBold": 600, "Bold": 700}.items()}

_OPTIONS: dict[str, Any] = {"pdf_tags": True}


class OwnFilesOnly(URLFetcher):
    """Fetches the vendored fonts and nothing else: no other file, no network, no data: address."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols={"file"}, allow_redirects=False)
        self._own = {(_HERE / "fonts" / name).as_uri() for name in _FONTS}

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        if url not in self._own:
            raise ValueError(f"not a file of the templates: {url!r}")
        return super().fetch(url, headers)


@dataclass(frozen=True)
class _Style:
    fonts: FontConfiguration
    sheets: list[CSS]


@lru_cache(maxsize=1)
def _style() -> _Style:
    """Style sheets and fonts, parsed once per process."""
    # WeasyPrint keeps the fonts in a folder of its own until the configuration is collected.
    atexit.register(_style.cache_clear)
    fonts = FontConfiguration()
    faces = "".join(
        f"@font-face {{ font-family: Inter; font-weight: {weight}; src: url({(_HERE / 'fonts' / name).as_uri()}) }}\n"
        for name, weight in _FONTS.items()
    )
    css = CSS(string=faces + _css("document.css"), font_config=fonts, url_fetcher=OwnFilesOnly())
    return _Style(fonts, [css])


def _css(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def environment(language: str) -> Environment:
    """Jinja for one language: everything escaped whatever the template's name, and no undefined name passes."""
    jinja = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    return jinja


def render_html(document: Document) -> str:
    """The document as one HTML page with its style inside, for a screen."""
    return _html(document, _css("document.css"))


def render_pdf(document: Document) -> bytes:
    """The document as a tagged PDF, dated with its issue date and identified by its content."""
    identifier = hashlib.sha256(digest(document).encode()).hexdigest()[:32]
    with collector_resting():
        pdf = laid_out(document).write_pdf(**_OPTIONS, **write_options(identifier))
    assert isinstance(pdf, bytes)
    return pdf


def laid_out(document: Document) -> Laid:
    """The pages of the PDF before they are written."""
    style = _style()
    html = Paper(_html(document, None), OwnFilesOnly())
    with collector_resting():
        return html.render(stylesheets=style.sheets, font_config=style.fonts, **_OPTIONS)


def try_page(document: Document) -> None:
    """Makes the page and throws it away: raises what would be raised before a line of the PDF is laid out."""
    Paper(_html(document, None), OwnFilesOnly())


def pdf_of_json(document_json: bytes) -> bytes:
    """`render_pdf` of a document's stored JSON; top-level, so that a spawned process can be handed it."""
    return render_pdf(Document.model_validate_json(document_json))


def _html(document: Document, css: str | None) -> str:
    page = page_of(document)
    language = page.language.split("-")[0]
    return environment(language).get_template("document.html.j2").render(page=page, css=css)
