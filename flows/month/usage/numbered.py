"""Numbers of what many rows share: looked up as numbers, for one is found ten times as fast as five texts are."""

import polars as pl

from rating.codes import largest


class Numbers:
    """A number from 0 on for each combination of values, given as they first come; the same from frame to frame.

    names: columns of texts or places. The first has no nulls and tells nearly always what the others are.
    """

    def __init__(self, *names: str) -> None:
        self.names = names
        self._known = pl.DataFrame(schema=dict.fromkeys((*names, "number"), pl.UInt32))

    def of(self, frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
        """The number of each row, and of each number that is new a row that has it, in their order."""
        asked = frame.select(_as_code(frame[name]) for name in self.names)
        number = self._looked_up(asked)
        missing = number.is_null()
        if not missing.any():
            return number, pl.Series(dtype=pl.UInt32)
        unknown = asked.with_columns(row=pl.int_range(pl.len(), dtype=pl.UInt32)).filter(missing)
        new = unknown.unique(self.names, keep="first", maintain_order=True).with_row_index("number", self._known.height)
        self._known = pl.concat([self._known, new.select(self._known.columns)])
        return number.scatter(unknown["row"], self._looked_up(unknown)), new["row"]

    def _looked_up(self, asked: pl.DataFrame) -> pl.Series:
        """The number of each row; null where there is none yet."""
        known, first = self._known, self.names[0]
        # What a value came with last is tried before all else: then nothing is joined.
        size = max(largest(asked[first]), largest(known[first])) + 1
        last = pl.repeat(None, size, dtype=pl.UInt32, eager=True).scatter(known[first], known["number"])
        number = last.gather(asked[first])
        is_it = number.is_not_null()
        for name in self.names[1:]:
            is_it &= known[name].gather(number).eq_missing(asked[name])
        if is_it.all():
            return number
        on = list(self.names)
        others = asked.filter(~is_it)
        found = others.join(known, on=on, how="left", nulls_equal=True, validate="m:1", maintain_order="left")
        return number.scatter((~is_it).arg_true(), found["number"])


def _as_code(values: pl.Series) -> pl.Series:
    codes = values if values.dtype.is_integer() else values.cast(pl.Categorical).to_physical()
    return codes.cast(pl.UInt32)
