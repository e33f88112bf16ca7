"""SMS credits counted from the text: GSM 03.38 segments (RULES 11, CONTRACT section 5).

A text of the basic set has 160 septets in one segment or 153 in each of several; characters of the extension
table take two. One character outside both turns the whole text into UCS-2: 70 or 67 code units. A segment
never splits an escape pair or a surrogate pair, which is why counting characters and dividing is not enough.
"""

import polars as pl

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€\f")


def segments(text: str) -> int:
    """How many SMS segments carry `text`; an empty text needs none."""
    if not text:
        return 0
    if all(c in _BASIC or c in _EXTENSION for c in text):
        widths = [2 if c in _EXTENSION else 1 for c in text]
        alone, each = 160, 153
    else:
        widths = [2 if ord(c) > 0xFFFF else 1 for c in text]
        alone, each = 70, 67
    if sum(widths) <= alone:
        return 1
    count, room = 1, each
    for width in widths:
        if width > room:
            count, room = count + 1, each
        room -= width
    return count


def with_credits(messages: pl.DataFrame) -> pl.DataFrame:
    """Fills `units` from `text` where a record brings no credits; each distinct text is counted once."""
    texts = messages.filter(pl.col("units").is_null() & pl.col("text").is_not_null())["text"].unique().to_list()
    counted = {text: segments(text) for text in texts}
    return messages.with_columns(
        units=pl.coalesce("units", pl.col("text").replace_strict(counted, default=None, return_dtype=pl.Int64))
    ).drop("text")
