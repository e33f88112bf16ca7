"""Rated, suspended and excluded usage as rows of the working database, and what later stages need of the rated."""

from datetime import date
from pathlib import Path

import polars as pl

from flows.books.run import Run
from flows.home.schema import LINES_OF_A_FILE
from flows.home.store import Store
from flows.month.usage.stored import storable
from rating.outcomes import outcome
from rating.usage import RatingTables
from schemas.frames import RATED, checked
from schemas.money import EXACT

WAITING = (
    "at", "usage_no", "usage_id", "account_id", "billing_group", "started_at", "local_date", "category", "country",
    "jurisdiction", "currency", "time_zone", "kind", "unit", "units", "rule", "rate", "billable_units", "minimum_units",
)  # fmt: skip
"""Columns of records on their way to a price: what the allowances and the amount need."""

CALLED_FROM = ("device_id", "extension", "direction", "from_number", "to_number")
"""Columns that tell the device of a call; they wait too where some allowance belongs to devices."""

_NEXT_STAGES = (
    "usage_no", "usage_id", "account_id", "usage_month", "billing_group", "country", "unit", "rate_id", "is_plain",
    "price", "per", "included_units", "charged_units", "minimum_units", "included_product", "charged_product",
    "fee_charged", "allowance_id", "pool", "draws", "parts",
)  # fmt: skip
_FEW_VALUES = (
    "account_id", "usage_month", "billing_group", "country", "unit", "rate_id", "included_product", "charged_product",
    "allowance_id", "pool", "category", "jurisdiction", "destination", "currency", "kind", "direction", "source",
    "source_file", "time_zone",
)  # fmt: skip
"""Text columns of which many rows share a value: written as a number and a dictionary."""


def with_categories(records: pl.DataFrame) -> pl.DataFrame:
    """`records` with the texts that many share as categories."""
    return records.with_columns(pl.col(name).cast(pl.Categorical) for name in _FEW_VALUES if name in records.columns)


def month_of(day: str) -> pl.Expr:
    """The month of a date column as text, such as 2026-05."""
    return pl.col(day).dt.strftime("%Y-%m").alias("usage_month")


def rated_rows(records: pl.DataFrame, lookups: RatingTables) -> pl.DataFrame:
    """Adds what the rule and the rate row say in words, and the usage month. Raises TollbookError for rows that are not
    schemas.frames.RATED."""
    rules = lookups.rules.select("included_product", "charged_product")
    rows = lookups.book.words
    named = records.with_columns(
        *rules.select(pl.all().cast(pl.Categorical).gather(records["rule"])).get_columns(),
        *rows.select(pl.all().gather(records["rate"])).get_columns(),
        months_of(records["local_date"]),
    )
    return checked(with_categories(named), RATED)


def months_of(days: pl.Series) -> pl.Series:
    """usage_month: the month of each day as a category; made once per day from the first to the last of them."""
    first, last = days.min(), days.max()
    if not (isinstance(first, date) and isinstance(last, date)):
        return pl.repeat(None, days.len(), dtype=pl.Categorical, eager=True).alias("usage_month")
    months = pl.date_range(first, last, eager=True).to_frame("day").select(month_of("day").cast(pl.Categorical))
    return months["usage_month"].gather((days - first).dt.total_days())


def rated_and_left(run: Run, rated: pl.DataFrame, path: Path) -> pl.DataFrame:
    """A piece as it is stored (flows.month.usage.stored); leaves at `path` what charging and drafting need of it."""
    leave_rated(rated, path)
    return stored_rows(run, rated)


def stored_rows(run: Run, rated: pl.DataFrame) -> pl.DataFrame:
    """A piece as it is stored; usage of the month before the invoice month is current, of others of a prior period."""
    month = run.request.invoice_month
    last_month = pl.lit(month).str.to_date("%Y-%m").dt.offset_by("-1mo").dt.strftime("%Y-%m").cast(pl.Categorical)
    billed_as = (
        pl.when(pl.col("usage_month") == last_month)
        .then(pl.lit("current", pl.Categorical))
        .otherwise(pl.lit("prior_period", pl.Categorical))
    )
    return storable(rated, billed_as)


