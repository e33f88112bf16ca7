"""What is left of the taxes that issued documents charged, for what gives them back in parts (RULES 20).

A part is rounded by itself, like any row. The part that gives back the last of a row's base returns what the parts
before it have left of the row's amount, and no part returns more than is left.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from schemas.document import Document, Line, Tax
from schemas.money import rounded, spread
from taxes.charged import is_exempt, parts_of, shares_of

ZERO = Decimal(0)

Key = tuple[str, str, str, date, Decimal]
"""What is given back (the first number of the documents that stand for each other), tax code, jurisdiction, tax date,
and the rate in percent or money per line."""

ByItself = Callable[[Decimal, tuple[Decimal, Decimal]], tuple[Decimal, str]]
"""Taxable part, and what was charged for (taxable part, amount) -> its amount, and how that was rounded."""


@dataclass
class Sums:
    """What rows come to: the taxable part of their lines, that of others' amounts on these (tax on tax), the amount."""

    own: Decimal = ZERO
    of: Decimal = ZERO
    amount: Decimal = ZERO

    def add(self, own: Decimal, of: Decimal, amount: Decimal) -> None:
        self.own, self.of, self.amount = self.own + own, self.of + of, self.amount + amount

    @property
    def taxable(self) -> Decimal:
        return self.own + self.of


@dataclass
class Left:
    """charged: by documents that stand. raised: of that, what lines above (or below) zero were charged, without the
    lines of the other sign. returned: by documents that stand, and by the rows that were asked for since."""

    charged: dict[Key, Sums] = field(default_factory=dict)
    raised: dict[Key, Sums] = field(default_factory=dict)
    returned: dict[Key, Sums] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    """Roots of which no document stands: what they charged was given back with them."""

    @classmethod
    def of(cls, charging: Iterable[Document], returning: Iterable[Document], roots: Mapping[str, str]) -> "Left":
        """charging, returning: documents that stand. roots: number -> the first number of those that it replaces or
        adds to; its own where it is not in there."""
        charging = tuple(charging)
        standing = {roots.get(document.invoice_number, document.invoice_number) for document in charging}
        left = cls(roots=roots, gone=frozenset(roots.values()) - standing)
        for document in charging:
            root = roots.get(document.invoice_number, document.invoice_number)
            by_number = {line.line_no: line for line in document.lines}
            for tax in document.taxes:
                if not is_exempt(tax):
                    left._charge((root, *_row_key(tax)), tax, by_number, document.minor_digits)
        for document in returning:
            left._return(document)
        return left

    def amount_of(
        self, row: Mapping[str, Any], weights: Sequence[Decimal], rate: Decimal, by_itself: ByItself
    ) -> tuple[Decimal, str] | None:
        """The amount of a row that gives something back, and how it came about; None where nothing is known of that.

        row: one of taxes/apply.py, its parts as lists, weights their taxable parts.
        """
        of_row = (row["tax_code"], row["row_jurisdiction"], row["tax_date"], rate)
        backs: dict[Key, Sums] = {}
        for number, of, weight in zip(row["reverses"], row["of"], weights, strict=True):
            root = self.roots.get(number, number) if number is not None else ""
            own = weight if of is None else ZERO
            backs.setdefault((root, *of_row), Sums()).add(own, weight - own, ZERO)
        if all(key[0] in self.gone for key in backs):
            return ZERO, "rest"
        if not any(key in self.charged for key in backs):
            return None
        whole = {key for key, back in backs.items() if self._is_last(key, back)}
        amount = sum((self._rest(key, backs[key]) for key in whole), ZERO)
        parts = {key: back for key, back in backs.items() if key not in whole}
        at_once = all(key not in self.returned and backs[key].taxable == -self.charged[key].taxable for key in whole)
        how = "as_charged" if at_once else "rest"
        for key in whole:
            self.returned.setdefault(key, Sums()).add(backs[key].own, backs[key].of, self._rest(key, backs[key]))
        if parts:
            part, how_rounded = self._part(parts, by_itself, row["minor_digits"])
            amount, how = amount + part, "rest" if whole else how_rounded
        return amount, how

    def _charge(self, key: Key, tax: Tax, lines: Mapping[int, Line], digits: int) -> None:
        own, of = parts_of(tax)
        self.charged.setdefault(key, Sums()).add(own, of, tax.amount)
        # What lines of the other sign took off the row can be given back all the same (a credit beside its charge).
        weights = weights_of(tax, lines).values() if own else ()
        lowered = sum((weight for weight in weights if (weight < 0) == (own > 0)), ZERO)
        took = rounded(Fraction(lowered) * Fraction(_factor(tax)), digits)
        self.raised.setdefault(key, Sums()).add(own - lowered, of, tax.amount - took)

    def _return(self, document: Document) -> None:
        by_number = {line.line_no: line for line in document.lines}
        for tax in document.taxes:
            if is_exempt(tax):
                continue
            own, of = parts_of(tax)
            by_root: dict[str, Decimal] = {}
            for number, weight in weights_of(tax, by_number).items():
                reverses = by_number[number].reverses
                root = self.roots.get(reverses, reverses) if reverses else ""
                by_root[root] = by_root.get(root, ZERO) + weight
            for root, share, others, amount in _told_apart(by_root, own, of, tax.amount, document.minor_digits):
                if root:
                    self.returned.setdefault((root, *_row_key(tax)), Sums()).add(share, others, amount)

    def _is_last(self, key: Key, back: Sums) -> bool:
        """Whether this leaves nothing of the base (or takes more); or takes back all that was given back."""
        charged, before = self.charged.get(key), self.returned.get(key, Sums())
        if charged is None:
            return False
        raised = self.raised[key]
        name = "own" if raised.own else "of"
        base, most, now = (getattr(sums, name) for sums in (charged, raised, back))
        given = getattr(before, name) + now
        if now == 0:
            return False
        if base + given == 0:
            return True
        if (now > 0) == (most > 0):
            return bool(getattr(before, name)) and given == 0
        return bool(abs(given) >= abs(most))

    def _rest(self, key: Key, back: Sums) -> Decimal:
        """What is left of a row's amount; or what was given back of it, where that is taken back."""
        before, charged, raised = self.returned.get(key, Sums()), self.charged[key], self.raised[key]
        name = "own" if raised.own else "of"
        if getattr(charged, name) + getattr(before, name) + getattr(back, name) == 0:
            return -(charged.amount + before.amount)
        if (back.taxable > 0) == (raised.taxable > 0):
            return -before.amount
        left = raised.amount + before.amount
        return -left if left * raised.amount > 0 else ZERO

    def _part(self, parts: Mapping[Key, Sums], by_itself: ByItself, digits: int) -> tuple[Decimal, str]:
        """Parts that leave something, together rounded once; no more than is left of what they are parts of."""
        taxable = sum((back.taxable for back in parts.values()), ZERO)
        known = [self.charged.get(key, Sums()) for key in parts]
        on = (sum((sums.taxable for sums in known), ZERO), sum((sums.amount for sums in known), ZERO))
        amount, how = by_itself(taxable, on)
        if all(key in self.charged for key in parts):
            most = sum((self.raised[key].amount for key in parts), ZERO)
            left = most + sum((self.returned.get(key, Sums()).amount for key in parts), ZERO)
            if amount * most < 0 and abs(amount) > max(left if most > 0 else -left, ZERO):
                amount, how = -left if left * most > 0 else ZERO, "rest"
        by_root = {key[0]: back.taxable for key, back in parts.items()}
        cents = dict(zip(by_root, spread(amount, list(by_root.values()), digits), strict=True)) if taxable else {}
        for key, back in parts.items():
            self.returned.setdefault(key, Sums()).add(back.own, back.of, cents.get(key[0], ZERO))
        return amount, how


