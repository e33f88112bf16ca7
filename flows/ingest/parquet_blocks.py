"""Parquet to frames of text cells, in the same blocks as CSV. A record's line is its number in the file."""

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from flows.ingest.csv_blocks import REJECTS, Block
from flows.ingest.files import MAX_COLUMNS, FileRefused, InboxFile
from flows.ingest.layouts import Layout
from schemas.errors import Fault

_ROWS = 200_000
MAX_ROWS = 200_000_000
"""A few bytes of Parquet can promise any number of equal rows."""


def parquet_blocks(file: InboxFile, layout: Layout) -> Iterator[Block]:
    """Rows of a Parquet file as text. A float in a column of decimals or whole numbers refuses the file."""
    name = file.name
    try:
        with file.path.open("rb") as opened, pq.ParquetFile(opened) as parquet:
            _check_parquet(parquet, name, layout)
            wanted = sorted({*layout.reads} & set(parquet.schema_arrow.names))
            first = 1
            for batch in parquet.iter_batches(_ROWS, columns=wanted):
                frame = pl.from_arrow(pa.Table.from_batches([batch]))
                assert isinstance(frame, pl.DataFrame), "a table becomes a frame"
                yield _as_text(frame, first)
                first += frame.height
    except (pa.ArrowException, OSError):
        fault = Fault(name, None, None, "a damaged Parquet file", "a whole one", "Have it sent again.")
        raise FileRefused(fault) from None


def _check_parquet(parquet: pq.ParquetFile, name: str, layout: Layout) -> None:
    schema = parquet.schema_arrow
    rows = parquet.metadata.num_rows
    if len(schema.names) > MAX_COLUMNS or rows > MAX_ROWS:
        found = f"{len(schema.names)} columns and {rows} rows"
        raise FileRefused(Fault(name, None, None, found, f"at most {MAX_COLUMNS} and {MAX_ROWS}"), rows)
    twice = sorted({column for column in schema.names if schema.names.count(column) > 1})
    if twice:
        raise FileRefused(Fault(name, None, twice[0], "the column more than once", "each column once"), rows)
    if fault := layout.missing(schema.names, name, None):
        raise FileRefused(fault, rows)
    for theirs in layout.reads:
        if theirs not in schema.names:
            continue
        kind = schema.field(theirs).type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if pa.types.is_floating(kind) or not _is_plain(kind):
            expected = "text, whole numbers, decimals, dates or times; a float has lost what was written"
            raise FileRefused(Fault(name, None, theirs, f"values of type {kind}", expected), rows)


def _is_plain(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer, pa.types.is_decimal,
        pa.types.is_date, pa.types.is_timestamp, pa.types.is_boolean, pa.types.is_null,
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _as_text(frame: pl.DataFrame, first: int) -> Block:
    cells = [_text(pl.col(name), kind).alias(f"file.{name}") for name, kind in frame.schema.items()]
    rows = frame.select(
        pl.int_range(first, first + frame.height, dtype=pl.Int64).alias("source_line"),
        pl.lit(None, pl.String).alias("raw_line"),
        *cells,
    )
    return Block(rows, pl.DataFrame(schema=REJECTS), frame.height)


def _text(cell: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime):
        if kind.time_zone:
            return cell.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        return cell.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f")
    if isinstance(kind, pl.Decimal):
        return cell.cast(pl.String).str.replace(r"(\.\d*?)0+$", "$1").str.strip_suffix(".")
    return cell.cast(pl.String)
