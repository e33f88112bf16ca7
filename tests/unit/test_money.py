"""The only rounding there is: ties, signs, modes, and sums that have no finite decimal."""

from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.money import EXACT, minor_digits, plain, round_sums, rounded

MODES = ["half_up", "half_even", "up", "down"]


@pytest.mark.parametrize(
    ("exact", "half_up", "half_even", "up", "down"),
    [
        ("0.005", "0.01", "0.00", "0.01", "0.00"),
        ("0.015", "0.02", "0.02", "0.02", "0.01"),
        ("0.025", "0.03", "0.02", "0.03", "0.02"),
        ("-0.025", "-0.03", "-0.02", "-0.03", "-0.02"),
        ("2.675", "2.68", "2.68", "2.68", "2.67"),
        ("1.004999999999", "1.00", "1.00", "1.01", "1.00"),
        ("-1.005000000001", "-1.01", "-1.01", "-1.01", "-1.00"),
        ("7.10", "7.10", "7.10", "7.10", "7.10"),
        ("0", "0.00", "0.00", "0.00", "0.00"),
    ],
)
def test_modes_work_on_the_absolute_value(exact, half_up, half_even, up, down):
    found = {mode: str(rounded(Decimal(exact), 2, mode)) for mode in MODES}
    assert found == {"half_up": half_up, "half_even": half_even, "up": up, "down": down}


def test_a_third_that_a_decimal_would_tip_over_stays_below_the_tie():
    # 0.2093 a minute for one second, 6 digits: 0.003488|333…; and 1/3 of 0.03 is exactly one cent.
    assert rounded(Fraction("0.2093") / 60, 6) == Decimal("0.003488")
    assert rounded(Fraction("0.03") / 3, 2) == Decimal("0.01")


@pytest.mark.parametrize(("digits", "expected"), [(0, "1235"), (3, "1234.568")])
def test_digits_may_be_those_of_any_currency(digits, expected):
    assert rounded(Decimal("1234.5678"), digits) == Decimal(expected)


def test_an_unknown_mode_is_a_fault():
    with pytest.raises(KeyError):
        rounded(Decimal(1), 2, "ceiling")


@pytest.mark.parametrize(("currency", "digits"), [("USD", 2), ("CAD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3)])
def test_minor_digits(currency, digits):
    assert minor_digits(currency) == digits


numbers = st.fractions(min_value=-(10**9), max_value=10**9, max_denominator=10**6)


@given(numbers, st.integers(0, 8), st.sampled_from(MODES))
def test_rounding_moves_less_than_one_unit_and_never_across_zero(exact, digits, mode):
    found = Fraction(rounded(exact, digits, mode))
    unit = Fraction(1, 10**digits)
    assert abs(found - exact) < unit
    assert found * exact >= 0
    if mode.startswith("half"):
        assert abs(found - exact) <= unit / 2
    elif mode == "up":
        assert abs(found) >= abs(exact)
    else:
        assert abs(found) <= abs(exact)


@given(numbers, st.integers(0, 8), st.sampled_from(MODES))
def test_a_reversal_rounds_to_exactly_the_opposite(exact, digits, mode):
    assert rounded(-exact, digits, mode) == -rounded(exact, digits, mode)


@given(numbers, st.integers(0, 8), st.sampled_from(MODES))
def test_what_is_rounded_stays(exact, digits, mode):
    once = rounded(exact, digits, mode)
    assert rounded(once, digits, mode) == once


prices = st.decimals(min_value=-(10**6), max_value=10**6, places=12)
charge = st.tuples(st.sampled_from(["a", "b", "c"]), prices, st.sampled_from([1, 28, 30, 31, 60, 365, 1000]))


def frame(charges):
    names, nums, dens = zip(*charges, strict=True)
    return pl.DataFrame(
        {"line": names, "amount_num": nums, "amount_den": dens, "minor_digits": [2] * len(charges)},
        schema={"line": pl.String, "amount_num": EXACT, "amount_den": pl.Int64, "minor_digits": pl.Int64},
    )


@given(st.lists(charge, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_line_is_the_exact_sum_of_its_charges_rounded_once_in_any_order(charges, shuffle):
    sums: dict[str, Fraction] = {}
    for name, num, den in charges:
        sums[name] = sums.get(name, Fraction(0)) + Fraction(num) / den
    shuffle.shuffle(charges)
    found = round_sums(frame(charges), ["line"])
    assert dict(found.iter_rows()) == {name: rounded(exact, 2) for name, exact in sums.items()}
    assert found.schema["amount"] == EXACT


def test_rounding_each_call_would_give_another_invoice():
    calls = [("a", Decimal("0.2093"), 60)] * 60
    assert round_sums(frame(calls), ["line"])["amount"].to_list() == [Decimal("0.21")]
    assert sum(rounded(Fraction(num) / den, 2) for _, num, den in calls) == 0


def test_each_line_has_the_decimals_of_its_currency():
    charges = frame([("yen", Decimal("100.5"), 1), ("euro", Decimal("100.505"), 1)]).with_columns(
        minor_digits=pl.Series([0, 2])
    )
    assert dict(round_sums(charges, ["line"]).iter_rows()) == {"yen": Decimal(101), "euro": Decimal("100.51")}


def test_the_parts_of_a_month_add_up_to_the_month():
    # 31.00 a month, 15 days at one price and 16 at the same: no cent is lost between the two fractions.
    parts = [("a", Decimal("31.00") * 15, 31), ("a", Decimal("31.00") * 16, 31)]
    assert round_sums(frame(parts), ["line"])["amount"].to_list() == [Decimal("31.00")]


@pytest.mark.parametrize(
    ("wide", "shown"),
    [
        ("31.000000000000", "31"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.0085", "-0.0085"),
        ("12345678901234567.123456789012", "12345678901234567.123456789012"),
        ("99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"),
    ],
)
def test_a_plain_number_keeps_every_digit(wide: str, shown: str) -> None:
    assert str(plain(Decimal(wide))) == shown
