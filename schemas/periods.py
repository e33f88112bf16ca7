"""Months, days and zones. Periods are half-open, [start, end); a call belongs to the month in which it starts."""

import calendar
import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

from schemas.errors import WrongUsage


def month_start(month: str) -> date:
    """'2026-06' -> 2026-06-01. Raises WrongUsage for anything else."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise WrongUsage(f"found month {month!r}; expected YYYY-MM, such as 2026-06")
    return date(int(month[:4]), int(month[5:]), 1)


def month_of(day: date) -> str:
    """2026-06-17 -> '2026-06'."""
    return f"{day.year:04d}-{day.month:02d}"


def first_of_month(day: date) -> date:
    """2026-06-17 -> 2026-06-01."""
    return day.replace(day=1)


def add_months(day: date, months: int, anchor_day: int | None = None) -> date:
    """`day` plus whole months, on `anchor_day` (default: its own) clipped to the month's length.

    The anchor is what keeps the 31st from drifting: 31 January, 28 February, 31 March.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month0 = divmod(index, 12)
    length = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(anchor_day or day.day, length))


def shift_month(month: str, by: int) -> str:
    """('2026-06', -1) -> '2026-05'."""
    return month_of(add_months(month_start(month), by))


def month_bounds_utc(month: str, zone: str) -> tuple[datetime, datetime]:
    """The month's [start, end) in UTC, for civil days in `zone` (an IANA name)."""
    start = month_start(month)
    return local_midnight_utc(start, zone), local_midnight_utc(add_months(start, 1), zone)


def local_midnight_utc(day: date, zone: str) -> datetime:
    """The instant at which `day` begins in `zone`, as UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def local_instant(local: datetime, zone: str) -> datetime:
    """A naive local time as UTC. In the hour that a clock shows twice it is the first; raises WrongUsage for a time
    that the clock skips.
    """
    instant = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise WrongUsage(f"found {local.isoformat(' ')}; the clocks of {zone} skip that time")
    return instant


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA zone this machine knows."""
    return name in _listed_zones() or name in _zones()


@cache
def _listed_zones() -> frozenset[str]:
    """Those of the tzdata package, which lists them in a file: looking through the machine's folders takes longer."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@cache
def _zones() -> frozenset[str]:
    """Read from the disk once: settings are checked at every stage."""
    return frozenset(available_timezones())


def days(start: date, end: date) -> int:
    """Civil days in [start, end)."""
    return (end - start).days


def next_day(day: date) -> date:
    """The first day after `day`: turns an inclusive end into a half-open one."""
    return day + timedelta(days=1)


def in_months_or_days(interval: str) -> str:
    """A billing interval in the unit that it is counted in: P1Y is P12M, P2W is P14D; equal ones become one text."""
    count, unit = int(interval[1:-1]), interval[-1]
    return {"Y": f"P{count * 12}M", "M": f"P{count}M", "W": f"P{count * 7}D", "D": f"P{count}D"}[unit]


def quarter_start(day: date) -> date:
    """The first day of the calendar quarter of `day`."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def quarter_name(day: date) -> str:
    """2026Q3: how the FCC and everybody else names a quarter."""
    return f"{day.year}Q{(day.month + 2) // 3}"
