"""Rows that are segments of a message: which one of its message's each is."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from flows.ingest.csv_blocks import Block
from flows.presets.cells import SEGMENT


def number_segments(blocks: Iterator[Block], message: str) -> Iterator[Block]:
    """Adds `file.segment` (1, 2, …) to rows that share the message id in column `message`.

    Counted over the whole file, in the order of the rows' text, so that shuffled rows give the same. A gateway that
    writes no segment number leaves it at that: a message whose rows lie in two files is short by what they share.
    """
    column = f"file.{message}"
    seen = pl.DataFrame(schema={column: pl.String, "before": pl.UInt32})
    for block in blocks:
        if column not in block.rows.columns:
            yield block
            continue
        rows = block.rows.join(seen, on=column, how="left", maintain_order="left")
        place = pl.col("raw_line").rank("ordinal").over(column).cast(pl.UInt32)
        rows = rows.with_columns((place + pl.col("before").fill_null(0)).alias(f"file.{SEGMENT}")).drop("before")
        counts = rows.group_by(column).agg(pl.len().alias("before"))
        seen = pl.concat([seen, counts]).group_by(column).agg(pl.col("before").sum())
        yield replace(block, rows=rows)
