"""Money: exact until it is rounded once, and this module holds the only rounding.

An exact amount is a pair (amount_num, amount_den): a Decimal(38, 12) product and the whole number it is
still to be divided by. One second at 0.2093 a minute is 0.2093 / 60, which has no finite decimal; kept as a
pair it does not need one. Pairs with equal denominators are summed, and `round_sums` divides and rounds.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Context, Decimal
from fractions import Fraction
from functools import cache
from math import floor
from typing import overload

import polars as pl
from babel.numbers import get_currency_precision

EXACT = pl.Decimal(38, 12)
"""Prices, quantities and undivided products. Twelve decimals, 26 digits before the point."""

_WIDE = Context(prec=76)

_MODES = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_UP, "down": ROUND_DOWN}
"""Our names of the roundings -> the decimal module's, which work on the absolute value too."""


def minor_digits(currency: str) -> int:
    """Decimals of a currency's smallest unit (USD 2, JPY 0, KWD 3), from CLDR."""
    return int(get_currency_precision(currency))


def rounded(exact: Fraction | Decimal | int, digits: int, mode: str = "half_up") -> Decimal:
    """`exact` at `digits` decimals; `mode` works on the absolute value (CONTRACT, section 5)."""
    # Nearly every amount is a Decimal of a few digits, and often rounded already: no Fraction is needed for it.
    if isinstance(exact, Decimal) and exact.is_finite() and exact.adjusted() + digits < _WIDE.prec:
        cut = exact.quantize(_unit(digits), _MODES[mode], _WIDE)
        return cut or cut.copy_abs()
    exact = Fraction(exact)
    scaled = abs(exact) * 10**digits
    whole, rest = divmod(scaled.numerator, scaled.denominator)
    twice = 2 * rest
    up = {
        "half_up": twice >= scaled.denominator,
        "half_even": twice > scaled.denominator or (twice == scaled.denominator and whole % 2 == 1),
        "up": rest > 0,
        "down": False,
    }[mode]
    units = whole + (1 if up else 0)
    return Decimal(-units if exact < 0 else units).scaleb(-digits, _WIDE)


@cache
def _unit(digits: int) -> Decimal:
    """The smallest unit of so many decimals: 0.01 of two."""
    return Decimal(1).scaleb(-digits)


def with_cents(amount: Decimal, currency: str) -> str:
    """An exact amount as people write money, every digit kept: 1.5 USD is 1.50, 0.0045 stays."""
    exponent = int(plain(amount).as_tuple().exponent)
    return f"{amount:.{max(minor_digits(currency), -exponent)}f}"


@overload
def plain(number: Decimal) -> Decimal: ...
@overload
def plain(number: Decimal | None) -> Decimal | None: ...
def plain(number: Decimal | None) -> Decimal | None:
    """A number without the zeros that a wide column adds and without an exponent, every digit kept: 31.00 is 31."""
    if number is None:
        return None
    short = number.normalize(_WIDE)
    exponent = short.as_tuple().exponent
    return short.quantize(Decimal(1), context=_WIDE) if isinstance(exponent, int) and exponent > 0 else short


def plain_text(number: pl.Expr) -> pl.Expr:
    """`plain` of a column of decimals, written out."""
    return number.cast(EXACT).cast(pl.String).str.strip_chars_end("0").str.strip_chars_end(".")


