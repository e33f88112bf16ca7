"""CSV text to frames of text cells, with the physical line of every record.

The records of a block are found by counting quotes, each is given its line number as a first cell, and DuckDB
splits the cells (everything as text, nothing detected). A line number is thus part of the row, whatever order
the rows come back in, and what did not come back is a reject. The two ways of finding records must agree.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from flows.ingest.files import MAX_COLUMNS, MAX_LINE, FileRefused
from flows.ingest.layouts import Layout
from schemas.errors import Fault

BLOCK = 32 * 2**20
"""Bytes parsed at a time: what bounds the memory a file of any size needs."""

REJECTS = {"source_line": pl.Int64, "column_name": pl.String, "reason": pl.String, "raw_line": pl.String}


@dataclass(frozen=True)
class Block:
    """Some records of a file. `rows`: source_line, raw_line (null where the file has none), the file's columns as text.

    `rejects`: source_line, column_name, reason, raw_line. `lines`: how many physical lines came out as rows, rejects,
    header or blank lines, counted from what came out; the whole file's must be what its bytes say.
    """

    rows: pl.DataFrame
    rejects: pl.DataFrame
    lines: int

    @property
    def records(self) -> int:
        return self.rows.height + self.rejects.height


def csv_blocks(
    pieces: Iterator[bytes], name: str, layout: Layout, scratch: Path, ends: bool, block_bytes: int = BLOCK
) -> Iterator[Block]:
    """Blocks of a CSV file given as pieces of UTF-8. `ends`: whether its last line ends in a newline.

    Raises FileRefused for a header that does not fit, an unclosed quote, a line over 1 MB, quotes that do not pair.
    """
    columns: list[str] | None = None if layout.header else list(layout.columns)
    line = 1
    for everything, lines in _records(pieces, name, ends, block_bytes):
        records = everything.filter(pl.col("raw_line") != "").with_columns(pl.col("source_line") + line)
        aside = everything.height - records.height
        line += lines
        if columns is None and records.height:
            header, records = records.row(0, named=True), records.slice(1)
            columns = _header(header["raw_line"], name, layout, header["source_line"])
            aside += 1 + header["raw_line"].count("\n")
        if columns is not None:
            plain = _plain_cells(records, columns, layout.delimiter)
            yield (
                _cells(records, columns, name, layout, scratch, aside)
                if plain is None
                else Block(plain, pl.DataFrame(schema=REJECTS), aside + plain.height)
            )
    if columns is None:
        raise FileRefused(Fault(name, None, None, "an empty file", "a header line", "Have it sent again."))


def _records(pieces: Iterator[bytes], name: str, ends: bool, block_bytes: int) -> Iterator[tuple[pl.DataFrame, int]]:
    """(records with their line counted from 0, physical lines) per block; a newline inside quotes ends no record."""
    rest, line = b"", 1
    for piece in _blocks(pieces, block_bytes):
        data = rest + piece
        frame, lines, used = _split(data)
        if frame.height and (longest := frame["raw_line"].str.len_bytes().max() or 0) > MAX_LINE:  # type: ignore[operator]
            at = frame.filter(pl.col("raw_line").str.len_bytes() == longest)["source_line"][0]
            raise _too_long(name, line + at)
        rest = data[used:]
        if len(rest) > MAX_LINE:
            raise _too_long(name, line + lines)
        line += lines
        if lines:
            yield frame, lines
    if not rest:
        return
    if rest.count(b'"') % 2:
        found = "a quote that is never closed"
        raise FileRefused(Fault(name, line, None, found, 'every " closed on its record', "Nothing was loaded."))
    assert not ends, "only an unfinished last line can be left over"
    frame, lines, _ = _split(rest + b"\n")
    yield frame, lines


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


def _split(data: bytes) -> tuple[pl.DataFrame, int, int]:
    """(source_line from 0 and raw_line per record, blank ones too; physical lines; bytes used)."""
    end = data.rfind(b"\n")
    if end < 0:
        return pl.DataFrame(schema={"source_line": pl.Int64, "raw_line": pl.String}), 0, 0
    lines = pl.Series("raw_line", [data[:end].decode()]).str.split("\n").explode().to_frame()
    used, count = end + 1, lines.height
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
    raw = pl.col("raw_line").str.strip_suffix("\r")
    return lines.select(pl.col("source_line").cast(pl.Int64), raw), count, used


def _header(raw: str, name: str, layout: Layout, line: int) -> list[str]:
    """The file's column names, checked against what the layout needs."""
    names = next(csv.reader([raw], delimiter=layout.delimiter), [])
    if len(names) > MAX_COLUMNS:
        raise FileRefused(Fault(name, line, None, f"{len(names)} columns", f"at most {MAX_COLUMNS}"))
    twice = sorted({column for column in names if column and names.count(column) > 1})
    if twice:
        raise FileRefused(Fault(name, line, twice[0], f"the column {twice[0]!r} more than once", "each column once"))
    if fault := layout.missing(names, name, line):
        raise FileRefused(fault)
    return names


def _plain_cells(records: pl.DataFrame, columns: list[str], delimiter: str) -> pl.DataFrame | None:
    """The rows of a block in which nothing is quoted and every record has its cells, as most switches write them.

    None where that is not so: what is then a cell, and what is wrong, takes a CSV parser to say.
    """
    raw = pl.col("raw_line")
    odd = raw.str.contains_any(['"', "\r", "\n"]) | (raw.str.count_matches(delimiter, literal=True) != len(columns) - 1)
    if not records.height or records.select(odd.any()).item():
        return None
    text = records.select(raw.str.join("\n")).item().encode()
    cells = pl.read_csv(
        text, has_header=False, separator=delimiter, quote_char=None, infer_schema=False,
        new_columns=[f"file.{place}" for place in range(len(columns))],
    )  # fmt: skip
    if cells.height != records.height:
        return None
    named = {f"file.{place}": f"file.{column}" for place, column in enumerate(columns) if column}
    return pl.concat([records, cells.select(*named).rename(named)], how="horizontal")


