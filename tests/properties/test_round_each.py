"""Rounding many amounts at once against rounding one, with ties as often as not."""

from fractions import Fraction

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import round_each, rounded

PICO = 10**12


@st.composite
def amounts(draw: st.DrawFn) -> tuple[int, int, int | None, str]:
    """num, den, digits, mode: num / den is a multiple of a half of the last digit, or anything else."""
    digits = draw(st.integers(0, 20))
    mode = draw(st.sampled_from(["half_up", "half_even", "up", "down"]))
    den = draw(st.sampled_from([1, 2, 6, 60, 3600, 10**9]) | st.integers(1, 10**9))
    halves = draw(st.integers(-(10**6), 10**6) | st.integers(-(10**14), 10**14))
    tie = Fraction(halves, 2 * 10**digits) * den * PICO
    num = int(tie) if tie.denominator == 1 and draw(st.booleans()) else draw(st.integers(-(10**17), 10**17)) * den
    return num, den, draw(st.sampled_from([digits, digits, digits, None])), mode


@given(st.lists(amounts(), min_size=1, max_size=40))
def test_each_amount_is_rounded_as_if_it_were_alone(drawn: list[tuple[int, int, int | None, str]]):
    schema = {"num": pl.Int128, "den": pl.Int64, "digits": pl.Int64, "mode": pl.String}
    found = round_each(pl.DataFrame(drawn, schema=schema, orient="row"))
    columns = found.select("num", "den", "change_num", "change_den").iter_rows()
    for (num, den, digits, mode), (new, new_den, change, change_den) in zip(drawn, columns, strict=True):
        exact = Fraction(num, den * PICO)
        wanted = exact if digits is None else Fraction(rounded(exact, digits, mode))
        assert Fraction(new, new_den * PICO) == wanted
        assert Fraction(change, change_den * PICO) == wanted - exact
