"""One tax or fee row at a time: its base, its rate, its one rounding; and what it charged on which lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any

import polars as pl

from schemas.codes import ParkedCode
from schemas.dated import in_language
from schemas.money import EXACT, rounded, spread
from taxes.charging import Charging
from taxes.exemptions import EXPIRED_NOTE, REVERSE_CHARGE_NOTE
from taxes.frames import TAXES, WRONG
from taxes.left import Left
from taxes.shown import BY_TABLE, parts_of, words_of

_EXACTLY = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Products of whole rows fit many times over; what would not be exact is an error, never a rounding."""

_TURN = ["draft_id", "position", "row_jurisdiction", "tax_date", "rate_issued", "certificate_number"]

_TWELVE = Decimal("0.000000000001")

_ZERO = Decimal(0)

CHARGED = pl.Schema({"draft_id": pl.String(), "group": pl.Int64(), "of": pl.String(), "amount": EXACT})
"""What each row charged on each group of lines: the cents of the row, told apart by largest remainder."""

_PRINTED = pl.Schema(
    {"row": pl.UInt32(), "position": pl.Int64(), "locale": pl.String()}
    | {
        name: TAXES[name]
        for name in (
            "draft_id", "jurisdiction", "tax_date", "gross_base", "taxable_percent", "base_amount", "exempt_amount",
            "rate_percent", "amount", "certificate_number", "note", "line_count", "rate_amount", "rounding",
            "exempt_reason", "tax_id_check",
        )
    }
)  # fmt: skip
"""What differs from row to row; the rest is of its table (taxes/shown.py)."""


@dataclass(frozen=True)
class Computed:
    """taxes: TAXES without tax_no; charged: CHARGED; unknown: WRONG, where a rate is not known."""

    taxes: pl.DataFrame
    charged: pl.DataFrame
    unknown: pl.DataFrame


def compute_rows(rows: pl.DataFrame, tables: Sequence[Charging], left: Left) -> Computed:
    """The rows with their amounts. `rows`: one per row to be printed, its parts as lists (taxes/apply.py).

    left: what is left of what documents charged; what these rows give back of it is taken off it.
    """
    taxes: list[tuple[Any, ...]] = []
    charged: list[tuple[str, int, str, Decimal]] = []
    unknown: list[tuple[str, ParkedCode, str]] = []
    bases = {code for table in tables for code in table.also_on}
    # Rows that give back parts of one and the same take it in turns.
    rows = rows.sort(_TURN).with_row_index("row")
    with localcontext(_EXACTLY):
        for row in rows.drop("lines", "interstate").iter_rows(named=True):
            table = tables[row["position"]]
            weights = _weights(row, table)
            taxable = sum(weights, _ZERO)
            if taxable == 0:
                continue
            rate = row["rate_issued"] if row["rate_issued"] is not None else table.percent(row["tax_date"])
            if rate is None:
                unknown.append((row["draft_id"], "no_tax_rate", table.unknown(row["tax_date"])))
            # A row at zero is not printed, unless a document had it: what gives that back shows it again.
            elif rate != 0 or row["rate_issued"] is not None:
                amount, rounding = _amount(row, weights, taxable, table, rate, left)
                taxes.append(_printed(row, taxable, table, rate, amount, rounding))
                # Which line bears which cent matters only where another tax is charged on this one.
                if table.code in bases:
                    cents = shares(amount, weights, row["minor_digits"])
                    charged += [(row["draft_id"], g, table.code, c) for g, c in zip(row["group"], cents, strict=True)]
    printed = pl.DataFrame(taxes, schema=_PRINTED, orient="row")
    words = words_of(printed.select(BY_TABLE).unique(maintain_order=True).iter_rows(), tables)
    return Computed(
        printed.join(words, on=BY_TABLE, validate="m:1", maintain_order="left", nulls_equal=True)
        .join(parts_of(rows, tables), on="row", validate="1:1", maintain_order="left")
        .select(name for name in TAXES if name != "tax_no"),
        pl.DataFrame(charged, schema=CHARGED, orient="row")
        .group_by("draft_id", "group", "of")
        .agg(pl.col("amount").sum()),
        pl.DataFrame(unknown, schema=WRONG, orient="row"),
    )


