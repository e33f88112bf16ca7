"""What else the simulated year holds: plans of thirty days and of a year, terms that renew, movers, suspensions.

Each is told in time and once more months late. Who is taxed by the invoice's date is corrected before the next run.
"""

import random  # noqa: TID251 a seeded generator
from datetime import date, timedelta

from schemas.periods import month_start, shift_month
from tests.flows.year import MONTHS, OF_SELLER, Row, Year, calls_of, number_of, plain_year, seats_of
from tests.scenarios.month.home import ACCOUNT

_AUSTIN = {"city": "Austin", "region": "TX", "postal_code": "78701"}
_CHICAGO = {"city": "Chicago", "region": "IL", "postal_code": "60607"}
_MONTREAL = {"city": "Montreal", "region": "QC", "postal_code": "H2Y 1C6"}

_OF_KIND = {
    "UK-21": "uk", "UK-22": "uk", "UK-23": "uk", "UK-24": "uk", "UK-25": "uk",
    "CA-21": "ca", "US-21": "us", "US-22": "us",
}  # fmt: skip


def simulated_year(seed: int) -> Year:
    """The plain year and eight accounts more."""
    year = plain_year(seed)
    chance = random.Random(seed + 1)  # noqa: S311 a seeded generator, no secret
    year.accounts |= _OF_KIND
    signed_up = {"UK-21": date(2025, 9, 2)}
    for account in _OF_KIND:
        start = signed_up.get(account, date(2024, 1, 1))
        first = MONTHS[0] if start < month_start(MONTHS[0]) else shift_month(f"{start:%Y-%m}", 1)
        year.deliver(first, "accounts", [_account(year, account, start)])
        number = {"number": number_of(account), "account_id": account, "product_code": "line", "active_from": start}
        year.deliver(first, "numbers", [number])
        for month in MONTHS[MONTHS.index(first) :]:
            usage_month = shift_month(month, -1)
            # The number of its first month may begin in the middle of it.
            if month_start(usage_month) >= start:
                year.deliver(month, "calls", calls_of(year, chance, account, usage_month, "m", chance.randint(1, 3)))
    _of_days_and_years(year, chance)
    _renew(year, chance)
    _move(year, chance)
    _suspend(year, chance)
    return year


def _account(year: Year, account: str, start: date = date(2024, 1, 1)) -> Row:
    since = {"service_start_date": start, "billing_start_date": start}
    return {**ACCOUNT, **OF_SELLER[year.accounts[account]], "account_id": account, **since}


def _day(chance: random.Random, month: str) -> date:
    return month_start(month) + timedelta(days=chance.randint(1, 26))


def _of_days_and_years(year: Year, chance: random.Random) -> None:
    """Thirty days since a sign-up in the year, and since long ago until they are cancelled; a year at a time."""
    days = {"product_code": "thirty_days", "billing_interval": "P30D"}
    signed_up = date(2025, 9, 2)
    year.deliver("2025-10", "subscriptions", [seats_of("UK-21", chance.randint(2, 9), signed_up) | days])
    for told, since in (("2025-12", "2025-11"), ("2026-02", "2026-01"), ("2026-04", "2026-01"), ("2026-06", "2026-01")):
        row = seats_of("UK-21", chance.randint(2, 9), _day(chance, since)) | days
        year.deliver(told, "subscriptions", [row | {"bill_anchor": signed_up}])
    long_ago = seats_of("UK-22", chance.randint(2, 9), date(2024, 1, 1)) | days
    year.deliver(MONTHS[0], "subscriptions", [long_ago])
    year.deliver("2026-05", "subscriptions", [long_ago | {"cancel_requested_on": _day(chance, "2026-03")}])
    yearly = {"subscription_id": "Y-UK-22", "product_code": "yearly", "billing_interval": "P1Y"}
    bought = date(2024, 8, 15)
    year.deliver(MONTHS[0], "subscriptions", [seats_of("UK-22", 2, bought) | yearly])
    more = seats_of("UK-22", 5, _day(chance, "2025-10")) | yearly | {"bill_anchor": bought}
    year.deliver("2025-12", "subscriptions", [more])


