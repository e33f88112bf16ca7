"""CSV text to frames of text cells, with the physical line of every record.

The records of a block are found by counting quotes, and each is held against the one shape that it may have; what does
not fit is a reject that says why. The others are split by Polars (everything as text, nothing detected), which finds
records in its own way: the two must agree, or the file is refused.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from flows.ingest.csv_lead import Lead
from flows.ingest.csv_quotes import tight, tightened
from flows.ingest.csv_records import no_line_feeds, records_of, text_of, without_first
from flows.ingest.files import MAX_COLUMNS, FileRefused
from flows.ingest.layouts import Layout, undeclared
from flows.ingest.trailers import Trailer
from flows.presets.cells import BLANKS
from schemas.counts import count_of
from schemas.errors import Fault

BLOCK = 32 * 2**20
"""Bytes parsed at a time: what bounds the memory a file of any size needs."""

_OTHER_LINE_ENDS = re.compile("[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What ends lines elsewhere: a header with one of them holds the records too, and would be a file without any."""

REJECTS = {"source_line": pl.Int64, "column_name": pl.String, "reason": pl.String, "raw_line": pl.String}
NO_REJECTS = pl.DataFrame(schema=REJECTS)


@dataclass(frozen=True)
class Block:
    """Some records of a file. `rows`: source_line, raw_line (null where the file has none), the file's columns as text.

    `rejects`: source_line, column_name, reason, raw_line. `lines`: how many physical lines came out as rows, rejects,
    header or blank lines, counted from what came out; the whole file's must be what its bytes say.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    lines: int
    is_closed: bool = False
    """Whether its last line is one that ends a file, as the source declares (`trailer`)."""

    @property
    def records(self) -> int:
        return self.rows.height + self.rejects.height


def csv_blocks(
    pieces: Iterator[bytes], name: str, layout: Layout, ends: bool, block_bytes: int = BLOCK
) -> Iterator[Block]:
    """Blocks of a CSV file given as pieces of UTF-8. `ends`: whether its last line ends in a newline.

    What the layout's source says of lines that are no records (`skip_rows`, `skip_after_header`, `trailer`) is left out
    and counted. A file of usage without a line is one without records. Raises FileRefused for a header that does not
    fit, an unclosed quote, a line over 1 MB, quotes that do not pair, a trailer that counts other records.
    """
    source = layout.source
    columns: list[str] | None = None if layout.header else list(layout.columns)
    lead = Lead(layout)
    trailer = Trailer(name, source.trailer) if source and source.trailer else None
    below = source.skip_after_header if source else 0
    skipped, pieces = without_first(pieces, source.skip_rows if source else 0)
    line, aside, records_in = 1 + skipped, skipped, 0
    for everything, lines, text in records_of(pieces, name, ends, block_bytes):
        numbered = everything.with_columns(pl.col("source_line") + line)
        records = numbered.filter(pl.col("raw_line") != "")
        aside += numbered.height - records.height
        line += lines
        if trailer:
            records, others = trailer.taken_out(records)
            aside += _lines_of(others)
        if columns is None and records.height:
            header, records = records.row(0, named=True), records.slice(1)
            columns = header_of(header["raw_line"], name, layout, header["source_line"])
            aside += 1 + header["raw_line"].count("\n")
        if columns is None:
            continue
        aside += _lines_of(records.head(below))
        below, records = max(0, below - records.height), records.slice(below)
        records, others = lead.taken_off(records)
        aside += _lines_of(others)
        columns = lead.widened(columns, records)
        mended = lead.mended(records)
        as_text = text_of(mended, text, line - lines, lines) if mended is records else b""
        block = block_of(mended, columns, name, layout.delimiter, aside, as_text)
        rows, rejects = (lead.as_written(frame, records) for frame in (block.rows, block.rejects))
        aside, records_in = 0, records_in + block.records
        yield replace(block, rows=rows, rejects=rejects, is_closed=bool(trailer and trailer.is_last(line - 1)))
    if columns is None and not (layout.feed.is_usage and line == 1 + aside and not skipped):
        found = f"a file of {count_of(line - 1, 'line')}" if skipped else "an empty file"
        raise FileRefused(Fault(name, None, None, found, "a header line", "Have it sent again."))
    if aside:
        nothing = pl.DataFrame(schema={"source_line": pl.Int64, "raw_line": pl.String})
        yield Block(nothing, NO_REJECTS, aside, bool(trailer and trailer.is_last(line - 1)))
    if trailer:
        trailer.check(records_in)


def _lines_of(records: pl.DataFrame) -> int:
    """Physical lines of whole records."""
    inside = records.select(pl.col("raw_line").str.count_matches("\n", literal=True).sum()).item()
    return records.height + int(inside or 0)


def header_of(raw: str, name: str, layout: Layout, line: int) -> list[str]:
    """The file's column names, checked against what the layout needs."""
    if _OTHER_LINE_ENDS.search(raw):
        raise no_line_feeds(name, line)
    try:
        names = next(csv.reader([tight(raw, layout.delimiter)], delimiter=layout.delimiter), [])
    except csv.Error as error:
        raise FileRefused(Fault(name, line, None, f"a header that is no CSV ({error})", "column names")) from None
    wanted = {*layout.reads}
    names = [name if name in wanted else name.strip(BLANKS) for name in names]
    names = _as_named(names, layout)
    if len(names) > MAX_COLUMNS:
        raise FileRefused(Fault(name, line, None, f"{len(names)} columns", f"at most {MAX_COLUMNS}"))
    twice = sorted({column for column in names if column and names.count(column) > 1})
    if twice:
        remedy = undeclared(layout.feed, layout.source, name)
        found = f"the column {twice[0]!r} more than once"
        raise FileRefused(Fault(name, line, twice[0], found, "each column once", remedy))
    if fault := layout.missing(names, name, line):
        raise FileRefused(fault)
    return names


