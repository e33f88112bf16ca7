"""The records of CSV text, block by block, with the physical line of each: found by counting quotes, not yet split."""

from collections.abc import Iterator
from itertools import chain

import polars as pl

from flows.ingest.files import MAX_COLUMNS, MAX_LINE, FileRefused
from schemas.errors import Fault


def without_first(pieces: Iterator[bytes], lines: int) -> tuple[int, Iterator[bytes]]:
    """How many of the first `lines` lines there were, and what comes after them."""
    left, last = lines, b""
    for piece in pieces if lines else ():
        at = 0
        while left and (end := piece.find(b"\n", at)) >= 0:
            at, left = end + 1, left - 1
        if not left:
            return lines, chain([piece[at:]] if piece[at:] else [], pieces)
        last = piece[at:]
    return lines - left + bool(last), (iter(()) if lines else pieces)


def records_of(
    pieces: Iterator[bytes], name: str, ends: bool, block_bytes: int
) -> Iterator[tuple[pl.DataFrame, int, bytes]]:
    """(records with their line counted from 0, physical lines, their text) per block; a newline inside quotes ends no
    record. The text is empty where its lines are not the records just as they stand."""
    rest, line = b"", 1
    for piece in _blocks(pieces, block_bytes):
        data = rest + piece
        frame, lines, used, text = _split(data)
        if frame.height and (longest := frame["raw_line"].str.len_bytes().max() or 0) > MAX_LINE:  # type: ignore[operator]
            at = frame.filter(pl.col("raw_line").str.len_bytes() == longest)["source_line"][0]
            raise _too_long(name, line + at)
        rest = data[used:]
        if len(rest) > MAX_LINE:
            raise no_line_feeds(name, line) if b"\r" in rest[:-1] and not lines else _too_long(name, line + lines)
        line += lines
        if lines:
            yield frame, lines, text
    if not rest:
        return
    if rest.count(b'"') % 2:
        found = "a quote that is never closed"
        raise FileRefused(Fault(name, line, None, found, 'every " closed on its record', "Nothing was loaded."))
    assert not ends, "only an unfinished last line can be left over"
    frame, lines, _, text = _split(rest + b"\n")
    yield frame, lines, text


def _blocks(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    held: list[bytes] = []
    total = 0
    for piece in pieces:
        held.append(piece)
        total += len(piece)
        if total >= size:
            yield b"".join(held)
            held, total = [], 0
    if held:
        yield b"".join(held)


def _too_long(name: str, line: int) -> FileRefused:
    found = "a line or quoted field of more than 1 MB"
    return FileRefused(Fault(name, line, None, found, "shorter lines", "A quote may never have been closed."))


def no_line_feeds(name: str, line: int) -> FileRefused:
    """The refusal of a file whose lines end in something else."""
    found = "carriage returns without line feeds, or other ends of lines, inside the line"
    remedy = "It may have the line ends of an old Mac: have it written with others. Nothing was loaded."
    return FileRefused(Fault(name, line, None, found, "lines that end in LF or CR LF", remedy))


def _split(data: bytes) -> tuple[pl.DataFrame, int, int, bytes]:
    """(source_line from 0 and raw_line per record, blank ones too; physical lines; bytes used; the records' text)."""
    used = data.rfind(b"\n") + 1
    if not used:
        return pl.DataFrame(schema={"source_line": pl.Int64, "raw_line": pl.String}), 0, 0, b""
    # Most big files have neither quotes nor carriage returns: looking for a byte is cheaper than for it in every line.
    if b'"' in data:
        return *_split_quoted(data[:used]), b""
    text = data[:used]
    # In one chunk: of several, some empty, Polars 2.1 panics in when/then with literals.
    lines = pl.read_lines(text, name="raw_line").rechunk().with_row_index("source_line")
    if b"\r" not in text:
        return lines.select(pl.col("source_line").cast(pl.Int64), "raw_line"), lines.height, used, text
    text = text.replace(b"\r\n", b"\n")
    return _without_returns(lines), lines.height, used, b"" if b"\r" in text else text


def _without_returns(lines: pl.DataFrame) -> pl.DataFrame:
    """Text written twice through a Windows program ends its lines in CR CR LF."""
    return lines.select(pl.col("source_line").cast(pl.Int64), pl.col("raw_line").str.strip_chars_end("\r"))


def _split_quoted(data: bytes) -> tuple[pl.DataFrame, int, int]:
    """As `_split`, of whole lines with quotes."""
    lines = pl.Series("raw_line", [data[:-1].decode()]).str.split("\n").explode().to_frame()
    used, count = len(data), lines.height
    quotes = lines["raw_line"].str.count_matches('"', literal=True)
    if (quotes % 2 == 1).any():
        open_after = (quotes.cum_sum() % 2 == 1).alias("open_after")
        closed = (~open_after).arg_true()
        count = int(closed[-1]) + 1 if closed.len() else 0
        lines = lines.with_columns(open_after).head(count)
        used = int(lines["raw_line"].str.len_bytes().sum()) + count
        starts = ~pl.col("open_after").shift(1, fill_value=False)
        lines = (
            lines.with_row_index("source_line")
            .group_by(starts.cum_sum().alias("record"), maintain_order=True)
            .agg(pl.col("source_line").first(), pl.col("raw_line").str.join("\n"))
            .drop("record")
        )
    else:
        lines = lines.with_row_index("source_line")
    return _without_returns(lines), count, used


def text_of(records: pl.DataFrame, text: bytes, first: int, lines: int) -> bytes:
    """The text of these records of a block whose `lines` lines begin with line `first`; empty where they are not its
    last lines, all of them."""
    above = records["source_line"][0] - first if records.height else lines
    if records.height != lines - above or above > MAX_COLUMNS:
        return b""
    at = 0
    for _ in range(above if text else 0):
        at = text.index(b"\n", at) + 1
    return text[at:]
