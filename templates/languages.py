"""The languages documents are written in. English is in the code; the others are .po files under locale/."""

import io
from functools import lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

LOCALE_FOLDER = Path(__file__).parent / "locale"
CATALOGUE = "LC_MESSAGES/documents.po"


def known_locale(name: str) -> Locale:
    """'fr_CA' or 'fr-CA' -> its CLDR locale; an unknown region falls back to the language, that to English."""
    normal = name.replace("-", "_")
    for candidate in (normal, normal.split("_")[0], "en"):
        try:
            return Locale.parse(candidate)
        except (UnknownLocaleError, ValueError):
            continue
    raise AssertionError("CLDR without English")


def text_language(locale: Locale) -> str:
    """The language the sentences are in: the locale's own when there is a catalogue, else 'en'."""
    return locale.language if (LOCALE_FOLDER / locale.language / CATALOGUE).exists() else "en"


def language_tag(locale: Locale) -> str:
    """For lang attributes, such as 'fr-CA'. A locale without a catalogue is tagged as what it shows: English."""
    if text_language(locale) != locale.language:
        return "en"
    return "-".join(filter(None, (locale.language, locale.territory)))


def territory_name(country: str, locale: Locale) -> str:
    """An ISO 3166 code in the language of the text: 'PT' -> 'Portugal'; an unknown code stays as it is."""
    return str(Locale(text_language(locale)).territories.get(country, country))


@lru_cache(maxsize=16)
def translations(language: str) -> Translations:
    """The messages of a language. Compiled from the .po in memory, so that no build step can be forgotten."""
    source = LOCALE_FOLDER / language / CATALOGUE
    if not source.exists():
        return Translations()
    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled)
