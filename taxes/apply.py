"""Lines of documents -> their tax and fee rows. `apply` is the order of operations.

A row is one tax, jurisdiction, rate and tax date on a document, rounded once (RULES 20). Everything up to the rows is
done on frames; only the rows themselves, a handful per document, are computed one by one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from fractions import Fraction
from typing import Any

import polars as pl

from schemas.catalog import in_language
from schemas.money import rounded
from taxes.exemptions import REVERSE_CHARGE_NOTE, with_exemptions
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, LINES, PARKED, TAXES
from taxes.scope import in_scope, share_unknown, uncovered
from taxes.tables import TAX_CODES, TaxTable, TaxTables

_EXACTLY = Context(prec=200, traps=[Inexact, InvalidOperation])
"""Products of whole rows fit many times over; what would not be exact is an error, never a rounding."""

_TWELVE = Decimal("0.000000000001")


@dataclass(frozen=True)
class TaxResult:
    """`taxes`: frame TAXES, sorted by draft_id and tax_no. `parked`: frame PARKED, one row per document left out."""

    taxes: pl.DataFrame
    parked: pl.DataFrame


def apply(
    lines: pl.DataFrame,
    documents: pl.DataFrame,
    tables: TaxTables,
    certificates: pl.DataFrame,
    id_checks: pl.DataFrame,
) -> TaxResult:
    """Every tax and recovery fee of every document (RULES 20 to 23).

    Frames have the columns of `taxes.frames` (others are ignored). gross_base is the sum of the lines in scope;
    taxable_percent their telecom share times interstate share (of mixed lines the effective one, to 12 digits);
    base_amount the taxable part less what is exempt. Rows whose taxable part or rate is zero are not printed.

    tax_no counts recovery fees first, so that they stand with the charges whose cost they recover and apart from the
    taxes of governments; within a kind the order of TAX_CODES, then jurisdiction, date, rate.
    A document with anything that cannot be taxed is parked with every reason, and has no rows.
    """
    lines, documents = lines.select(list(LINES)).cast(LINES), documents.select(list(DOCUMENTS)).cast(DOCUMENTS)
    certificates = certificates.select(list(CERTIFICATES)).cast(CERTIFICATES)
    id_checks = id_checks.select(list(ID_CHECKS)).cast(ID_CHECKS)

    scoped = in_scope(lines, documents, tables)
    parts = with_exemptions(_parts(scoped, documents), certificates, id_checks)
    taxes, rate_unknown = _computed(_rows(parts, documents), tables)

    parked = _parked([uncovered(lines, tables), share_unknown(scoped), rate_unknown], documents)
    return TaxResult(_numbered(taxes.join(parked, on="draft_id", how="anti")), parked)


def tax_on(parts: Iterable[tuple[Decimal, Decimal]], rate_percent: Decimal, digits: int, rounding: str) -> Decimal:
    """The tax on (amount, taxable percent) parts: their exact sum times the rate, rounded once to `digits` decimals."""
    with localcontext(_EXACTLY):
        return rounded((_taxable(parts) * rate_percent).scaleb(-2), digits, rounding)


def _taxable(parts: Iterable[tuple[Decimal, Decimal]]) -> Decimal:
    return sum((amount * percent for amount, percent in parts), Decimal(0)).scaleb(-2)


_PART = ["draft_id", "position", "tax_code", "row_jurisdiction", "tax_date"]
"""A table, its jurisdiction and a tax date on a document. One date has one rate."""


def _parts(scoped: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """Lines in scope summed up to what exemption and taxable part depend on: many lines, few parts."""
    customer = documents.select("draft_id", "account_id", "customer_type", "tax_id", "seller_vat_countries")
    return (
        scoped.group_by(*_PART, "check_day", "by_certificate", "by_vat_id", "telecom", "interstate_share")
        .agg(pl.col("amount").sum())
        .with_row_index("part")
        .join(customer, on="draft_id", validate="m:1")
    )


def _rows(parts: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """One row per row to be printed, its parts as lists."""
    return (
        parts.filter(pl.col("interstate_share").is_not_null())
        .group_by(*_PART, "certificate_number", "reverse_charge")
        .agg("amount", "telecom", "interstate_share")
        .join(documents.select("draft_id", "minor_digits", "locale"), on="draft_id", validate="m:1")
    )


def _computed(rows: pl.DataFrame, tables: TaxTables) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with their amounts, unnumbered; and draft_id with the reason where a rate is not known."""
    taxes: list[dict[str, Any]] = []
    unknown: list[tuple[str, str]] = []
    with localcontext(_EXACTLY):
        for row in rows.iter_rows(named=True):
            shares = zip(row["telecom"], row["interstate_share"], strict=True)
            percents = [(telecom * share).scaleb(-2) for telecom, share in shares]
            parts = list(zip(row["amount"], percents, strict=True))
            if _taxable(parts) == 0:
                continue
            table = tables.tables[row["position"]]
            rate = table.percent(row["tax_date"])
            if rate is None:
                unknown.append((row["draft_id"], table.unknown(row["tax_date"])))
            elif rate != 0:
                taxes.append(_printed(row, parts, table, rate))
    return (
        pl.DataFrame(taxes, schema={name: kind for name, kind in TAXES.items() if name != "tax_no"}),
        pl.DataFrame(unknown, schema={"draft_id": pl.String, "reason": pl.String}, orient="row"),
    )


