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

_EXACTLY = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Products of whole rows fit many times over; what would not be exact is an error, never a rounding."""

_TURN = ["draft_id", "position", "row_jurisdiction", "tax_date", "rate_issued", "certificate_number"]

_TWELVE = Decimal("0.000000000001")

CHARGED = pl.Schema({"draft_id": pl.String(), "group": pl.Int64(), "of": pl.String(), "amount": EXACT})
"""What each row charged on each group of lines: the cents of the row, told apart by largest remainder."""


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
    taxes: list[dict[str, Any]] = []
    charged: list[tuple[str, int, str, Decimal]] = []
    unknown: list[tuple[str, ParkedCode, str]] = []
    bases = {code for table in tables for code in table.also_on}
    with localcontext(_EXACTLY):
        # Rows that give back parts of one and the same take it in turns.
        for row in rows.sort(_TURN).iter_rows(named=True):
            table = tables[row["position"]]
            weights = _weights(row, table)
            if sum(weights, Decimal(0)) == 0:
                continue
            rate = row["rate_issued"] if row["rate_issued"] is not None else table.percent(row["tax_date"])
            if rate is None:
                unknown.append((row["draft_id"], "no_tax_rate", table.unknown(row["tax_date"])))
            # A row at zero is not printed, unless a document had it: what gives that back shows it again.
            elif rate != 0 or row["rate_issued"] is not None:
                tax = _printed(row, weights, table, rate, left)
                taxes.append(tax)
                # Which line bears which cent matters only where another tax is charged on this one.
                if table.code in bases:
                    cents = shares(tax["amount"], weights, row["minor_digits"])
                    charged += [(row["draft_id"], g, table.code, c) for g, c in zip(row["group"], cents, strict=True)]
    return Computed(
        pl.DataFrame(taxes, schema={name: kind for name, kind in TAXES.items() if name != "tax_no"}),
        pl.DataFrame(charged, schema=CHARGED, orient="row")
        .group_by("draft_id", "group", "of")
        .agg(pl.col("amount").sum()),
        pl.DataFrame(unknown, schema=WRONG, orient="row"),
    )


def tax_on(parts: Iterable[tuple[Decimal, Decimal]], rate_percent: Decimal, digits: int, rounding: str) -> Decimal:
    """The tax on (amount, taxable percent) parts: their exact sum times the rate, rounded once to `digits` decimals."""
    with localcontext(_EXACTLY):
        taxable = sum((amount * percent for amount, percent in parts), Decimal(0)).scaleb(-2)
        return rounded((taxable * rate_percent).scaleb(-2), digits, rounding)


def shares(amount: Decimal, weights: Sequence[Decimal], digits: int) -> list[Decimal]:
    """`amount` told apart by schemas.money.spread; nothing anywhere where the weights add up to nothing."""
    return spread(amount, weights, digits) if sum(weights, Decimal(0)) else [Decimal(0) for _ in weights]


def _weights(row: dict[str, Any], table: Charging) -> list[Decimal]:
    """The taxable part of each part of the row; for an amount per line, its lines."""
    if table.unit == "amount_per_line":
        return list(row["line_count"])
    # Two percentages each, so the product is ten thousand times too large.
    percents = zip(row["amount"], row["telecom"], row["interstate_share"], strict=True)
    return [(amount * telecom * share).scaleb(-4) for amount, telecom, share in percents]


def _printed(row: dict[str, Any], weights: list[Decimal], table: Charging, rate: Decimal, left: Left) -> dict[str, Any]:
    """One row as the document shows it. The tax is taken of the exact base, not of the base as shown."""
    # An exempt row is printed all the same: it says what would have been taxed, and why it was not.
    exempt = row["reverse_charge"] or row["certificate_number"] is not None
    per_line = table.unit == "amount_per_line"
    taxable = sum(weights, Decimal(0))
    zero = Decimal(0)
    gross = zero if per_line else sum(row["amount"], zero)
    base = zero if per_line else _shown(taxable)
    amount, rounding = _amount(row, weights, table, rate, None if exempt else left)
    return {
        "draft_id": row["draft_id"],
        "tax_code": table.code,
        "kind": table.kind,
        "jurisdiction": row["row_jurisdiction"],
        "tax_date": row["tax_date"],
        "gross_base": gross,
        "taxable_percent": Decimal(100) if per_line else _effective_percent(row, gross, taxable),
        "base_amount": zero if exempt else base,
        "exempt_amount": base if exempt else zero,
        "rate_percent": zero if per_line or row["reverse_charge"] else rate,
        "amount": zero if exempt else amount,
        "certificate_number": row["certificate_number"],
        "note": _note(row),
        "name": in_language(table.name, row["locale"]),
        "text": in_language(table.text, row["locale"]),
        "reference": table.citation(row["tax_date"]),
        "table": table.file,
        "unit": table.unit,
        "line_count": _shown(taxable) if per_line else None,
        "rate_amount": rate if per_line else None,
        "rounding": rounding,
        "date_basis": table.date_basis,
        "valid_from": table.valid_from(row["tax_date"]),
        "status": table.status_on(row["tax_date"]),
        **table.proof(row),
        "parts": _parts(row, per_line),
    }


def _amount(
    row: dict[str, Any], weights: list[Decimal], table: Charging, rate: Decimal, left: Left | None
) -> tuple[Decimal, str]:
    """The row's amount and how it was rounded; of what gives something back, no more than is left of that."""

    def by_itself(taxable: Decimal, on: tuple[Decimal, Decimal]) -> tuple[Decimal, str]:
        exact = taxable * rate if table.unit == "amount_per_line" else (taxable * rate).scaleb(-2)
        return table.amount_of(row, taxable, exact, on)

    zero = Decimal(0)
    back = left.amount_of(row, weights, rate, by_itself) if left is not None else None
    return back or by_itself(sum(weights, zero), (zero, zero))


