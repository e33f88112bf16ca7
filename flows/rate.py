"""Stage rate: the usage of the months this run may bill, each record with its outcome."""

import polars as pl

from flows.catalog import load_all
from flows.context import Run
from flows.inputs import load_master, load_usage, rating_tables
from rating.usage import rate_usage
from schemas.errors import TollbookError
from schemas.frames import RATED, checked


def rate(run: Run) -> dict[str, int]:
    """Leaves rated.parquet and grants.parquet in the run's work folder; returns how many records took which way."""
    settings = run.request.settings()
    tables = load_all(run.request.home, settings)
    with run.request.store() as store:
        master = load_master(store, tables)
        lookups = rating_tables(store, settings, run.request.invoice_month, master, tables)
        usage = load_usage(store, settings, lookups.oldest_usage_month)
    rated = checked(rate_usage(usage, lookups), RATED)
    _conserved(usage, rated)
    run.work.mkdir(parents=True, exist_ok=True)
    rated.write_parquet(run.work / "rated.parquet")
    lookups.grants.write_parquet(run.work / "grants.parquet")
    return dict(rated.group_by("outcome").len().sort("outcome").iter_rows())


def _conserved(usage: pl.DataFrame, rated: pl.DataFrame) -> None:
    """In equals out, in records and in seconds: no join has lost or doubled a call."""
    before = (usage.height, usage["duration_s"].sum())
    after = (rated.height, rated["duration_s"].sum())
    if before != after:
        raise TollbookError(f"rating took in {before} and gave out {after} (records, seconds): the run stops")
