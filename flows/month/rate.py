"""Stage rate: loaded usage to rated, suspended and excluded usage (flows.month.usage.pieces says how).

Usage of a month that is issued already for its account does not go the common way: its month is rated anew
(flows.month.usage.late).
"""

import shutil
from pathlib import Path

import polars as pl

from flows.books.run import Run, empty_folder
from flows.engine.frames import handed
from flows.home import progress
from flows.home.side_by_side import ahead, several
from flows.home.store import Store
from flows.month.inputs import master_of
from flows.month.lookups import rating_tables
from flows.month.usage.late import Late, rate_late
from flows.month.usage.others_numbers import others_numbers
from flows.month.usage.pieces import classify_pieces, draw_allowances, piece_rows, price_pieces
from flows.month.usage.read import Piece, usage_reader
from flows.month.usage.rows import count_outcomes, rated_and_left, write_estimates, write_settled
from flows.month.usage.stored import RatedWriter, forget_rated
from rating.usage import RatingTables
from schemas.periods import month_start


def rate(run: Run) -> dict[str, int]:
    """Writes the run's rated, suspended and excluded usage, and what the next stages need into its work folder:
    rated/*.arrow (flows.month.usage.rows), late/*.arrow, grants.parquet, usage_findings.parquet. Returns how many
    records took which way.
    """
    store, settings, tables = run.store, run.settings, run.tables
    waiting, rated = (empty_folder(run.work / name) for name in ("classed", "rated"))
    master = master_of(run)
    lookups = rating_tables(store, settings, run.request.invoice_month, master, tables)
    late = Late.of(settings, master, run.request.month_first)
    _forget(store, run)
    rows = piece_rows(settings)

    def tables_from(usage_month: str) -> RatingTables:
        """The run's tables, or others that look back further."""
        if month_start(usage_month) >= lookups.oldest_usage_day:
            return lookups
        return rating_tables(store, settings, run.request.invoice_month, master, tables, since=usage_month)

    def set_apart(piece: Piece, records: pl.DataFrame) -> None:
        write_settled(store, run, piece.feed, late.set_apart(records))

    with (
        handed(settings, store.home, "usage", lookups) as workers,
        usage_reader(store, settings, lookups.oldest_usage_day, rows) as reader,
        store.transaction(),
    ):
        pieces = list(classify_pieces(reader, lookups, waiting, set_apart, workers=workers))
        included = draw_allowances([path for _, path in pieces], lookups, rows)

        def leave_piece(item: tuple[Path, pl.DataFrame]) -> pl.DataFrame:
            path, records = item
            tick(1)
            return rated_and_left(run, records, rated / path.name)

        with progress.stage("price", len(pieces), "pieces") as tick:
            priced = price_pieces(pieces, included, lookups, workers)
            RatedWriter(store, run).write(several(leave_piece, ahead(priced)))
        rate_late(store, run, settings, late, rows, tables_from)
        write_estimates(store, run.run_id)
        noticed = others_numbers(store, settings, run.run_id, lookups.owners.numbers)
        noticed.write_parquet(run.work / "usage_findings.parquet")
    counts = count_outcomes(store, run.run_id)
    store.checkpoint()
    shutil.rmtree(waiting)
    lookups.grants.write_parquet(run.work / "grants.parquet")
    return counts


def _forget(store: Store, run: Run) -> None:
    """Rows of an earlier try of this run, and of runs that were stopped before they drafted."""
    stopped = "run_id = $run or run_id in (select run_id from runs where drafted_at is null)"
    forget_rated(store, stopped, run.run_id)
    for table in ("suspended_usage", "excluded_usage"):
        store.con.execute(f"delete from {table} where {stopped}", {"run": run.run_id})