def _cells(records: pl.DataFrame, columns: list[str], name: str, layout: Layout, scratch: Path, aside: int) -> Block:
    """Splits records into cells: rows where the number of cells fits, rejects for the others.

    `aside`: physical lines of the header and blank ones.
    """
    stray = pl.col("raw_line").str.contains("\r", literal=True) & ~pl.col("raw_line").str.contains('"', literal=True)
    returns, records = records.filter(stray), records.filter(~stray)
    cells, complaints = _duckdb_cells(records, columns, name, layout, scratch)
    rows = records.join(cells, on="source_line", how="inner", validate="1:1", maintain_order="left")
    if rows.height != cells.height:
        raise _do_not_pair(name, None)
    left = records.join(rows.select("source_line"), on="source_line", how="anti", maintain_order="left")
    broken = left.filter(pl.col("raw_line").str.contains("\n", literal=True))
    if broken.height:
        raise _do_not_pair(name, broken["source_line"][0])
    rejects = left.join(complaints, on="source_line", how="left", maintain_order="left").select(
        "source_line",
        pl.lit(None, pl.String).alias("column_name"),
        pl.col("reason").fill_null(f"found another shape; expected {len(columns)} columns"),
        "raw_line",
    )
    control = returns.select(
        "source_line",
        pl.lit(None, pl.String).alias("column_name"),
        pl.lit("found a carriage return inside the line; expected text without control characters").alias("reason"),
        "raw_line",
    )
    rejects = pl.concat([rejects, control])
    embedded = pl.col("raw_line").str.count_matches("\n", literal=True).sum()
    inside = sum(int(frame.select(embedded).item()) for frame in (rows, rejects))
    return Block(rows, rejects, aside + rows.height + rejects.height + inside)


def _duckdb_cells(
    records: pl.DataFrame, columns: list[str], name: str, layout: Layout, scratch: Path
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(source_line and cells as text; source_line and reason of what does not split)."""
    spec = ", ".join(f"'{column}': 'varchar'" for column in ["n", *(f"c{i}" for i in range(len(columns)))])
    numbered = pl.concat_str(pl.col("source_line").cast(pl.String), pl.col("raw_line"), separator=layout.delimiter)
    file = scratch / "block.csv"
    try:
        file.write_bytes((records.select(numbered.str.join("\n")).item() + "\n").encode() if records.height else b"")
        with duckdb.connect() as con:
            con.execute("set preserve_insertion_order = false; set autoinstall_known_extensions = false")
            cells = con.sql(
                f"select * from read_csv($1, columns = {{{spec}}}, auto_detect = false, header = false, delim = $2, "
                "quote = '\"', escape = '\"', store_rejects = true, strict_mode = true, max_line_size = 4000000)",
                params=[str(file), layout.delimiter],
            ).pl()
            errors = con.sql("select csv_line, error_type::varchar as kind, error_message from reject_errors").pl()
    except duckdb.Error:
        raise _do_not_pair(name, None) from None
    finally:
        file.unlink(missing_ok=True)
    cells = cells.with_columns(pl.col("n").cast(pl.Int64, strict=False))
    if cells["n"].null_count():
        raise _do_not_pair(name, None)
    _check_newlines(records, cells, name)
    named = {f"c{i}": column for i, column in enumerate(columns) if column}
    cells = cells.select(pl.col("n").alias("source_line"), *(pl.col(c).alias(f"file.{n}") for c, n in named.items()))
    return cells, _complaints(errors, len(columns))


def _check_newlines(records: pl.DataFrame, cells: pl.DataFrame, name: str) -> None:
    """A record of several lines must have come back with all of them inside its cells."""
    inside = pl.sum_horizontal(pl.col("^c[0-9]+$").str.count_matches("\n", literal=True).fill_null(0))
    several = records.filter(pl.col("raw_line").str.contains("\n", literal=True))
    torn = (
        several.join(cells, left_on="source_line", right_on="n")
        .filter(inside != pl.col("raw_line").str.count_matches("\n", literal=True))
        .get_column("source_line")
    )
    if torn.len():
        raise _do_not_pair(name, torn.min())  # type: ignore[arg-type]


def _complaints(errors: pl.DataFrame, width: int) -> pl.DataFrame:
    """One reason per line. DuckDB says one error per missing column, and counts our line number as a column."""
    fewest = pl.col("error_message").str.extract(r"Found: (\d+)").cast(pl.Int64).min() - 1
    kinds = pl.col("kind")
    quotes = pl.lit("found text beside a closing quote; expected quotes around the whole cell, doubled inside")
    return (
        errors.group_by(pl.col("csv_line").str.extract(r"^\s*(\d+)").cast(pl.Int64).alias("source_line"))
        .agg(
            pl.when((kinds == "UNQUOTED VALUE").any())
            .then(quotes)
            .when((kinds == "TOO MANY COLUMNS").any())
            .then(pl.lit(f"found more than {width} columns; expected {width}"))
            .when((kinds == "MISSING COLUMNS").any())
            .then(pl.format("found {} columns; expected {}", fewest, pl.lit(width)))
            .alias("reason")
        )
        .drop_nulls("source_line")
    )


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
