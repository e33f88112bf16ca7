"""JSON to frames of text cells, in the same blocks as CSV: JSON lines, and documents and pages that hold many records.

Numbers are taken as written, never through a float: that is why the standard library decodes here. The line of a
record in a page is its number in the file.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import unquote

import polars as pl

from flows.ingest.csv_blocks import REJECTS, Block
from flows.ingest.files import MAX_LINE, FileRefused
from flows.ingest.layouts import Layout
from schemas.errors import Fault

MAX_JSON = 64 * 2**20
"""Bytes of a file of JSON documents; a page of 10,000 calls has some five million."""

_ROWS = 50_000
Record = tuple[int, str, Any]
"""Its line, or its number where a file has no lines; its text; what that says, None where it is no JSON."""

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
_SPACE = re.compile(r"[ \t\r\n]*")


def jsonl_blocks(pieces: Iterator[bytes], name: str, layout: Layout) -> Iterator[Block]:
    """One JSON object a line; a line that is none is a reject, blank lines are ignored."""
    for records, blank in jsonl_records(pieces, name):
        yield block_of(records, layout, blank)


def jsonl_records(pieces: Iterator[bytes], name: str) -> Iterator[tuple[list[Record], int]]:
    """Records and the number of blank lines between them, a piece at a time."""
    line = 1
    for lines in _lines(pieces, name):
        yield _objects(lines, line)
        line += len(lines)


def _lines(pieces: Iterator[bytes], name: str) -> Iterator[list[str]]:
    rest, seen = b"", 1
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE or any(len(line) > MAX_LINE for line in whole):
            raise FileRefused(Fault(name, seen, None, "a line of more than 1 MB", "shorter lines"))
        seen += len(whole)
        yield [line.decode() for line in whole]
    if rest:
        yield [rest.decode()]


def _objects(lines: list[str], first: int) -> tuple[list[Record], int]:
    told = [(number, line) for number, line in enumerate(lines, first) if line.strip()]
    records: list[Record] = []
    for number, line in told:
        try:
            record = _DECODER.decode(line)
        except (ValueError, RecursionError):
            record = None
        records.append((number, line, record))
    return records, len(lines) - len(told)


def json_blocks(pieces: Iterator[bytes], name: str, layout: Layout) -> Iterator[Block]:
    """Documents one after the other: each a record, a list of records or a page that holds such a list.

    A file that is no JSON, or cut off, is refused whole: what is missing from it nobody could tell.
    """
    records = json_records(pieces, name, layout)
    for start in range(0, len(records), _ROWS):
        yield block_of(records[start : start + _ROWS], layout, 0)


def json_records(pieces: Iterator[bytes], name: str, layout: Layout) -> list[Record]:
    """The records of a file of documents, as `json_blocks`."""
    text = _whole(pieces, name)
    records: list[Record] = []
    try:
        for record, raw in _records(text, name, layout):
            records.append((len(records) + 1, raw, record))
    except json.JSONDecodeError as error:
        found = f"something that is no JSON ({error.msg})"
        fault = Fault(name, error.lineno, None, found, "whole JSON documents", "It may be cut off. Nothing was loaded.")
        raise FileRefused(fault) from None
    except RecursionError:
        raise FileRefused(Fault(name, None, None, "JSON nested without end", "plain records")) from None
    return records


def _whole(pieces: Iterator[bytes], name: str) -> str:
    held, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_JSON:
            raise FileRefused(Fault(name, None, None, f"more than {MAX_JSON} bytes of JSON", "smaller pages"))
        held.append(piece)
    return b"".join(held).decode()


def _records(text: str, name: str, layout: Layout) -> Iterator[tuple[Any, str]]:
    """Every record with its text as it stands in the file."""
    at = _skip(text, 0)
    while at < len(text):
        document, end = _DECODER.raw_decode(text, at)
        where = _list_in(text, at, document, name, layout)
        if where is None:
            yield from _inner(document, text[at:end], name, layout)
        elif text[where] == "[":
            for record, raw in _elements(text, where):
                yield from _inner(record, raw, name, layout)
        else:
            record, close = _DECODER.raw_decode(text, where)
            yield from _inner(record, text[where:close], name, layout)
        at = _skip(text, end)


def _inner(record: Any, raw: str, name: str, layout: Layout) -> Iterator[tuple[Any, str]]:
    """The records that a record holds, of a layout that says so; else the record itself."""
    begins = layout.preset.inner if layout.preset and isinstance(record, dict) else ()
    for begin in begins:
        if keys := [key for key, held in record.items() if key.startswith(begin) and isinstance(held, dict)]:
            for key in keys:
                at = _member(raw, 0, key, name)
                yield record[key], raw[at : _DECODER.raw_decode(raw, at)[1]]
            return
    yield record, raw


def _list_in(text: str, at: int, document: Any, name: str, layout: Layout) -> int | None:
    """Where a document's records begin: a list, or the value of the layout's key; None when it is a record itself."""
    if isinstance(document, list):
        return at
    source, preset = layout.source, layout.preset
    if source and source.items:
        keys = source.items.split(".")
        for key in keys:
            at = _member(text, at, key, name)
        if text[at] != "[":
            raise FileRefused(Fault(name, None, source.items, "a value that is no list", "the list of records"))
        return at
    pages = preset.pages if preset else ()
    members = document if isinstance(document, dict) else {}
    held = next((key for key in pages if isinstance(members.get(key), (list, dict))), None)
    if held:
        return _member(text, at, held, name)
    if preset and preset.only_pages:
        raise FileRefused(Fault(name, None, None, f"a document without {' or '.join(pages)}", "a page of records"))
    return None


def _member(text: str, at: int, wanted: str, name: str) -> int:
    """Where the value of a key of the object at `at` begins. The text is known to be JSON."""
    found = None
    if text[at] == "{":
        at = _skip(text, at + 1)
        while text[at] != "}":
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
            found = at if key == wanted else found
            _, at = _DECODER.raw_decode(text, at)
            at = _after(text, at)
    if found is None:
        raise FileRefused(Fault(name, None, wanted, f"a document without {wanted!r}", "a page of records"))
    return found


def _elements(text: str, at: int) -> Iterator[tuple[Any, str]]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, end = _DECODER.raw_decode(text, at)
        yield value, text[at:end]
        at = _after(text, end)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _after(text: str, at: int) -> int:
    """The next member or element, or the bracket that closes."""
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def block_of(records: Sequence[Record], layout: Layout, blank: int) -> Block:
    """Rows of the records that are objects, rejects of the others."""
    cells: dict[str, list[str | None]] = {name: [] for name in layout.reads}
    prefix = layout.preset.url_encoded if layout.preset and layout.source and layout.source.url_encoded else ""
    encoded = {name for name in cells if prefix and name.startswith(prefix)}
    numbers, raws = [], []
    bad: list[tuple[int, str | None, str, str]] = []
    for number, raw, record in records:
        if not isinstance(record, dict):
            bad.append((number, None, "found something else; expected one JSON object", raw))
            continue
        row = _row(record, cells, encoded)
        if "\\u" in raw and (torn := _torn(row)):
            bad.append((number, torn, "found half a character (\\ud800 to \\udfff alone); expected whole text", raw))
            continue
        numbers.append(number)
        raws.append(raw)
        for name, value in row.items():
            cells[name].append(value)
    rows = pl.DataFrame(
        {"source_line": numbers, "raw_line": raws, **{f"file.{name}": values for name, values in cells.items()}},
        schema={"source_line": pl.Int64, "raw_line": pl.String, **{f"file.{name}": pl.String for name in cells}},
    )
    rejects = pl.DataFrame(bad, schema=REJECTS, orient="row")
    return Block(rows, rejects, blank + rows.height + rejects.height)


def _row(record: dict[str, Any], names: Iterable[str], encoded: set[str]) -> dict[str, str | None]:
    """The cells of a record by name."""
    row = {name: _json_text(_dig(record, name)) for name in names}
    return row | {name: unquote(value) for name in encoded if (value := row[name])}


def _torn(row: dict[str, str | None]) -> str | None:
    """The first column whose text holds half of a surrogate pair, which JSON can write and no text can hold."""
    return next((name for name, value in row.items() if value and any("\ud800" <= c <= "\udfff" for c in value)), None)


def _dig(record: dict[str, Any], path: str) -> Any:
    """The value of a key, or of a dotted path into nested objects and, by number, lists."""
    if path in record or "." not in path:
        return record.get(path)
    found: Any = record
    for key in path.split("."):
        if isinstance(found, list):
            found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, dict) else None
    return found


def _json_text(value: Any) -> str | None:
    """A JSON value as the text of a cell; nested values keep their JSON and are rejected by the parser."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return json.dumps(value)
    except RecursionError:
        return "(nested without end)"
