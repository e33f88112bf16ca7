"""Reasons not to approve yet, as values: one, and those of a month."""

from dataclasses import dataclass
from typing import Any

from schemas.codes import StopCode


@dataclass(frozen=True)
class Stop:
    """`code` (schemas/codes.py), what it is about, what was found. `seller_id`: null where it concerns every seller."""

    code: StopCode
    subject: str
    detail: str
    seller_id: str | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.subject}: {self.detail}"


@dataclass(frozen=True)
class MonthStops:
    """A month's stops; for the review the bridge, what is active and not charged, what is charged and not there,
    regions without a tax table, and rates that were entered here."""

    stops: list[Stop]
    bridge: list[dict[str, Any]]
    uncharged: list[dict[str, Any]]
    unfounded: list[dict[str, Any]]
    no_table: list[dict[str, Any]]
    own_rates: list[dict[str, Any]]
    no_history: list[dict[str, Any]]
    """Bounds that nothing could be held against yet."""
    reasons: dict[Stop, tuple[str, str]]
    """Stop -> (reason, by whom)."""

    def rows(self) -> list[dict[str, Any]]:
        """For the review."""
        return [
            {
                "code": stop.code,
                "subject": stop.subject,
                "detail": stop.detail,
                "seller_id": stop.seller_id,
                "reason": self.reasons.get(stop, (None, None))[0],
                "by_name": self.reasons.get(stop, (None, None))[1],
            }
            for stop in self.stops
        ]
