"""A row of issued documents as a table of its one rate, for what gives it back (taxes/memory.py)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.document import Tax, TaxPart
from schemas.money import rounded


@dataclass(frozen=True)
class ChargedTable:
    """Rows of issued documents that say the same, as the table that charges by them (taxes.charging.Charging)."""

    row: Tax
    """One of them; what differs from document to document is in taxes/left.py."""

    @property
    def file(self) -> str | None:
        return self.row.table

    @property
    def code(self) -> str:
        return self.row.tax_code

    @property
    def kind(self) -> str:
        return self.row.kind

    @property
    def name(self) -> dict[str, str]:
        return {"en": self.row.name}

    @property
    def text(self) -> dict[str, str]:
        return {"en": self.row.text}

    @property
    def unit(self) -> str:
        return self.row.unit

    @property
    def date_basis(self) -> str | None:
        return self.row.date_basis

    @property
    def also_on(self) -> tuple[str, ...]:
        return _on(self.row)

    @property
    def rate(self) -> Decimal:
        """In percent, or money per line."""
        return (self.row.rate_amount or Decimal(0)) if self.unit == "amount_per_line" else self.row.rate_percent

    def percent(self, _day: date, /) -> Decimal:
        return self.rate

    def unknown(self, day: date, /) -> str:
        return f"{self.code} has no rate on {day} (table {self.file})"

    def valid_from(self, _day: date, /) -> date | None:
        return self.row.valid_from

    def citation(self, _day: date, /) -> str:
        return self.row.reference or ""

    def status_on(self, _day: date, /) -> str | None:
        return self.row.status

    def amount_of(
        self, row: Mapping[str, Any], taxable: Decimal, exact: Decimal, on: tuple[Decimal, Decimal], /
    ) -> tuple[Decimal, str]:
        """A part of what was charged, rounded as ever (all of it, and the last part: taxes/left.py). An engine's row is
        told apart in proportion: only the engine knows how it was rounded."""
        digits, (base, charged) = row["minor_digits"], on
        if self.row.rounding is None and base != 0:
            return rounded(Fraction(charged) * Fraction(taxable) / Fraction(base), digits), "in_proportion"
        rounding = "down" if self.row.rounding == "down" else "half_up"
        return rounded(exact, digits, rounding), rounding

    def proof(self, _row: Mapping[str, Any], /) -> dict[str, Any]:
        check = self.row.tax_id_check
        return {"exempt_reason": self.row.exempt_reason, "tax_id_check": check.model_dump() if check else None}


def content(tax: Tax) -> tuple[Any, ...]:
    """What two rows must share to be one when they are given back together."""
    check = tax.tax_id_check.model_dump_json() if tax.tax_id_check else None
    return (
        tax.tax_code, tax.kind, tax.jurisdiction, tax.unit, tax.rate_percent, tax.rate_amount, tax.name, tax.text,
        tax.reference, tax.table, tax.rounding, tax.date_basis, tax.valid_from, tax.status, _on(tax),
        tax.exempt_reason, check,
    )  # fmt: skip


def exemption(tax: Tax) -> tuple[str | None, bool, bool]:
    """Its certificate, whether the customer accounts for the tax, and whether it is an amount per line."""
    reverse_charge = is_exempt(tax) and tax.certificate_number is None
    return tax.certificate_number, reverse_charge, tax.unit == "amount_per_line"


def _on(tax: Tax) -> tuple[str, ...]:
    return tuple(sorted({part.of for part in tax.parts if part.of is not None}))


def is_exempt(tax: Tax) -> bool:
    """Whether nobody pays the row."""
    return tax.certificate_number is not None or tax.exempt_amount != 0


def shares_of(part: TaxPart) -> tuple[Decimal, str | None, Decimal]:
    """Telecommunications percent, method and interstate percent of a part; what it does not say is all of it."""
    whole = Decimal(100)
    telecom = whole if part.telecom_percent is None else part.telecom_percent
    return telecom, part.interstate, whole if part.interstate_share is None else part.interstate_share


def parts_of(tax: Tax) -> tuple[Decimal, Decimal]:
    """The taxable part of a row's own lines (or how many it counts), and the amounts of others that are in its base."""
    zero = Decimal(0)
    if not tax.parts:
        return ((tax.line_count or zero) if tax.unit == "amount_per_line" else tax.base_amount), zero
    if tax.unit == "amount_per_line":
        return sum((part.line_count for part in tax.parts), zero), zero
    own = [(part.amount, *shares_of(part)) for part in tax.parts if part.of is None]
    return (
        sum(((amount * telecom * share).scaleb(-4) for amount, telecom, _, share in own), zero),
        sum((part.amount for part in tax.parts if part.of is not None), zero),
    )
