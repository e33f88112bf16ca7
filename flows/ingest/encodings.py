"""Bytes to UTF-8: the declared encoding of a file's text, and what its first bytes say that it is instead."""

import codecs
from collections.abc import Iterator
from itertools import chain

_WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ZIP = b"PK\x03\x04"
_SIGNS = (
    (b"%PDF", "a PDF", "Have the system export CSV."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or another Office document",
     'Declare format = "xlsx" for its source, or save it as CSV.'),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it."),
    (b"Rar!", "a RAR archive", "Unpack it."),
    (b"\x28\xb5\x2f\xfd", "a file packed with zstd", "Unpack it; .gz is read as it is."),
    (b"BZh", "a file packed with bzip2", "Unpack it; .gz is read as it is."),
    (b"\xfd7zXZ", "a file packed with xz", "Unpack it; .gz is read as it is."),
    (b"PAR1", "a Parquet file", 'Name it .parquet, or declare format = "parquet" for its source.'),
)  # fmt: skip


class BadText(Exception):
    """Bytes that the encoding does not have: the line they stand on (from 1), None for a cut-off end."""

    def __init__(self, line: int, cut_off: bool = False) -> None:
        super().__init__(line)
        self.line = line
        self.cut_off = cut_off


def is_utf8(encoding: str) -> bool:
    """Whether text of the encoding is read as it stands."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def told_by_first_bytes(first: bytes) -> tuple[str, str] | None:
    """(what a file is that was taken for text in UTF-8, the remedy) by its first bytes; None where they say nothing.

    first: as many as there are, a few thousand at least.
    """
    for mark, encoding in _WIDE.items():
        if first.startswith(mark):
            return f"{encoding.upper()} text", f'Declare encoding = "{encoding}" for its source, or save it as UTF-8.'
    for sign, found, remedy in (*_packed(first), *_SIGNS):
        if first.startswith(sign):
            return found, remedy
    for order, signs, zeros in (("le", first[:200:2], first[1:200:2]), ("be", first[1:200:2], first[:200:2])):
        if 0 not in signs and zeros.count(0) * 2 > len(zeros) > 1:
            return "UTF-16 text", f'Declare encoding = "utf-16-{order}" for its source, or save it as UTF-8.'
    return None


def _packed(first: bytes) -> list[tuple[bytes, str, str]]:
    """What a zip is: workbooks are."""
    as_workbook = 'Declare format = "xlsx" for its source, or save it as CSV.'
    if b"opendocument.spreadsheet" in first[:200]:
        return [(_ZIP, "a LibreOffice workbook", as_workbook)]
    if b"xl/" in first or b"[Content_Types].xml" in first[:200]:
        return [(_ZIP, "an Excel workbook", as_workbook)]
    return [(_ZIP, "a zip archive", "Unpack it; .gz is read as it is.")]


class LineCount:
    """Line ends of a text whose bytes come in pieces, and whether it ends in one; bad bytes count as signs."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self.newlines = 0
        self.ends = False

    def add(self, piece: bytes) -> None:
        text = self._decoder.decode(piece)
        self.newlines += text.count("\n")
        if text:
            self.ends = text.endswith("\n")


def checked_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces as they are, without a byte order mark. Raises BadText for what is no UTF-8."""
    decoder, line, first = codecs.getincrementaldecoder("utf-8")(), 1, True
    for piece in pieces:
        try:
            # ASCII is UTF-8, and seen to be in a tenth of the time, unless half a sign is still to end.
            if not piece.isascii() or decoder.getstate()[0]:
                decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise BadText(line + error.object[: error.start].count(b"\n")) from None
        line += piece.count(b"\n")
        yield piece[3:] if first and piece.startswith(codecs.BOM_UTF8) else piece
        first = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise BadText(line, cut_off=True) from None


def as_utf8(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The text in UTF-8, without a byte order mark. Raises BadText for bytes that the encoding does not have.

    A file that begins with UTF-8's mark is UTF-8, whatever 8-bit encoding is declared for its source.
    """
    head = next(pieces, b"")
    pieces = chain([head], pieces)
    if head.startswith(codecs.BOM_UTF8) and _is_8_bit(encoding):
        yield from checked_utf8(pieces)
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    line, first = 1, True
    for piece in pieces:
        before = decoder.getstate()
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError:
            raise BadText(line + _lines_before_fault(decoder, before, piece)) from None
        line += text.count("\n")
        if first and text:
            text, first = text.removeprefix("\ufeff"), False
        if text:
            yield text.encode()
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise BadText(line, cut_off=True) from None


def _is_8_bit(encoding: str) -> bool:
    return "\n".encode(encoding) == b"\n"


def _lines_before_fault(decoder: codecs.IncrementalDecoder, before: tuple[bytes, int], piece: bytes) -> int:
    """Line ends of `piece` that come before its first bad byte: the decoder is set back and given less and less."""
    good, step, newlines = 0, len(piece), 0
    state = before
    while step:
        decoder.setstate(state)
        try:
            newlines += decoder.decode(piece[good : good + step]).count("\n")
        except UnicodeDecodeError:
            step //= 2
            continue
        good, state = good + step, decoder.getstate()
        if good >= len(piece):
            break
    return newlines