def tax_on(parts: Iterable[tuple[Decimal, Decimal]], rate_percent: Decimal, digits: int, rounding: str) -> Decimal:
    """The tax on (amount, taxable percent) parts: their exact sum times the rate, rounded once to `digits` decimals."""
    with localcontext(_EXACTLY):
        taxable = sum((amount * percent for amount, percent in parts), _ZERO).scaleb(-2)
        return rounded((taxable * rate_percent).scaleb(-2), digits, rounding)


def shares(amount: Decimal, weights: Sequence[Decimal], digits: int) -> list[Decimal]:
    """`amount` told apart by schemas.money.spread; nothing anywhere where the weights add up to nothing."""
    return spread(amount, weights, digits) if sum(weights, _ZERO) else [_ZERO for _ in weights]


def _weights(row: dict[str, Any], table: Charging) -> list[Decimal]:
    """The taxable part of each part of the row; for an amount per line, its lines."""
    if table.unit == "amount_per_line":
        return list(row["line_count"])
    # Two percentages each, so the product is ten thousand times too large.
    percents = zip(row["amount"], row["telecom"], row["interstate_share"], strict=True)
    return [(amount * telecom * share).scaleb(-4) for amount, telecom, share in percents]


def _is_exempt(row: dict[str, Any]) -> bool:
    return bool(row["reverse_charge"]) or row["certificate_number"] is not None


def _printed(
    row: dict[str, Any], taxable: Decimal, table: Charging, rate: Decimal, amount: Decimal, rounding: str
) -> tuple[Any, ...]:
    """One row as the document shows it: _PRINTED. The tax is taken of the exact base, not of the base as shown."""
    # An exempt row is printed all the same: it says what would have been taxed, and why it was not.
    exempt = _is_exempt(row)
    per_line = table.unit == "amount_per_line"
    gross = _ZERO if per_line else sum(row["amount"], _ZERO)
    shown = _shown(taxable)
    base = _ZERO if per_line else shown
    proof = table.proof(row)
    return (
        row["row"],
        row["position"],
        row["locale"],
        row["draft_id"],
        row["row_jurisdiction"],
        row["tax_date"],
        gross,
        Decimal(100) if per_line else _effective_percent(row, gross, taxable),
        _ZERO if exempt else base,
        base if exempt else _ZERO,
        _ZERO if per_line or row["reverse_charge"] else rate,
        amount,
        row["certificate_number"],
        _note(row),
        shown if per_line else None,
        rate if per_line else None,
        rounding,
        proof["exempt_reason"],
        proof["tax_id_check"],
    )


def _amount(
    row: dict[str, Any], weights: list[Decimal], taxable: Decimal, table: Charging, rate: Decimal, left: Left
) -> tuple[Decimal, str]:
    """The row's amount and how it was rounded; of what gives something back, no more than is left of that. Nothing of
    an exempt row."""

    def by_itself(taxable: Decimal, on: tuple[Decimal, Decimal]) -> tuple[Decimal, str]:
        exact = taxable * rate if table.unit == "amount_per_line" else (taxable * rate).scaleb(-2)
        return table.amount_of(row, taxable, exact, on)

    if _is_exempt(row):
        return _ZERO, by_itself(taxable, (_ZERO, _ZERO))[1]
    return left.amount_of(row, weights, rate, by_itself) or by_itself(taxable, (_ZERO, _ZERO))


def _note(row: dict[str, Any]) -> str | None:
    if row["reverse_charge"]:
        return in_language(REVERSE_CHARGE_NOTE, row["locale"])
    if row["expired_number"] is not None:
        return in_language(EXPIRED_NOTE, row["locale"]).format(number=row["expired_number"], day=row["expired_on"])
    return None


def _effective_percent(row: dict[str, Any], gross: Decimal, taxable: Decimal) -> Decimal:
    """The taxable percentage of a row: the one of its lines, or, where they differ, the one that leads to the base."""
    percents = {(t * s).scaleb(-2) for t, s in zip(row["telecom"], row["interstate_share"], strict=True)}
    if len(percents) == 1:
        return _shown(percents.pop())
    return rounded(Fraction(taxable) * 100 / Fraction(gross), 12) if gross else _ZERO


def _shown(exact: Decimal) -> Decimal:
    """At the twelve decimals a frame holds, which nearly always are enough. Inside `_EXACTLY` only."""
    try:
        return exact.quantize(_TWELVE)
    except Inexact:
        return rounded(exact, 12)
