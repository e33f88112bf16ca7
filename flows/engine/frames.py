"""Frames done by workers: one in, some out, as Arrow files; what all units look things up in is handed over once."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flows.engine.engine import Engine, ended, engine_of
from flows.engine.place import Place, place_of
from flows.home.settings import Home, Settings

if TYPE_CHECKING:
    import polars as pl

_TABLES = "tables"

Work = Callable[["pl.DataFrame", Any], "tuple[pl.DataFrame, ...]"]
"""A top-level function of a frame and the tables."""


@dataclass(frozen=True)
class Handed:
    """Workers that have been given the tables of a stage."""

    engine: Engine
    place: Place

    def each(self, name: str, work: Work, frames: "Iterable[pl.DataFrame]") -> "Iterator[tuple[pl.DataFrame, ...]]":
        """`work` of each frame and the tables, in the order of the frames, which are taken some ahead."""
        for answer, count in self.engine.map(name, done, self._units(name, work, frames)):
            yield tuple(self.place.frame(_part(answer, part)) for part in range(count))
            for file in (answer, *(_part(answer, part) for part in range(count))):
                self.place.forget(file)

    def _units(self, name: str, work: Work, frames: "Iterable[pl.DataFrame]") -> "Iterator[FrameUnit]":
        try:
            for number, frame in enumerate(frames):
                unit = FrameUnit(self.place, f"{name}-{number:06}", work)
                self.place.write_frame(unit.name, frame)
                yield unit
        finally:
            ended(frames)


@dataclass(frozen=True)
class FrameUnit:
    """A frame, as it lies at a place, and what is done with it."""

    place: Place
    name: str
    work: Work


@contextmanager
def handed(settings: Settings, home: Home, stage: str, tables: object) -> Iterator[Handed | None]:
    """The workers of the engine with `tables`, until the end of the block; None where the engine is `local`."""
    engine = engine_of(settings.engine)
    if engine is None:
        yield None
        return
    with place_of(home, settings.engine, stage) as place:
        place.write(_TABLES, pickle.dumps(tables, protocol=pickle.HIGHEST_PROTOCOL))
        yield Handed(engine, place)


def done(unit: FrameUnit) -> tuple[str, int]:
    """Does a unit: leaves the frames that come of it, and returns its name and how many they are."""
    results = unit.work(unit.place.frame(unit.name), _tables(unit.place))
    for part, frame in enumerate(results):
        unit.place.write_frame(_part(unit.name, part), frame)
    return unit.name, len(results)


def _part(name: str, part: int) -> str:
    return f"{name}.{part}"


@lru_cache(maxsize=1)
def _tables(place: Place) -> Any:
    """Once per worker and stage. Written by this very program, at a place that is the home's own."""
    return pickle.loads(place.read(_TABLES))  # noqa: S301
