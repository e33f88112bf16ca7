"""Leading zeros of a workbook (xlsx): a number in a cell whose format is nothing but zeros, `00000`, shows them.

What reads workbooks gives numbers without their format, so 00042 would come as 42 and be another extension or code.
Such cells are made text, in the workbook's own XML, before it is read.
"""

import io
import re
import zipfile

_FORMAT = re.compile(rb"""<(?:\w+:)?numFmt\b[^>]*>""")
_ATTRIBUTE = re.compile(rb"""\b(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FORMATS_OF_CELLS = re.compile(rb"<(?:\w+:)?cellXfs\b.*?</(?:\w+:)?cellXfs>", re.DOTALL)
_FORMAT_OF_CELL = re.compile(rb"<(?:\w+:)?xf\b[^>]*>")
_ONLY_ZEROS = re.compile(rb"(?:&quot;)?(0{2,})(?:&quot;)?(?:;.*)?", re.DOTALL)
_CELL = re.compile(
    rb"<((?:\w+:)?c)\b([^>/]*)>((?:<((?:\w+:)?f)\b[^>]*(?:/>|>[^<]*</\4>))?)<((?:\w+:)?v)>([0-9]+)(?:\.0+)?</\5>"
)
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


def with_zeros(content: bytes) -> bytes:
    """The workbook with such cells as text; the very bytes where there are none, or where it is no xlsx."""
    if not content.startswith(b"PK") or not zipfile.is_zipfile(io.BytesIO(content)):
        return content
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            if "xl/styles.xml" not in packed.namelist() or not (widths := _widths(packed.read("xl/styles.xml"))):
                return content
            return _rewritten(packed, widths)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError):
        return content  # what reads it says what is wrong with it


def _attributes(tag: bytes) -> dict[bytes, bytes]:
    return {name: double or single for name, double, single in _ATTRIBUTE.findall(tag)}


def _widths(styles: bytes) -> dict[bytes, int]:
    """Number of a cell's format, as cells name it -> digits that it shows at least."""
    zeros: dict[bytes, int] = {}
    for tag in _FORMAT.findall(styles):
        said = _attributes(tag)
        if found := _ONLY_ZEROS.fullmatch(said.get(b"formatCode", b"")):
            zeros[said.get(b"numFmtId", b"")] = len(found[1])
    cells = _FORMATS_OF_CELLS.search(styles)
    if not zeros or cells is None:
        return {}
    told = [_attributes(tag).get(b"numFmtId", b"") for tag in _FORMAT_OF_CELL.findall(cells[0])]
    return {str(place).encode(): zeros[number] for place, number in enumerate(told) if number in zeros}


def _rewritten(packed: zipfile.ZipFile, widths: dict[bytes, int]) -> bytes:
    def as_text(found: re.Match[bytes]) -> bytes:
        tag, said, formula, _, value_tag, digits = found.groups()
        attributes = _attributes(said)
        width = widths.get(attributes.get(b"s", b""), 0)
        if attributes.get(b"t", b"n") != b"n" or len(digits) >= width:
            return found[0]
        others = b"".join(b' %s="%s"' % (name, value) for name, value in attributes.items() if name != b"t")
        shown = digits.rjust(width, b"0")
        return b'<%s%s t="str">%s<%s>%s</%s>' % (tag, others, formula, value_tag, shown, value_tag)

    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as made:
        for part in packed.infolist():
            data = packed.read(part)
            made.writestr(part.filename, _CELL.sub(as_text, data) if _SHEET.fullmatch(part.filename) else data)
    return kept.getvalue()
