"""Stage rate: loaded usage to rated, suspended and excluded usage, piece by piece, however many records there are.

Twice through the pieces. First each record by itself: owner, class, rate, units; what is settled there is written and
the others wait on disk as narrow rows. Then the allowances, which an account's calls of a month share, and with what
they cover the amounts. Allowances alone hold records of all pieces in memory together, by account.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import polars as pl

from flows.catalog import load_all
from flows.context import Run, emptied
from flows.inputs import load_master, rating_tables
from flows.rated_rows import (
    CALLED_FROM,
    WAITING,
    coded,
    counted,
    month_of,
    rated_rows,
    write_estimates,
    write_rated,
    write_settled,
)
from flows.store import Store
from flows.usage_chunks import Piece, UsageReader, records_of, usage_reader
from rating.draws import DRAWS, draw
from rating.usage import RatingTables, class_records, price_records
from schemas.errors import TollbookError

T = TypeVar("T")

ROWS_PER_MB: float = 100
"""Records of a piece per megabyte of the run's memory limit."""


def rate(run: Run) -> dict[str, int]:
    """Writes the run's rated, suspended and excluded usage, and what the next stages need of the rated into its work
    folder: rated/*.arrow (flows.rated_rows) and grants.parquet. Returns how many records took which way.
    """
    settings = run.request.settings()
    tables = load_all(run.request.home, settings)
    waiting, rated = (emptied(run.work / name) for name in ("classed", "rated"))
    with run.request.store() as store:
        lookups = rating_tables(store, settings, run.request.invoice_month, load_master(store, tables), tables)
        _forget(store, run)
        rows = max(1, int(ROWS_PER_MB * settings.run.memory_limit_mb))
        with usage_reader(store, settings, lookups.oldest_usage_day, rows) as reader, store.transaction():
            pieces = list(_classed(store, run, reader, lookups, waiting))
            included = _drawn([path for _, path in pieces], lookups, rows)
            for path, records in ahead(_priced(pieces, included, reader, lookups)):
                write_rated(store, run, records, rated / path.name)
            write_estimates(store, run.run_id)
        counts = counted(store, run.run_id)
        store.checkpoint()
    shutil.rmtree(waiting)
    lookups.grants.write_parquet(run.work / "grants.parquet")
    return counts


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before is dealt with."""
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = other.submit(next, items, None)
            yield item


def _forget(store: Store, run: Run) -> None:
    """Rows of an earlier try of this run, and of runs that were stopped before they drafted."""
    for table in ("rated_usage", "suspended_usage", "excluded_usage"):
        store.con.execute(
            f"delete from {table} where run_id = $1 or run_id in (select run_id from runs where drafted_at is null)",
            [run.run_id],
        )


def _classed(
    store: Store, run: Run, reader: UsageReader, lookups: RatingTables, folder: Path
) -> Iterator[tuple[Piece, Path]]:
    """Writes what is settled, and yields where the records on their way wait."""
    columns = [*WAITING, *(CALLED_FROM if lookups.pools.lists["needs_device"].any() else ())]
    for place, (piece, usage) in enumerate(ahead(records_of(reader))):
        records = class_records(usage, lookups)
        _conserved(usage, records)
        on_their_way = records["reason"].is_null()
        write_settled(store, run, piece.feed, records.filter(~on_their_way))
        path = folder / f"{place:05}.arrow"
        records.with_row_index("at").filter(on_their_way).select(columns).pipe(coded).write_ipc(path)
        yield piece, path


def _conserved(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """In equals out, in records and in seconds: no join has lost or doubled a call."""
    taken, given = ((frame.height, frame["duration_s"].sum()) for frame in (before, after))
    if taken != given:
        raise TollbookError(f"rating took in {taken} and gave out {given} (records, seconds): the run stops")


def _drawn(waiting: list[Path], lookups: RatingTables, rows: int) -> dict[int, list[pl.DataFrame]]:
    """What allowances cover of the records that have one: per piece, at, allowance_id, pool, included_units, draws.

    As many accounts at a time as have about `rows` records.
    """
    if lookups.pools.lists.is_empty() or not waiting:
        return {}
    asking = pl.concat([_asking(place, path, lookups) for place, path in enumerate(waiting)])
    buckets = -(-asking.select(pl.len()).collect().item() // rows)
    columns = ["place", "at", "allowance_id", "pool", "included_units", "draws"]
    drawn: dict[int, list[pl.DataFrame]] = {}
    for bucket in range(buckets):
        mine = asking.filter(pl.col("account_id").to_physical() % buckets == bucket).collect()
        words = mine.with_columns(pl.col(pl.Categorical).cast(pl.String))
        found = draw(words, lookups.grants, lookups.pools).select(columns).pipe(coded)
        for (place,), part in found.group_by("place"):
            drawn.setdefault(int(place), []).append(part.drop("place"))
    return drawn


def _asking(place: int, path: Path, lookups: RatingTables) -> pl.LazyFrame:
    """The records of a piece that may draw on an allowance."""
    listed = lookups.rules.select(allowance_id="allowance_id", rule=pl.int_range(pl.len(), dtype=pl.UInt32))
    waiting = pl.scan_ipc(path)
    called_from = [name for name in CALLED_FROM if name in waiting.collect_schema()]
    return waiting.join(listed.drop_nulls("allowance_id").lazy(), on="rule").select(
        "at", "usage_id", "account_id", "billing_group", "category", "started_at", "billable_units", "allowance_id",
        *called_from, place=pl.lit(place, pl.UInt32), usage_month=month_of("local_date"),
    )  # fmt: skip


def _priced(
    pieces: list[tuple[Piece, Path]],
    included: dict[int, list[pl.DataFrame]],
    reader: UsageReader,
    lookups: RatingTables,
) -> Iterator[tuple[Path, pl.DataFrame]]:
    """The rated rows of each piece: what was found of each record, what its allowance covers, its amount."""
    for place, (piece, path) in enumerate(pieces):
        waiting, stored = pl.read_ipc(path), reader.stored(piece)
        if stored.height != waiting.height:
            stored = stored.select(pl.all().gather(waiting["at"]))
        if not stored["row_id"].equals(waiting["row_id"]):
            raise TollbookError("stored usage moved while it was rated: the run stops")
        drawn = _covered(waiting, included.pop(place, []))
        found = waiting.drop(CALLED_FROM, strict=False)
        records = pl.concat([found, stored.drop("row_id"), drawn], how="horizontal")
        yield path, rated_rows(price_records(records, lookups), lookups)


def _covered(waiting: pl.DataFrame, drawn: list[pl.DataFrame]) -> pl.DataFrame:
    """allowance_id, pool, included_units, charged_units, draws; a record without an allowance is all charged."""
    units = waiting.select("at", "billable_units")
    none = pl.lit(None, pl.Categorical)
    if drawn:
        units = units.join(pl.concat(drawn), on="at", how="left", validate="1:1", maintain_order="left")
    else:
        units = units.with_columns(
            allowance_id=none, pool=none, included_units=pl.lit(0, pl.Int64), draws=pl.lit(None, DRAWS)
        )
    included = pl.col("included_units").fill_null(0)
    return units.select(
        "allowance_id", "pool", included, (pl.col("billable_units") - included).alias("charged_units"), "draws"
    )
