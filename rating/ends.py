"""Both ends of a call: the near one is our customer's, the far one is whom they called or who called them.

The same is said once more in SQL where feeds are read before they are rated (flows/home/near_number.py): there the
number that pays for a forwarded call stands in the caller's place. Change both together.
"""

import polars as pl

EXTENSION = r"^[0-9]{2,6}$"
"""A number of the house. What is shorter or longer, or begins with +, is none."""
_LONGEST_EXTENSION = 6


def near_number() -> pl.Expr:
    """The customer's own number, as `near_number`: called where the call came in, else the caller's."""
    return pl.when(_came_in()).then("to_number").otherwise("from_number").alias("near_number")


def far_number() -> pl.Expr:
    """The number at the other end, as `far_number`."""
    return pl.when(_came_in()).then("from_number").otherwise("to_number").alias("far_number")


def near_numbers(usage: pl.DataFrame) -> pl.Series:
    """`near_number` of each record; where no call came in, the column as it is."""
    return usage.select(near_number()).to_series() if _any_came_in(usage) else usage["from_number"]


def far_numbers(usage: pl.DataFrame) -> pl.Series:
    """`far_number` of each record; where no call came in, the column as it is."""
    return usage.select(far_number()).to_series() if _any_came_in(usage) else usage["to_number"]


def may_be_extensions(numbers: pl.Series) -> pl.Series:
    """Which numbers are short enough to be extensions: asked before EXTENSION is, which takes ten times as long."""
    return (numbers.str.len_bytes() <= _LONGEST_EXTENSION).fill_null(value=False)


def if_extension(number: pl.Expr) -> pl.Expr:
    """`number` where it is an extension, else null."""
    return pl.when(number.str.contains(EXTENSION)).then(number)


def _any_came_in(usage: pl.DataFrame) -> bool:
    return bool(usage.select(_came_in().any()).item())


def _came_in() -> pl.Expr:
    return pl.col("direction") == "inbound"
