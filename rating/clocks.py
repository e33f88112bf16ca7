"""Which time band an instant falls in, by the clock on the wall of a zone: the week of a rate, cut into instants.

A band is looked up by the local time of each second, so a day of 23 or 25 hours needs no rule of its own: an
hour that the clock skips has no seconds, an hour that it shows twice has twice as many.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from schemas.call_rate import DAYS, MIDNIGHT_S, Band

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

SEGMENT: dict[str, Any] = {
    "clock": pl.Int64,
    "time_zone": pl.String,
    "from_at": pl.Datetime("us", "UTC"),
    "to_at": pl.Datetime("us", "UTC"),
    "band": pl.Int64,
}
"""A time [from_at, to_at) within which one band prices calls; band null: none does."""


@dataclass(frozen=True)
class Clock:
    """The bands of a rate without their prices. spans: day (0 Monday to 6 Sunday, 7 holiday), from, to, band."""

    spans: tuple[tuple[int, int, int, int], ...]
    holidays: frozenset[date]

    @classmethod
    def of(cls, bands: Iterable[Band], holidays: Iterable[date]) -> "Clock":
        """The clock of a rate's bands, which are numbered in the order in which they stand."""
        spans = [
            (DAYS.index(day), band.from_, band.to, number) for number, band in enumerate(bands) for day in band.days
        ]
        return cls(tuple(sorted(spans)), frozenset(holidays))

    def on(self, day: date) -> list[tuple[int, int, int | None]]:
        """The day from 0 to 86400 as (from, to, band); a holiday's own bands come before its weekday's."""
        weekday = [span[1:] for span in self.spans if span[0] == day.weekday()]
        holiday = [span[1:] for span in self.spans if span[0] == DAYS.index("holiday") and day in self.holidays]
        edges = sorted({0, MIDNIGHT_S, *(edge for span in (*weekday, *holiday) for edge in span[:2])})
        return [
            (start, end, next((band for a, b, band in (*holiday, *weekday) if a <= start < b), None))
            for start, end in pairwise(edges)
        ]


def segments(clocks: Iterable[tuple[int, Clock, str]], first: datetime, last: datetime) -> pl.DataFrame:
    """SEGMENT rows that cover [first, last] for each (number, clock, zone), in the order of time. Instants are UTC."""
    rows: list[tuple[Any, ...]] = []
    for number, clock, zone in clocks:
        edges = list(_edges(clock, ZoneInfo(zone), first, last + _SECOND))
        ends = [at for at, _ in edges[1:]] + [last + _SECOND]
        rows += [(number, zone, at, end, band) for (at, band), end in zip(edges, ends, strict=True)]
    return pl.DataFrame(rows, schema=SEGMENT, orient="row")


def _edges(clock: Clock, zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, int | None]]:
    """The instants at which the band changes, the first being `first` itself."""
    before: tuple[int | None] | None = None
    for start, end in _offsets(zone, first, last):
        offset = start.astimezone(zone).utcoffset() or timedelta()
        day = (start + offset).date()
        while (midnight := datetime.combine(day, time(), start.tzinfo) - offset) < end:
            for from_s, to_s, band in clock.on(day):
                at = max(midnight + timedelta(seconds=from_s), start)
                if at < min(midnight + timedelta(seconds=to_s), end) and before != (band,):
                    yield at, band
                    before = (band,)
            day += _DAY


def _offsets(zone: ZoneInfo, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """[first, last) cut where the zone's distance from UTC changes; found day by day, then to the second."""

    def offset(at: datetime) -> timedelta | None:
        return at.astimezone(zone).utcoffset()

    start = at = first
    while at < last:
        then = min(at + _DAY, last)
        if offset(at) != offset(then):
            low, high = at, then
            while high - low > _SECOND:
                middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
                low, high = (middle, high) if offset(middle) == offset(at) else (low, middle)
            yield start, high
            start = at = high
        else:
            at = then
    yield start, last
