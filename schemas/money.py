"""Money: exact until it is rounded once, and this module holds the only rounding.

An exact amount is a pair (amount_num, amount_den): a Decimal(38, 12) product and the whole number it is
still to be divided by. One second at 0.2093 a minute is 0.2093 / 60, which has no finite decimal; kept as a
pair it does not need one. Pairs with equal denominators are summed, and `round_sums` divides and rounds.
"""

from collections.abc import Sequence
from decimal import Context, Decimal
from fractions import Fraction

import polars as pl
from babel.numbers import get_currency_precision

EXACT = pl.Decimal(38, 12)
"""Prices, quantities and undivided products. Twelve decimals, 26 digits before the point."""

PRICE_LIMIT = Decimal(10) ** 9
"""Prices at or above are refused at the door: sums stay far below what Decimal(38, 12) can hold."""

UNITS_LIMIT = 10**9
"""Seconds or credits of one record at or above are refused at the door, for the same reason."""

_WIDE = Context(prec=76)


def minor_digits(currency: str) -> int:
    """Decimals of a currency's smallest unit (USD 2, JPY 0, KWD 3), from CLDR."""
    return int(get_currency_precision(currency))


def rounded(exact: Fraction | Decimal | int, digits: int, mode: str = "half_up") -> Decimal:
    """`exact` at `digits` decimals; `mode` works on the absolute value (CONTRACT, section 5)."""
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


def round_sums(charges: pl.DataFrame, keys: Sequence[str], digits: pl.Expr | str = "minor_digits") -> pl.DataFrame:
    """One row per `keys`: `amount`, the exact sum of amount_num / amount_den, rounded once, half up.

    `charges` has amount_num (EXACT), amount_den (Int64) and a column of decimals (default minor_digits).
    The amounts come back as Decimal(38, 12), as every amount between the stages.
    """
    digits = pl.col(digits) if isinstance(digits, str) else digits
    parts = (
        charges.group_by([*keys, "amount_den"], maintain_order=True)
        .agg(pl.col("amount_num").sum(), digits.first().alias("_digits"))
        .group_by(list(keys), maintain_order=True)
        .agg(pl.col("amount_num"), pl.col("amount_den"), pl.col("_digits").first())
    )
    amounts = [
        rounded(sum((Fraction(n) / d for n, d in zip(nums, dens, strict=True)), Fraction(0)), places)
        for nums, dens, places in parts.select("amount_num", "amount_den", "_digits").iter_rows()
    ]
    return parts.select(*keys).with_columns(pl.Series("amount", amounts, dtype=EXACT))
