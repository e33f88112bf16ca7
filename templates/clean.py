"""Customer text is data: what could break a page or deceive a reader is replaced before anything is laid out."""

import unicodedata
from typing import Any

from schemas.document import Document

LONGEST_NAME = 120
LONGEST_TEXT = 2000
REPLACED = "\N{WHITE SQUARE}"
_NAMES = set(
    "name brand description discount_text billing_group destination unit city pool address_lines label".split()
)
_JOINERS = {"\N{ZERO WIDTH JOINER}", "\N{ZERO WIDTH NON-JOINER}"}
_INVISIBLE = {"\N{LEFT-TO-RIGHT MARK}", "\N{RIGHT-TO-LEFT MARK}", "\N{ARABIC LETTER MARK}", "\N{SOFT HYPHEN}"}
_MOST_MARKS = 4


def printable(document: Document) -> Document:
    """The document with every text cleaned and bounded; figures, dates and identifiers of ours are untouched."""
    return Document.model_validate(_walk(document.model_dump(), ""))


def _walk(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return clean_text(value, LONGEST_NAME if key in _NAMES else LONGEST_TEXT)
    if isinstance(value, dict):
        return {name: _walk(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_walk(part, key) for part in value]
    return value


def clean_text(text: str, longest: int = LONGEST_TEXT) -> str:
    """One line of text: white space becomes a space, control and direction-overriding characters a visible box.

    Longer than `longest` characters: cut, with an ellipsis. Letters of every script are kept.
    """
    if text.isascii() and text.isprintable() and len(text) <= longest:
        return text
    kept: list[str] = []
    marks = 0
    for character in text[: 4 * longest]:
        category = unicodedata.category(character)
        marks = marks + 1 if category == "Mn" else 0
        if marks > _MOST_MARKS:
            continue
        kept.append(_clean_character(character, category))
    cleaned = "".join(kept).strip()
    return cleaned if len(cleaned) <= longest else cleaned[: longest - 1].rstrip() + "…"


def _clean_character(character: str, category: str) -> str:
    if character in "\t\n\v\f\r\x85" or category in ("Zl", "Zp"):
        return " "
    if category == "Cf":
        # Joiners shape scripts and plain marks do no harm; overrides, embeddings and isolates can reverse a figure.
        if character in _JOINERS:
            return character
        return "" if character in _INVISIBLE else REPLACED
    return REPLACED if category in ("Cc", "Cs", "Co", "Cn") else character
