"""Workers of a Dask cluster, through Prefect's DaskTaskRunner."""

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from flows.engine.extras import missing
from flows.engine.processes import threads_of_a_worker
from flows.engine.tasks import as_task, of_the_flow
from flows.engine.unit import done
from flows.home.engine_settings import EngineSettings
from schemas.errors import Refused

if TYPE_CHECKING:
    from prefect_dask import DaskTaskRunner

_WITHOUT_WORKERS_S = 60
"""A cluster of our own without any worker for so long will get none."""


class Dask:
    """The cluster of a task runner. A worker that dies is started again and its units are given to others, three times;
    then the unit is given back as lost."""

    def __init__(self, settings: EngineSettings, lost: tuple[type[BaseException], ...]) -> None:
        self._settings = settings
        self._runner = _opened(settings)
        self.lost = lost

    def submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> Any:
        """Hands a unit to the cluster: as a task of the flow run that is under way, or by itself."""
        if (task := as_task(name)) is not None:
            with of_the_flow():
                return self._runner.submit(task, {"work": work, "unit": unit})
        # Not pure: its result is a file as well, so what was done before is not looked up but done.
        return self._runner.client.submit(done, work, unit, pure=False)

    def mend(self) -> None:
        """A worker that dies while it starts is not started again: a cluster of our own that lacks some is replaced."""
        here = len(self._runner.client.scheduler_info()["workers"])
        if self._settings.address is None and here < self._settings.workers:
            self.close()
            self._runner = _opened(self._settings)

    def is_lost(self, unit: Any) -> bool:
        """Whether it was of a cluster that was replaced; else its own gives it to another worker by itself."""
        return bool(_future(unit).cancelled())

    def drop(self, unit: Any) -> None:
        """Not begun, where it is not in work yet."""
        with suppress(RuntimeError):  # of a cluster that was replaced
            _future(unit).cancel()

    def close(self) -> None:
        """Ends the cluster, if it was started here."""
        self._runner.__exit__(None, None, None)


def _future(unit: Any) -> Any:
    """Dask's own future, also of a task run."""
    return getattr(unit, "wrapped_future", unit)


def started_dask(settings: EngineSettings) -> Dask:
    """A cluster on this machine, or the one at [engine] address."""
    import flows.engine.quiet  # noqa: F401 it speaks before Prefect is imported

    try:
        import prefect_dask  # noqa: F401 asked for here, so that it is missed here
        from distributed import scheduler
    except ImportError as error:
        raise missing("dask", error) from None
    gone = (scheduler.KilledWorker, scheduler.NoValidWorkerError, scheduler.NoWorkerError)
    return Dask(settings, (*gone, CancelledError))


def _opened(settings: EngineSettings) -> "DaskTaskRunner":
    import dask.config
    from prefect_dask import DaskTaskRunner

    if settings.address:
        runner = DaskTaskRunner(address=settings.address)
    else:
        # Nobody looks at the profile that each worker would make of itself a hundred times a second.
        dask.config.set(
            {
                "distributed.worker.profile.enabled": False,
                "distributed.scheduler.no-workers-timeout": f"{_WITHOUT_WORKERS_S}s",
            }
        )
        # TLS with a certificate that only these processes have: no other user of the machine can hand them work.
        own = {
            "n_workers": settings.workers,
            "threads_per_worker": 1,
            "host": "127.0.0.1",
            "protocol": "tls",
            "security": True,
            "dashboard_address": None,
            "worker_dashboard_address": None,
            "memory_limit": settings.worker_memory_mb * 2**20,
            "silence_logs": logging.ERROR,
            "env": {"POLARS_MAX_THREADS": str(threads_of_a_worker(settings))},
        }
        runner = DaskTaskRunner(cluster_kwargs=own)
    runner.__enter__()
    try:
        _ = runner.client
    except (OSError, TimeoutError) as error:
        runner.__exit__(None, None, None)
        at = settings.address or "on this machine"
        raise Refused(f"[engine] address: the Dask cluster {at} does not answer: {error}") from None
    return runner
