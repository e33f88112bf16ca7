"""Civil days, months and billing cycles, as RULES 2 and 6 speak of them."""

import calendar
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

DAY = timedelta(days=1)
FOREVER = date(2200, 1, 1)


def first(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def shift(month: str, by: int) -> str:
    return f"{months_after(first(month), by):%Y-%m}"


def end_of(month: str) -> date:
    """The first day after the month."""
    return months_after(first(month), 1)


def last_day(text: str | None) -> date:
    """The first day after a last day as files have it; never, where there is none."""
    return date.fromisoformat(text[:10]) + DAY if text else FOREVER


def days_of(start: date, end: date) -> Iterator[date]:
    while start < end:
        yield start
        start += DAY


class Grid(NamedTuple):
    """When cycles begin: every so many months (M) or days (D) from `anchor`, before and after it."""

    unit: str
    every: int
    anchor: date

    def cycle(self, day: date) -> tuple[date, date]:
        """The cycle that a day lies in, half-open."""
        if self.unit == "D":
            at = (day - self.anchor).days // self.every
            return self.anchor + DAY * self.every * at, self.anchor + DAY * self.every * (at + 1)
        at = ((day.year - self.anchor.year) * 12 + day.month - self.anchor.month) // self.every - 1
        while months_after(self.anchor, (at + 1) * self.every) <= day:
            at += 1
        return months_after(self.anchor, at * self.every), months_after(self.anchor, (at + 1) * self.every)


CALENDAR = Grid("M", 1, date(2020, 1, 1))


def interval(text: str) -> tuple[str, int]:
    """P1Y as (M, 12), P1W as (D, 7)."""
    count, unit = int(text[1:-1]), text[-1]
    return {"Y": ("M", 12 * count), "M": ("M", count), "W": ("D", 7 * count), "D": ("D", count)}[unit]
