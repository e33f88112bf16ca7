"""Usage rated piece by piece, however many records there are: class, draw, price. Writes nothing but its own files.

Twice through the pieces. First each record by itself: owner, class, rate, units; the records on their way wait on disk
as narrow rows. Then the allowances, which an account's calls of a month share, and with what they cover the amounts.
Allowances alone hold records of all pieces in memory together, by account.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import polars as pl

from flows.rated_rows import CALLED_FROM, WAITING, coded, month_of, rated_rows
from flows.settings import Settings
from flows.usage_chunks import Piece, UsageReader, records_of
from rating.draws import DRAWS, draw
from rating.usage import RatingTables, class_records, price_records
from schemas.errors import TollbookError

T = TypeVar("T")
Settle = Callable[[Piece, pl.DataFrame], None]
"""Takes the records of a piece that are suspended or excluded."""
Wanted = Callable[[pl.DataFrame], pl.DataFrame]
"""Those of the records on their way that are to go on."""

ROWS_PER_MB: float = 100
"""Records of a piece per megabyte of the run's memory limit."""


def piece_rows(settings: Settings) -> int:
    """How many records are rated together."""
    return max(1, int(ROWS_PER_MB * settings.run.memory_limit_mb))


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, each made in another thread while the one before is dealt with."""
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = other.submit(next, items, None)
            yield item


def classed(
    reader: UsageReader, lookups: RatingTables, folder: Path, settled: Settle, wanted: Wanted | None = None
) -> Iterator[tuple[Piece, Path]]:
    """Hands over what is settled, and yields where the records on their way wait: all, or those `wanted`."""
    columns = [*WAITING, *(CALLED_FROM if lookups.pools.lists["needs_device"].any() else ())]
    for place, (piece, usage) in enumerate(ahead(records_of(reader))):
        records = class_records(usage, lookups)
        _conserved(usage, records)
        on_their_way = records["reason"].is_null()
        settled(piece, records.filter(~on_their_way))
        path = folder / f"{place:05}.arrow"
        waiting = records.with_row_index("at").filter(on_their_way)
        (wanted(waiting) if wanted else waiting).select(columns).pipe(coded).write_ipc(path)
        yield piece, path


def _conserved(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """In equals out, in records and in seconds: no join has lost or doubled a call."""
    taken, given = ((frame.height, frame["duration_s"].sum()) for frame in (before, after))
    if taken != given:
        raise TollbookError(f"rating took in {taken} and gave out {given} (records, seconds): the run stops")


def drawn(waiting: list[Path], lookups: RatingTables, rows: int) -> dict[int, list[pl.DataFrame]]:
    """What allowances cover of the records that have one: per piece, at, allowance_id, pool, included_units, draws.

    As many accounts at a time as have about `rows` records.
    """
    if lookups.pools.lists.is_empty() or not waiting:
        return {}
    asking = pl.concat([_asking(place, path, lookups) for place, path in enumerate(waiting)])
    buckets = -(-asking.select(pl.len()).collect().item() // rows)
    columns = ["place", "at", "allowance_id", "pool", "included_units", "draws"]
    taken: dict[int, list[pl.DataFrame]] = {}
    for bucket in range(buckets):
        mine = asking.filter(pl.col("account_id").to_physical() % buckets == bucket).collect()
        words = mine.with_columns(pl.col(pl.Categorical).cast(pl.String))
        found = draw(words, lookups.grants, lookups.pools).select(columns).pipe(coded)
        for (place,), part in found.group_by("place"):
            taken.setdefault(int(place), []).append(part.drop("place"))
    return taken


def _asking(place: int, path: Path, lookups: RatingTables) -> pl.LazyFrame:
    """The records of a piece that may draw on an allowance."""
    listed = lookups.rules.select(allowance_id="allowance_id", rule=pl.int_range(pl.len(), dtype=pl.UInt32))
    waiting = pl.scan_ipc(path)
    called_from = [name for name in CALLED_FROM if name in waiting.collect_schema()]
    return waiting.join(listed.drop_nulls("allowance_id").lazy(), on="rule").select(
        "at", "usage_id", "account_id", "billing_group", "category", "started_at", "billable_units", "allowance_id",
        *called_from, place=pl.lit(place, pl.UInt32), usage_month=month_of("local_date"),
    )  # fmt: skip


def priced(
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
        cover = _covered(waiting, included.pop(place, []))
        found = waiting.drop(CALLED_FROM, strict=False)
        records = pl.concat([found, stored.drop("row_id"), cover], how="horizontal")
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
