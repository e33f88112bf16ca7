"""What a correction tells its customers: words of the operator, on its documents, in their language."""

import re
from collections.abc import Iterable, Mapping

from schemas.dated import in_language
from schemas.document import Document
from schemas.errors import WrongUsage

Note = Mapping[str, str]
"""Language -> text; empty: nothing is printed."""

_OTHERS = "en"
"""Where a text without a language goes: it is read where there is none of the customer's own."""


def note_of(texts: Iterable[str]) -> Note:
    """`de=Ihr Vertrag...` is for readers of German, a text without a language for all others. Raises WrongUsage where a
    language is given twice, or a text is empty."""
    note: dict[str, str] = {}
    for given in texts:
        found = re.match(r"([a-z]{2})=", given)
        language, text = (found[1], given[found.end() :].strip()) if found else (_OTHERS, given.strip())
        if not text:
            raise WrongUsage(f"--note: found {given!r}; expected the words that customers read, such as de=Vertrag")
        if language in note:
            raise WrongUsage(f"--note: found two texts for {language!r}; expected one per language")
        note[language] = text
    return note


def printed(note: Note, document: Document) -> str:
    """The words for the document's reader; none where nothing was to be said."""
    return in_language({**note}, document.locale) if note else ""
