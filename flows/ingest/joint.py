"""The cells of many small files at once: what is alike in them is made into frames together.

A frame costs milliseconds however few rows it has, so lines and records are gathered first. A file of any other
shape (quotes, lines before the header, segments) is read by itself, and its cells are put to the others'.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from flows.ingest import csv_blocks
from flows.ingest.csv_blocks import Block, header_of
from flows.ingest.files import MAX_LINE, InboxFile, Physical, text_chunks
from flows.ingest.json_blocks import Record, block_of, json_records, jsonl_records
from flows.ingest.layouts import Layout
from flows.ingest.reading import blocks_of, guarded
from flows.ingest.settle import LINES

_PLAIN = {"skip_rows": 0, "skip_after_header": 0, "trailer": None, "encoding": "utf-8"}
"""What a source says of the lines of its files when there is nothing to say."""


@dataclass
class _Alike:
    """Lines of files with one header."""

    columns: list[str]
    numbers: list[int] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


@dataclass
class Joint:
    """Files of one layout, being read.

    `aside`: per file the lines that are no record, its header included; `widths`: of one read alone its columns.
    """

    layout: Layout
    aside: dict[int, int] = field(default_factory=dict)
    widths: dict[int, int] = field(default_factory=dict)
    _records: list[Record] = field(default_factory=list)
    _alike: dict[str, _Alike] = field(default_factory=dict)
    _own: list[Block] = field(default_factory=list)

    def add(self, n: int, file: InboxFile, physical: Physical) -> None:
        """Reads the n-th file. Raises FileRefused, and then has nothing of it."""
        read = {"json": self._json, "jsonl": self._jsonl, "csv": self._csv}[self.layout.kind]
        next(guarded(file, (read(n, file, physical) for _ in (1,))))

    def _json(self, n: int, file: InboxFile, physical: Physical) -> None:
        self._records += _moved(n, json_records(text_chunks(file, physical), file.name, self.layout))
        self.aside[n] = 0

    def _jsonl(self, n: int, file: InboxFile, physical: Physical) -> None:
        parts = [*jsonl_records(text_chunks(file, physical), file.name)]
        self._records += [record for records, _ in parts for record in _moved(n, records)]
        self.aside[n] = sum(blank for _, blank in parts)

    def _csv(self, n: int, file: InboxFile, physical: Physical) -> None:
        text = b"".join(text_chunks(file, physical)).decode()
        lines = [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]
        first = next((at for at, line in enumerate(lines) if line), None)
        if first is None or '"' in text or not self._is_plain() or max(map(len, lines)) > MAX_LINE // 4:
            self._alone(n, file, physical)
            return
        header = lines[first]
        if header not in self._alike:
            self._alike[header] = _Alike(header_of(header, file.name, self.layout, first + 1))
        told = [(number, line) for number, line in enumerate(lines[first + 1 :], n * LINES + first + 2) if line]
        self._alike[header].numbers += [number for number, _ in told]
        self._alike[header].lines += [line for _, line in told]
        self.aside[n] = len(lines) - len(told)

    def _is_plain(self) -> bool:
        layout = self.layout
        preset = layout.preset
        is_odd = preset is not None and (preset.by_segment or preset.leads or preset.mends[0] or preset.more_follow)
        usual = all(getattr(layout.source, key, usual) == usual for key, usual in _PLAIN.items())
        return layout.header and usual and not is_odd

    def _alone(self, n: int, file: InboxFile, physical: Physical) -> None:
        blocks = [*blocks_of(file, self.layout, physical)]
        moved = pl.col("source_line") + n * LINES
        for block in blocks:
            self._own.append(Block(block.rows.with_columns(moved), block.rejects.with_columns(moved), block.lines))
        self.aside[n] = sum(block.lines - block.records for block in blocks)
        self.widths[n] = blocks[0].rows.width - 2 if blocks else 1

    def blocks(self) -> Iterator[Block]:
        """The cells of all files, lines counted by LINES; its `lines` mean nothing. Raises FileRefused."""
        if self._records:
            yield block_of(self._records, self.layout, 0)
        for alike in self._alike.values():
            records = pl.DataFrame(
                {"source_line": alike.numbers, "raw_line": alike.lines},
                schema={"source_line": pl.Int64, "raw_line": pl.String},
            )
            yield csv_blocks.block_of(records, alike.columns, "these files", self.layout.delimiter, 0)
        yield from self._own


def _moved(n: int, records: list[Record]) -> list[Record]:
    return [(number + n * LINES, raw, said) for number, raw, said in records]
