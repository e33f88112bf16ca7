"""`tollbook serve`: registers a home's deployments and runs what Prefect starts of them, one at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from prefect import serve
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.home.settings import Home, Settings
from flows.scheduled.automations import HEARTBEAT_S, register
from flows.scheduled.deployments import Plan, deployment_of
from flows.scheduled.own_server import running_server
from schemas.errors import Refused


@contextmanager
def server_of(home: Home, settings: Settings, port: int | None) -> Iterator[str]:
    """The address of the API that PREFECT_API_URL or the profile in use names, else of a server of our own."""
    with ExitStack() as stack:
        api = PREFECT_API_URL.value()
        if not api:
            stack.enter_context(_alone(home))
            api = stack.enter_context(running_server(home.root / "prefect", port or settings.serve.port))
            stack.enter_context(temporary_settings({PREFECT_API_URL: api}))
        yield api


def serve_home(home: Home, settings: Settings, plans: list[Plan], suffix: str = "") -> None:
    """Registers and serves until it is stopped. Raises Refused where the server serves another home by these names.

    What was to start while nobody served starts as soon as somebody does: schedules are not paused in between.
    """
    deployments = [deployment_of(plan, home, settings, suffix) for plan in plans]
    for plan in plans:
        _must_be_of(home, f"{plan.flow.name}/{plan.name}{suffix}")
    register(settings.serve.notify)
    serve(
        *deployments,
        limit=1,
        pause_on_shutdown=False,
        print_starting_message=False,
        heartbeat_seconds=HEARTBEAT_S,
    )


def _must_be_of(home: Home, name: str) -> None:
    with get_client(sync_client=True) as client:
        try:
            known = client.read_deployment_by_name(name)
        except ObjectNotFound:
            return
    other, root = known.parameters.get("home"), str(home.root.resolve())
    if other not in (None, root) and Path(other).is_dir():
        raise Refused(
            f"the Prefect server knows {name} of another home, {other}: serve this one under names of its own, "
            "`tollbook serve --name TEXT`"
        )


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Two servers would write one database of Prefect. Raises Refused where the home is served already."""
    folder = home.root / "prefect"
    folder.mkdir(exist_ok=True)
    with (folder / "serving").open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("this home is served already: there is a `tollbook serve` of it on this machine") from None
        yield
