"""Late usage: usage of a month that documents of its account already hold (RULES 13).

The month is rated anew with everything that is known, against its own allowances; what it owes more than documents hold
goes on the next invoice (flows.month.usage_owed). What a seller writes off is rated after everything else and never
billed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from flows.books.run import Run, empty_folder
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.inputs import MasterData
from flows.month.usage.pieces import Wanted, classify_pieces, draw_allowances, price_pieces
from flows.month.usage.read import UsageReader, account_reader
from flows.month.usage.rows import leave_rated, month_of, read_rated
from flows.month.usage.stored import RatedWriter, storable
from rating.draws import left_over
from rating.usage import RatingTables
from schemas.errors import TollbookError
from schemas.periods import add_months, month_start

_LATE = {
    "usage_no": pl.Int64, "usage_id": pl.String, "account_id": pl.String, "usage_month": pl.String,
    "is_written_off": pl.Boolean,
}  # fmt: skip


@dataclass
class Late:
    """Late records of a run as its first pass finds them, and what their sellers do about them.

    policy: account_id, waits (for a correction), written_off_before (Date; null: never).
    """

    policy: pl.DataFrame
    set_aside: list[pl.DataFrame] = field(default_factory=lambda: [pl.DataFrame(schema=_LATE)])

    @classmethod
    def of(cls, settings: Settings, master: MasterData, month_first: date) -> "Late":
        """The policy of every account's seller, on the invoice month's first day."""
        rows = [
            (name, seller.late_usage == "correction", _cutoff(month_first, seller.write_off_after_days))
            for name, seller in settings.sellers.items()
        ]
        schema = {"seller_id": pl.String, "waits": pl.Boolean, "written_off_before": pl.Date}
        sellers = pl.DataFrame(rows, schema=schema, orient="row")
        accounts = master.versions.select("account_id", "seller_id").unique("account_id", keep="last")
        return cls(accounts.join(sellers, on="seller_id", how="left", validate="m:1").drop("seller_id"))

    def set_apart(self, records: pl.DataFrame) -> pl.DataFrame:
        """Settled records without the late ones that this run deals with; those are kept here."""
        is_late = (pl.col("reason").is_in(["late_usage", "too_old"])).fill_null(False)
        if not records.select(is_late.any()).item():
            return records
        rows = records.join(self.policy, on="account_id", how="left", validate="m:1", maintain_order="left")
        too_old = (pl.col("local_date") < pl.col("written_off_before")).fill_null(False)
        waits = pl.col("waits").fill_null(True) | (pl.col("reason") == "too_old")
        # What waits for a correction stays suspended, unless it is too old for one: nobody would ever bill it.
        is_dealt_with = is_late & (~waits | too_old)
        self.set_aside.append(
            rows.filter(is_dealt_with).select(
                "usage_no", "usage_id", "account_id", month_of("local_date"), is_written_off=too_old
            )
        )
        return rows.filter(~is_dealt_with).select(records.columns)

    def kept_waiting(self, billed_before: pl.DataFrame) -> pl.DataFrame:
        """The rows of billed_before (account_id, billed_before) whose account's late usage waits for a correction."""
        waits = self.policy.filter(pl.col("waits").fill_null(True)).select("account_id")
        return billed_before.join(waits, on="account_id", how="semi")

    def records(self) -> pl.DataFrame:
        return pl.concat(self.set_aside)


def _cutoff(month_first: date, days: int | None) -> date | None:
    return None if days is None else month_first - timedelta(days=days)