def weights_of(tax: Tax, lines: Mapping[int, Line]) -> dict[int, Decimal]:
    """line_no -> its taxable part in the row, or the lines it counts; by amount where only others' amounts are."""
    if tax.unit == "amount_per_line":
        return {n: lines[n].line_count or ZERO for part in tax.parts for n in part.lines if n in lines}
    own = [part for part in tax.parts if part.of is None]
    weights: dict[int, Decimal] = {}
    for part in own or tax.parts:
        telecom, _, share = shares_of(part)
        for n in part.lines:
            if n in lines:
                weights[n] = weights.get(n, ZERO) + (lines[n].amount * telecom * share).scaleb(-4)
    return weights


def _row_key(tax: Tax) -> tuple[str, str, date, Decimal]:
    rate = tax.rate_amount if tax.unit == "amount_per_line" else tax.rate_percent
    return tax.tax_code, tax.jurisdiction, tax.tax_date, rate or ZERO


def _factor(tax: Tax) -> Decimal:
    return (tax.rate_amount or ZERO) if tax.unit == "amount_per_line" else tax.rate_percent.scaleb(-2)


def _told_apart(
    by_root: Mapping[str, Decimal], own: Decimal, of: Decimal, amount: Decimal, digits: int
) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    """(root, taxable part of its lines, of others' amounts on them, amount) of a row on lines of these roots."""
    if len(by_root) == 1:
        return [(root, own, of, amount) for root in by_root]
    weights = list(by_root.values())
    if sum(weights, ZERO) == 0:
        return []
    others, cents = (spread(sum_, weights, digits) for sum_ in (of, amount))
    return list(zip(by_root, weights if own else [ZERO] * len(weights), others, cents, strict=True))
