"""What `tollbook deck diff` says: the prefixes that change, and the money they would have moved."""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from flows.decks.money import Money, Moved
from flows.decks.report import Change


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
        """For the terminal."""
        money = self.money
        said = [f"{self.old} -> {self.new}: " + ", ".join(f"{count} {kind}" for kind, count in self.counts.items())]
        said += [_line(change, money) for change in self.changes]
        if money is not None:
            whole = _moved_json(money, money.total)
            said.append(
                f"usage of {money.month}: {whole['calls']} calls, {whole['old_amount']} -> {whole['new_amount']} "
                f"{money.currency}, {whole['moved']:+}"
            )
            if money.unrated.calls:
                worth = money.shown(money.unrated.old)
                said.append(f"{money.unrated.calls} calls, {worth} {money.currency}, would have no rate in {self.new}")
        return said


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


def _line(change: Change, money: Money | None) -> str:
    where = " ".join(filter(None, [change.prefix, change.jurisdiction, change.destination]))
    prices = " -> ".join(
        f"{price.normalize():f} per {per} s" if price is not None else "-"
        for price, per in ((change.old_price, change.old_per), (change.new_price, change.new_per))
    )
    percent = f" ({change.percent:+} %)" if change.percent is not None else ""
    since = f" from {change.effective}" if change.effective else ""
    used = money.by_key.get(change.key) if money else None
    moved_by = f"; {used.calls} calls, {money.shown(used.new - used.old):+} {money.currency}" if money and used else ""
    return f"{change.kind} {where}: {prices}{percent}{since}{moved_by}"
