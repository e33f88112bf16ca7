"""The usage of corrected documents, rated anew: only their accounts' records of their usage months are read."""

import shutil
from functools import partial

import polars as pl

from flows.books.run import Run, empty_folder
from flows.books.standing import StandingDocument, standing_of
from flows.home.store import Store
from flows.month.inputs import master_of
from flows.month.lookups import rating_tables
from flows.month.usage.late import numbers_of, of_months
from flows.month.usage.pieces import classify_pieces, draw_allowances, piece_rows, price_pieces
from flows.month.usage.read import Piece, account_reader
from flows.month.usage.rows import leave_rated, settled_columns
from flows.month.usage.stored import storable
from rating.outcomes import outcome
from schemas.money import EXACT
from schemas.periods import add_months, month_start, shift_month


def rate_correction(run: Run) -> None:
    """Leaves in the work folder what the stages need of the rated usage (as flows.month.rate does), months.parquet, and
    the folders usage/ and settled/: what flows.month.usage.stored writes down, with usage_id, and what is not rated any
    more, a file per piece, of the accounts that are corrected."""
    request, store, settings, tables = run.request, run.store, run.settings, run.tables
    waiting, rated, usage, _ = (empty_folder(run.work / name) for name in ("classed", "rated", "usage", "settled"))
    standing = standing_of(store, request.invoice_month, request.accounts)
    months = usage_months_of(standing, request.invoice_month)
    months.write_parquet(run.work / "months.parquet")
    master = master_of(run)
    lookups = rating_tables(store, settings, request.invoice_month, master, tables, never_late=True)
    first = month_start(str(months["usage_month"].min()))
    last = add_months(month_start(str(months["usage_month"].max())), 1)
    rows = piece_rows(settings)
    keep = partial(_keep_settled, store, run, _billed(store, standing))
    with account_reader(store, settings, numbers_of(lookups, months), first, last, rows) as reader:
        wanted = of_months(months, None)
        pieces = list(classify_pieces(reader, lookups, waiting, keep, wanted))
        included = draw_allowances([path for _, path in pieces], lookups, rows)
        for path, records in price_pieces(pieces, included, lookups):
            leave_rated(records, rated / path.name)
            rows_of = storable(records, pl.lit("correction", pl.Categorical)).with_columns(records["usage_id"])
            rows_of.with_columns(pl.col(pl.Categorical).cast(pl.String)).write_parquet(
                usage / f"{path.stem}.parquet", compression="lz4"
            )
    shutil.rmtree(waiting)
    lookups.grants.write_parquet(run.work / "grants.parquet")


def usage_months_of(standing: list[StandingDocument], month: str) -> pl.DataFrame:
    """account_id, usage_month: the month that the documents are for, and those whose usage they bill late."""
    months = {(original.account_id, shift_month(month, -1)) for original in standing}
    months |= {
        (original.account_id, line.period_start.isoformat()[:7])
        for original in standing
        for line in original.document.lines
        if line.charge_type == "usage"
    }
    return pl.DataFrame(sorted(months), schema={"account_id": pl.String, "usage_month": pl.String}, orient="row")


def _billed(store: Store, standing: list[StandingDocument]) -> pl.DataFrame:
    """usage_id, account_id of what the documents bill today."""
    documents = pl.DataFrame(
        [(original.run_id, original.account_id) for original in standing],
        schema={"run_id": pl.String, "account_id": pl.String},
        orient="row",
    )
    store.con.register("_mine", documents.unique().to_arrow())
    try:
        return store.sql(
            "select u.usage_id, f.account_id as billed_to from rated r join rated_for f using (for_no) "
            "join _mine using (run_id, account_id) join usage_records u using (usage_no)"
        )
    finally:
        store.con.unregister("_mine")


def _keep_settled(store: Store, run: Run, billed: pl.DataFrame, piece: Piece, records: pl.DataFrame) -> None:
    """Records that the documents bill and that are not rated any more: their outcome goes with the correction."""
    given_up = records.join(billed, on="usage_id", how="inner", maintain_order="left")
    if given_up.is_empty():
        return
    rows = given_up.with_columns(
        run_id=pl.lit(run.run_id), feed=pl.lit(piece.feed), outcome=outcome(), reason=pl.col("reason").cast(pl.String),
        estimate=pl.lit(None, EXACT), estimate_currency="currency",
    )  # fmt: skip
    columns = dict.fromkeys(
        [*settled_columns(store, "suspended_usage"), *settled_columns(store, "excluded_usage"), "outcome", "billed_to"]
    )
    rows.select(list(columns)).write_parquet(run.work / "settled" / f"{piece.feed}-{piece.first}.parquet")
