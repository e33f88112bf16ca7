"""Two states of an account's month, line by line and tax by tax: as documents hold it, and as it comes to now."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

from invoicing.adjustments import Key, line_key, tax_key
from schemas.document import ChargeType, Document


@dataclass(frozen=True)
class Change:
    """A line or a tax that differs. `what`: line or tax. Quantities are of lines; 0 where one side lacks it."""

    what: str
    name: str
    about: str
    before: Decimal
    after: Decimal
    quantity_before: Decimal
    quantity_after: Decimal
    unit: str | None = None
    """What the quantities count; of a tax they are the base, in money."""
    charge_type: ChargeType | None = None
    """Of a line; None of a tax."""

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "difference": self.after - self.before}

    def line(self, currency: str) -> str:
        moved = f"{self.before} -> {self.after} {currency}"
        if self.before == self.after:
            counted = "base" if self.what == "tax" else "quantity"
            was, now = (f"{quantity.normalize():f}" for quantity in (self.quantity_before, self.quantity_after))
            moved = f"{counted} {was} -> {now} {currency if self.what == 'tax' else self.unit or ''}".rstrip()
        return f"  {self.name} ({self.about}): {moved}"


@dataclass(frozen=True)
class Difference:
    """An account whose month differs. `documents`: numbers of those that stand; totals with taxes."""

    account_id: str
    currency: str
    documents: list[str]
    before: Decimal
    after: Decimal
    changes: list[Change] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    """What differs and is no money, such as the address."""

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "difference": self.after - self.before,
            "changes": [change.as_json() for change in self.changes],
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        numbers = ", ".join(self.documents)
        moved = f"{self.before} -> {self.after} {self.currency} ({self.after - self.before:+f})"
        return [
            f"{self.account_id}, {numbers}: {moved}",
            *(change.line(self.currency) for change in self.changes),
            *(f"  {detail}" for detail in self.details),
        ]


def difference(account: str, before: list[Document], after: list[Document], *, with_details: bool) -> Difference | None:
    """What differs between two states of an account's month, one of which may be empty; None when nothing does.

    `with_details`: whether name, address and tax id of the customer count too.
    """
    changes = [*_changes("line", _lines(before), _lines(after)), *_changes("tax", _taxes(before), _taxes(after))]
    details = _details(before, after) if with_details else []
    if not changes and not details:
        return None
    any_document = (before or after)[0]
    zero = Decimal(0).quantize(any_document.total)
    totals = [sum((document.total for document in side), zero) for side in (before, after)]
    numbers = [document.invoice_number for document in before]
    return Difference(account, any_document.currency, numbers, totals[0], totals[1], changes, details)


@dataclass
class _Sum:
    """What lines or taxes of one key are called, and what they come to."""

    name: str
    about: str
    amount: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    unit: str | None = None
    charge_type: ChargeType | None = None


_Sums = dict[Key, _Sum]


def _lines(documents: Iterable[Document]) -> _Sums:
    sums: _Sums = {}
    for line in (line for document in documents for line in document.lines):
        about = f"{line.section}, {line.period_start} to {line.period_end}"
        total = sums.setdefault(line_key(line), _Sum(line.description, about, charge_type=line.charge_type))
        total.amount += line.amount
        total.quantity += line.quantity or 0
        total.unit = line.unit
    return sums


def _taxes(documents: Iterable[Document]) -> _Sums:
    sums: _Sums = {}
    for tax in (tax for document in documents for tax in document.taxes):
        exempt = f", certificate {tax.certificate_number}" if tax.certificate_number else ""
        about = f"{tax.tax_code} {tax.jurisdiction} {tax.rate_percent.normalize():f} % of {tax.tax_date}{exempt}"
        total = sums.setdefault(tax_key(tax), _Sum(tax.name, about))
        total.amount += tax.amount
        total.quantity += tax.base_amount + tax.exempt_amount
    return sums


def _changes(what: str, before: _Sums, after: _Sums) -> Iterator[Change]:
    for key in sorted({*before, *after}, key=str):
        named = after.get(key) or before[key]
        was, now = (side.get(key, _Sum(named.name, named.about)) for side in (before, after))
        if (was.amount, was.quantity) != (now.amount, now.quantity):
            sums = (was.amount, now.amount, was.quantity, now.quantity)
            yield Change(what, named.name, named.about, *sums, named.unit, named.charge_type)


_PRINTED = ("name", "address_lines", "city", "region", "postal_code", "country", "tax_id", "customer_type")


def _details(before: list[Document], after: list[Document]) -> list[str]:
    if not before or not after:
        return []
    was, now = before[-1].bill_to, after[-1].bill_to
    return [
        f"{name}: {getattr(was, name)} -> {getattr(now, name)}"
        for name in _PRINTED
        if getattr(was, name) != getattr(now, name)
    ]