def _as_named(found: list[str], layout: Layout) -> list[str]:
    """Headings under the names that the layout reads them by, where it knows them by another spelling."""
    preset = layout.preset
    if preset is None or not preset.headings:
        return found
    wanted = {*layout.reads}
    own = {plain_heading(name): name for name in (*layout.names.values(), *preset.also)}
    columns, open_ = [*found], {plain_heading(name): at for at, name in enumerate(found) if name not in wanted}
    for theirs, name in [*own.items(), *preset.headings.items()]:
        if theirs in open_ and name not in columns:
            columns[open_.pop(theirs)] = name
    return columns


def plain_heading(name: str) -> str:
    """A heading to compare: small letters and digits, nothing between."""
    return "".join(sign for sign in name.lower() if sign.isalnum())


def block_of(
    records: pl.DataFrame, columns: list[str], name: str, delimiter: str, aside: int, text: bytes = b""
) -> Block:
    """Splits records into cells: rows where they are as many as the columns, rejects for the others. Blanks before the
    quotes around a cell are none of it.

    `aside`: physical lines of the header and blank ones; `text`: the records in one, without quotes, where they are at
    hand so. Raises FileRefused where quotes do not pair.
    """
    quoted = not text and bool(records.select(pl.col("raw_line").str.contains('"', literal=True).any()).item())
    records = records.with_columns(text="raw_line")
    fits = records.select(_fits(len(columns), delimiter, quoted)).to_series()
    if quoted and not fits.all():
        records = records.with_columns(text=pl.when(fits).then("text").otherwise(tightened("text", delimiter)))
        fits = records.select(_fits(len(columns), delimiter, quoted)).to_series()
    misfits = records.filter(~fits)
    rows = records.filter(fits) if misfits.height else records
    torn = misfits.filter(pl.col("raw_line").str.contains("\n", literal=True))
    if torn.height:
        raise _do_not_pair(name, torn["source_line"][0])
    rejects = misfits.select(
        "source_line",
        pl.lit(None, pl.String).alias("column_name"),
        _complaint(len(columns), delimiter).alias("reason"),
        "raw_line",
    )
    cells = _split_cells(rows, columns, delimiter, quoted, b"" if misfits.height else text)
    if cells is None:
        raise _do_not_pair(name, None)
    inside = int(rows.select(pl.col("raw_line").str.count_matches("\n", literal=True).sum()).item()) if quoted else 0
    rows = pl.concat([rows.drop("text"), cells], how="horizontal")
    return Block(rows, rejects, aside + records.height + inside)


