"""CSV split by us is CSV split by the standard library, record by record; what is neither is never a row."""

import csv
import re
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.ingest.csv_blocks import Block, csv_blocks
from flows.ingest.files import FileRefused
from flows.ingest.layouts import Layout
from schemas.feed import Column, Feed

FEED = Feed("trial", tuple(Column(name, "text") for name in "abc"), key=())
CELL = st.text(st.sampled_from(['"', ",", ";", "\t", "|", "\n", " ", "x", "é", "7", "'", "\\", "#"]), max_size=6)
DELIMITER = st.sampled_from([",", ";", "\t", "|", "^", "]", "-", " ", "~", "\\"])


def blocks_of(text: str, delimiter: str, block_bytes: int = 64) -> Iterator[Block]:
    layout = Layout(FEED, "csv", header=False, columns=("a", "b", "c"), delimiter=delimiter)
    yield from csv_blocks(iter([text.encode()]), "trial.csv", layout, text.endswith("\n"), block_bytes)


def rows_of(blocks: list[Block]) -> list[tuple[str, ...]]:
    rows = pl.concat([block.rows for block in blocks])
    return rows.select(pl.col("^file.*$").fill_null("")).rows()


@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12),
    DELIMITER,
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_writer_wrote_comes_back_cell_by_cell(
    records: list[tuple[str, str, str]], delimiter: str, quoting: int, line_end: str
) -> None:
    lines = list(_written(records, delimiter, quoting, line_end))
    text = "".join(lines)
    blocks = list(blocks_of(text, delimiter))
    assert rows_of(blocks) == records
    assert sum(block.rejects.height for block in blocks) == 0
    assert sum(block.lines for block in blocks) == text.count("\n")
    starts = [1 + sum(line.count("\n") for line in lines[:place]) for place in range(len(lines))]
    assert [line for block in blocks for line in block.rows["source_line"]] == starts


def _written(records: list[tuple[str, str, str]], delimiter: str, quoting: int, line_end: str) -> Iterator[str]:
    for record in records:
        kept: list[str] = []
        sink = type("Sink", (), {"write": lambda _, text, kept=kept: kept.append(text)})()
        csv.writer(sink, delimiter=delimiter, quoting=quoting, lineterminator=line_end).writerow(record)  # type: ignore[arg-type]
        yield "".join(kept)


@given(st.text(st.sampled_from(['"', '"', ",", ",", "\n", "\r", "x", " "]), max_size=60))
def test_whatever_is_in_a_file_a_row_is_what_the_standard_library_reads(text: str) -> None:
    text += "\n"
    try:
        blocks = list(blocks_of(text, ","))
    except FileRefused:
        blocks = []
    if not blocks:  # Only quotes make a whole file of short lines unreadable.
        assert '"' in text
        return
    assert sum(block.lines for block in blocks) == text.count("\n")
    for block in blocks:
        for raw, *cells in block.rows.select("raw_line", pl.col("^file.*$").fill_null("")).rows():
            if not re.search(r'(^|,) +"', raw):
                assert [cells] == list(csv.reader([raw], strict=True))
                continue
            # Blanks before quotes are skipped; those before plain text are part of it.
            (told,) = csv.reader([raw], strict=True, skipinitialspace=True)
            assert [cell.lstrip(" ") for cell in cells] == [cell.lstrip(" ") for cell in told]
        assert block.rejects["reason"].null_count() == 0
        for raw, reason in block.rejects.select("raw_line", "reason").rows():
            assert "\n" not in raw
            assert (
                any(why in reason for why in ("carriage return", "closing quote")) or raw.count(",") != 2 or '"' in raw
            )


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1, "Main St, 5", "x"', ("1", "Main St, 5", "x")),
        ('  "1",2, "3"', ("1", "2", "3")),
        ('1,\t"a ""b"", c",3', ("1", 'a "b", c', "3")),
        ('1, "a, ""b"", c", d', ("1", 'a, "b", c', " d")),
        ('"1, ""x""", "",3', ('1, "x"', "", "3")),
        ('"1"," ""2",3', ("1", ' "2', "3")),
    ],
)
def test_blanks_before_quotes_are_skipped(line: str, cells: tuple[str, ...]) -> None:
    (block,) = blocks_of(f'1,2,3\n{line}\n"1","2","3"\n', ",", 10_000)
    assert rows_of([block]) == [("1", "2", "3"), cells, ("1", "2", "3")]
    assert block.rows["raw_line"][1] == line


def test_blanks_before_quotes_of_a_header_are_skipped_too() -> None:
    layout = Layout(FEED, "csv", columns=())
    text = '"a", "b", "c"\n1, "2;3", "4"\n'
    (block,) = csv_blocks(iter([text.encode()]), "trial.csv", layout, True)
    assert rows_of([block]) == [("1", "2;3", "4")]
    (tabbed,) = blocks_of('1\t "2"\t\n', "\t", 10_000)
    assert rows_of([tabbed]) == [("1", "2", "")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a,b", "found 2 columns; expected 3"),
        ("a,b,c,d", "found more than 3 columns; expected 3"),
        ('"a","b"', "found 2 columns; expected 3"),
        ('"a,b,c"', "found 1 column; expected 3"),
        ('"a","b","c","d"', "found more than 3 columns; expected 3"),
        ('a"b",c,d', "beside a closing quote"),
        ('"a"b,c,d', "beside a closing quote"),
        ('"a" ,c,d', "beside a closing quote"),
        ("a,b\r,c", "a carriage return inside the line"),
        ('"a",b\r,c', "a carriage return inside the line"),
    ],
)
def test_what_does_not_fit_says_why_also_beside_lines_that_do(line: str, says: str) -> None:
    for other in ("1,2,3", '"1","2","3"'):
        (block,) = blocks_of(f"{other}\n{line}\n{other}\n", ",", 10_000)
        assert rows_of([block]) == [("1", "2", "3")] * 2
        assert block.rejects.select("source_line", "raw_line").rows() == [(2, line)]
        assert says in block.rejects["reason"].item()
