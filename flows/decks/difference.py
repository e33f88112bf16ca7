"""What `tollbook deck diff` says: the prefixes that change, and the money they would have moved."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, ClassVar

from flows.decks.money import Money, Moved
from flows.decks.report import KINDS, Change
from schemas.counts import count_of

MOST_LINES, MOST_CODES = 10, 5
"""Lines of a kind of change, and codes of a line, that the terminal is shown."""


@dataclass(frozen=True)
class DeckDifference:
    """Two decks compared. `counts`: prefixes by kind of change; `money`: a month's usage at both, if any."""

    old: str
    new: str
    currency: str
    counts: dict[str, int]
    changes: list[Change]
    money: Money | None
    incomplete: ClassVar[bool] = False

    def as_json(self) -> dict[str, Any]:
        return {
            "old": self.old,
            "new": self.new,
            "currency": self.currency,
            "counts": self.counts,
            "changes": [_change_json(change, self.money) for change in self.changes],
            "money": _money_json(self.money),
        }

    def lines(self) -> list[str]:
        """For the terminal: what it would cost first, then each kind of change, what moves most money on top."""
        said = [f"{self.old} -> {self.new}: " + ", ".join(f"{count} {kind}" for kind, count in self.counts.items())]
        said += self._money_lines()
        for kind in KINDS:
            groups = _groups([change for change in self.changes if change.kind == kind], self.money)
            said += [_line(group, self.money) for group in groups[:MOST_LINES]]
            if more := groups[MOST_LINES:]:
                codes = sum(len(group) for group in more)
                counts = f"{count_of(len(more), 'more line')}, {count_of(codes, 'prefix', 'prefixes')}"
                said.append(f"{kind}: {counts}; --json has them all")
        return said + self._unrated_lines()

    def _money_lines(self) -> list[str]:
        money = self.money
        if money is None:
            return []
        whole = _moved_json(money, money.total)
        amounts = f"{whole['old_amount']} -> {whole['new_amount']} {money.currency}, {whole['moved']:+}"
        return [f"usage of {money.month}: {count_of(whole['calls'], 'call')}, {amounts}"]

    def _unrated_lines(self) -> list[str]:
        money = self.money
        if money is None or not money.unrated.calls:
            return []
        worth = money.shown(money.unrated.old)
        return [f"{count_of(money.unrated.calls, 'call')}, {worth} {money.currency}, would have no rate in {self.new}"]


def _change_json(change: Change, money: Money | None) -> dict[str, Any]:
    used = money.by_key.get(change.key) if money else None
    return {**asdict(change), "usage": _moved_json(money, used or Moved()) if money else None}


def _moved_json(money: Money, sums: Moved) -> dict[str, Any]:
    """Amounts at the currency's decimals, each rounded once from its exact sum."""
    amounts = {"old_amount": sums.old, "new_amount": sums.new, "moved": sums.new - sums.old}
    return {"calls": sums.calls, **{name: money.shown(amount) for name, amount in amounts.items()}}


def _money_json(money: Money | None) -> dict[str, Any] | None:
    if money is None:
        return None
    unrated = _moved_json(money, money.unrated)
    return {
        "usage_month": money.month,
        "currency": money.currency,
        **_moved_json(money, money.total),
        "unrated_calls": unrated["calls"],
        "unrated_old_amount": unrated["old_amount"],
    }


def _groups(changes: list[Change], money: Money | None) -> list[list[Change]]:
    """Changes of one kind that say the same of one destination, together; what moves most money first, then what
    changes most."""
    together: dict[tuple[Any, ...], list[Change]] = defaultdict(list)
    for change in changes:
        prices = change.old_price, change.old_per, change.new_price, change.new_per
        own = None if change.destination else change.prefix
        together[own, change.destination, change.jurisdiction, *prices, change.effective].append(change)
    return sorted(together.values(), key=lambda group: (-abs(_moved(group, money)), -_size(group[0]), group[0].key[0]))


def _size(change: Change) -> Decimal:
    return abs(change.percent) if change.percent is not None else Decimal(0)


def _sums(group: list[Change], money: Money | None) -> Moved:
    sums = Moved()
    for change in group:
        if money and (used := money.by_key.get(change.key)):
            sums.add(used.calls, used.old, used.new)
    return sums


def _moved(group: list[Change], money: Money | None) -> Fraction:
    sums = _sums(group, money)
    return sums.new - sums.old


def _line(group: list[Change], money: Money | None) -> str:
    change = group[0]
    codes = ", ".join(change.prefix for change in group[:MOST_CODES])
    codes += f" and {len(group) - MOST_CODES} more" if len(group) > MOST_CODES else ""
    where = " ".join(filter(None, [codes, change.jurisdiction, change.destination]))
    prices = " -> ".join(
        f"{price.normalize():f} per {per} s" if price is not None else "-"
        for price, per in ((change.old_price, change.old_per), (change.new_price, change.new_per))
    )
    percent = f" ({change.percent:+} %)" if change.percent is not None else ""
    since = f" from {change.effective}" if change.effective else ""
    used = _sums(group, money)
    moved_by = ""
    if money and used.calls:
        moved_by = f"; {count_of(used.calls, 'call')}, {money.shown(used.new - used.old):+} {money.currency}"
    return f"{change.kind} {where}: {prices}{percent}{since}{moved_by}"
