"""The real Prefect: a month as a flow on a server of its own, and on one that PREFECT_API_URL names."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flows.home.settings import Home
from tests.flows.sample import sample_home


def _tollbook(home: Home, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from flows.cli.main import main; main()", "--home", str(home.root)]
    return subprocess.run(
        [*command, "--today", "2026-06-02", "--by", "anna", "--json", *arguments],
        check=False, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def by_hand(sample: Callable[[str], Home]) -> bytes:
    """The manifest of the same month without Prefect."""
    return (sample("june_drafted").out("2026-06") / "manifest.json").read_bytes()


def test_the_flow_on_a_server_of_its_own(tmp_path: Path, by_hand: bytes) -> None:
    home = sample_home(tmp_path / "home")
    first = _tollbook(home, "run", "2026-06")
    assert first.returncode == 3, first.stderr
    assert json.loads(first.stdout)["accounts"]["billed"] == 28
    assert "Traceback" not in first.stderr
    assert "leaked" not in first.stderr
    assert (home.out("2026-06") / "manifest.json").read_bytes() == by_hand
    again = _tollbook(home, "run", "2026-06")
    assert again.returncode == 5
    assert "already drafted" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path / "prefect")}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        api = f"http://127.0.0.1:{port}/api"
        until = time.monotonic() + 600
        while True:
            try:
                urllib.request.urlopen(f"{api}/health", timeout=600).close()  # noqa: S310 loopback
                break
            except OSError:
                assert process.poll() is None, "the Prefect server ended"
                assert time.monotonic() < until
                time.sleep(0.5)
        yield api
        os.killpg(process.pid, 15)


def test_the_flow_on_a_named_server(tmp_path: Path, server: str, by_hand: bytes) -> None:
    home = sample_home(tmp_path / "home")
    done = _tollbook(home, "run", "2026-06", PREFECT_API_URL=server)
    assert done.returncode == 3, done.stderr
    assert (home.out("2026-06") / "manifest.json").read_bytes() == by_hand
    runs = _post(f"{server}/flow_runs/filter", {})
    assert [(run["name"], run["state_type"]) for run in runs] == [("bill-2026-06", "COMPLETED")]
    tasks = _post(f"{server}/task_runs/filter", {})
    assert {task["name"].rsplit("-", 1)[0] for task in tasks} == {
        "ingest",
        "open",
        "rate",
        "charge",
        "tax",
        "draft",
        "report",
    }


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_the_units_of_an_engine_are_task_runs_on_a_named_server(
    kind: str, tmp_path: Path, server: str, by_hand: bytes
) -> None:
    home = sample_home(tmp_path / "home")
    with home.settings_file.open("a") as file:
        file.write(f'\n[engine]\nkind = "{kind}"\n')
    done = _tollbook(home, "run", "2026-06", PREFECT_API_URL=server)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert (home.out("2026-06") / "manifest.json").read_bytes() == by_hand
    (run,) = _post(f"{server}/flow_runs/filter", {})
    names = {"class-000000": "COMPLETED", "price-000000": "COMPLETED"}
    units = [task for task in _post(f"{server}/task_runs/filter", {}) if task["name"][:12] in names]
    assert {task["name"][:12]: task["state_type"] for task in units} == names
    assert {task["flow_run_id"] for task in units} == {run["id"]}


def _post(url: str, body: object) -> list[dict[str, str]]:
    asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(asked, timeout=600) as answer:  # noqa: S310 loopback
        found: list[dict[str, str]] = json.load(answer)
        return found
