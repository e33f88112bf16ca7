"""Laws of what is corrected: what two differences have in common, and what documents hold of a line already."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rating.less_billed import less_billed
from rating.owed import KEY, STATE, difference, overlap
from schemas.frames import CHARGE, conform
from schemas.money import EXACT, round_sums, rounded

FIRST = date(2026, 5, 1)

parts = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(1, 31), st.integers(1, 3), st.sampled_from(["31.00", "62.00"]),
        st.sampled_from([None, "north"]),
    ),
    max_size=4,
)  # fmt: skip
Parts = list[tuple[int, int, int, str, str | None]]


def frame(made: Parts) -> pl.DataFrame:
    rows = [
        ("ANN", "subscriptions", "S", "seat", FIRST, FIRST + timedelta(days=31), Decimal(price), None,
         group, None, FIRST + timedelta(days=start), FIRST + timedelta(days=min(start + days, 31)), Decimal(quantity))
        for start, days, quantity, price, group in made
    ]  # fmt: skip
    text = dict.fromkeys(KEY[:4], pl.String)
    schema: dict[str, Any] = {
        **text, "cycle_start": pl.Date, "cycle_end": pl.Date, "unit_price": EXACT, "priced_units": EXACT,
        "billing_group": pl.String, "location_id": pl.String, "part_start": pl.Date, "part_end": pl.Date,
        "quantity": EXACT,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def by_day(found: pl.DataFrame) -> dict[tuple[Decimal, str | None, date], Decimal]:
    """(price, billing group, day) -> quantity, the slow way."""
    days: dict[tuple[Decimal, str | None, date], Decimal] = {}
    for row in found.iter_rows(named=True):
        day = row["part_start"]
        while day < row["part_end"]:
            key = (row["unit_price"], row["billing_group"], day)
            days[key] = days.get(key, Decimal(0)) + row["quantity"]
            day += timedelta(days=1)
    return {key: quantity for key, quantity in days.items() if quantity}


@given(parts, parts, parts)
def test_what_two_differences_have_in_common(owed: Parts, was: Parts, later: Parts) -> None:
    one = difference(frame(owed), frame(was))
    other = difference(frame(owed), frame(later))
    common = by_day(overlap(one, other))
    mine, theirs = by_day(one), by_day(other)
    for key in {*mine, *theirs}:
        a, b = mine.get(key, Decimal(0)), theirs.get(key, Decimal(0))
        expected = min(a, b) if a > 0 and b > 0 else max(a, b) if a < 0 and b < 0 else 0
        assert common.get(key, 0) == expected
    assert set(common) <= {*mine, *theirs}


@given(parts, parts)
def test_a_difference_has_itself_in_common_with_itself_and_nothing_with_its_opposite(owed: Parts, was: Parts) -> None:
    one, back = difference(frame(owed), frame(was)), difference(frame(was), frame(owed))
    assert by_day(overlap(one, one)) == by_day(one)
    assert by_day(overlap(one, back)) == {}
    assert set(STATE) <= set(one.columns)


steps = st.lists(st.tuples(st.integers(0, 10**7), st.sampled_from([1, 7, 60])), min_size=1, max_size=5)


@settings(max_examples=60)
@given(steps)
def test_documents_of_a_line_always_add_up_to_all_of_it_rounded_once(known: list[tuple[int, int]]) -> None:
    """Whatever comes late, and whether the line grows or shrinks: Σ printed = round(all that is known now)."""
    billed: list[tuple[Decimal, Decimal]] = []
    digits = pl.DataFrame({"account_id": ["ANN"], "minor_digits": [2]})
    for thousandths, den in known:
        owed = _line(Decimal(thousandths).scaleb(-3), den, thousandths)
        touched = pl.DataFrame(schema={"account_id": pl.String, "line_key": pl.String})
        rows = less_billed(owed, _held(billed), digits, touched)
        if rows.height:
            printed = round_sums(rows.with_columns(minor_digits=pl.lit(2)), ["account_id", "line_key"])["amount"][0]
            billed.append((printed, Decimal(rows["quantity"].sum())))
        exact = Fraction(Decimal(thousandths).scaleb(-3)) / den
        assert sum((amount for amount, _ in billed), Decimal(0)) == rounded(exact, 2)
        assert sum((quantity for _, quantity in billed), Decimal(0)) == thousandths


def _line(num: Decimal, den: int, quantity: int) -> pl.DataFrame:
    row = {
        "account_id": "ANN", "line_key": "L", "charge_key": "ANN|usage|-|abroad|2026-05", "charge_type": "usage",
        "section": "international_minutes", "product_code": "abroad", "quantity": Decimal(quantity),
        "amount_num": num, "amount_den": den, "part_start": FIRST, "part_end": FIRST + timedelta(days=31),
    }  # fmt: skip
    return conform(pl.DataFrame([row]), CHARGE)


def _held(billed: list[tuple[Decimal, Decimal]]) -> pl.DataFrame:
    rows = [
        ("ANN", "L", "ANN|usage|-|abroad|2026-05", "international_minutes", "abroad", None, None, "2026-05", "second",
         None, FIRST, FIRST + timedelta(days=31), amount, quantity)
        for amount, quantity in billed
    ]  # fmt: skip
    text = (
        "account_id", "line_key", "charge_key", "section", "product_code", "billing_group", "country", "usage_month",
        "unit",
    )  # fmt: skip
    schema: dict[str, Any] = {**dict.fromkeys(text, pl.String), "list_unit_price": EXACT, "period_start": pl.Date,
              "period_end": pl.Date, "amount": EXACT, "quantity": EXACT}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
