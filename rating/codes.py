"""Texts that many rows share, as categories: each is a number, the same in every frame of a process.

A column of numbers is filtered, taken by place and compared in a tenth of the time of one of texts.
"""

from dataclasses import dataclass

import polars as pl


def coded(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with their texts as categories."""
    return rows.with_columns(pl.col(pl.String).cast(pl.Categorical))


def places_among(texts: pl.Series, known: pl.Series) -> pl.Series:
    """The place (UInt32) of each text among the distinct texts of `known`; null where it is not among them.

    Both are categories.
    """
    codes, codes_known = texts.to_physical(), known.to_physical()
    # As many as there are texts in the process: a table of them is made faster than anything is looked up.
    size = max(largest(codes), largest(codes_known)) + 1
    place = pl.repeat(None, size, dtype=pl.UInt32, eager=True)
    place = place.scatter(codes_known, pl.int_range(known.len(), dtype=pl.UInt32, eager=True))
    return place.gather(codes)


def largest(numbers: pl.Series) -> int:
    """The largest of them; 0 where there is none."""
    number = numbers.max()
    return number if isinstance(number, int) else 0


@dataclass(frozen=True)
class Pairs:
    """A value for each pair of texts that has one, found by their places: `values` has a row per pair."""

    firsts: pl.Series
    seconds: pl.Series
    values: pl.Series

    def of(self, firsts: pl.Series, seconds: pl.Series) -> pl.Series:
        """The value of each pair of texts (categories); null where the pair has none."""
        row, column = places_among(firsts, self.firsts), places_among(seconds, self.seconds)
        return self.values.gather(row * self.seconds.len() + column)


def pairs(rows: pl.DataFrame) -> Pairs:
    """`rows`: two columns of texts, whose pairs are distinct and not null, and one of values."""
    first, second, value = coded(rows).get_columns()
    firsts, seconds = first.unique(maintain_order=True), second.unique(maintain_order=True)
    values = pl.repeat(None, firsts.len() * seconds.len(), dtype=value.dtype, eager=True)
    place = places_among(first, firsts) * seconds.len() + places_among(second, seconds)
    return Pairs(firsts, seconds, values.scatter(place, value))
