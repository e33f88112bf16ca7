"""What must be declared so that somebody pays for the records of a sample (RULES 16)."""

from typing import Any

import polars as pl

from flows.ask.source_reading import Reading
from flows.ask.source_shown import values_met
from flows.presets.known import PRESETS
from rating.ends import EXTENSION

_MOST_ACCOUNTS = 20


def payers_asked(reading: Reading) -> dict[str, tuple[Any, str]]:
    """Key of a declaration -> (what it may say, the question), where a file's records have no payer yet.

    An extension says nothing without an account; a system's own word for its customer need not be our account_id.
    """
    good, layout = reading.good, reading.layout
    if layout is None or good.is_empty():
        return {}
    asked: dict[str, tuple[Any, str]] = {}
    if "account_id" not in reading.guess.said and (homeless := _homeless(reading)):
        columns = "name it in columns" if layout.columns else 'columns = { account_id = "…" }'
        question = (
            f"{homeless} of {good.height} records have an extension or nothing at our end, and state no account: "
        )
        question += f"whose are they? Where a column says it: {columns}. List extensions in feed devices"
        asked["account_id"] = "ACCOUNT", question
    if (stated := _their_accounts(reading)) and "values" not in reading.guess.said:
        asked["values"] = (
            {"account_id": {name: name for name in stated}},
            f"what does feed accounts call these? They stand in {layout.name_of('account_id')}",
        )
    return asked


def _homeless(reading: Reading) -> int:
    """Records that no account and no number of ours can be told of."""
    good = reading.good
    near = pl.when(pl.col("direction") == "inbound").then("to_number").otherwise("from_number")
    if "charged_number" in good.columns:
        near = pl.coalesce("charged_number", near)
    billed = reading.layout.source.leg if reading.layout and reading.layout.source else None
    bills = pl.col("leg") == billed if billed and "leg" in good.columns else pl.lit(True)
    inside = near.is_null() | near.str.contains(EXTENSION)
    return int(good.select((pl.col("account_id").is_null() & inside & bills).sum()).item())


def _their_accounts(reading: Reading) -> list[str]:
    """What a system's own column says for accounts; none where the column is ours or was mapped by its owner."""
    layout = reading.layout
    preset = PRESETS.get(reading.guess.label)
    if layout is None or preset is None or reading.guess.is_declared or "account_id" not in preset.names:
        return []
    met = [row["value"] for row in values_met(reading, "account_id") if row["value"]]
    return met[:_MOST_ACCOUNTS]
