"""The engines by kind, and what all have in common: units in, results out in the same order."""

import atexit
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from flows.engine.unit import Failed
from flows.home.engine_settings import EngineSettings
from schemas.errors import Refused

U = TypeVar("U")
R = TypeVar("R")

AHEAD = 4
"""Units per worker that are in work or done while the first of them is waited for: a large one holds up no others."""

MOST_TRIES = 3
"""A unit whose worker died so often is not tried again: it is too large, and would end the next worker too."""


class WorkersLost(Refused):
    """Workers died over the same unit again and again: no account's failure, and nothing to try in this process."""


class Done(Protocol):
    """A unit in work."""

    def result(self) -> Any:
        """What unit.done returned, as soon as it is there. Raises one of Workers.lost where its worker died."""


class Workers(Protocol):
    """Who does units: processes, or a cluster."""

    lost: tuple[type[BaseException], ...]
    """What is raised for a unit whose worker died."""

    def submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> Done:
        """Hands a unit to a worker; again after a worker was lost."""

    def mend(self) -> None:
        """Starts again what has died: called when a unit is lost."""

    def is_lost(self, unit: Any) -> bool:
        """Whether the worker of a unit that was handed over is known to have died, without waiting for it."""

    def drop(self, unit: Any) -> None:
        """Nobody waits any more for a unit that was handed over."""

    def close(self) -> None:
        """Ends what was started."""


@dataclass
class _InWork(Generic[U]):
    unit: U
    name: str
    done: Done
    tries: int = 1


class Engine:
    """Units done side by side by the workers of an engine that is not `local`."""

    def __init__(self, settings: EngineSettings, workers: Workers) -> None:
        self._settings = settings
        self._workers = workers
        # The flow run that asks is known in its own thread alone, and units may be handed out in another one.
        self._context = copy_context()

    def _submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> Done:
        try:
            return self._context.run(self._workers.submit, work, unit, name)
        except self._workers.lost:  # of a death that nobody has asked about yet
            self._workers.mend()
            return self._context.run(self._workers.submit, work, unit, name)

    @property
    def at_once(self) -> int:
        """How many units are done side by side."""
        return self._settings.workers

    def map(self, name: str, work: Callable[[U], R], units: Iterable[U]) -> Iterator[R]:
        """`work`, a top-level function, of each unit: results in the order of the units, which are taken some ahead.

        A unit says what it needs in little, and has no personal data: what is large lies at a place. An error of a unit
        is raised here as it was there. Raises WorkersLost where workers die of it.
        """
        waiting: deque[_InWork[U]] = deque()
        try:
            for number, unit in enumerate(units):
                called = f"{name}-{number:06}"
                waiting.append(_InWork(unit, called, self._submit(work, unit, called)))
                if len(waiting) >= AHEAD * self.at_once:
                    yield self._first(waiting, work)
            while waiting:
                yield self._first(waiting, work)
        finally:
            for left in waiting:
                self._workers.drop(left.done)
            ended(units)

    def _first(self, waiting: "deque[_InWork[U]]", work: Callable[[U], R]) -> R:
        result = self._result(waiting, work)
        waiting.popleft()
        if isinstance(result, Failed):
            raise result.error
        return result  # type: ignore[no-any-return]

    def _result(self, waiting: "deque[_InWork[U]]", work: Callable[[U], R]) -> Any:
        while True:
            try:
                return waiting[0].done.result()
            except self._workers.lost:
                self._workers.mend()
                self._try_again(waiting[0], work)
                # One death may have ended the others' work too: they begin again at once, side by side.
                for other in waiting:
                    if self._workers.is_lost(other.done):
                        self._try_again(other, work)

    def _try_again(self, lost: "_InWork[U]", work: Callable[[U], R]) -> None:
        if lost.tries == MOST_TRIES:
            raise WorkersLost(
                f"the process that did {lost.name} was ended from outside {MOST_TRIES} times, for lack of memory "
                "perhaps. What is written is whole. Lower [engine] workers, so that each has more, or "
                "worker_memory_mb, so that units are smaller; then the same command."
            ) from None
        lost.tries += 1
        lost.done = self._submit(work, lost.unit, lost.name)


def ended(units: Iterable[object]) -> None:
    """Closes a generator now: an error's traceback would hold it open, and with it what it reads from."""
    if isinstance(units, Generator):
        units.close()


_open: dict[str, Workers] = {}
"""Workers that were started: they cost seconds, so a command starts them once and keeps them to its end."""


def engine_of(settings: EngineSettings) -> Engine | None:
    """The engine that the settings name; None for `local`, where every stage works as it would without one.

    Raises WrongUsage where its packages are missing, Refused where its cluster does not answer.
    """
    if settings.kind == "local":
        return None
    key = settings.model_dump_json()
    if key not in _open:
        close_engines()  # of other settings: one command has one engine
        _open[key] = _started(settings)
        # Here, not when this file is read: what ends last is what began first, and a cluster ends before its library.
        atexit.unregister(close_engines)
        atexit.register(close_engines)
    return Engine(settings, _open[key])


def _started(settings: EngineSettings) -> Workers:
    if settings.kind == "processes":
        from flows.engine.processes import Processes

        return Processes(settings)
    if settings.kind == "dask":
        from flows.engine.dask import started_dask

        return started_dask(settings)
    from flows.engine.ray import started_ray

    return started_ray(settings)


def close_engines() -> None:
    """Ends the workers that were started; who asks for an engine after that gets new ones."""
    while _open:
        _open.popitem()[1].close()
