"""One invented account: its address, plan and first day, and how its rows come into the two months' files."""

from datetime import date, timedelta
from typing import Any

from data.sample.draws import Draws
from tests.properties.month.days import first, months_after
from tests.properties.month.facts import KEYS, Row, Rows
from tests.properties.month.places import Home, Place


class Customer:
    """An account; `before` is the first day of the month before the first invoice month."""

    def __init__(self, seed: int, n: int, home: Home, before: date, files: tuple[Rows, Rows]) -> None:
        self.n, self.home, self.before, self.files = n, home, before, files
        self.draws = Draws(f"month {seed} account {n}")
        self.id = f"A-{n}"
        self.first_invoice = months_after(before, 1)
        self.second_invoice = months_after(before, 2)
        self.place: Place = self.draws.one(home.places)
        self.plan = self.draws.one(home.plans)
        self.starts = self._start()
        self.toll_free = ""
        self.fixed = {
            "name": f"Customer {n}", "seller_id": home.seller, "currency": home.currency, "time_zone": home.zone,
            "locale": "en_US", "service_start_date": self.starts, "billing_start_date": self.starts,
        }  # fmt: skip

    def _start(self) -> date:
        """Mostly long ago; some in the month before the first, in it, or just at a month's edge."""
        if self.draws.below(3):
            return months_after(self.before, -self.draws.between(1, 11))
        return self.before + timedelta(days=self.draws.between(0, 36))

    def give(self, feed: str, late: bool = False, /, **cells: Any) -> Row:
        """A row of a feed, in the file of the first month or of the second; of nobody where `account_id` is empty."""
        row = {"account_id": self.id, **{key: str(value) for key, value in cells.items() if value not in (None, "")}}
        rows = self.files[late][feed]
        if cells.get("account_id") == "":
            del row["account_id"]
        if feed in KEYS:  # rows of one key in one file would be refused
            rows[:] = [known for known in rows if any(known.get(name) != row.get(name) for name in KEYS[feed])]
        rows.append(row)
        return row

    def version(self, late: bool = False, /, **cells: Any) -> None:
        """A row of the account itself."""
        place: Place = cells.pop("place", self.place)
        self.give("accounts", late, **{**self.fixed, "plan": self.plan, **address(place), **cells})

    def chance(self, one_in: int) -> bool:
        return self.draws.below(one_in) == 0

    def day(self, low: int = 1, high: int = 58) -> date:
        """A day so many days after `before`, never before the account's first."""
        return max(self.starts, self.before + timedelta(days=self.draws.between(low, high)))

    def group(self) -> str:
        """A billing group, mostly none."""
        return self.draws.one(("", "", "North"))

    def since(self) -> date:
        """The first day of something: mostly the account's own, or soon after."""
        return self.starts if self.draws.below(3) else self.day(-60, 58)

    def told_late(self) -> bool:
        """Whether changes of one thing are told only before the second month; all of one thing alike, for whose of
        several bills a later change gives back is no rule where an earlier system billed some of them."""
        return self.chance(2)

    def is_late(self, day: date) -> bool:
        """Whether a change of that day is told late, which one of long ago must not be."""
        return day > self.before and self.told_late()


def address(place: Place) -> dict[str, str]:
    return {
        "address_line1": "1 Example Street", "country": place.country, "region": place.region, "city": place.city,
        "postal_code": place.postal_code,
    }  # fmt: skip


def month_of(day: date) -> date:
    return first(f"{day:%Y-%m}")
