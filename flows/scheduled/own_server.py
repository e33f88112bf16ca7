"""A Prefect server of our own, where PREFECT_API_URL names none: it lasts exactly as long as we do."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.home import progress, watchdog
from schemas.errors import Refused

STARTS_WITHIN_S = 180
_HOST = "127.0.0.1"


def guard_ephemeral_server() -> None:
    """The local server that Prefect will start by itself ends with us, even when we are killed."""
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


@contextmanager
def running_server(folder: Path, port: int) -> Iterator[str]:
    """A server with its pages on a port of this machine, its database in `folder`; yields the address of its API.

    Raises Refused where the port is taken, or it does not start.
    """
    api = f"http://{_HOST}:{port}/api"
    if _answers(api):
        raise Refused(
            f"port {port} is taken, by a Prefect server perhaps: set PREFECT_API_URL={api}, or another --port"
        )
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PREFECT_HOME": str(folder.resolve()), "PREFECT_UI_API_URL": api}
    environment.pop("PREFECT_API_URL", None)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    with (folder / "server.log").open("ab") as said:
        server = subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True)
    try:
        watchdog.watch(server.pid)
        with progress.stage("start Prefect's server"):
            _wait(server, api, folder / "server.log")
        yield api
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(server: subprocess.Popen[bytes], api: str, said: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN_S  # not money
    while not _answers(api):
        if server.poll() is not None:
            raise Refused(f"Prefect's server ended at once; why stands in {said}")
        if time.monotonic() > until:
            raise Refused(f"Prefect's server did not start within {STARTS_WITHIN_S} seconds; see {said}")
        time.sleep(0.3)


def _answers(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=5):  # noqa: S310 our own server on this machine
            return True
    except OSError:
        return False