def _printed(
    row: dict[str, Any], parts: list[tuple[Decimal, Decimal]], table: TaxTable, rate: Decimal
) -> dict[str, Any]:
    """One row as the document shows it. The tax is taken of the exact base, not of the base as shown."""
    gross = sum((amount for amount, _ in parts), Decimal(0))
    taxable = _taxable(parts)
    base = _shown(taxable)
    is_exempt = row["reverse_charge"] or row["certificate_number"] is not None
    return {
        "draft_id": row["draft_id"],
        "tax_code": table.code,
        "kind": table.kind,
        "jurisdiction": row["row_jurisdiction"],
        "tax_date": row["tax_date"],
        "gross_base": gross,
        "taxable_percent": _effective_percent(parts, gross, taxable),
        "base_amount": Decimal(0) if is_exempt else base,
        "exempt_amount": base if is_exempt else Decimal(0),
        "rate_percent": Decimal(0) if row["reverse_charge"] else rate,
        "amount": Decimal(0) if is_exempt else tax_on(parts, rate, row["minor_digits"], table.rounding),
        "certificate_number": row["certificate_number"],
        "note": in_language(REVERSE_CHARGE_NOTE, row["locale"]) if row["reverse_charge"] else None,
        "name": in_language(table.name, row["locale"]),
        "text": in_language(table.text, row["locale"]),
        "reference": table.citation(row["tax_date"]),
        "table": table.file,
    }


def _effective_percent(parts: list[tuple[Decimal, Decimal]], gross: Decimal, taxable: Decimal) -> Decimal:
    """The taxable percentage of a row: the one of its lines, or, where they differ, the one that leads to the base."""
    percents = {percent for _, percent in parts}
    if len(percents) == 1:
        return _shown(percents.pop())
    return rounded(Fraction(taxable) * 100 / Fraction(gross), 12) if gross else Decimal(0)


def _shown(exact: Decimal) -> Decimal:
    """At the twelve decimals a frame holds, which nearly always are enough. Inside `_EXACTLY` only."""
    try:
        return exact.quantize(_TWELVE)
    except Inexact:
        return rounded(exact, 12)


def _numbered(taxes: pl.DataFrame) -> pl.DataFrame:
    is_tax = pl.col("kind") == "tax"
    in_order = pl.col("tax_code").cast(pl.Enum(TAX_CODES))
    return (
        taxes.sort("draft_id", is_tax, in_order, "jurisdiction", "tax_date", "rate_percent", "certificate_number")
        .with_columns(tax_no=pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("draft_id"))
        .select(list(TAXES))
    )


def _parked(reasons: list[pl.DataFrame], documents: pl.DataFrame) -> pl.DataFrame:
    return (
        pl.concat(reasons)
        .unique()
        .group_by("draft_id")
        .agg(pl.col("reason").sort().str.join("; "))
        .join(documents.select("draft_id", "account_id"), on="draft_id", validate="1:1")
        .select(list(PARKED))
        .sort("draft_id")
    )
