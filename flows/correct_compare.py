"""Two states of an account's month, line by line and tax by tax: as documents hold it, and as it comes to now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from invoicing.adjustments import Key, line_key, tax_key
from schemas.document import Document


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

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "difference": self.after - self.before}

    def line(self, currency: str) -> str:
        moved = f"{self.before} -> {self.after} {currency}"
        if self.before == self.after:
            moved = f"quantity {self.quantity_before.normalize():f} -> {self.quantity_after.normalize():f}"
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
            **self.__dict__,
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
    """What differs between two states of an account's month; None when nothing does.

    `with_details`: whether name, address and tax id of the customer count too.
    """
    changes = [*_changes("line", _lines(before), _lines(after)), *_changes("tax", _taxes(before), _taxes(after))]
    details = _details(before, after) if with_details else []
    if not changes and not details:
        return None
    zero = Decimal(0).quantize(before[0].total)
    totals = [sum((one.total for one in side), zero) for side in (before, after)]
    numbers = [one.invoice_number for one in before]
    return Difference(account, before[0].currency, numbers, totals[0], totals[1], changes, details)


_Sums = dict[Key, tuple[str, str, Decimal, Decimal]]


def _lines(documents: Iterable[Document]) -> _Sums:
    sums: _Sums = {}
    for line in (line for document in documents for line in document.lines):
        key = line_key(line)
        _, _, amount, quantity = sums.get(key, ("", "", Decimal(0), Decimal(0)))
        about = f"{line.section}, {line.period_start} to {line.period_end}"
        sums[key] = (line.description, about, amount + line.amount, quantity + (line.quantity or 0))
    return sums


def _taxes(documents: Iterable[Document]) -> _Sums:
    sums: _Sums = {}
    for tax in (tax for document in documents for tax in document.taxes):
        key = tax_key(tax)
        _, _, amount, base = sums.get(key, ("", "", Decimal(0), Decimal(0)))
        exempt = f", certificate {tax.certificate_number}" if tax.certificate_number else ""
        about = f"{tax.tax_code} {tax.jurisdiction} {tax.rate_percent.normalize():f} % of {tax.tax_date}{exempt}"
        sums[key] = (tax.name, about, amount + tax.amount, base + tax.base_amount + tax.exempt_amount)
    return sums


def _changes(what: str, before: _Sums, after: _Sums) -> Iterator[Change]:
    for key in sorted({*before, *after}, key=str):
        name, about, *_ = after.get(key) or before[key]
        was, now = (side[key][2:] if key in side else (Decimal(0), Decimal(0)) for side in (before, after))
        if was != now:
            yield Change(what, name, about, was[0], now[0], was[1], now[1])


_PRINTED = ("name", "address_lines", "city", "region", "postal_code", "country", "tax_id", "customer_type")


def _details(before: list[Document], after: list[Document]) -> list[str]:
    if not after:
        return []
    was, now = before[-1].bill_to, after[-1].bill_to
    return [
        f"{name}: {getattr(was, name)} -> {getattr(now, name)}"
        for name in _PRINTED
        if getattr(was, name) != getattr(now, name)
    ]
