"""Items in batches: some hundred documents make a unit, for a unit costs a cluster some hundredths of a second."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, TypeVar

from flows.engine.engine import Engine
from flows.engine.place import Place

T = TypeVar("T")

MOST_AT_ONCE = 100
"""Documents of a batch."""
PER_WORKER = 4
"""So many batches has each worker at least, where there are as many documents: the last ones end together."""


@dataclass(frozen=True)
class Batch:
    """Some items, as they lie at a place, and what is done with each."""

    place: Place
    name: str
    work: Callable[[Any], Any]


def documents_at_once(engine: Engine, documents: int) -> int:
    """How many of so many documents make a batch."""
    return max(1, min(MOST_AT_ONCE, documents // (PER_WORKER * engine.at_once)))


def each(
    engine: Engine, place: Place, name: str, work: Callable[[Any], T], items: Iterable[Any], size: int
) -> Iterator[list[T | Exception]]:
    """`work`, a top-level function, of each item, or the error that it raised for it: batch after batch of `size`, in
    order."""

    def batches() -> Iterator[Batch]:
        waiting = iter(items)
        while some := list(islice(waiting, size)):
            batch = Batch(place, f"{next(number):09}", work)
            place.write(f"{batch.name}.asked", pickle.dumps(some, protocol=pickle.HIGHEST_PROTOCOL))
            yield batch

    number = count()

    for answered in engine.map(name, answer, batches()):
        # Written by this very program, at a place that is the home's own.
        yield pickle.loads(place.read(answered))  # noqa: S301
        place.forget(answered)
        place.forget(answered.replace("answered", "asked"))


def answer(batch: Batch) -> str:
    """Does a batch; returns the name of the file with what came of each item."""
    items = pickle.loads(batch.place.read(f"{batch.name}.asked"))  # noqa: S301 as above
    name = f"{batch.name}.answered"
    batch.place.write(
        name, pickle.dumps([_tried(batch.work, item) for item in items], protocol=pickle.HIGHEST_PROTOCOL)
    )
    return name


def _tried(work: Callable[[Any], T], item: Any) -> T | Exception:
    try:
        return work(item)
    except Exception as error:  # noqa: BLE001 of this item alone: who asked says what it means
        return error.with_traceback(None)
