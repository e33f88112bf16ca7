"""Usage of a month worked out anew that comes to less than documents hold: taxed as what it gives back (RULES 13)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from schemas.money import EXACT

TAXED_AS: dict[str, Any] = {
    "tax_date": pl.Date,
    "jurisdiction": pl.String,
    "tax_class": pl.String,
    "telecom_percent": EXACT,
    "interstate": pl.String,
    "access_lines": EXACT,
    "measured_share": EXACT,
    "reverses": pl.String,
}
"""What a line that gives back an issued one takes from it; reverses: the number of its document."""

_LINE = ["account_id", "line_key"]


def taxed_as_billed(rows: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """CHARGE rows of `less_billed`: those of a line below zero with TAXED_AS of the billed line that it gives back,
    without those of a line that nets to nothing, in money and in units.

    billed: as for `less_billed`, in the order of issue, with TAXED_AS and of_reverses, what a line gave back itself.
    """
    held = rows.join(billed.select(_LINE).unique(), on=_LINE, how="semi")
    # What is billed is rounded, and so is what it is compared with: no denominator is left in these rows.
    nets = held.group_by(_LINE).agg(pl.col("amount_num", "quantity").sum())
    nothing = nets.filter(pl.col("amount_num") == 0, pl.col("quantity") == 0)
    back = _given_back(nets.filter(pl.col("amount_num") < 0), billed)
    facts = back.join(billed.select(*_LINE, *TAXED_AS), on=[*_LINE, "reverses"], how="left")
    facts = facts.unique(_LINE, keep="last", maintain_order=True).rename({name: f"_{name}" for name in TAXED_AS})
    taxed = rows.join(nothing, on=_LINE, how="anti", maintain_order="left").join(
        facts, on=_LINE, how="left", validate="m:1", maintain_order="left"
    )
    return taxed.with_columns(pl.coalesce(f"_{name}", name).alias(name) for name in TAXED_AS).select(rows.columns)


def _given_back(below: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    """account_id, line_key, reverses: the document whose line each line below zero gives back."""
    entries = (
        billed.join(below.select(_LINE), on=_LINE, how="semi", maintain_order="left")
        .group_by(_LINE, maintain_order=True)
        .agg("amount", "reverses", "of_reverses")
        .join(below, on=_LINE, validate="1:1", maintain_order="left")
    )
    chosen = [
        (
            row["account_id"],
            row["line_key"],
            _document(row["amount"], row["reverses"], row["of_reverses"], -row["amount_num"]),
        )
        for row in entries.iter_rows(named=True)
    ]
    return pl.DataFrame(chosen, schema=dict.fromkeys((*_LINE, "reverses"), pl.String), orient="row")


def _document(
    amounts: Sequence[Decimal], numbers: Sequence[str], gave_back: Sequence[str | None], amount: Decimal
) -> str | None:
    """The latest document that still holds so much of the line, or else the one that holds most."""
    left: dict[str, Decimal] = {}
    for charged, number, of in zip(amounts, numbers, gave_back, strict=True):
        where = of if of in left else number
        left[where] = left.get(where, Decimal(0)) + charged
    enough = [number for number, holds in left.items() if holds >= amount]
    return enough[-1] if enough else max(left, key=lambda number: left[number], default=None)