def _renew(year: Year, chance: random.Random) -> None:
    """Half a year that renews in September, before the price rises, and in March, after it; then it is cancelled."""
    term = {"term_start": date(2025, 3, 1), "term_months": 6, "renewal_months": 6, "committed_quantity": 3}
    rows = [seats_of("UK-23", quantity, since) | term for quantity, since in (
        (4, date(2025, 3, 1)), (2, _day(chance, "2025-10")), (chance.randint(4, 9), _day(chance, "2026-01")),
    )]  # fmt: skip
    for told, row in zip(("2025-07", "2025-11", "2026-04"), rows, strict=True):
        year.deliver(told, "subscriptions", [row])
    year.deliver("2026-06", "subscriptions", [rows[-1] | {"cancel_requested_on": _day(chance, "2026-05")}])
    short = {"term_start": date(2024, 10, 1), "term_months": 12, "renewal_months": 12}
    ends = seats_of("UK-23", 2, date(2024, 10, 1)) | short | {"subscription_id": "T-UK-23"}
    year.deliver(MONTHS[0], "subscriptions", [ends])
    year.deliver("2025-11", "subscriptions", [ends | {"cancel_requested_on": date(2025, 9, 20)}])


def _move(year: Year, chance: random.Random) -> None:
    """Accounts that move to another state or province, one of them told late; a phone that moves there and back."""
    for account in ("CA-21", "US-21", "US-22"):
        year.deliver(MONTHS[0], "subscriptions", [seats_of(account, chance.randint(2, 9), date(2024, 1, 1))])
    in_december = date(2025, 12, 14)
    year.deliver("2026-01", "accounts", [_account(year, "US-21") | _CHICAGO | {"effective_from": in_december}])
    year.deliver("2026-01", "subscriptions", [seats_of("US-21", chance.randint(2, 9), date(2025, 12, 20))])
    year.deliver("2026-04", "accounts", [_account(year, "US-22") | _CHICAGO | {"effective_from": date(2026, 1, 15)}])
    year.correct(date(2026, 2, 1), "2026-04")
    year.deliver("2025-12", "accounts", [_account(year, "CA-21") | _MONTREAL | {"effective_from": date(2025, 10, 1)}])
    year.correct(date(2025, 10, 1), "2025-12")
    for place, address in (("AUSTIN", _AUSTIN), ("CHICAGO", _CHICAGO)):
        at = {"location_id": place, "account_id": "US-22", "address_line1": "1 Example Street", "country": "US"}
        year.deliver(MONTHS[0], "locations", [at | address])
    phone = {"device_id": "P-US-22", "account_id": "US-22", "product_code": "desk_phone", "extension": "104"}
    for told, place, since in (
        ("2025-07", "AUSTIN", date(2024, 1, 1)), ("2025-12", "CHICAGO", _day(chance, "2025-11")),
        ("2026-06", "AUSTIN", _day(chance, "2026-03")),
    ):  # fmt: skip
        year.deliver(told, "devices", [phone | {"location_id": place, "active_from": since}])
    year.correct(date(2026, 4, 1), "2026-06")
    for account, told in (("US-21", "2026-03"), ("CA-21", "2026-01")):
        late = calls_of(year, chance, account, shift_month(told, -3), f"late{told}", 2)
        year.deliver(told, "calls", late)


def _suspend(year: Year, chance: random.Random) -> None:
    """Outbound calls barred while the fees go on, and everything while they stop: in time, ended late, told late."""
    year.deliver(MONTHS[0], "subscriptions", [
        seats_of("UK-24", chance.randint(2, 9), date(2024, 1, 1)),
        seats_of("UK-25", chance.randint(2, 9), date(2024, 1, 1)) | {"product_code": "stopping_seat"},
        seats_of("UK-25", chance.randint(2, 9), date(2024, 1, 1)) | {
            "subscription_id": "D-UK-25", "product_code": "stopping_thirty_days", "billing_interval": "P30D"},
    ])  # fmt: skip
    for account, mode, told, since, until in (
        ("UK-24", "outbound_barred", "2025-11", date(2025, 10, 3), date(2025, 10, 25)),
        ("UK-24", "outbound_barred", "2026-04", date(2026, 2, 5), date(2026, 2, 20)),
        ("UK-25", "full", "2025-12", date(2025, 11, 7), date(2025, 11, 19)),
        ("UK-25", "full", "2026-02", date(2026, 1, 20), None),
        ("UK-25", "full", "2026-04", date(2026, 1, 20), date(2026, 3, 10)),
        ("UK-25", "full", "2026-06", date(2026, 4, 5), date(2026, 4, 15)),
    ):
        row = {"account_id": account, "mode": mode, "valid_from": since, "valid_to": until}
        year.deliver(told, "suspensions", [row])