def _fits(width: int, delimiter: str, quoted: bool) -> pl.Expr:
    """Whether a record is `width` cells: in quotes, doubled inside, or plain text without quotes and line ends."""
    raw = pl.col("text")
    if not quoted:
        is_one_line = ~raw.str.contains("\r", literal=True)
        return is_one_line & (raw.str.count_matches(delimiter, literal=True) == width - 1)
    mark = re.escape(delimiter)
    cell = f'(?:"(?:[^"]|"")*"|[^"\r\n{mark}]*)'
    return raw.str.contains(f"^{cell}(?:{mark}{cell}){{{width - 1}}}$")


def _complaint(width: int, delimiter: str) -> pl.Expr:
    """Why a record does not fit."""
    # What stands in quotes becomes a lone quote, which is right only as a whole cell.
    bare = pl.col("raw_line").str.replace_all('(?:"[^"]*")+', '"')
    count = bare.str.count_matches(delimiter, literal=True) + 1
    other = f'[^"{re.escape(delimiter)}]'
    return (
        pl.when(bare.str.contains("\r", literal=True))
        .then(pl.lit("found a carriage return inside the line; expected text without control characters"))
        .when(bare.str.contains(f'{other}"|"{other}'))
        .then(pl.lit("found text beside a closing quote; expected quotes around the whole cell, doubled inside"))
        .when(count > width)
        .then(pl.lit(f"found more than {width} columns; expected {width}"))
        .when(count == 1)
        .then(pl.lit(f"found 1 column; expected {width}"))
        .otherwise(pl.format("found {} columns; expected {}", count, pl.lit(width)))
    )


def _split_cells(
    rows: pl.DataFrame, columns: list[str], delimiter: str, quoted: bool, as_text: bytes
) -> pl.DataFrame | None:
    """The cells of records that fit, as `file.<column>`; None where they come back as other records than went in.

    With quotes each record is given its line number as a first cell, so that a row says itself which one it is.
    """
    text = pl.concat_str(pl.col("source_line"), "text", separator=delimiter) if quoted else pl.col("text")
    names = [*(["n"] if quoted else []), *(f"c{place}" for place in range(len(columns)))]
    cells = pl.DataFrame(schema=dict.fromkeys(names, pl.String))
    if rows.height:
        cells = pl.read_csv(
            as_text or rows.select(text.str.join("\n")).item().encode(), has_header=False, separator=delimiter,
            quote_char='"' if quoted else None, infer_schema=False, new_columns=names,
        )  # fmt: skip
    if cells.height != rows.height or (quoted and (cells["n"] != rows["source_line"].cast(pl.String)).any()):
        return None
    named = {f"c{place}": f"file.{column}" for place, column in enumerate(columns) if column}
    return cells.select(*named).rename(named)


def refuse_swallowed(rejects: pl.DataFrame, name: str, layout: Layout, width: int) -> None:
    """Refuses the file when a rejected record holds the cells of several: a quote that is closed far below
    would else turn good records into one bad one."""
    cells = pl.col("raw_line").str.count_matches(layout.delimiter, literal=True)
    lines = pl.col("raw_line").str.contains("\n", literal=True)
    swallowed = rejects.filter(lines & (cells >= 2 * (width - 1)))
    if swallowed.height:
        raise _do_not_pair(name, swallowed["source_line"].min())  # type: ignore[arg-type]


def _do_not_pair(name: str, line: int | None) -> FileRefused:
    expected = 'quotes around whole cells, a quote inside doubled ("")'
    return FileRefused(Fault(name, line, None, "quotes that do not pair", expected, "Nothing was loaded."))