def rounded_text(amount: pl.Expr, digits: pl.Expr) -> pl.Expr:
    """`rounded`, half up, of a column of decimals at `digits` decimals of at most 12, written out."""
    units = amount.cast(EXACT).to_physical()
    zero, ten = (pl.lit(number, pl.Int128) for number in (0, 10))
    coarse = ten.pow(12 - digits)
    whole = (units.abs() + coarse // 2) // coarse * coarse
    text = pl.when(units < 0).then(zero - whole).otherwise(whole).reinterpret(dtype=EXACT).cast(pl.String)
    # Of no decimals the point goes too.
    return (
        text.str.slice(0, text.str.len_bytes() - 12 + digits).str.strip_chars_end(".").alias(amount.meta.output_name())
    )


def round_sums(charges: pl.DataFrame, keys: Sequence[str], digits: pl.Expr | str = "minor_digits") -> pl.DataFrame:
    """One row per `keys`: `amount`, the exact sum of amount_num / amount_den, rounded once, half up.

    `charges` has amount_num (EXACT), amount_den (Int64) and a column of decimals (default minor_digits).
    The amounts come back as Decimal(38, 12), as every amount between the stages.
    """
    digits = pl.col(digits) if isinstance(digits, str) else digits
    sums = (
        charges.group_by([*keys, "amount_den"], maintain_order=True)
        .agg(pl.col("amount_num").sum(), digits.first().alias("_digits"))
        .group_by(list(keys), maintain_order=True)
        .agg(pl.col("amount_num"), pl.col("amount_den"), pl.col("_digits").first())
    )
    assert sums["_digits"].null_count() == 0, "every sum has a currency, and that has its decimals"
    sums = sums.with_row_index("_place")
    one = pl.col("amount_den").list.len() == 1
    # One denominator is one division, for all rows at once; several are a sum of fractions, which few lines are.
    amounts = pl.concat([_divided(sums.filter(one)), _added(sums.filter(~one))]).sort("_place")
    return pl.concat([sums.select(*keys), amounts.select("amount")], how="horizontal")


def _divided(sums: pl.DataFrame) -> pl.DataFrame:
    """_place, amount: lists of one amount_num and one amount_den, divided and rounded."""
    pairs = sums.select(
        "_place",
        num=pl.col("amount_num").list.first().to_physical(),
        den=pl.col("amount_den").list.first(),
        digits="_digits",
        mode=pl.lit("half_up"),
    )
    return round_each(pairs).select("_place", amount=pl.col("num").reinterpret(dtype=EXACT))


def _added(sums: pl.DataFrame) -> pl.DataFrame:
    """The same of lists of several, by fractions."""
    amounts = [
        rounded(sum((Fraction(n) / d for n, d in zip(nums, dens, strict=True)), Fraction(0)), places)
        for nums, dens, places in sums.select("amount_num", "amount_den", "_digits").iter_rows()
    ]
    return sums.select("_place", amount=pl.Series(amounts, dtype=EXACT))


def round_each(amounts: pl.DataFrame) -> pl.DataFrame:
    """Every row's amount rounded by itself, in whole numbers: the vectorised twin of `rounded`.

    amounts: num (Int128, units of 10^-12), den (Int64; the amount is num / den), digits (Int64, at most
    ROUNDING_DIGITS_LIMIT; null: not rounded), mode (text of RoundingMode). num and den are replaced by the
    rounded amount's; change_num (Int128) and change_den (Int64) are added: what the rounding added.
    The caller sees to it that |num| and |amount| x 10^digits stay below 10^38, what an Int128 and a Decimal hold.
    """
    zero, one, ten = (pl.lit(number, pl.Int128) for number in (0, 1, 10))
    digits = pl.col("digits").fill_null(12)
    # Down to 12 decimals the rounded amount is a multiple of `_coarse`; below, one of 1 / `_finer`.
    sized = amounts.with_columns(
        _coarse=ten.pow((12 - digits).clip(lower_bound=0)),
        _finer=ten.pow((digits - 12).clip(lower_bound=0)),
        _den=pl.col("den").cast(pl.Int128),
        _abs=pl.col("num").abs(),
        _sign=pl.when(pl.col("num") < 0).then(zero - one).otherwise(one),
    )
    unit = pl.col("_den") * pl.col("_coarse")
    # Whole and rest are cut apart before the rest is made finer, so that nothing large is multiplied.
    fine_rest = (pl.col("_abs") % unit) * pl.col("_finer")
    cut = sized.with_columns(
        _unit=unit, _kept=(pl.col("_abs") // unit) * pl.col("_finer") + fine_rest // unit, _rest=fine_rest % unit
    )
    twice, mode = 2 * pl.col("_rest"), pl.col("mode")
    up = (
        ((mode == "up") & (pl.col("_rest") > 0))
        | ((mode == "half_up") & (twice >= pl.col("_unit")))
        | ((mode == "half_even") & (twice > pl.col("_unit")))
        | ((mode == "half_even") & (twice == pl.col("_unit")) & (pl.col("_kept") % 2 == 1))
    )
    rounds = pl.col("digits").is_not_null()
    change = pl.when(up).then(pl.col("_unit") - pl.col("_rest")).otherwise(zero - pl.col("_rest"))
    units = pl.col("_kept") + pl.when(up).then(one).otherwise(zero)
    return cut.with_columns(
        num=pl.when(rounds).then(pl.col("_sign") * units * pl.col("_coarse")).otherwise("num"),
        den=pl.when(rounds).then("_finer").otherwise("_den").cast(pl.Int64),
        change_num=pl.when(rounds).then(pl.col("_sign") * change).otherwise(zero),
        change_den=pl.when(rounds).then(pl.col("_den") * pl.col("_finer")).otherwise("_den").cast(pl.Int64),
    ).drop("_coarse", "_finer", "_den", "_abs", "_sign", "_unit", "_kept", "_rest")


def spread(amount: Decimal, weights: Sequence[Fraction | Decimal | int], digits: int) -> list[Decimal]:
    """`amount` in parts proportional to `weights`, each at `digits` decimals, adding up to it exactly.

    By largest remainder: every part is cut down to whole units, and the units that are left go one each to the parts
    that lost most, the earlier one first. Negative amounts mirror positive ones; a weight of the other sign than
    their sum has a part of the other sign than the amount. Raises ValueError where the weights add up to nothing, or
    `amount` has more than `digits` decimals.
    """
    shares = [Fraction(weight) for weight in weights]
    total = sum(shares, Fraction(0))
    if total == 0:
        raise ValueError("expected weights that do not add up to zero")
    units = abs(Fraction(amount)) * 10**digits
    if units.denominator != 1:
        raise ValueError(f"found {amount}; expected at most {digits} decimals")
    exact = [units * share / total for share in shares]
    parts = [floor(part) for part in exact]
    by_loss = sorted(range(len(exact)), key=lambda i: (parts[i] - exact[i], i))
    for index in by_loss[: int(units) - sum(parts)]:
        parts[index] += 1
    sign = -1 if amount < 0 else 1
    return [Decimal(sign * part).scaleb(-digits, _WIDE) for part in parts]
