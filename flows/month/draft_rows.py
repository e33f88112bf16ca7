"""What a draft leaves in the working database, keyed by its run."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import polars as pl

from flows.books.run import Run
from flows.home.store import Store
from schemas.document import ENGINE_ANSWER, Document, canonical
from schemas.frames import CHARGE, conform
from schemas.money import EXACT


def write_drafts(
    store: Store, run: Run, drafts: pl.DataFrame, documents: Iterable[pl.DataFrame], lines: pl.DataFrame,
    taxes: pl.DataFrame, outcomes: pl.DataFrame,
) -> None:  # fmt: skip
    """Everything the run found, keyed by its id; rows of an earlier try of the same run are replaced. drafts:
    account_id and draft_id of the `documents`, whose rows come some at a time."""
    for table in (
        "line_usage", "charges", "documents", "invoice_lines",
        "invoice_taxes", "line_discounts", "traffic_studies", "run_accounts", "run_findings",
    ):  # fmt: skip
        store.con.execute(f"delete from {table} where run_id = $1", [run.run_id])
    drafted = drafts.select("account_id", "draft_id")
    mark = pl.lit(run.run_id).alias("run_id")
    in_draft = lines.join(drafted, on=["account_id", "draft_id"], how="semi").with_columns(mark)
    store.append_each("documents", documents)
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
    tax_rows = taxes.join(drafted, on="draft_id").with_columns(mark, computed_by=_computed_by())
    store.append("invoice_taxes", tax_rows.select(store.columns("invoice_taxes")))
    traffic = pl.read_parquet(run.work / "traffic.parquet")
    store.append("traffic_studies", traffic.with_columns(mark))
    grants = pl.read_parquet(run.work / "discounts.parquet").join(drafted, on=["account_id", "draft_id"], how="semi")
    store.append("line_discounts", grants.with_columns(mark))
    line_numbers = in_draft.select("account_id", "line_key", "draft_id", "line_no")
    taxed_as = ["jurisdiction", "tax_class", "telecom_percent", "interstate", "access_lines", "measured_share"]
    _write_charges(store, run, in_draft.select(*line_numbers.columns, *taxed_as), taxed_as)
    _write_usage(store, run, line_numbers)
    store.append("run_findings", noticed(run).with_columns(mark))
    store.append("run_accounts", outcomes)


def noticed(run: Run) -> pl.DataFrame:
    """account_id, kind, detail: what the stages found and did not bill."""
    files = [run.work / f"{stage}.parquet" for stage in ("findings", "tax_findings")]
    # A correction rates only what it corrects, and notices nothing of its usage.
    files += run.work.glob("usage_findings.parquet")
    return pl.concat([pl.read_parquet(path).select("account_id", "kind", "detail") for path in files])


def _computed_by() -> pl.Expr:
    """schemas.document.Tax.computed_by, of frames."""
    by_engine = pl.col("table").str.starts_with(ENGINE_ANSWER).fill_null(value=False)
    return pl.when(by_engine).then(pl.lit("engine")).otherwise(pl.lit("tables"))


def _write_charges(store: Store, run: Run, lines: pl.DataFrame, taxed_as: list[str]) -> None:
    """Charges with the line they stand on and how that was taxed: what reverses them is taxed alike."""
    frames = [pl.read_parquet(run.work / f"{name}.parquet") for name in ("charges", "minimums")]
    charges = pl.concat(frames).drop(taxed_as)
    charges = charges.join(lines, on=["account_id", "line_key"])
    store.append("charges", charges.with_columns(run_id=pl.lit(run.run_id)).select(store.columns("charges")))


def _write_usage(store: Store, run: Run, line_numbers: pl.DataFrame) -> None:
    """Which usage stands on which line, from the pieces that charging left; joined where they are, in DuckDB."""
    files = run.work / "components" / "*.parquet"
    if not any(files.parent.glob(files.name)):
        return
    store.con.register("_lines", line_numbers.to_arrow())
    try:
        store.con.execute(
            """
            insert into line_usage by name
            select $run as run_id, l.draft_id, l.line_no, c.usage_no, c.usage_id, c.component, c.rate_id,
                c.allowance_id, c.units, c.price, c.per, c.amount_num, c.amount_den, c.amount
            from read_parquet($files) as c join _lines as l using (account_id, line_key)""",
            {"run": run.run_id, "files": str(files)},
        )
    finally:
        store.con.unregister("_lines")


_SAME_NAME = (
    "invoice_month", "kind", "currency", "subtotal", "tax_total", "total", "usage_period_start", "usage_period_end",
    "is_final", "corrects", "correction", "taxed_on", "issue_date", "due_date", "minor_digits",
)  # fmt: skip


def document_rows(documents: list[Document]) -> pl.DataFrame:
    """Rows of table documents."""
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
        **dict.fromkeys(("usage_period_start", "usage_period_end", "taxed_on"), pl.Date),
        **dict.fromkeys(("corrects", "correction", "bill_to_region", "seller_tax_id", "customer_tax_id"), pl.String),
    }
    return pl.DataFrame(rows, schema_overrides=overrides) if rows else pl.DataFrame()


def line_rows(documents: list[Document], columns: list[str]) -> pl.DataFrame:
    """Rows of table invoice_lines, for documents that are not made from frames."""
    return _line_or_taxs(documents, "lines", columns)


def tax_rows(documents: list[Document], columns: list[str]) -> pl.DataFrame:
    """Rows of table invoice_taxes, for documents that are not made from frames."""
    return _line_or_taxs(documents, "taxes", columns)


def _line_or_taxs(documents: list[Document], part: str, columns: list[str]) -> pl.DataFrame:
    rows = [
        {name: getattr(line_or_tax, name, None) for name in columns}
        | {"run_id": d.run_id, "draft_id": d.draft_id, "account_id": d.bill_to.account_id}
        for d in documents
        for line_or_tax in getattr(d, part)
    ]
    exact = {name for row in rows for name, value in row.items() if isinstance(value, Decimal)}
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(exact, EXACT), infer_schema_length=None)


def load_charges(run: Run) -> pl.DataFrame:
    """The charges the stage left behind."""
    return conform(pl.read_parquet(run.work / "charges.parquet"), CHARGE)
