"""What the tax stage remembers: rows of issued documents, and the calls behind the traffic study. Reads only."""

from datetime import date
from typing import Any

import polars as pl

from flows.context import Run
from flows.settings import Settings
from flows.store import Store
from schemas.document import Document
from schemas.periods import add_months
from taxes.frames import ISSUED
from taxes.tables import TaxTables

_MORE: dict[str, Any] = {"tax_no": pl.Int64, "table": pl.String, "currency": pl.String, "is_replaced": pl.Boolean}


def issued_taxes(store: Store) -> pl.DataFrame:
    """taxes.frames.ISSUED, with tax_no, table, currency and is_replaced (by a correction).

    A document without any row still has one, without tax_code: what reverses it gives no tax back.
    """
    texts = store.rows("select document_json from issued_documents order by invoice_number")
    documents = [Document.model_validate_json(text) for (text,) in texts]
    replaced = {d.corrects for d in documents if d.corrects}
    rows: list[tuple[Any, ...]] = [
        (
            d.bill_to.account_id, d.issue_date, tax.tax_code, tax.jurisdiction, tax.tax_date,
            tax.rate_amount if tax.unit == "amount_per_line" else tax.rate_percent, tax.certificate_number,
            tax.exempt_amount != 0 and tax.certificate_number is None, d.invoice_number, tax.base_amount,
            tax.exempt_amount, tax.amount, tax.tax_no, tax.table, d.currency, d.invoice_number in replaced,
        )
        for d in documents
        for tax in d.taxes
    ]  # fmt: skip
    nothing = (None,) * 3
    rows += [
        (d.bill_to.account_id, d.issue_date, *nothing, None, None, None, d.invoice_number, *nothing, None, None,
         d.currency, d.invoice_number in replaced)
        for d in documents
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={**ISSUED, **_MORE}, orient="row")


def with_proof(issued: pl.DataFrame, tables: TaxTables, month_first: date, settings: Settings) -> pl.DataFrame:
    """Rows of documents that stand and that a run looks back to, with `by_certificate`: what their table accepts."""
    accepts = {table.file: "certificate" in table.exempt_by for table in tables.tables}
    since = add_months(month_first, -settings.billing.lookback_months)
    return issued.filter(
        pl.col("tax_code").is_not_null(), pl.col("issued_on") >= since, ~pl.col("is_replaced")
    ).with_columns(by_certificate=pl.col("table").replace_strict(accepts, default=False, return_dtype=pl.Boolean))


def rated_calls(store: Store, run: Run) -> pl.DataFrame:
    """account_id, usage_month, jurisdiction, duration_s of every call: of issued documents, and of this run."""
    columns = ["account_id", "usage_month", "jurisdiction", "duration_s"]
    earlier = store.sql(
        "select u.account_id, u.usage_month, u.jurisdiction, u.duration_s from rated_usage u join issued_documents d "
        "on d.run_id = u.run_id and d.draft_id = u.draft_id where u.kind = 'voice' order by all"
    )
    now = pl.read_parquet(run.work / "rated.parquet").filter(pl.col("outcome") == "rated", pl.col("kind") == "voice")
    return pl.concat([earlier, now.select(columns)], how="vertical_relaxed")
