"""A year of a small provider, invented from a seed: what arrives when, and what it all says in the end.

Prices (year_home.py) are such that a day of any month and the VAT of any amount are whole cents, so that what is billed
in parts adds up to what is billed at once, to the cent. Sellers of Canada and the United States tax by the invoice's
date: their accounts change in time or are corrected, and the British ones have everything. Terms, movers and
suspensions are in year_kinds.py.
"""

import random  # noqa: TID251 a seeded generator
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from schemas.periods import add_months, month_start, shift_month
from tests.scenarios.month.home import ACCOUNT

MONTHS = [shift_month("2025-07", by) for by in range(12)]
FRANCE, AT_HOME = "+33123456789", "+442079460999"

OF_SELLER: dict[str, dict[str, str]] = {
    "uk": {"seller_id": "uk", "currency": "GBP", "plan": "office"},
    "ca": {"seller_id": "ca", "currency": "CAD", "plan": "bureau", "country": "CA", "region": "ON", "city": "Toronto",
           "postal_code": "M5H 2N2", "time_zone": "America/Toronto", "locale": "en_CA"},
    "us": {"seller_id": "us", "currency": "USD", "plan": "states", "country": "US", "region": "TX", "city": "Austin",
           "postal_code": "78701", "time_zone": "America/Chicago", "locale": "en_US"},
}  # fmt: skip

Row = dict[str, Any]


@dataclass
class Year:
    """deliveries: month -> files (feed, name, rows) that come before its run. rolled_back: month -> file that is taken
    back out after its run. deck_from: month from which the raised deck lies in the catalogue."""

    accounts: dict[str, str]
    deliveries: dict[str, list[tuple[str, str, list[Row]]]] = field(default_factory=lambda: defaultdict(list))
    rolled_back: dict[str, str] = field(default_factory=dict)
    deck_from: str = "2026-03"
    corrected_before: dict[str, list[str]] = field(default_factory=dict)
    """Month -> issued months that are corrected before it is run, so that no difference is left for it."""

    def deliver(self, month: str, feed: str, rows: list[Row], name: str = "a") -> str:
        """Adds rows to a month's file of a feed; names sort in the order in which files come."""
        name = f"{month}-{name}"
        have = {(known_feed, known): held for known_feed, known, held in self.deliveries[month]}
        if (feed, name) in have:
            have[feed, name].extend(rows)
        else:
            self.deliveries[month].append((feed, name, list(rows)))
        return name

    def correct(self, since: date, before: str) -> None:
        """The invoices from the month of `since` on are corrected before the month `before` is run."""
        months = MONTHS[MONTHS.index(f"{since:%Y-%m}") : MONTHS.index(before)]
        self.corrected_before.setdefault(before, []).extend(months)


def plain_year(seed: int) -> Year:
    """Twelve accounts through twelve invoice months: quantities, plans, who comes and goes, what comes late."""
    chance = random.Random(seed)  # noqa: S311 a seeded generator, no secret
    year = Year({f"UK-{n}": "uk" for n in range(1, 9)} | {"CA-1": "ca", "CA-2": "ca", "US-1": "us", "US-2": "us"})
    joins = {"UK-7": date(2025, 10, 1), "UK-8": date(2026, 1, 1)}
    leaves = {"UK-6": date(2026, 2, 17)}
    _begin(year, chance, joins)
    _change(year, chance, leaves)
    for month in MONTHS:
        for account in year.accounts:
            usage_month = shift_month(month, -1)
            is_there = usage_month <= f"{leaves.get(account, date.max):%Y-%m}"
            if is_there and joins.get(account, date.min) <= month_start(usage_month):
                year.deliver(month, "calls", calls_of(year, chance, account, usage_month, "m", chance.randint(1, 4)))
    _arrive_late(year, chance)
    return year


def number_of(account: str) -> str:
    """Numbers that are kept free for fiction."""
    seller, place = account.split("-")
    return f"+4420794601{place:0>2}" if seller == "UK" else f"+1{'416' if seller == 'CA' else '512'}55501{place:0>2}"


