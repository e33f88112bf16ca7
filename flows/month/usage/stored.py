"""Rated usage written down: what rating adds to a record, and once for many records whose it is and by which rate.

Three tables (flows/home/tables.sql): rated has a row per record, rated_for one per run, account, billing group and
month, rated_by one per rate, category, country and jurisdiction. The view rated_usage puts them together again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from flows.books.run import Run, draft_id
from flows.home.store import Store
from flows.month.usage.numbered import Numbers
from schemas.money import EXACT

FOR = ("account_id", "currency", "billing_group", "usage_month", "billed_as", "draft_id")
"""What the records of an account in a run share."""
BY = ("rate_id", "destination", "category", "country", "jurisdiction")
"""What the records of a rate share."""
PLACE = "rate"
"""The place of a record's rate in the run's book (rating.deck_search.RateBook): it tells rate_id and destination."""
BY_PLACE = (PLACE, "category", "country", "jurisdiction")
"""What tells the values of BY, where the place is known."""
OWN = (
    "usage_no", "started_at", "local_date", "billable_units", "included_units", "amount_num", "amount_den", "amount",
)  # fmt: skip
"""What a record has to itself."""


class RatedWriter:
    """Numbers for what records share; those of rates are kept from run to run. One transaction around its use."""

    def __init__(self, store: Store, run: Run) -> None:
        self._store, self._run = store, run
        self._by = store.sql("select * from rated_by")
        self._known_by = self._by.height
        self._next_for, self._next_by = store.rows(
            "select (select coalesce(max(for_no), 0) from rated_for), (select coalesce(max(by_no), 0) from rated_by)"
        )[0]
        self._for = pl.DataFrame(schema={"for_no": pl.Int32, **dict.fromkeys(FOR, pl.String)})

    def write(self, frames: Iterable[pl.DataFrame]) -> None:
        """Adds records: OWN, FOR and BY, as text or categories; draft_id only where it is not the account's own."""
        self._store.append_each("rated", self._numbered(frames))
        self._store.append("rated_for", self._for.with_columns(
            run_id=pl.lit(self._run.run_id), invoice_month=pl.lit(self._run.request.invoice_month)
        ))  # fmt: skip
        self._store.append("rated_by", self._by.slice(self._known_by))
        self._known_by, self._for = self._by.height, self._for.clear()

    def _numbered(self, frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        whose, by, first_for = None, None, self._next_for + 1
        by_no = pl.Series(dtype=pl.Int32)
        for frame in frames:
            if whose is None or by is None:
                whose = Numbers(*(name for name in FOR if name in frame.columns))
                by = Numbers(*(BY_PLACE if PLACE in frame.columns else BY))
            for_place, new_whose = whose.of(frame)
            self._take_for(_texts(frame, whose.names, new_whose))
            by_place, new_by = by.of(frame)
            by_no = pl.concat([by_no, self._numbers_of(_texts(frame, BY, new_by))])
            yield frame.select(
                OWN[0],
                (for_place + first_for).cast(pl.Int32).alias("for_no"),
                by_no.gather(by_place).alias("by_no"),
                *OWN[1:],
            )

    def _take_for(self, whose: pl.DataFrame) -> None:
        """Numbers new rows of `rated_for`, in their order."""
        for_no = pl.int_range(self._next_for + 1, self._next_for + whose.height + 1, dtype=pl.Int32, eager=True)
        self._next_for += whose.height
        if "draft_id" not in whose.columns:
            whose = whose.with_columns(draft_id(self._run.request.invoice_month).alias("draft_id"))
        self._for = pl.concat([self._for, whose.select(for_no.alias("for_no"), *FOR)])

    def _numbers_of(self, by: pl.DataFrame) -> pl.Series:
        """by_no of each row, new ones given."""
        told = by.join(self._by, on=BY, how="left", nulls_equal=True, validate="m:1", maintain_order="left")
        new = told.filter(pl.col("by_no").is_null()).unique(BY, maintain_order=True)
        if new.height:
            given = pl.int_range(self._next_by + 1, self._next_by + new.height + 1, dtype=pl.Int32, eager=True)
            self._next_by += new.height
            self._by = pl.concat([self._by, new.select(given.alias("by_no"), *BY)])
            return self._numbers_of(by)
        return told["by_no"]


def _texts(frame: pl.DataFrame, names: tuple[str, ...], rows: pl.Series) -> pl.DataFrame:
    """These columns of some rows, as text."""
    return frame.select(pl.col(names).gather(rows).cast(pl.String))


def reading_amount() -> pl.Expr:
    """amount_num / amount_den to 12 digits, for reading: half even, never summed into a bill."""
    return (pl.col("amount_num") / pl.col("amount_den")).cast(EXACT).alias("amount")


def storable(rated: pl.DataFrame, billed_as: pl.Expr) -> pl.DataFrame:
    """What `RatedWriter.write` takes, of rated records (flows.month.usage.rows.rated_rows), with the PLACE of their
    rates where it is known."""
    named = rated.with_columns(reading_amount(), billed_as=billed_as)
    return named.select(*OWN, *(name for name in (*FOR, PLACE) if name in named.columns), *BY)


def forget_rated(store: Store, runs: str, values: dict[str, Any]) -> None:
    """Takes rated usage of runs out. runs: SQL that says so of a row, with these values for its parameters."""
    store.con.execute(f"delete from rated where for_no in (select for_no from rated_for where {runs})", values)
    store.con.execute(f"delete from rated_for where {runs}", values)