def _note(row: dict[str, Any]) -> str | None:
    if row["reverse_charge"]:
        return in_language(REVERSE_CHARGE_NOTE, row["locale"])
    if row["expired_number"] is not None:
        return in_language(EXPIRED_NOTE, row["locale"]).format(number=row["expired_number"], day=row["expired_on"])
    return None


def _parts(row: dict[str, Any], per_line: bool) -> list[dict[str, Any]]:
    """The base's parts, groups of one taxable share together, for whoever explains the row later."""
    parts: dict[tuple[Any, ...], dict[str, Any]] = {}
    names = ("of", "telecom", "interstate", "interstate_share", "amount", "line_count", "lines")
    for of, telecom, method, share, amount, count, lines in zip(*(row[name] for name in names), strict=True):
        # An amount per line asks for no share: all its lines are one part.
        key = (of, None, None, None) if per_line else (of, telecom, method, share)
        part = parts.setdefault(
            key,
            {"lines": [], "of": of, "amount": Decimal(0), "telecom_percent": telecom, "interstate": method,
             "interstate_share": share, "line_count": Decimal(0)},
        )  # fmt: skip
        part["lines"] = sorted([*part["lines"], *lines])
        part["amount"] += amount
        part["line_count"] += count or 0
    return list(parts.values())


def _effective_percent(row: dict[str, Any], gross: Decimal, taxable: Decimal) -> Decimal:
    """The taxable percentage of a row: the one of its lines, or, where they differ, the one that leads to the base."""
    percents = {(t * s).scaleb(-2) for t, s in zip(row["telecom"], row["interstate_share"], strict=True)}
    if len(percents) == 1:
        return _shown(percents.pop())
    return rounded(Fraction(taxable) * 100 / Fraction(gross), 12) if gross else Decimal(0)


def _shown(exact: Decimal) -> Decimal:
    """At the twelve decimals a frame holds, which nearly always are enough. Inside `_EXACTLY` only."""
    try:
        return exact.quantize(_TWELVE)
    except Inexact:
        return rounded(exact, 12)
