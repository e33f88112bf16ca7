"""Months, days and zones: half-open, in the account's zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import WrongUsage
from schemas.periods import (
    add_months,
    days,
    first_of_month,
    is_zone,
    local_midnight_utc,
    month_bounds_utc,
    month_of,
    month_start,
    next_day,
    shift_month,
)

ZONES = ["America/New_York", "America/St_Johns", "Europe/Berlin", "Australia/Sydney", "Pacific/Chatham", "UTC"]
dates = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "2026-6", "26-06", "2026-06-01", " 2026-06", "2026-06\n", ""])
def test_what_is_no_month_is_refused_in_a_sentence(month):
    with pytest.raises(WrongUsage, match="expected YYYY-MM"):
        month_start(month)


def test_the_anchor_keeps_the_31st_from_drifting():
    bill_dates = [add_months(date(2027, 12, 31), n, anchor_day=31) for n in range(5)]
    assert bill_dates == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
        date(2028, 3, 31),
        date(2028, 4, 30),
    ]
    # Without one, what was clipped stays clipped.
    assert add_months(add_months(date(2026, 1, 31), 1), 1) == date(2026, 3, 28)
    assert add_months(date(2026, 3, 31), -1) == date(2026, 2, 28)


@given(dates, st.integers(-60, 60))
def test_months_are_counted_and_stay_on_their_day_where_there_is_one(day, months):
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and next_day(later).day == 1)


@given(dates, st.integers(-60, 60))
def test_a_month_is_named_one_way(day, by):
    month = month_of(day)
    assert month_start(month) == first_of_month(day)
    assert shift_month(shift_month(month, by), -by) == month


def test_a_month_across_a_year():
    assert shift_month("2026-01", -1) == "2025-12"
    assert shift_month("2026-12", 1) == "2027-01"


def test_months_in_utc_are_as_long_as_their_clock_changes_make_them():
    start, end = month_bounds_utc("2026-03", "America/New_York")
    assert start == datetime(2026, 3, 1, 5, tzinfo=UTC)
    assert end == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert end - start == timedelta(days=31, hours=-1)
    start, end = month_bounds_utc("2026-10", "Europe/Berlin")
    assert end - start == timedelta(days=31, hours=1)


@pytest.mark.parametrize("zone", ZONES)
@given(month=dates.map(month_of))
def test_one_month_ends_where_the_next_begins(zone, month):
    assert month_bounds_utc(month, zone)[1] == month_bounds_utc(shift_month(month, 1), zone)[0]


def test_the_same_instant_is_in_different_months_of_different_zones():
    instant = datetime(2026, 6, 1, 3, tzinfo=UTC)
    inside = {zone: month_bounds_utc("2026-06", zone)[0] <= instant for zone in ("America/New_York", "Europe/Berlin")}
    assert inside == {"America/New_York": False, "Europe/Berlin": True}


def test_a_day_that_begins_at_one_in_the_morning():
    # In Beirut the clock goes from 24:00 to 01:00 on 29 March 2026: the day begins at that very instant.
    assert local_midnight_utc(date(2026, 3, 29), "Asia/Beirut") == datetime(2026, 3, 28, 22, tzinfo=UTC)


def test_days_are_civil_days():
    assert days(date(2026, 3, 1), date(2026, 4, 1)) == 31
    assert days(date(2028, 2, 1), date(2028, 3, 1)) == 29
    assert days(date(2026, 3, 1), date(2026, 3, 1)) == 0
    assert next_day(date(2026, 12, 31)) == date(2027, 1, 1)


def test_zones_are_iana_names():
    assert is_zone("America/St_Johns")
    assert not is_zone("Eastern Time")
    assert not is_zone("../etc/passwd")
