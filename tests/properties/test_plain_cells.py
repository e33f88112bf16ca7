"""Columns that are plain throughout, and so not asked cell by cell, are read as all others are."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.ingest import parse as parsing
from flows.ingest.checked import Parsed
from flows.ingest.parse import parse
from schemas.feed import Column, Feed

COLUMNS = [
    Column("text"),
    Column("x"),
    Column("call_id", required=True),
    Column("account_id"),
    Column("direction", "choice", required=True, choices=("outbound", "inbound")),
    Column("duration_s", "integer"),
    Column("started_at", "instant"),
]
PLAIN = {
    "choice": ["outbound", "inbound"],
    "integer": ["0", "7", "007", "999999999"],
    "instant": ["2026-05-01T12:00:00Z", "2028-02-29T23:59:59Z", "2026-02-30T10:00:00Z"],
    "text": ["a", "C-17", "x y", "x" * 100],
}
ODD = {
    "choice": ["Outbound", "out", "outbound "],
    "integer": ["-1", "13.000", "13.5", "1000000000", "+5", " 5", "x", "1e3", "5\n"],
    "instant": [
        "2026-05-01T12:00Z", "2026-5-01T12:00:00Z", "2026-05-01T12:00:60Z", "2026-05-01T24:00:00Z",
        "+2026-5-1T12:00:00Z", "2026-05-01 12:00:00Z", "2026-05-01T12:00:00+02:00", "2026-05-01T12:00:00Z\n",
    ],
    "text": [" a", "a ", "é", "e\u0301", "\u200ba", "a\tb", "a\nb", "a\x7f", "\x80", "x" * 101, "x" * 256],
}  # fmt: skip


def cells_of(kind: str) -> st.SearchStrategy[list[str | None]]:
    plain = st.sampled_from([None, *PLAIN[kind]])
    return st.one_of(
        st.lists(plain, min_size=3, max_size=3), st.lists(plain | st.sampled_from(ODD[kind]), min_size=3, max_size=3)
    )


def read(column: Column, cells: Sequence[str | None], zone: str | None) -> Parsed:
    feed = Feed("trial", (column,), key=(), is_usage=True)
    text = pl.DataFrame({"source_line": [2, 3, 4], "raw_line": ["p", "q", "r"], column.name: cells})
    return parse(feed, text.with_columns(pl.col(column.name).cast(pl.String)), zone)


@given(st.data(), st.sampled_from(COLUMNS), st.sampled_from([None, "Europe/Paris"]))
def test_a_plain_column_is_read_as_cell_by_cell(data: st.DataObject, column: Column, zone: str | None) -> None:
    cells = data.draw(cells_of(column.kind))
    quick = read(column, cells, zone)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "plain_values", lambda *_args, **_options: None)
        patch.setattr(parsing, "one_form", lambda _cells: None)
        slow = read(column, cells, zone)
    assert quick.rows.equals(slow.rows)
    assert quick.rows.schema == slow.rows.schema
    assert quick.rejects.equals(slow.rejects)
