"""The columns of the feeds that rating reads of a record, and which of them there is anything to read in."""

import duckdb
import polars as pl

from flows.home.near_number import CALLER

KIND = {"calls": "voice", "messages": "sms"}
"""Feed of usage -> kind."""

_COLUMNS = {
    "calls": {
        "row_id": "c.rowid", "usage_no": "c.usage_no", "usage_id": "c.usage_id", "source": "c.source", "leg": "c.leg",
        "started_at": "c.started_at", "direction": "c.direction", "from_number": CALLER["calls"],
        "to_number": "c.to_number", "duration_s": "c.duration_s", "disposition": "c.disposition",
        "stated_account_id": "c.account_id", "extension": "c.extension", "device_id": "c.device_id",
        "has_stamp": "c.answered_at is not null",
    },
    "messages": {
        "row_id": "c.rowid", "usage_no": "c.usage_no", "usage_id": "c.usage_id", "source": "c.source",
        "started_at": "c.sent_at", "direction": "c.direction", "from_number": "c.from_number",
        "to_number": "c.to_number", "units": "c.credits", "text": "c.text", "stated_account_id": "c.account_id",
    },
}  # fmt: skip
"""Feed -> column -> its SQL over a row `c` of the feed."""

_SELDOM_FILLED = {
    "calls": {
        "leg": "leg", "disposition": "disposition", "stated_account_id": "account_id", "extension": "extension",
        "device_id": "device_id", "has_stamp": "answered_at", "from_number": "charged_number",
    },
    "messages": {"stated_account_id": "account_id"},
}  # fmt: skip
"""Columns that many sources never fill: feed -> column -> the one of the feed that says whether there is anything."""

_EMPTY = {
    **{name: pl.lit(None, pl.String) for name in ("leg", "disposition", "stated_account_id", "extension", "device_id")},
    "has_stamp": pl.lit(value=False),
    "duration_s": pl.lit(0, pl.Int64),
    "variants": pl.lit(1, pl.Int64),
}
"""What a column is that was not read."""


def filled_columns(con: duckdb.DuckDBPyConnection) -> frozenset[tuple[str, str]]:
    """Feed and column of those seldom filled that some record of the feed fills."""
    filled = set()
    for feed, columns in _SELDOM_FILLED.items():
        asked = ", ".join(f"exists (select 1 from feed_{feed} where {own} is not null)" for own in columns.values())
        for name, is_filled in zip(columns, con.execute(f"select {asked}").fetchall()[0], strict=True):
            if is_filled:
                filled.add((feed, name))
    return frozenset(filled)


def columns_of(feed: str, filled: frozenset[tuple[str, str]]) -> dict[str, str]:
    """The columns to read of a feed, and their SQL over a row `c` of it."""
    columns = dict(_COLUMNS[feed])
    for name in _SELDOM_FILLED[feed]:
        if (feed, name) not in filled:
            del columns[name]
    # Where no call has a number that pays for another, the caller's is the one that is written.
    return columns if "from_number" in columns else {**columns, "from_number": "c.from_number"}


def with_empty(records: pl.DataFrame) -> pl.DataFrame:
    """`records` with the columns that were not read, as they are where there is nothing; the units of a call are its
    seconds."""
    records = records.with_columns(value.alias(name) for name, value in _EMPTY.items() if name not in records.columns)
    return records if "units" in records.columns else records.with_columns(units="duration_s")
