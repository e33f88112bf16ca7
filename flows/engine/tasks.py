"""Units as task runs of Prefect, where they can be shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flows.engine.unit import done


def as_task(name: str) -> Any:
    """unit.done as a task of Prefect, inside a flow run whose server PREFECT_API_URL names; else None.

    Workers of other machines tell that server what they do. One that was started for this command alone they could not
    reach, and outside a flow there would be none: to start it takes longer than many a month. Then the runner's cluster
    is given the unit as it is.
    """
    from prefect import task
    from prefect.cache_policies import NO_CACHE
    from prefect.context import FlowRunContext
    from prefect.settings import PREFECT_API_URL

    if FlowRunContext.get() is None or not PREFECT_API_URL.value():
        return None
    return task(name=name, tags=["tollbook"], cache_policy=NO_CACHE, persist_result=False)(done)


@contextmanager
def of_the_flow() -> Iterator[None]:
    """Units belong to the flow run, not to the stage's task, which holds the open books: no worker is to get those."""
    from prefect.context import TaskRunContext

    token = TaskRunContext.__var__.set(None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        TaskRunContext.__var__.reset(token)
