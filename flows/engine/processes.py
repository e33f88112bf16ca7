"""Workers that are processes of this machine: concurrent.futures alone, for Prefect's pool would need a server."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import Any

from flows.engine.unit import done
from flows.home.engine_settings import EngineSettings


class Processes:
    """A pool of processes."""

    lost: tuple[type[BaseException], ...] = (BrokenProcessPool,)

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        # Spawned, not forked: WeasyPrint's C libraries do not survive a fork everywhere (DESIGN, decision 10).
        spawned = multiprocessing.get_context("spawn")
        threads = threads_of_a_worker(self._settings)
        return ProcessPoolExecutor(self._settings.workers, spawned, initializer=begin, initargs=(threads,))

    def submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> "Future[Any]":
        """Hands a unit to a process."""
        del name
        return self._pool.submit(done, work, unit)

    def mend(self) -> None:
        """A new pool: where one of its processes died, all of them end."""
        self._pool.shutdown(wait=False)
        self._pool = self._started()

    def is_lost(self, unit: "Future[Any]") -> bool:
        """Whether its pool ended before it was done."""
        return unit.done() and not unit.cancelled() and isinstance(unit.exception(), self.lost)

    def drop(self, unit: "Future[Any]") -> None:
        """Not begun, where it is not in work yet."""
        unit.cancel()

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)


def threads_of_a_worker(settings: EngineSettings) -> int:
    """How many threads Polars has in one of several workers that share this machine."""
    return max(1, (os.cpu_count() or 1) // settings.workers)


def begin(threads: int) -> None:
    """First in a process, before Polars is imported: it looks once."""
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    threading.Thread(target=_end_with_the_command, daemon=True).start()


def _end_with_the_command() -> None:
    """A killed command tells its processes nothing: each would wait for a unit for ever."""
    command = multiprocessing.parent_process()
    assert command is not None, "only processes that a command started begin here"
    wait([command.sentinel])
    os._exit(1)
