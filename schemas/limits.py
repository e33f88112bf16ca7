"""What no price, count or rounding of a file may exceed. Apart from schemas.money, which needs Polars."""

from decimal import Decimal
from typing import Literal

PRICE_LIMIT = Decimal(10) ** 9
"""Prices at or above are refused at the door: sums stay far below what Decimal(38, 12) can hold."""

UNITS_LIMIT = 10**9
"""Seconds or credits of one record at or above are refused at the door, for the same reason."""

RoundingMode = Literal["half_up", "half_even", "up", "down"]
"""How a tie or a rest is rounded; all of them work on the absolute value (CONTRACT, section 5)."""

ROUNDING_DIGITS_LIMIT = 20
"""The most decimals a call may be rounded to by itself."""