def leave_rated(rated: pl.DataFrame, path: Path) -> None:
    """Leaves at `path` what charging and drafting need of a piece."""
    rated.select(_NEXT_STAGES).write_ipc(path)


def read_rated(path: Path, *columns: str) -> pl.DataFrame:
    """What `leave_rated` left of a piece, its texts as text; only `columns`, where some are named."""
    rated = pl.read_ipc(path, columns=list(columns) or None)
    return rated.with_columns(pl.col(pl.Categorical).cast(pl.String))


def write_settled(store: Store, run: Run, feed: str, records: pl.DataFrame) -> None:
    """Adds suspended and excluded records of a piece; their estimate follows in `write_estimates`."""
    append_settled(store, records.with_columns(
        pl.lit(run.run_id).alias("run_id"), pl.lit(feed).alias("feed"), outcome=outcome(),
        reason=pl.col("reason").cast(pl.String), estimate=pl.lit(None, EXACT), estimate_currency="currency",
    ))  # fmt: skip


def append_settled(store: Store, records: pl.DataFrame) -> None:
    """Adds records to suspended_usage and excluded_usage, as their `outcome` says; their file is in their number."""
    for table, kind in (("suspended_usage", "suspended"), ("excluded_usage", "excluded")):
        rows = records.filter(pl.col("outcome") == kind)
        if rows.height:
            store.append_each(table, [rows.select(settled_columns(store, table))], _WITH_FILE)


def settled_columns(store: Store, table: str) -> list[str]:
    """What suspended_usage or excluded_usage takes of a record."""
    return [name for name in store.columns(table) if not name.startswith("source_")]


_WITH_FILE = f"""
    select i.*, s.source_file, i.usage_no % {LINES_OF_A_FILE} as source_line
    from _incoming as i left join source_files as s on s.file_seq = i.usage_no // {LINES_OF_A_FILE}"""


def write_estimates(store: Store, run_id: str) -> None:
    """Suspended usage at the average price of its account's charged usage in this run (RULES 17).

    Null where nobody is known to owe it, or the account has no charged usage to compare with.
    """
    asked = store.sql(
        """
        select case b.category when 'sms' then 'messages' else 'calls' end as feed, f.account_id,
            sum(r.amount) as amount, sum(r.billable_units - r.included_units)::bigint as charged_units
        from rated as r join rated_for as f using (for_no) join rated_by as b using (by_no)
        where f.run_id = $run and r.billable_units > r.included_units
            and f.account_id in (select account_id from suspended_usage where run_id = $run)
        group by all""",
        {"run": run_id},
    )
    if asked.is_empty():
        return
    per_unit = asked.select(
        "feed", "account_id", per_unit=(pl.col("amount").cast(EXACT) / pl.col("charged_units")).cast(EXACT)
    )
    store.con.register("_per_unit", per_unit.to_arrow())
    try:
        store.con.execute(
            "update suspended_usage as s set estimate = p.per_unit * s.units::decimal(18, 0) from _per_unit as p "
            "where s.run_id = $1 and p.feed = s.feed and p.account_id = s.account_id", [run_id]
        )  # fmt: skip
    finally:
        store.con.unregister("_per_unit")


def count_outcomes(store: Store, run_id: str) -> dict[str, int]:
    """How many records of the run took which way."""
    return dict(
        store.rows(
            " union all ".join(
                f"select '{name}', count(*) from {table} where run_id = $1 having count(*) > 0"
                for name, table in (
                    ("excluded", "excluded_usage"),
                    ("rated", "rated join rated_for using (for_no)"),
                    ("suspended", "suspended_usage"),
                )
            )
            + " order by 1",
            [run_id],
        )
    )
