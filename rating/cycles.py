"""Billing cycles: the service periods of a recurring charge, on an anchor that never drifts (RULES 6)."""

from datetime import date, timedelta

import polars as pl

from schemas.periods import add_months

MONTHLY = "P1M"

MONTHLY_ANCHOR = date(2000, 1, 1)
"""Cycles of monthly charges begin on the 1st unless a subscription names an anchor."""


def cycle_containing(day: date, anchor: date, interval: str) -> tuple[date, date]:
    """The cycle [start, end) that holds `day`; cycles of months begin on the anchor's day, clipped to short months,
    cycles of days every so many days, whatever the month. interval: schemas.periods.in_months_or_days.

    Before the anchor the grid runs backwards: the stub before a first bill date is days of the cycle that
    ends on it.
    """
    count = int(interval[1:-1])
    if interval.endswith("D"):
        start = anchor + timedelta(days=(day - anchor).days // count * count)
        return start, start + timedelta(days=count)
    return _months_containing(day, anchor, count)


def _months_containing(day: date, anchor: date, interval_months: int) -> tuple[date, date]:
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    index = months // interval_months
    start = add_months(anchor, index * interval_months, anchor.day)
    if start > day:
        index -= 1
        start = add_months(anchor, index * interval_months, anchor.day)
    return start, add_months(anchor, (index + 1) * interval_months, anchor.day)


def cycles(grids: pl.DataFrame, window_start: date, window_end: date) -> pl.DataFrame:
    """Distinct `grids` (anchor, interval) -> one row per cycle that overlaps [window_start, window_end).

    Columns: anchor, interval, cycle_start, cycle_end.
    """
    rows = []
    for anchor, interval in grids.select("anchor", "interval").unique(maintain_order=True).iter_rows():
        start, end = cycle_containing(window_start, anchor, interval)
        while start < window_end:
            rows.append((anchor, interval, start, end))
            start, end = cycle_containing(end, anchor, interval)
    return pl.DataFrame(
        rows,
        schema={"anchor": pl.Date, "interval": pl.String, "cycle_start": pl.Date, "cycle_end": pl.Date},
        orient="row",
    )
