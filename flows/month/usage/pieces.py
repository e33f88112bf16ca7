"""Usage rated piece by piece, however many records there are: class, draw, price. Writes nothing but its own files.

Twice through the pieces. First each record by itself: owner, class, rate, units; the records on their way wait on disk
as narrow rows. Then the allowances, which an account's calls of a month share, and with what they cover the amounts.
Allowances alone hold records of all pieces in memory together, by account.
"""

from collections import deque
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path

import polars as pl

from flows.engine.engine import ended
from flows.engine.frames import Handed
from flows.home import progress
from flows.home.settings import Settings
from flows.home.side_by_side import ahead, several
from flows.month.usage.asking import asking_by_bucket, usage_ids
from flows.month.usage.read import Piece, UsageReader, records_of
from flows.month.usage.rows import CALLED_FROM, WAITING, rated_rows, with_categories
from rating.draws import DRAWS, draw
from rating.usage import RatingTables, class_records, price_records
from schemas.errors import TollbookError

Settle = Callable[[Piece, pl.DataFrame], None]
"""Takes the records of a piece that are suspended or excluded."""
Wanted = Callable[[pl.DataFrame], pl.DataFrame]
"""Picks from the records on their way to a price those that are to go on."""

ROWS_PER_MB: float = 50  # not money
"""Records of a piece per megabyte of the run's memory limit."""


NARROWER = 8
"""How many times as many records are looked at together for their allowances, which takes few columns."""
WITH_DEVICES = 4
"""The same where some allowance belongs to devices: the texts that tell a call's device are looked at too."""


def piece_rows(settings: Settings) -> int:
    """How many records are rated together."""
    of_a_worker = settings.run.memory_limit_mb if settings.engine.kind == "local" else settings.engine.worker_memory_mb
    return max(1, int(ROWS_PER_MB * min(settings.run.memory_limit_mb, of_a_worker)))


def classify_pieces(
    reader: UsageReader, lookups: RatingTables, folder: Path, settled: Settle, wanted: Wanted | None = None,
    workers: Handed | None = None, first: int = 0,
) -> Iterator[tuple[Piece, Path]]:  # fmt: skip
    """Class and rate of each piece's records: `settled` takes what is suspended or excluded; yields each piece with the
    file in which its other records wait, all of them or those that `wanted` picks. `workers`: who does it, with
    `lookups`, where all are wanted. first: the number in the name of the first file."""

    def classified(item: tuple[int, tuple[Piece, pl.DataFrame]]) -> tuple[Piece, Path, pl.DataFrame]:
        place, (piece, usage) = item
        waiting, done = classed(usage, lookups, wanted)
        path = folder / f"{place:05}.arrow"
        waiting.write_ipc(path)
        return piece, path, done

    def by_workers(by: Handed) -> Iterator[tuple[Piece, Path, pl.DataFrame]]:
        read: deque[Piece] = deque()

        def records() -> Iterator[pl.DataFrame]:
            coming = ahead(records_of(reader))
            try:
                for piece, usage in coming:
                    read.append(piece)
                    yield usage
            finally:
                ended(coming)

        for place, (waiting, done) in enumerate(by.each("class", classed, records()), first):
            path = folder / f"{place:05}.arrow"
            waiting.write_ipc(path)
            yield read.popleft(), path, done

    all_done = by_workers(workers) if workers else several(classified, enumerate(ahead(records_of(reader)), first))
    with progress.stage("class", len(reader.pieces), "pieces") as tick:
        for piece, path, done in all_done:
            settled(piece, done)
            tick(1)
            yield piece, path