def _begin(year: Year, chance: random.Random, joins: dict[str, date]) -> None:
    """Everybody's master data, each with the month in which the account joins."""
    for account, seller in year.accounts.items():
        start = joins.get(account, date(2024, 1, 1))
        month = max(f"{start:%Y-%m}", MONTHS[0])
        since = {"service_start_date": start, "billing_start_date": start}
        year.deliver(month, "accounts", [{**ACCOUNT, **OF_SELLER[seller], "account_id": account, **since}])
        year.deliver(month, "subscriptions", [seats_of(account, chance.randint(2, 9), start)])
        year.deliver(month, "devices", [{"device_id": f"D-{account}", "account_id": account, "product_code": "line",
                                         "active_from": start}])  # fmt: skip
        number = {"number": number_of(account), "account_id": account, "product_code": "none", "active_from": start}
        year.deliver(month, "numbers", [number | {"product_code": "line"}])
    certificate = {"account_id": "CA-1", "certificate_number": "C-1", "tax_code": "HST", "valid_from": date(2024, 1, 1)}
    year.deliver(MONTHS[0], "certificates", [certificate | {"valid_to": date(2025, 12, 31)}])


def seats_of(account: str, quantity: int, since: date) -> Row:
    return {"subscription_id": f"S-{account}", "account_id": account, "quantity": quantity, "start_date": since}


def _change(year: Year, chance: random.Random, leaves: dict[str, date]) -> None:
    """Quantities that change in time, and such as are keyed in months late; plans; who leaves; one-time charges."""
    for account in ("UK-1", "UK-2", "CA-1", "US-1"):
        for month in chance.sample(MONTHS[2:10], 2):
            day = month_start(shift_month(month, -1)) + timedelta(days=chance.randint(1, 26))
            year.deliver(month, "subscriptions", [seats_of(account, chance.randint(2, 9), day)])
    for account, behind in (("UK-3", 2), ("UK-4", 5), ("CA-2", 3), ("US-2", 4)):
        month = chance.choice(MONTHS[7:11])
        day = month_start(shift_month(month, -behind)) + timedelta(days=chance.randint(1, 26))
        year.deliver(month, "subscriptions", [seats_of(account, chance.randint(2, 9), day)], name="b")
        if year.accounts[account] != "uk":
            year.correct(add_months(day.replace(day=1), 1), month)
    moved = {**ACCOUNT, **OF_SELLER["uk"], "account_id": "UK-5", "plan": "large", "effective_from": date(2025, 12, 1)}
    year.deliver("2025-12", "accounts", [moved])
    for account, day in leaves.items():
        gone = {**ACCOUNT, **OF_SELLER["uk"], "account_id": account, "end_date": day}
        year.deliver(f"{add_months(day.replace(day=1), 1):%Y-%m}", "accounts", [gone])
    for n, month in enumerate(chance.sample(MONTHS[1:], 3)):
        day = month_start(shift_month(month, -1)) + timedelta(days=9)
        charge = {"charge_id": f"X{n}", "account_id": f"UK-{n + 1}", "charge_date": day, "amount": "25.00"}
        year.deliver(month, "charges", [charge])


def calls_of(year: Year, chance: random.Random, account: str, month: str, name: str, count: int) -> list[Row]:
    """Calls of an account in a month, at home and abroad, a few minutes each."""
    first = month_start(month)
    home = {"uk": AT_HOME, "ca": "+16135550199", "us": "+15125550199"}[year.accounts[account]]
    return [
        {
            "call_id": f"{name}-{account}-{month}-{n}",
            "started_at": f"{first + timedelta(days=chance.randint(1, 26))}T{chance.randint(9, 17):02}:00:00Z",
            "from_number": number_of(account),
            "to_number": chance.choice([home, home, FRANCE]),
            "duration_s": chance.randint(30, 600),
        }
        for n in range(count)
    ]


def _arrive_late(year: Year, chance: random.Random) -> None:
    """Files of months that are issued already; one so late that it is written off; one that was wrong."""
    for account, month, behind in (("UK-1", "2025-10", 2), ("UK-2", "2026-01", 3), ("UK-2", "2026-02", 3),
                                   ("CA-1", "2025-11", 2), ("US-1", "2026-04", 3)):  # fmt: skip
        year.deliver(month, "calls", calls_of(year, chance, account, shift_month(month, -behind), f"late{month}", 3))
    year.deliver("2026-02", "calls", calls_of(year, chance, "UK-8", "2026-01", "on-time", 1))
    old = [{**call, "to_number": FRANCE} for call in calls_of(year, chance, "UK-3", "2025-09", "written-off", 2)]
    year.deliver("2026-02", "calls", old)
    wrong = year.deliver("2025-12", "calls", calls_of(year, chance, "UK-1", "2025-11", "wrong", 3), name="wrong")
    year.rolled_back["2025-12"] = f"inbox/calls/{wrong}.csv"
