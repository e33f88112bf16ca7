"""What a layout cannot know and nobody has declared: asked by name, with the values that stand in the file."""

import polars as pl

from flows.presets.cells import FileRows
from flows.presets.preset import Ask
from schemas.errors import Fault

MOST_VALUES = 12
"""Values that a question lists, the commonest first."""


def question(file: str, ask: Ask, rows: pl.DataFrame) -> Fault:
    """The refusal of a file whose layout asks. rows: the cells of its beginning, as `file.<name>`."""
    told = rows.select(value=FileRows(rows).cell(ask.column).fill_null("")).to_series().value_counts(sort=True)
    met = [f"{value!r} ({count})" for value, count in told.sort("count", "value", descending=[True, False]).iter_rows()]
    more = f" and {len(met) - MOST_VALUES} more" if len(met) > MOST_VALUES else ""
    found = f"in {ask.column}: {', '.join(met[:MOST_VALUES])}{more}"
    return Fault(file, None, ask.column, found, "a declaration of what they mean", f"Please {ask.sentence}.")
