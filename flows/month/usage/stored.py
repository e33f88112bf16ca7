"""Rated usage written down: what rating adds to a record, and once for many records whose it is and by which rate.

Three tables (flows/home/tables.sql): rated has a row per record, rated_for one per run, account, billing group and
month, rated_by one per rate, category, country and jurisdiction. The view rated_usage puts them together again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from flows.books.run import Run, draft_id
from flows.home.store import Store
from rating.draws import LARGEST_KEY
from schemas.money import EXACT

FOR = ("account_id", "currency", "billing_group", "usage_month", "billed_as", "draft_id")
"""What the records of an account in a run share."""
BY = ("rate_id", "destination", "category", "country", "jurisdiction")
"""What the records of a rate share."""
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
        for frame in frames:
            whose, for_place = distinct(frame, tuple(name for name in FOR if name in frame.columns))
            by, by_place = distinct(frame, BY)
            for_no = pl.int_range(self._next_for + 1, self._next_for + whose.height + 1, dtype=pl.Int32, eager=True)
            self._next_for += whose.height
            if "draft_id" not in whose.columns:
                whose = whose.with_columns(draft_id(self._run.request.invoice_month).alias("draft_id"))
            self._for = pl.concat([self._for, whose.select(for_no.alias("for_no"), *FOR)])
            yield frame.select(
                OWN[0],
                for_no.gather(for_place).alias("for_no"),
                self._numbers_of(by).gather(by_place).alias("by_no"),
                *OWN[1:],
            )

    def _numbers_of(self, by: pl.DataFrame) -> pl.Series:
        """by_no of each row, new ones given."""
        told = by.join(self._by, on=BY, how="left", nulls_equal=True, validate="m:1", maintain_order="left")
        new = told.filter(pl.col("by_no").is_null())
        if new.height:
            given = pl.int_range(self._next_by + 1, self._next_by + new.height + 1, dtype=pl.Int32, eager=True)
            self._next_by += new.height
            self._by = pl.concat([self._by, new.select(given.alias("by_no"), *BY)])
            return self._numbers_of(by)
        return told["by_no"]


def distinct(frame: pl.DataFrame, names: tuple[str, ...]) -> tuple[pl.DataFrame, pl.Series]:
    """The distinct rows of these columns, as text, and which of them each row of the frame has."""
    # One number is looked up ten times as fast as five texts are.
    key = pl.repeat(0, frame.height, dtype=pl.Int64, eager=True)
    most = 1
    for name in names:
        number, count = _numbered_texts(frame[name])
        key, most = key * count + number, most * count
    if most > LARGEST_KEY:
        raise OverflowError(f"{most} ways to combine {', '.join(names)}; expected at most {LARGEST_KEY}")
    asked = pl.DataFrame({"key": key}).with_row_index("row")
    firsts = asked.unique("key", keep="first", maintain_order=True).with_row_index("place")
    places = asked.join(firsts, on="key", how="left", validate="m:1", maintain_order="left")["place"]
    return frame.select(pl.col(names).gather(firsts["row"]).cast(pl.String)), places


def _numbered_texts(texts: pl.Series) -> tuple[pl.Series, int]:
    """Each text as a number from 1 on, 0 where there is none; and how many numbers there are."""
    codes = texts.cast(pl.Categorical).to_physical()
    seen = codes.drop_nulls().unique()
    if seen.is_empty():
        return pl.repeat(0, texts.len(), dtype=pl.Int64, eager=True), 1
    last = seen.cast(pl.Int64).sort()[-1]
    numbers = pl.repeat(0, last + 1, dtype=pl.Int64, eager=True).scatter(
        seen, pl.int_range(1, seen.len() + 1, eager=True)
    )
    return numbers.gather(codes).fill_null(0), seen.len() + 1


def reading_amount() -> pl.Expr:
    """amount_num / amount_den to 12 digits, for reading: half even, never summed into a bill."""
    return (pl.col("amount_num") / pl.col("amount_den")).cast(EXACT).alias("amount")


def storable(rated: pl.DataFrame, billed_as: pl.Expr) -> pl.DataFrame:
    """What `RatedWriter.write` takes, of rated records (flows.month.usage.rows.rated_rows)."""
    named = rated.with_columns(reading_amount(), billed_as=billed_as)
    return named.select(*OWN, *(name for name in FOR if name in named.columns), *BY)


def forget_rated(store: Store, runs: str, values: dict[str, Any]) -> None:
    """Takes rated usage of runs out. runs: SQL that says so of a row, with these values for its parameters."""
    store.con.execute(f"delete from rated where for_no in (select for_no from rated_for where {runs})", values)
    store.con.execute(f"delete from rated_for where {runs}", values)
