"""Rows of frames to the lines, tax rows and meters of documents: all rows of a run at once.

Numbers are written as documents store them, as text, where the frame lies; pydantic reads each of them once.
"""

from typing import TypeVar

import polars as pl
from pydantic import BaseModel, TypeAdapter

from schemas.document import AllowanceUse, Line, Tax, TaxPart
from schemas.money import plain_text, rounded_text

Part = TypeVar("Part", bound=BaseModel)

_AT_ONCE = 10_000
"""Rows that are Python values at a time."""

_LINES = TypeAdapter(list[Line])
_TAXES = TypeAdapter(list[Tax])
_ALLOWANCES = TypeAdapter(list[AllowanceUse])


def lines_of(lines: pl.DataFrame, digits: pl.DataFrame) -> dict[str, list[Line]]:
    """Lines (invoicing.lines.LINE) by draft_id. digits: draft_id, minor_digits; drafts that are not in it are left."""
    names = [name for name in Line.model_fields if name != "destination"]
    rows = lines.join(digits, on="draft_id", maintain_order="left").select(
        "draft_id",
        *(name for name in names if not isinstance(lines.schema[name], pl.Decimal)),
        *(plain_text(pl.col(name)) for name in ("quantity", "list_unit_price", "unit_price", "line_count")),
        *(rounded_text(pl.col(name), pl.col("minor_digits")) for name in ("amount", "list_amount", "discount_amount")),
    )
    return _by_draft(rows, _LINES)


def taxes_of(taxes: pl.DataFrame, digits: pl.DataFrame) -> dict[str, list[Tax]]:
    """Tax rows, as taxes.apply returns them, by draft_id. digits: as for lines."""
    known = [name for name in Tax.model_fields if name in taxes.columns and name not in {"amount", "parts"}]
    numbers = [name for name in known if isinstance(taxes.schema[name], pl.Decimal)]
    rows = taxes.join(digits, on="draft_id", maintain_order="left").select(
        "draft_id",
        *(name for name in known if name not in numbers),
        *(plain_text(pl.col(name)) for name in numbers),
        rounded_text(pl.col("amount"), pl.col("minor_digits")),
        parts=pl.col("parts").list.eval(_part()),
    )
    return _by_draft(rows, _TAXES)


def _part() -> pl.Expr:
    """A part of a tax row, its numbers as text."""
    part = pl.element().struct
    numbers = ("amount", "telecom_percent", "interstate_share", "line_count")
    others = (name for name in TaxPart.model_fields if name not in numbers)
    return pl.struct(
        *(part.field(name) for name in others), *(plain_text(part.field(name)).alias(name) for name in numbers)
    )


def allowances_of(allowances: pl.DataFrame) -> dict[str, list[AllowanceUse]]:
    """Meters by draft_id."""
    numbers = ("granted", "used", "over")
    others = (name for name in AllowanceUse.model_fields if name not in numbers)
    rows = allowances.select("draft_id", *others, *(plain_text(pl.col(name)) for name in numbers))
    return _by_draft(rows, _ALLOWANCES)


def _by_draft(rows: pl.DataFrame, parts: TypeAdapter[list[Part]]) -> dict[str, list[Part]]:
    """draft_id -> its parts, in the order of the rows."""
    found: dict[str, list[Part]] = {}
    for some in rows.iter_slices(_AT_ONCE):
        read = parts.validate_python(some.drop("draft_id").to_dicts())
        for draft_id, part in zip(some["draft_id"], read, strict=True):
            found.setdefault(draft_id, []).append(part)
    return found
