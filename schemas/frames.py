"""The frames that pass between the packages: their columns and types, checked with pandera at the boundaries.

Validate collected frames only: on a LazyFrame pandera checks names and types, never values (DESIGN, decision 9).
"""

from collections.abc import Mapping
from typing import Any

import pandera.polars as pa
import polars as pl

from schemas.codes import FindingCode, ParkedCode
from schemas.errors import TollbookError
from schemas.money import EXACT
from schemas.product import SECTIONS

CHARGE: dict[str, Any] = {
    "account_id": pl.String,
    "charge_key": pl.String,  # account, feed, resource, product, cycle
    "charge_type": pl.String,
    "section": pl.String,
    "product_code": pl.String,
    "resource_kind": pl.String,
    "resource_id": pl.String,
    "billing_group": pl.String,
    "country": pl.String,  # far end, where a section is printed by destination
    "quantity": EXACT,
    "unit": pl.String,
    "unit_price": EXACT,  # null where prices differ inside
    "per": pl.Int64,  # units the price is for
    "part_days": pl.Int64,
    "cycle_days": pl.Int64,  # billed share of the cycle is part_days / cycle_days
    "amount_num": EXACT,
    "amount_den": pl.Int64,  # exact amount is amount_num / amount_den
    "cycle_start": pl.Date,
    "cycle_end": pl.Date,
    "part_start": pl.Date,
    "part_end": pl.Date,
    "description": pl.String,  # of its own; null: the product's name
    "location_id": pl.String,
    "tax_date": pl.Date,  # this and the next four: inherited from what it reverses (RULES 20)
    "jurisdiction": pl.String,
    "tax_class": pl.String,
    "telecom_percent": EXACT,
    "interstate": pl.String,
    "access_lines": EXACT,  # and these two: what a levy counts, the measured share, the document that is reversed
    "measured_share": EXACT,
    "reverses": pl.String,
    "price_model": pl.String,  # of the product's pricing; null: a price per unit
    "priced_units": EXACT,  # units the model was asked for; unit_price is then their price for a whole cycle
    "priced_on": pl.Date,  # day whose price and pricing it carries
    "discount_on": pl.Date,  # day whose discounts reach it
    "discounts": pl.List(pl.String),  # those that do, in the order in which they are taken off (rating/discounts.py)
    "line_key": pl.String,  # charges with one line_key are printed as one line
}
"""A charge: one resource, product and part of a cycle, or the usage of one line; exact, not yet rounded."""

CHARGES = pa.DataFrameSchema(
    {
        **{name: pa.Column(dtype, nullable=True) for name, dtype in CHARGE.items()},
        "account_id": pa.Column(pl.String),
        "charge_key": pa.Column(pl.String),
        "charge_type": pa.Column(pl.String, pa.Check.isin(["recurring", "proration", "usage", "one_time", "credit"])),
        "section": pa.Column(pl.String, pa.Check.isin(list(SECTIONS))),
        "product_code": pa.Column(pl.String),
        "amount_num": pa.Column(EXACT),
        "amount_den": pa.Column(pl.Int64, pa.Check.gt(0)),
        "part_start": pa.Column(pl.Date),
        "part_end": pa.Column(pl.Date),
        "line_key": pa.Column(pl.String),
    },
    strict=True,
    name="charges",
)

RATED = pa.DataFrameSchema(
    {
        "usage_no": pa.Column(pl.Int64),
        "usage_id": pa.Column(pl.String),
        "billable_units": pa.Column(pl.Int64, pa.Check.ge(0)),
        "included_units": pa.Column(pl.Int64, pa.Check.ge(0)),
        "charged_units": pa.Column(pl.Int64, pa.Check.ge(0)),
        "amount_num": pa.Column(EXACT),
        "amount_den": pa.Column(pl.Int64, pa.Check.gt(0)),
    },
    name="rated usage",
)
"""What each piece of rated usage must be when it is left for charging; 0.06 s of CPU per million records. That no
record is rated twice is a law of the books (flows/books/ledger.py), over all pieces."""

TAXES = pa.DataFrameSchema(
    {
        "draft_id": pa.Column(pl.String),
        "tax_no": pa.Column(pl.Int64, pa.Check.ge(1), coerce=True),
        "tax_code": pa.Column(pl.String),
        "kind": pa.Column(pl.String, pa.Check.isin(["tax", "recovery_fee"])),
        "jurisdiction": pa.Column(pl.String),
        "tax_date": pa.Column(pl.Date),
        "rate_percent": pa.Column(EXACT, pa.Check.ge(0)),
        "amount": pa.Column(EXACT),
    },
    name="tax rows",
)

PARKED = pl.Schema({"account_id": pl.String(), "code": pl.String(), "detail": pl.String()})
"""An account that cannot be billed: the code says why (schemas/codes.py), the detail says it in a sentence."""

FINDINGS = pl.Schema({"account_id": pl.String(), "kind": pl.String(), "detail": pl.String()})
"""What was billed as it must be, or not at all, and needs somebody's eye; `kind` is its code (schemas/codes.py)."""


def checked(frame: pl.DataFrame, schema: pa.DataFrameSchema) -> pl.DataFrame:
    """`frame`, when it is what `schema` says; else a TollbookError that names the column and the first cases."""
    try:
        return schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        first = errors.failure_cases.head(3).select("column", "check", "failure_case").rows()
        raise TollbookError(
            f"{schema.name}: {len(errors.failure_cases)} values break the schema, first {first}"
        ) from None


def empty(columns: Mapping[str, Any]) -> pl.DataFrame:
    """A frame of these columns without rows."""
    return pl.DataFrame(schema=dict(columns))


def conform(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """`frame` with exactly these columns in this order; absent ones null, types cast strictly."""
    have = set(frame.columns)
    return frame.select(
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name) for name, dtype in columns.items()
    )


def parked_as(code: ParkedCode, detail: pl.Expr) -> dict[str, pl.Expr]:
    """Columns `code` and `detail` of PARKED."""
    return {"code": pl.lit(code), "detail": detail}


def either(when: pl.Expr, this: dict[str, pl.Expr], that: dict[str, pl.Expr]) -> dict[str, pl.Expr]:
    """Columns of `this` where `when` is true, else those of `that`."""
    return {name: pl.when(when).then(this[name]).otherwise(that[name]) for name in this}


def noticed_as(kind: FindingCode, detail: pl.Expr) -> dict[str, pl.Expr]:
    """Columns `kind` and `detail` of FINDINGS."""
    return {"kind": pl.lit(kind), "detail": detail}
