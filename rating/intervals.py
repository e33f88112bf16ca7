"""What was in force at an instant: rows over half-open spans of time, asked by key and time."""

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from rating.codes import coded


@dataclass(frozen=True)
class Intervals:
    """Rows in force over [from_at, to_at), ready to be asked by key and time. Of rows that overlap the first counts.

    `rows` is sorted by key and from_at; `index` says where the rows of a key lie (the keys, first, count).
    """

    keys: tuple[str, ...]
    rows: pl.DataFrame
    index: pl.DataFrame

    def at(self, asked: pl.DataFrame, times: pl.Series) -> pl.Series:
        """The row in force (UInt32) for each row of `asked` (the keys) at its time; null where there is none."""
        where = asked.join(self.index, on=self.keys, how="left", validate="m:1", maintain_order="left")
        return self._in_force(where.select("first", "count"), times)

    def at_places(self, places: pl.Series, times: pl.Series) -> pl.Series:
        """The same for the places of keys in `index`; null where there is no key."""
        return self._in_force(self.index.select(pl.col("first", "count").gather(places)), times)

    @cached_property
    def coded(self) -> pl.DataFrame:
        """`rows` with their texts as categories."""
        return coded(self.rows)

    def _in_force(self, where: pl.DataFrame, times: pl.Series) -> pl.Series:
        """The row in force for each key's first row and count of rows."""
        row = where["first"]
        if (where["count"] > 1).any():
            row = self._among_several(where, times)
        begun, over = (self.rows[edge].gather(row) for edge in ("from_at", "to_at"))
        in_force = ((begun <= times) & (times < over)).fill_null(False)
        return pl.select(pl.when(in_force).then(row)).to_series()

    def _among_several(self, where: pl.DataFrame, times: pl.Series) -> pl.Series:
        """The first row of a key that is in force; its very first where none is."""
        at = pl.int_range(pl.len(), dtype=pl.UInt32)
        several = where.select("first", "count", at=at, time=times).filter(pl.col("count") > 1)
        each = several.select(
            "at", "time", row=pl.int_ranges("first", pl.col("first") + pl.col("count"), dtype=pl.UInt32)
        ).explode("row")
        begun, over = (self.rows[edge].gather(each["row"]) for edge in ("from_at", "to_at"))
        hit = each.filter((begun <= each["time"]) & (each["time"] < over)).unique(
            "at", keep="first", maintain_order=True
        )
        return where["first"].scatter(hit["at"], hit["row"])


def intervals(rows: pl.DataFrame, *keys: str, first: str = "from_at") -> Intervals:
    """`rows` with their keys, from_at and to_at (any one time type), made ready to be asked. first: which of rows that
    overlap counts, the one where this is earliest."""
    rows = rows.sort(*keys, first, maintain_order=True)
    index = (
        rows.select(*keys, row=pl.int_range(pl.len(), dtype=pl.UInt32))
        .group_by(*keys, maintain_order=True)
        .agg(first=pl.col("row").first(), count=pl.len())
    )
    return Intervals(keys, rows, index)
