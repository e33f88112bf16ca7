"""Workers of a Ray cluster, through Prefect's RayTaskRunner."""

import logging
import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flows.engine.extras import missing
from flows.engine.processes import threads_of_a_worker
from flows.engine.tasks import as_task, of_the_flow
from flows.engine.unit import done
from flows.home.engine_settings import EngineSettings
from schemas.errors import Refused

if TYPE_CHECKING:
    from prefect_ray import RayTaskRunner

_OBJECT_STORE_BYTES = 100 * 2**20
"""Ray's own memory between workers: what is large lies at a place."""


class Ray:
    """The cluster of a task runner. A unit whose worker dies is given to another, three times; then it is given back as
    lost."""

    def __init__(self, runner: "RayTaskRunner[Any]", lost: tuple[type[BaseException], ...]) -> None:
        self._runner = runner
        self.lost = lost

    def submit(self, work: Callable[[Any], Any], unit: Any, name: str) -> Any:
        """Hands a unit to the cluster: as a task of the flow run that is under way, or by itself."""
        import ray

        if (task := as_task(name)) is not None:
            with of_the_flow():
                return self._runner.submit(task, {"work": work, "unit": unit})
        return _Asked(ray.remote(done).options(name=name).remote(work, unit))

    def mend(self) -> None:
        """Nothing: the cluster starts workers as they are needed."""

    def is_lost(self, unit: Any) -> bool:
        """No: the cluster gives it to another worker by itself."""
        del unit
        return False

    def drop(self, unit: Any) -> None:
        """Ended, where it is in work."""
        import ray

        ray.cancel(unit.wrapped_future, force=True)

    def close(self) -> None:
        """Ends the cluster, if it was started here."""
        import ray

        if ray.is_initialized():  # else the runner would start one, to ask whose it is
            self._runner.__exit__(None, None, None)


class _Asked:
    """A unit that the cluster was given."""

    def __init__(self, reference: Any) -> None:
        self.wrapped_future = reference

    def result(self) -> Any:
        """As soon as it is there."""
        import ray

        return ray.get(self.wrapped_future)


def started_ray(settings: EngineSettings) -> Ray:
    """A cluster on this machine, or the one at [engine] address."""
    import flows.engine.quiet  # noqa: F401 it speaks before Prefect is imported

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if settings.address is None:
        # Ray listens on every address of a machine, unless it is told that there will be no other machine; and who has
        # not the word cannot hand it work.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    try:
        import ray
        from prefect_ray import RayTaskRunner
    except ImportError as error:
        raise missing("ray", error) from None
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    own = {
        "num_cpus": settings.workers,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE_BYTES,
        "_node_ip_address": "127.0.0.1",
    }
    runner: RayTaskRunner[Any] = RayTaskRunner(settings.address, quiet if settings.address else {**quiet, **own})
    before = os.environ.get("POLARS_MAX_THREADS")
    if settings.address is None:
        os.environ["POLARS_MAX_THREADS"] = str(threads_of_a_worker(settings))  # what is started now hands it on
    try:
        runner.__enter__()
    except (OSError, RuntimeError, ValueError) as error:
        at = settings.address or "on this machine"
        raise Refused(f"[engine] address: the Ray cluster {at} does not answer: {error}") from None
    finally:
        os.environ.pop("POLARS_MAX_THREADS", None)
        if before is not None:
            os.environ["POLARS_MAX_THREADS"] = before
    gone = ray.exceptions
    return Ray(runner, (gone.WorkerCrashedError, gone.OutOfMemoryError, gone.NodeDiedError))
