"""What stands on tax rows beside their amounts: the words of a table, and the parts of a base; for all rows at once."""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from schemas.dated import in_language
from taxes.charging import Charging
from taxes.frames import PART, TAXES

BY_TABLE = ["position", "tax_date", "locale"]
"""What decides the words of a row."""

_WORDS = [
    "tax_code", "kind", "name", "text", "reference", "table", "unit", "date_basis", "valid_from", "status",
]  # fmt: skip

_SHARES = ["telecom", "interstate", "interstate_share"]


def words_of(asked: Iterable[tuple[Any, ...]], tables: Sequence[Charging]) -> pl.DataFrame:
    """BY_TABLE, and what a table says of itself on a tax date, in a language. asked: the values of BY_TABLE."""
    rows = []
    for position, day, locale in asked:
        table = tables[position]
        rows.append(
            (position, day, locale, table.code, table.kind, in_language(table.name, locale),
             in_language(table.text, locale), table.citation(day), table.file, table.unit, table.date_basis,
             table.valid_from(day), table.status_on(day))
        )  # fmt: skip
    keys = {"position": pl.Int64, "tax_date": pl.Date, "locale": pl.String}
    return pl.DataFrame(rows, schema={**keys, **{name: TAXES[name] for name in _WORDS}}, orient="row")


def parts_of(rows: pl.DataFrame, tables: Sequence[Charging]) -> pl.DataFrame:
    """row, parts: the base's parts, groups of one taxable share together, for whoever explains the row later.

    rows: row, position, and the parts as lists (taxes/apply.py).
    """
    per_line = [position for position, table in enumerate(tables) if table.unit == "amount_per_line"]
    # An amount per line asks for no share: all its lines are one part.
    has_share = ~pl.col("position").is_in(per_line)
    listed = ["of", *_SHARES, "amount", "line_count", "lines"]
    return (
        rows.select("row", "position", *listed)
        .explode(listed)
        .with_columns(pl.when(has_share).then(name).alias(name) for name in _SHARES)
        .group_by("row", "of", *_SHARES, maintain_order=True)
        .agg(
            pl.col("amount").sum(),
            pl.col("line_count").fill_null(0).sum(),
            lines=pl.col("lines").list.explode().drop_nulls().sort(),
        )
        .rename({"telecom": "telecom_percent"})
        .group_by("row", maintain_order=True)
        .agg(parts=pl.struct(field.name for field in PART.fields))
        .cast({"parts": pl.List(PART)})
    )
