"""Rated, suspended and excluded usage as rows of the working database, and what later stages need of the rated."""

from pathlib import Path

import polars as pl

from flows.books.run import Run, draft_id
from flows.home.store import Store
from rating.outcomes import outcome
from rating.usage import RatingTables
from schemas.frames import RATED, checked
from schemas.money import EXACT

WAITING = (
    "at", "row_id", "usage_id", "account_id", "billing_group", "started_at", "local_date", "category", "country",
    "jurisdiction", "currency", "time_zone", "kind", "unit", "units", "rule", "rate", "billable_units", "minimum_units",
)  # fmt: skip
"""Columns of records on their way to a price: what the allowances and the amount need."""

CALLED_FROM = ("device_id", "extension", "direction", "from_number", "to_number")
"""Columns that tell the device of a call; they wait too where some allowance belongs to devices."""

_NEXT_STAGES = (
    "usage_id", "account_id", "usage_month", "billing_group", "country", "unit", "rate_id", "is_plain", "price", "per",
    "included_units", "charged_units", "minimum_units", "included_product", "charged_product", "fee_charged",
    "allowance_id", "pool", "draws", "parts",
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
    rows = lookups.book.rows.select("destination", "rate_id")
    named = records.with_columns(
        *rules.select(pl.all().cast(pl.Categorical).gather(records["rule"])).get_columns(),
        *rows.select(pl.all().cast(pl.Categorical).gather(records["rate"])).get_columns(),
        months_of(records["local_date"]),
    )
    return checked(with_categories(named), RATED)


def months_of(days: pl.Series) -> pl.Series:
    """usage_month: the month of each day as text; made once per distinct day."""
    months = pl.DataFrame({"day": days.unique()}).with_columns(month_of("day").cast(pl.Categorical))
    return pl.DataFrame({"day": days}).join(months, on="day", how="left", maintain_order="left")["usage_month"]


def reading_amount() -> pl.Expr:
    """amount_num / amount_den to 12 digits, for reading: half even, never summed into a bill."""
    return (pl.col("amount_num") / pl.col("amount_den")).cast(EXACT).alias("amount")


def rated_and_left(run: Run, rated: pl.DataFrame, path: Path, columns: list[str]) -> pl.DataFrame:
    """A piece as rows of rated_usage; leaves at `path` what charging and drafting need of it."""
    leave_rated(rated, path)
    month = run.request.invoice_month
    last_month = pl.lit(month).str.to_date("%Y-%m").dt.offset_by("-1mo").dt.strftime("%Y-%m").cast(pl.Categorical)
    billed_as = (
        pl.when(pl.col("usage_month") == last_month)
        .then(pl.lit("current", pl.Categorical))
        .otherwise(pl.lit("prior_period", pl.Categorical))
    )
    return usage_rows(run, rated, billed_as).select(columns)


def leave_rated(rated: pl.DataFrame, path: Path) -> None:
    """Leaves at `path` what charging and drafting need of a piece."""
    rated.select(_NEXT_STAGES).write_ipc(path)


def usage_rows(run: Run, rated: pl.DataFrame, billed_as: pl.Expr) -> pl.DataFrame:
    """The columns of rated_usage, among others."""
    month = run.request.invoice_month
    drafts = rated.select("account_id").unique().with_columns(draft_id(month).cast(pl.Categorical).alias("draft_id"))
    return rated.with_columns(
        reading_amount(),
        rated.select("account_id").join(drafts, on="account_id", how="left", maintain_order="left")["draft_id"],
        run_id=pl.lit(run.run_id, pl.Categorical),
        invoice_month=pl.lit(month, pl.Categorical),
        billed_as=billed_as,
    )


def read_rated(path: Path, *columns: str) -> pl.DataFrame:
    """What `leave_rated` left of a piece, its texts as text; only `columns`, where some are named."""
    rated = pl.read_ipc(path, columns=list(columns) or None)
    return rated.with_columns(pl.col(pl.Categorical).cast(pl.String))


def write_settled(store: Store, run: Run, feed: str, records: pl.DataFrame) -> None:
    """Adds suspended and excluded records of a piece; their estimate follows in `write_estimates`."""
    named = records.with_columns(
        pl.lit(run.run_id).alias("run_id"), pl.lit(feed).alias("feed"), outcome=outcome(),
        reason=pl.col("reason").cast(pl.String), estimate=pl.lit(None, EXACT), estimate_currency="currency",
    )  # fmt: skip
    for table, kind in (("suspended_usage", "suspended"), ("excluded_usage", "excluded")):
        store.append(table, named.filter(pl.col("outcome") == kind).select(store.columns(table)))


def write_estimates(store: Store, run_id: str) -> None:
    """Suspended usage at the average price of its account's charged usage in this run (RULES 17).

    Null where nobody is known to owe it, or the account has no charged usage to compare with.
    """
    asked = store.sql(
        """
        select case r.kind when 'voice' then 'calls' else 'messages' end as feed, r.account_id,
            sum(r.amount) as amount, sum(r.charged_units)::bigint as charged_units
        from rated_usage as r where r.run_id = $run and r.charged_units > 0
            and r.account_id in (select account_id from suspended_usage where run_id = $run)
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
                f"select '{name}', count(*) from {name}_usage where run_id = $1 having count(*) > 0"
                for name in ("excluded", "rated", "suspended")
            )
            + " order by 1",
            [run_id],
        )
    )