def classed(
    usage: pl.DataFrame, lookups: RatingTables, wanted: Wanted | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The records of a piece on their way to a price, as they wait, and those that are suspended or excluded."""
    columns = [*WAITING, *(CALLED_FROM if lookups.pools.lists["needs_device"].any() else ())]
    records = class_records(usage, lookups)
    _conserved(usage, records)
    on_their_way = records["reason"].is_null()
    waiting = records.with_row_index("at").select(columns).filter(on_their_way)
    settled = records.filter(~on_their_way).with_columns(pl.col(pl.Categorical).cast(pl.String))
    return (wanted(waiting) if wanted else waiting).pipe(with_categories), settled


def _conserved(before: pl.DataFrame, after: pl.DataFrame) -> None:
    """In equals out, in records and in seconds: no join has lost or doubled a call."""
    taken, given = ((frame.height, frame["duration_s"].sum()) for frame in (before, after))
    if taken != given:
        raise TollbookError(f"rating took in {taken} and gave out {given} (records, seconds): the run stops")


def draw_allowances(waiting: list[Path], lookups: RatingTables, rows: int) -> dict[int, list[pl.DataFrame]]:
    """What allowances cover of the records that have one. Place of the piece -> frames of at (the record's place in its
    piece), allowance_id, pool, included_units, draws.

    As many accounts are drawn for at a time as have about NARROWER * `rows` records.
    """
    if lookups.pools.lists.is_empty() or not waiting:
        return {}
    records = sum(pl.scan_ipc(path).select(pl.len()).collect().item() for path in waiting)
    narrower = WITH_DEVICES if lookups.pools.lists["needs_device"].any() else NARROWER
    buckets = max(1, -(-records // (narrower * rows)))
    # Categories are numbers, which are the same in every frame of a process: texts would take three times as long.
    grants, pools = with_categories(lookups.grants), lookups.pools.as_categories()
    # By account, not by piece: an account's calls draw on one allowance, whichever files they came in.
    places = range(len(waiting))
    cut = list(several(lambda place: asking_by_bucket(place, waiting[place], lookups, buckets), places))

    def of_bucket(bucket: int) -> list[pl.DataFrame]:
        frames = [of_piece[bucket].collect() for of_piece in cut]
        asked = pl.concat(frames)

        def names(calls: pl.Series) -> pl.Series:
            return usage_ids(asked.select(pl.col("place", "at").gather(calls)), waiting)

        drawn = draw(asked, grants, pools, names).select(_TAKEN)
        begins = accumulate((frame.height for frame in frames), initial=0)
        return [drawn.slice(begin, frame.height) for begin, frame in zip(begins, frames, strict=False)]

    taken: dict[int, list[pl.DataFrame]] = {place: [] for place in places}
    for of_pieces in several(of_bucket, range(buckets)):
        for place, of_piece in enumerate(of_pieces):
            if of_piece.height:
                taken[place].append(of_piece)
    return taken


_TAKEN = ("at", "allowance_id", "pool", "included_units", "draws")


def price_pieces(
    pieces: list[tuple[Piece, Path]],
    included: dict[int, list[pl.DataFrame]],
    lookups: RatingTables,
    workers: Handed | None = None,
) -> Iterator[tuple[Path, pl.DataFrame]]:
    """The rated rows of each piece: class and rate of each record, what its allowance covers, its amount.
    `workers`: who prices it, with `lookups`."""
    covered = _covered_pieces(pieces, included)
    if workers is None:
        for (_, path), records in zip(pieces, covered, strict=True):
            yield path, priced(records, lookups)[0]
        return
    for (_, path), (rated,) in zip(pieces, workers.each("price", priced, covered), strict=True):
        yield path, rated


def priced(records: pl.DataFrame, lookups: RatingTables) -> tuple[pl.DataFrame]:
    """The rated rows of records with what covers them."""
    return (rated_rows(price_records(records, lookups), lookups),)


def _covered_pieces(
    pieces: list[tuple[Piece, Path]], included: dict[int, list[pl.DataFrame]]
) -> Iterator[pl.DataFrame]:
    """The waiting records of each piece, with what their allowances cover."""
    for place, (_, path) in enumerate(pieces):
        waiting = pl.read_ipc(path)
        cover = covered(waiting, included.pop(place, []))
        yield pl.concat([waiting.drop(CALLED_FROM, strict=False), cover], how="horizontal")


def covered(waiting: pl.DataFrame, drawn: list[pl.DataFrame]) -> pl.DataFrame:
    """allowance_id, pool, included_units, charged_units, draws; a record without an allowance is all charged."""
    units = waiting.select("at", "billable_units")
    none = pl.lit(None, pl.Categorical)
    if len(drawn) == 1 and drawn[0]["at"].equals(units["at"]):
        units = units.hstack(drawn[0].drop("at"))
    elif drawn:
        units = units.join(pl.concat(drawn), on="at", how="left", validate="1:1", maintain_order="left")
    else:
        units = units.with_columns(
            allowance_id=none, pool=none, included_units=pl.lit(0, pl.Int64), draws=pl.lit(None, DRAWS)
        )
    included = pl.col("included_units").fill_null(0)
    return units.select(
        "allowance_id", "pool", included, (pl.col("billable_units") - included).alias("charged_units"), "draws"
    )