def rate_late(
    store: Store, run: Run, settings: Settings, late: Late, rows: int, tables_from: Callable[[str], RatingTables]
) -> None:
    """Adds late records to rated_usage, and leaves the months they belong to, rated anew, as late/*.arrow.

    tables_from: the first usage month there is -> what rating looks things up in; what is written off may be older
    than the months that a run looks back.
    """
    folder = empty_folder(run.work / "late")
    records = late.records()
    if records.is_empty():
        return
    billed, written_off = records.filter(~pl.col("is_written_off")), records.filter("is_written_off")
    months = records.select("account_id", "usage_month").unique()
    billed.select("account_id", "usage_month").unique().write_parquet(run.work / "months.parquet")
    first = month_start(str(months["usage_month"].min()))
    last = add_months(month_start(str(months["usage_month"].max())), 1)
    lookups = tables_from(str(months["usage_month"].min()))
    # Rated as if nothing had been billed yet, or the records would be settled as late a second time.
    never_late = replace(lookups, billed_before=lookups.billed_before.clear())
    with account_reader(store, settings, numbers_of(lookups, months), first, last, rows) as reader:
        drew = empty_folder(run.work / "late_drawn")
        for path, rated in _rated(reader, never_late, run, of_months(months, written_off), rows):
            leave_rated(rated, drew / path.name)
            leave_rated(rated.pipe(_of_accounts_months, billed), folder / path.name)
            _write(store, run, rated, billed, "prior_period")
        # Last, on what the billed calls have left: what nobody pays takes no allowance from a call that is paid.
        if written_off.height:
            left = replace(never_late, grants=_left(lookups.grants, drew))
            for _, rated in _rated(reader, left, run, _only(written_off), rows):
                _write(store, run, rated, written_off, "written_off")
    _all_rated(store, run, records)


def numbers_of(lookups: RatingTables, accounts: pl.DataFrame) -> pl.DataFrame:
    """account_id, number: every number the accounts ever had; accounts without one with null."""
    owned = lookups.owners.numbers.rows.select("account_id", "number")
    return accounts.select("account_id").unique().join(owned, on="account_id", how="left")


def _rated(
    reader: UsageReader, lookups: RatingTables, run: Run, wanted: Wanted, rows: int
) -> Iterator[tuple[Path, pl.DataFrame]]:
    """The wanted records of the reader's accounts, rated by themselves: no other record draws on their allowances."""
    waiting = empty_folder(run.work / "late_classed")
    pieces = list(classify_pieces(reader, lookups, waiting, lambda _, __: None, wanted))
    included = draw_allowances([path for _, path in pieces], lookups, rows)
    yield from price_pieces(pieces, included, lookups)


def of_months(months: pl.DataFrame, left_out: pl.DataFrame | None) -> Wanted:
    """Picks the records of these months of accounts (account_id, usage_month), without those `left_out` (usage_id)."""

    def wanted(records: pl.DataFrame) -> pl.DataFrame:
        dated = records.with_columns(month_of("local_date"))
        theirs = months.with_columns(pl.col("account_id").cast(pl.Categorical))
        rows = dated.join(theirs, on=["account_id", "usage_month"], how="semi", maintain_order="left")
        return rows if left_out is None else rows.join(left_out, on="usage_id", how="anti", maintain_order="left")

    return wanted


def _of_accounts_months(records: pl.DataFrame, billed: pl.DataFrame) -> pl.DataFrame:
    keys = ["account_id", "usage_month"]
    # Joined as text: categories of two frames are not the same numbers.
    words = records.select(pl.col(keys).cast(pl.String)).with_row_index("at")
    return records.select(pl.all().gather(words.join(billed, on=keys, how="semi", maintain_order="left")["at"]))


def _only(these: pl.DataFrame) -> Wanted:
    return lambda records: records.join(these, on="usage_id", how="semi", maintain_order="left")


def _left(grants: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """Grants less what the months' billed calls draw: written-off usage takes from nobody."""
    drew = ("account_id", "usage_month", "allowance_id", "pool", "included_units", "draws")
    pieces = [read_rated(path, *drew) for path in sorted(folder.glob("*.arrow"))]
    return left_over(grants, pl.concat(pieces)) if pieces else grants


def _write(store: Store, run: Run, records: pl.DataFrame, late: pl.DataFrame, billed_as: str) -> None:
    wanted = records.filter(pl.col("usage_id").is_in(late["usage_id"].implode()))
    if wanted.height:
        RatedWriter(store, run).write([storable(wanted, pl.lit(billed_as, pl.Categorical))])


def _all_rated(store: Store, run: Run, late: pl.DataFrame) -> None:
    """Nothing is lost between the two passes."""
    store.con.register("_late", late.select("usage_id").to_arrow())
    try:
        lost = store.rows(
            "select usage_id from _late except select usage_id from rated_usage where run_id = $1", [run.run_id]
        )
    finally:
        store.con.unregister("_late")
    if lost:
        raise TollbookError(f"late usage {lost[:3]} was not rated with its month: the run stops")
