"""The month as a Prefect flow: names, logs, an artifact. No caching and no retries where money is."""

import os

# Before Prefect is imported: no telemetry, and time enough for a cold start of the local server.
os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")

import subprocess
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed

from flows.bill_run import On, Result, RunReport, bill_month
from flows.books.context import Request
from flows.home import progress, watchdog
from schemas.errors import NothingToDo, TollbookError


def as_task(name: str, stage: Callable[[On], Result], on: On) -> Result:
    """A stage as a task. An expected error travels as a value, so that it is told once, without a traceback.

    The task takes no argument: the open books stay in this process, where the flow holds them, and Prefect sees none
    of them.
    """

    def guarded() -> Result | TollbookError:
        try:
            result = stage(on)
        except TollbookError as error:
            return error
        get_run_logger().info("%s: %s", name, result)
        return result

    as_task_named = task(name=name, tags=["tollbook"], cache_policy=NO_CACHE, persist_result=False)
    result = as_task_named(guarded)()
    if isinstance(result, TollbookError):
        raise result
    return result


@flow(name="bill-month", validate_parameters=False, persist_result=False)
def _bill_month(request: Request) -> State[Any]:
    try:
        report = bill_month(request, as_task)
    except NothingToDo as error:
        return Completed(name="Nothing to do", message=str(error), data=error)
    except TollbookError as error:
        return Failed(message=str(error), data=error)
    create_table_artifact(
        key=f"accounts-{report.invoice_month}",
        table=[{"outcome": name, "accounts": count} for name, count in report.accounts.items()],
        description=f"Accounts of run {report.run_id}",
    )
    return Completed(message=str(asdict(report)["accounts"]), data=report)


def _guard_own_server() -> None:
    """The local server that Prefect will start ends with us, even when we are killed."""
    from prefect.server.api.server import SubprocessASGIServer

    class Guarded(SubprocessASGIServer):
        def start(self, timeout: int | None = None) -> None:
            with progress.stage("start Prefect's server"):
                super().start(timeout)

        def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
            server = super()._run_uvicorn_command()
            watchdog.watch(server.pid)
            return server

    Guarded()  # there is one instance for all: whoever asks for a server from now on gets this one


def run_with_prefect(request: Request) -> RunReport:
    """The month as a flow, on the server PREFECT_API_URL names or a local one of its own.

    An expected error ends the flow as `Failed` (or, for nothing to do, as `Completed`) and is raised here.
    """
    if not PREFECT_API_URL.value():
        _guard_own_server()
    named = _bill_month.with_options(flow_run_name=f"bill-{request.invoice_month}")
    state: State[Any] = named(request, return_state=True)
    found = state.result(raise_on_failure=False)
    if isinstance(found, BaseException):
        raise found
    return found  # type: ignore[no-any-return]
