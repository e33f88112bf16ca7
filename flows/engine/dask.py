"""Workers of a Dask cluster, through Prefect's DaskTaskRunner."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.engine.extras import missing
from flows.engine.processes import threads_of_a_worker
from flows.engine.tasks import as_task, of_the_flow
from flows.engine.unit import done
from flows.home.engine_settings import EngineSettings
from schemas.errors import Refused

if TYPE_CHECKING:
    from prefect_dask import DaskTaskRunner


class Dask:
    """The cluster of a task runner. A worker that dies is started again and its units are given to others, three times;
    then the unit is given back as lost."""

    def __init__(self, runner: "DaskTaskRunner", lost: tuple[type[BaseException], ...]) -> None:
        self._runner = runner
        self.lost = lost

    def submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> Any:
        """Hands a unit to the cluster: as a task of the flow run that is under way, or by itself."""
        if (task := as_task(name)) is not None:
            with of_the_flow():
                return self._runner.submit(task, {"work": work, "unit": unit})
        # Not pure: its result is a file as well, so what was done before is not looked up but done.
        return self._runner.client.submit(done, work, unit, pure=False)

    def is_lost(self, unit: Any) -> bool:
        """No: the cluster gives it to another worker by itself."""
        del unit
        return False

    def close(self) -> None:
        """Ends the cluster, if it was started here."""
        self._runner.__exit__(None, None, None)


def started_dask(settings: EngineSettings) -> Dask:
    """A cluster on this machine, or the one at [engine] address."""
    import flows.engine.quiet  # noqa: F401 it speaks before Prefect is imported

    try:
        import dask.config
        import distributed
        from prefect_dask import DaskTaskRunner
    except ImportError as error:
        raise missing("dask", error) from None
    if settings.address:
        runner: DaskTaskRunner = DaskTaskRunner(address=settings.address)
    else:
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
        # Nobody looks at the profile that each worker would make of itself a hundred times a second.
        dask.config.set({"distributed.worker.profile.enabled": False})
        runner = DaskTaskRunner(cluster_kwargs=own)
    runner.__enter__()
    try:
        _ = runner.client
    except (OSError, TimeoutError) as error:
        runner.__exit__(None, None, None)
        raise Refused(f"[engine] address: the Dask cluster at {settings.address} does not answer: {error}") from None
    return Dask(runner, (distributed.scheduler.KilledWorker,))
