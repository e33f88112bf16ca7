"""What allowances cover of records that an earlier rating of the month priced: where it is as it was, so is the price.

A late file, a device more or a call that began before others can move what is included from one record to another.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.books.run import Run, empty_folder
from flows.home.store import Store
from flows.month.usage.kept import Kept
from flows.month.usage.pieces import covered, priced
from flows.month.usage.rows import leave_rated, stored_rows
from rating.usage import RatingTables

_COVER = ("allowance_id", "pool", "included_units", "draws")


@dataclass(frozen=True)
class Repriced:
    """Records of a kept piece whose allowance covers something else now. places: where they lie in the piece; waiting:
    the file in which they wait for their price, with what is covered."""

    piece: str
    places: pl.Series
    waiting: Path


def covered_otherwise(run: Run, kept: Kept, included: dict[int, list[pl.DataFrame]]) -> list[Repriced]:
    """The records to price again; their rows are taken out of the books. Inside the transaction that stores the new.

    included: place of the piece -> frames, as flows.month.usage.pieces.draw_allowances returns them.
    """
    folder = empty_folder(run.work / "covered")
    again: list[Repriced] = []
    numbers = [pl.Series("usage_no", [], pl.Int64)]
    for place, piece in enumerate(kept.pieces):
        waiting = pl.read_ipc(run.work / "classed" / piece)
        cover = covered(waiting, included.pop(place, []))
        was = pl.read_ipc(run.work / "rated" / piece, columns=list(_COVER))
        places = _differs(cover, was).arg_true()
        if places.is_empty():
            continue
        records = pl.concat([waiting, cover], how="horizontal")[places]
        records.write_ipc(folder / piece)
        again.append(Repriced(piece, places, folder / piece))
        numbers.append(records["usage_no"])
    _forget(run.store, run.run_id, pl.concat(numbers))
    return again


def price_again(run: Run, again: list[Repriced], lookups: RatingTables) -> Iterator[pl.DataFrame]:
    """The new rows as they are stored; in their pieces they take the places of the old."""
    for records in again:
        path = run.work / "rated" / records.piece
        before = pl.read_ipc(path)
        (rated,) = priced(pl.read_ipc(records.waiting), lookups)
        leave_rated(rated, records.waiting.with_suffix(".rated"))
        stay = pl.repeat(value=True, n=before.height, dtype=pl.Boolean, eager=True)
        stay = stay.scatter(records.places, values=False).arg_true()
        both = pl.concat([before[stay], pl.read_ipc(records.waiting.with_suffix(".rated"))])
        new = path.with_suffix(".new")
        both[pl.concat([stay, records.places]).arg_sort()].write_ipc(new)
        # Not written over: what is read of a file may still lie in it.
        new.replace(path)
        yield stored_rows(run, rated)


def _differs(cover: pl.DataFrame, was: pl.DataFrame) -> pl.Series:
    """Whether each record's cover is another one now."""
    both = pl.concat([cover.select(_COVER), was.select(pl.all().name.suffix("_was"))], how="horizontal")
    texts = [pl.col(name).cast(pl.String).ne_missing(pl.col(f"{name}_was").cast(pl.String)) for name in _COVER[:2]]
    others = [pl.col(name).ne_missing(pl.col(f"{name}_was")) for name in _COVER[2:]]
    return both.select(pl.any_horizontal(*texts, *others)).to_series()


def _forget(store: Store, run_id: str, numbers: pl.Series) -> None:
    if numbers.is_empty():
        return
    store.con.register("_otherwise", numbers.to_frame("usage_no").to_arrow())
    try:
        store.con.execute(
            "delete from rated where usage_no in (select usage_no from _otherwise) "
            "and for_no in (select for_no from rated_for where run_id = $1)",
            [run_id],
        )
    finally:
        store.con.unregister("_otherwise")
