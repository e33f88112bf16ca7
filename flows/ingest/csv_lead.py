"""What a CSV has by its layout besides records: lines above the first one, more cells behind, quotes left out."""

import csv

import polars as pl

from flows.ingest.layouts import Layout


class Lead:
    """Of one file, read from its beginning on: frames of source_line and raw_line."""

    def __init__(self, layout: Layout) -> None:
        preset = layout.preset
        self._looks_like = preset.leads if preset else ""
        self._may_widen = preset is not None and preset.more_follow
        self._delimiter = layout.delimiter
        self._mends = preset.mends if preset else ("", "")

    def taken_off(self, records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The records, and the lines above the first one that are none."""
        if not self._looks_like or records.is_empty():
            return records, records.clear()
        is_lead = records["raw_line"].str.contains(self._looks_like)
        count = records.height if is_lead.all() else int(is_lead.arg_min() or 0)
        if count < records.height:
            self._looks_like = ""
        return records.slice(count), records.head(count)

    def widened(self, columns: list[str], records: pl.DataFrame) -> list[str]:
        """The columns with nameless ones behind them, as many as the first record has cells."""
        if not self._may_widen or records.is_empty():
            return columns
        self._may_widen = False
        more = len(next(csv.reader([records["raw_line"][0]], delimiter=self._delimiter), [])) - len(columns)
        return [*columns, *[""] * max(0, more)]

    def mended(self, records: pl.DataFrame) -> pl.DataFrame:
        """Lines with the quotes that their layout leaves out."""
        wrong, right = self._mends
        return records.with_columns(pl.col("raw_line").str.replace_all(wrong, right)) if wrong else records

    def as_written(self, rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
        """What came of lines that were mended, with the lines as they stand in the file."""
        if not self._mends[0]:
            return rows
        raw = records.select("source_line", written="raw_line")
        joined = rows.join(raw, on="source_line", how="left", maintain_order="left", validate="m:1")
        return joined.with_columns(raw_line="written").drop("written")
