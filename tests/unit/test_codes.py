"""Texts as numbers: what many rows share is found, and told apart, as the texts would be."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from flows.month.usage.numbered import Numbers
from rating.codes import pairs, places_among
from rating.local_dates import local_dates
from rating.match import Dialled


def _codes(*texts: str | None) -> pl.Series:
    return pl.Series(texts, dtype=pl.Categorical)


def test_a_text_is_found_at_its_place_and_a_strange_one_nowhere() -> None:
    known = _codes("b", "a", "c")
    assert places_among(_codes("a", None, "made up later", "c", "b"), known).to_list() == [1, None, None, 2, 0]
    assert places_among(_codes("a", None), _codes()).to_list() == [None, None]
    assert places_among(_codes(), known).to_list() == []


def test_a_pair_has_its_own_value_and_no_other_pairs() -> None:
    domestic = pl.DataFrame({"plan": ["p", "p", "q"], "country": ["US", "CA", "GB"], "is_domestic": [True] * 3})
    asked = (("p", "US"), ("p", "GB"), ("q", "GB"), ("r", "US"), (None, "US"), ("q", None))
    plans, countries = (_codes(*texts) for texts in zip(*asked, strict=True))
    assert pairs(domestic).of(plans, countries).to_list() == [True, None, True, None, None, None]
    assert pairs(domestic.clear()).of(plans, countries).to_list() == [None] * 6


def test_rows_have_one_number_exactly_where_their_texts_are_one() -> None:
    """From frame to frame, with nulls, and with a first column that does not tell the others."""
    numbers = Numbers("account", "group", "month")
    seen: dict[tuple[str, str | None, str], int] = {}
    for begin in range(0, 1200, 60):
        rows = [
            (f"a{n * 7919 % 31}", (None, "x", "y")[n * n * 13 % 7 % 3], "mn"[n * 48271 % 101 % 2])
            for n in range(begin, begin + 60)
        ]
        frame = pl.DataFrame(rows, schema=dict.fromkeys(("account", "group", "month"), pl.Categorical), orient="row")
        number, new = numbers.of(frame)
        known = len(seen)
        for row, given in zip(rows, number, strict=True):
            assert seen.setdefault(row, given) == given
        assert sorted(seen.values()) == list(range(len(seen)))
        assert [seen[rows[at]] for at in new] == list(range(known, len(seen)))


@pytest.mark.parametrize(("text", "digits", "key", "is_international"), [
    ("+442079460101", 12, 442079460101000, True),
    ("442079460101", 12, 442079460101000, False),
    ("+04420", 5, 44200000000000, False),
    ("0044", 4, 44 * 10**11, False),
    ("911", 3, 911 * 10**12, False),
    ("+4420794600XX", 10, 4420794600 * 10**5, True),
    ("0", 1, 0, False),
    ("+" + "1" * 15, 15, 111111111111111, True),
    ("1" * 16, None, None, False),
    ("+" + "1" * 16, None, None, False),
    ("++44", None, None, False),
    ("+-44", None, None, False),
    ("-44", None, None, False),
    ("-0", None, None, False),
    ("anonymous", None, None, False),
    ("X", None, None, False),
    ("", None, None, False),
    (None, None, None, False),
])  # fmt: skip
def test_a_number_is_read_as_its_digits(
    text: str | None, digits: int | None, key: int | None, is_international: bool
) -> None:
    # Beside one that is read at once: what is odd is looked at closely, and put back in its place.
    for before in (["+12015550123"], []):
        dialled = Dialled.of(pl.Series([*before, text], dtype=pl.String))
        assert dialled.keys.row(-1) == (digits, key)
        assert dialled.is_international.to_list()[-1] is is_international
        assert dialled.numbers.to_list()[-1] == (None if text is None else text.rstrip("X"))


def test_a_local_date_made_by_the_minute_is_the_one_made_by_the_call() -> None:
    """In zones off by quarters, around changes of the clock, and where minutes are too many to be made ahead."""
    zones = ["Europe/London", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "America/Havana", None]
    times = ((datetime(2026, 3, 1, tzinfo=UTC), 40), (datetime(2026, 10, 20, tzinfo=UTC), 20))
    long_ago = ((datetime(1950, 1, 1, tzinfo=UTC), 20_000), (datetime(1971, 12, 20, tzinfo=UTC), 30))
    for begin, days in times + long_ago:
        seconds = [n * 1_000_003 % (days * 86_400) for n in range(40_000)]
        started = pl.Series([begin + timedelta(seconds=n) for n in seconds], dtype=pl.Datetime("us", "UTC"))
        for some in (zones, zones[:1], zones[2:3]):
            zone = pl.Series([some[n % len(some)] for n in range(len(seconds))], dtype=pl.Categorical)
            found = local_dates(started, zone)
            for name in some:
                here = zone == name if name else zone.is_null()
                here = here.fill_null(value=False)
                expected = started.filter(here).dt.convert_time_zone(name or "UTC").dt.date()
                assert found.filter(here).equals(expected)
