"""The feeds' rows as they are known at a run, and who an account is on a day (RULES 18)."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from tests.properties.month.days import FOREVER, last_day

Row = dict[str, Any]
Rows = dict[str, list[Row]]

KEYS = {
    "accounts": ("account_id", "effective_from"),
    "subscriptions": ("subscription_id", "start_date"),
    "devices": ("device_id", "active_from"),
    "numbers": ("number", "active_from"),
    "locations": ("location_id",),
    "prices": ("account_id", "product_code", "prefix", "deck", "currency", "valid_from"),
    "discounts": ("discount_id", "valid_from"),
    "charges": ("charge_id",),
    "certificates": ("account_id", "certificate_number", "valid_from"),
    "tax_id_checks": ("account_id", "tax_id", "checked_at"),
    "billed_until": ("account_id", "resource_id"),
}
"""A row with a known key and other content supersedes the one before."""


def known(*files: Rows) -> Rows:
    """All files together, the last row of each key."""
    together: dict[str, dict[tuple[Any, ...], Row]] = {feed: {} for feed in KEYS}
    usage: Rows = {"calls": [], "messages": []}
    for rows_of in files:
        for feed, rows in rows_of.items():
            if feed in usage:
                usage[feed] += rows
                continue
            for row in rows:
                together[feed][tuple(row.get(column) or "" for column in KEYS[feed])] = row
    return {feed: list(rows.values()) for feed, rows in together.items()} | usage


def text(row: Row, column: str) -> str:
    return str(row.get(column) or "")


def day(row: Row, column: str) -> date | None:
    value = text(row, column)
    return date.fromisoformat(value[:10]) if value else None


class Account:
    """An account with its versions, the first of which holds from the beginning."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.versions = sorted(rows, key=lambda row: text(row, "effective_from"))
        last = self.versions[-1]
        self.id = text(last, "account_id")
        self.starts = day(last, "billing_start_date") or FOREVER
        self.ends = last_day(text(last, "end_date"))

    def on(self, when: date) -> Row:
        """The version in force on a day."""
        there = [row for row in self.versions[1:] if (day(row, "effective_from") or FOREVER) <= when]
        return there[-1] if there else self.versions[0]


def accounts(rows: Rows) -> dict[str, Account]:
    ids = {text(row, "account_id") for row in rows["accounts"]}
    return {id_: Account(row for row in rows["accounts"] if row["account_id"] == id_) for id_ in sorted(ids)}


def of(rows: Rows, feed: str, account: str) -> list[Row]:
    return [row for row in rows[feed] if row["account_id"] == account]
