"""The civil date on which a record began, where its account is."""

import polars as pl

_MICROSECONDS = 60_000_000
_WHOLE_MINUTES = 2 * 365 * 24 * 60
"""Minutes of 1970 and 1971: since then every zone is whole minutes from UTC, and changes at whole minutes."""


def local_dates(started: pl.Series, zones: pl.Series) -> pl.Series:
    """The date of each instant (UTC) in its zone, in UTC where there is none; one pass per zone."""
    local = started.dt.date()
    for zone in zones.drop_nulls().unique().cast(pl.String):
        here = (zones == zone).fill_null(value=False)
        if here.all():
            return _dates_in(started, zone)
        local = local.scatter(here.arg_true(), _dates_in(started.filter(here), zone))
    return local


def _dates_in(started: pl.Series, zone: str) -> pl.Series:
    """The dates in a zone, made once for each minute from the first to the last, where that is less than each."""
    minutes = started.to_physical() // _MICROSECONDS
    first, last = minutes.min(), minutes.max()
    if not (isinstance(first, int) and isinstance(last, int)) or first < _WHOLE_MINUTES or last - first > started.len():
        return started.dt.convert_time_zone(zone).dt.date()
    instants = (pl.int_range(first, last + 1, eager=True) * _MICROSECONDS).cast(started.dtype)
    return instants.dt.convert_time_zone(zone).dt.date().gather(minutes - first)
