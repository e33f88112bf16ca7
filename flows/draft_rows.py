"""What a draft leaves in the working database, keyed by its run."""

from typing import Any

import polars as pl

from flows.context import Run
from flows.store import Store
from schemas.document import Document, canonical
from schemas.money import EXACT


def write_drafts(
    store: Store, run: Run, documents: list[Document], lines: pl.DataFrame, taxes: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    """Everything the run found, keyed by its id; rows of an earlier try of the same run are replaced."""
    for table in (
        "rated_usage", "line_usage", "suspended_usage", "excluded_usage", "charges", "documents", "invoice_lines",
        "invoice_taxes", "line_discounts", "traffic_studies", "run_accounts", "run_findings",
    ):  # fmt: skip
        store.con.execute(f"delete from {table} where run_id = $1", [run.run_id])
    drafted = pl.DataFrame(
        {"account_id": [d.bill_to.account_id for d in documents], "draft_id": [d.draft_id for d in documents]},
        schema={"account_id": pl.String, "draft_id": pl.String},
    )
    mark = pl.lit(run.run_id).alias("run_id")
    in_draft = lines.join(drafted, on=["account_id", "draft_id"], how="semi").with_columns(mark)
    store.append("documents", _document_rows(documents))
    store.append(
        "invoice_lines",
        in_draft.drop(
            "line_key",
            "country",
            "per",
            "fraction",
            "telecom_percent",
            "interstate",
            "jurisdiction",
            "access_lines",
            "measured_share",
        ),
    )
    tax_rows = taxes.join(drafted, on="draft_id").with_columns(mark)
    store.append("invoice_taxes", tax_rows.select(_columns(store, "invoice_taxes")))
    traffic = pl.read_parquet(run.work / "traffic.parquet")
    store.append("traffic_studies", traffic.with_columns(mark))
    grants = pl.read_parquet(run.work / "discounts.parquet").join(drafted, on=["account_id", "draft_id"], how="semi")
    store.append("line_discounts", grants.with_columns(mark))
    line_numbers = in_draft.select("account_id", "line_key", "draft_id", "line_no")
    taxed_as = ["jurisdiction", "tax_class", "telecom_percent", "interstate", "access_lines", "measured_share"]
    _write_charges(store, run, in_draft.select(*line_numbers.columns, *taxed_as), taxed_as)
    _write_usage(store, run, line_numbers, drafted)
    for stage in ("findings", "tax_findings"):
        store.append("run_findings", pl.read_parquet(run.work / f"{stage}.parquet").with_columns(mark))
    store.append("run_accounts", outcomes)


def _write_charges(store: Store, run: Run, lines: pl.DataFrame, taxed_as: list[str]) -> None:
    """Charges with the line they stand on and how that was taxed: what reverses them is taxed alike."""
    charges = pl.read_parquet(run.work / "charges.parquet").drop(taxed_as)
    charges = charges.join(lines, on=["account_id", "line_key"])
    columns = [
        name
        for name, *_ in store.rows("select column_name from information_schema.columns where table_name = 'charges'")
    ]
    store.append("charges", charges.with_columns(run_id=pl.lit(run.run_id)).select(columns))


def reading_amount() -> pl.Expr:
    """amount_num / amount_den to 12 digits, for reading: half even, never summed into a bill."""
    return (pl.col("amount_num") / pl.col("amount_den")).cast(pl.Decimal(38, 12)).alias("amount")


def _write_usage(store: Store, run: Run, line_numbers: pl.DataFrame, drafted: pl.DataFrame) -> None:
    usage = pl.read_parquet(run.work / "rated.parquet").with_columns(run_id=pl.lit(run.run_id))
    month = run.request.invoice_month
    last_usage_month = pl.col("usage_month") == pl.lit(month).str.to_date("%Y-%m").dt.offset_by("-1mo").dt.strftime(
        "%Y-%m"
    )
    rated = (
        usage.filter(pl.col("outcome") == "rated")
        .join(drafted, on="account_id", how="left")
        .with_columns(
            reading_amount(),
            invoice_month=pl.lit(month),
            billed_as=pl.when(last_usage_month).then(pl.lit("current")).otherwise(pl.lit("prior_period")),
        )
    )
    store.append("rated_usage", rated.select(_columns(store, "rated_usage")))
    components = pl.read_parquet(run.work / "components.parquet").join(line_numbers, on=["account_id", "line_key"])
    with_run = components.with_columns(reading_amount(), run_id=pl.lit(run.run_id))
    store.append("line_usage", with_run.select(_columns(store, "line_usage")))
    for table, outcome in (("suspended_usage", "suspended"), ("excluded_usage", "excluded")):
        rows = usage.filter(pl.col("outcome") == outcome)
        if outcome == "suspended":
            rows = rows.with_columns(estimate=_estimate(rows, rated), estimate_currency="currency")
        store.append(table, rows.select(_columns(store, table)))


def _estimate(rows: pl.DataFrame, rated: pl.DataFrame) -> pl.Series:
    """A money estimate for suspended usage: the account's average price of charged usage in this run (RULES 17).

    Null where nobody is known to owe it, or the account has no charged usage to compare with.
    """
    charged = (
        rated.filter(pl.col("charged_units") > 0)
        .group_by("account_id", "kind")
        .agg(per_unit=(pl.col("amount").sum() / pl.col("charged_units").sum()).cast(pl.Decimal(38, 12)))
    )
    joined = rows.join(charged, on=["account_id", "kind"], how="left", maintain_order="left")
    return joined.select(estimate=(pl.col("per_unit") * pl.col("units")).cast(pl.Decimal(38, 12)))["estimate"]


def _columns(store: Store, table: str) -> list[str]:
    return [
        name
        for name, *_ in store.rows(
            "select column_name from information_schema.columns where table_name = $1 order by ordinal_position",
            [table],
        )
    ]


_SAME_NAME = (
    "invoice_month", "kind", "currency", "subtotal", "tax_total", "total", "usage_period_start", "usage_period_end",
    "is_final", "corrects",
)  # fmt: skip


def _document_rows(documents: list[Document]) -> pl.DataFrame:
    rows = [
        {
            "run_id": d.run_id,
            "draft_id": d.draft_id,
            "account_id": d.bill_to.account_id,
            "seller_id": d.seller.seller_id,
            "bill_to_country": d.bill_to.country,
            "bill_to_region": d.bill_to.region,
            "seller_tax_id": d.seller.tax_id,
            "customer_tax_id": d.bill_to.tax_id,
            "document_json": canonical(d).decode(),
            **{name: getattr(d, name) for name in _SAME_NAME},
        }
        for d in documents
    ]
    overrides: dict[str, Any] = {
        **dict.fromkeys(("subtotal", "tax_total", "total"), EXACT),
        **dict.fromkeys(("usage_period_start", "usage_period_end"), pl.Date),
        **dict.fromkeys(("corrects", "bill_to_region", "seller_tax_id", "customer_tax_id"), pl.String),
    }
    return pl.DataFrame(rows, schema_overrides=overrides) if rows else pl.DataFrame()
