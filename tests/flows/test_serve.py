"""`tollbook serve` on a real Prefect server: registered, scheduled, fired, watched, killed, and told."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from flows.home.settings import Home
from tests.flows.issuing import published
from tests.flows.sample import sample_home

WAITS_S = 600
"""Far above what anything here takes on a busy machine."""
SERVE = "from flows.cli.main import main; main()"


@dataclass(frozen=True)
class Served:
    """A home that is served, by which process, and the address of the server's API."""

    home: Home
    process: subprocess.Popen[bytes]
    api: str

    def ask(self, path: str, body: object = None) -> Any:
        """GET, or POST of a body; again where the server's database was busy for a moment."""
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"{self.api}/{path}", data, {"Content-Type": "application/json"})  # noqa: S310
        for _ in range(60):
            try:
                with urllib.request.urlopen(asked, timeout=WAITS_S) as answer:  # noqa: S310 loopback
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(0.5)
        raise AssertionError("the server's database stays busy")

    def deployments(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.ask("deployments/filter", {})}

    def start(self, deployment: str, **parameters: object) -> str:
        """Asks for a run, as the form in the pages does; returns its id."""
        path = f"deployments/{self.deployments()[deployment]['id']}/create_flow_run"
        return str(self.ask(path, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"])

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run, as soon as it has ended."""
        run: dict[str, Any] = waited(lambda: it if (it := self.ask(f"flow_runs/{run_id}"))["end_time"] else None)
        return run


def waited(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + WAITS_S
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.3)
    return found


def process_of(run_id: str) -> int:
    """The process that a flow run runs in."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"FLOW_RUN_ID={run_id}".encode() in (process / "environ").read_bytes():
                return int(process.name)
        except OSError:
            continue
    raise AssertionError("no process of this run")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    home = sample_home(root / "home")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write('\n[serve]\ningest = "* * * * *"\npaused = ["send-month"]\n')
    port = free_port()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    command = [sys.executable, "-c", SERVE, "--home", str(home.root), "--today", "2026-05-02", "serve"]
    with (root / "said").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env={**environment, "PREFECT_HOME": str(root / "prefect")},
            stdout=said, stderr=said, start_new_session=True,
        )  # fmt: skip
    serving = Served(home, process, f"http://127.0.0.1:{port}/api")

    def is_registered() -> bool:
        assert process.poll() is None, (root / "said").read_text()
        try:
            return len(serving.deployments()) == 6 and len(serving.ask("automations/filter", {})) >= 4
        except OSError:
            return False

    waited(is_registered)
    yield serving
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_six_deployments_with_a_schedule_per_zone(served: Served) -> None:
    found = served.deployments()
    assert set(found) == {"ingest-daily", "bill-month", "send-month", "approve-month", "correct-month", "publish"}
    zones = {row["schedule"]["timezone"]: row for row in found["bill-month"]["schedules"]}
    assert {"America/New_York", "Europe/Berlin", "Australia/Sydney"} <= set(zones)
    berlin = zones["Europe/Berlin"]
    assert (berlin["schedule"]["cron"], berlin["slug"], berlin["parameters"]) == (
        "0 6 1 * *", "europe-berlin", {"zone": "Europe/Berlin"}
    )  # fmt: skip
    assert [row["paused"] for row in found.values()].count(True) == 1
    assert found["send-month"]["paused"]
    for row in found.values():
        assert row["global_concurrency_limit"]["limit"] == 1
        assert row["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert row["parameters"] == {"home": str(served.home.root.resolve())}
    form = found["approve-month"]["parameter_openapi_schema"]
    assert form["required"] == ["month", "approved_by"]
    assert form["properties"]["override"]["description"] == "why stops may be let through; kept in the audit log."


def test_a_form_that_says_no_month_is_not_taken(served: Served) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        served.start("approve-month", month="06/2026", approved_by="ben")
    assert refused.value.code == 409


def test_six_in_the_morning_stays_six_when_the_clocks_change(served: Served) -> None:
    """Runs that the server has planned, each at its zone's own six o'clock of a 1st."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    planned = waited(
        lambda: served.ask(
            "flow_runs/filter",
            {
                "deployments": {"name": {"any_": ["bill-month"]}},
                "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
            },
        )
    )
    starts = {
        (run["parameters"]["zone"], datetime.fromisoformat(run["expected_start_time"])) for run in planned
    }  # fmt: skip
    assert starts
    for zone, start in starts:
        local = start.astimezone(ZoneInfo(zone))
        assert (local.day, local.hour, local.minute) == (1, 6, 0)


def test_what_is_scheduled_runs_by_itself(served: Served) -> None:
    def done() -> Any:
        found = served.ask("flow_runs/filter", {"deployments": {"name": {"any_": ["ingest-daily"]}}})
        return [run for run in found if run["auto_scheduled"] and run["end_time"]]

    first = min(waited(done), key=lambda run: run["start_time"])
    assert first["state_type"] == "COMPLETED"
    assert "inbox/accounts/accounts.csv: loaded, 32 records" in first["state"]["message"]


def test_a_killed_run_crashes_and_the_one_that_waited_bills_the_month(served: Served) -> None:
    first, second = (served.start("bill-month", month="2026-05") for _ in range(2))
    runs = {run_id: served.ask(f"flow_runs/{run_id}") for run_id in (first, second)}
    running = waited(
        lambda: next((run_id for run_id in runs if served.ask(f"flow_runs/{run_id}")["state_name"] == "Running"), None)
    )
    os.kill(process_of(running), signal.SIGKILL)
    (waiting,) = set(runs) - {running}
    assert served.ended(running)["state_type"] == "CRASHED"
    billed = served.ended(waiting)
    assert billed["name"] == "bill-2026-05"
    assert billed["state_name"] == "Completed with open items"
    assert billed["state_type"] == "COMPLETED"
    assert "parked US-1009" in billed["state"]["message"]
    assert billed["start_time"] >= served.ask(f"flow_runs/{running}")["end_time"]
    drafts = "select status, count(*) from invoices where invoice_month = '2026-05' group by status"
    assert published(served.home, drafts) == [("draft", 24)]
    said = " ".join(
        row["message"]
        for row in served.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [waiting]}}, "limit": 200})
    )
    for stage in ("ingest: files:", "open: regular run 2026-05-R-", "rate: ", "charge: ", "tax: ", "draft: accounts:"):
        assert stage in said
    shown = {row["key"]: row for row in served.ask("artifacts/latest/filter", {})}
    assert {f"{name}-2026-05" for name in ("review", "totals", "parked", "accounts", "review-link")} <= set(shown)
    assert shown["progress-2026-05"]["data"] == 100
    assert "# Review of 2026-05\nThe books balance." in shown["review-2026-05"]["data"]
    assert any(row["seller_id"] == "corvane-us" for row in json.loads(shown["totals-2026-05"]["data"]))
    happened = waited(lambda: served.ask("events/filter", {"filter": {"event": {"prefix": ["tollbook."]}}})["events"])
    assert [(row["event"], row["resource"]["prefect.resource.id"], row["payload"]["parked"]) for row in happened] == [
        ("tollbook.month.needs-approval", "tollbook.month.2026-05", 1)
    ]


def test_who_ran_the_month_may_not_approve_it(served: Served) -> None:
    refused = served.ended(served.start("approve-month", month="2026-05", approved_by="scheduler"))
    assert (refused["state_name"], refused["state_type"]) == ("Refused", "FAILED")
    assert "Another person approves" in refused["state"]["message"]


def test_a_home_is_served_once(served: Served) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    command = [sys.executable, "-c", SERVE, "--home", str(served.home.root), "serve", "--port", str(free_port())]
    again = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert again.returncode == 4
    assert "served already" in again.stderr


def test_a_server_that_serves_another_home_by_these_names_is_not_taken(served: Served, tmp_path: Path) -> None:
    other = sample_home(tmp_path / "other")
    command = [sys.executable, "-c", SERVE, "--home", str(other.root), "serve"]
    refused = subprocess.run(
        command, env={**os.environ, "PREFECT_API_URL": served.api}, check=False, capture_output=True, text=True
    )
    assert refused.returncode == 4
    assert "serve this one under names of its own" in refused.stderr


@dataclass
class Heard:
    """What a notification block was told, by a server of this machine."""

    port: int
    said: list[str] = field(default_factory=list)


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Listens for what a notification block is told."""

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            there.said.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        there = Heard(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield there
        server.shutdown()


def test_another_home_under_names_of_its_own_has_somebody_told(served: Served, tmp_path: Path, heard: Heard) -> None:
    """A block of the operator's own, and `tollbook serve --name`, on the server that is there."""
    make_block = (
        "from prefect.blocks.notifications import CustomWebhookNotificationBlock as Block\n"
        f"Block(name='x', url='http://127.0.0.1:{heard.port}/', json_data={{'text': '{{{{subject}}}}: {{{{body}}}}'}})"
        ".save('billing')"
    )
    environment = {**os.environ, "PREFECT_API_URL": served.api}
    subprocess.run([sys.executable, "-c", make_block], env=environment, check=True, capture_output=True)
    other = sample_home(tmp_path / "other")
    with other.settings_file.open("a", encoding="utf-8") as file:
        file.write('\n[serve]\nnotify = "custom-webhook/billing"\n')
    command = [sys.executable, "-c", SERVE, "--home", str(other.root), "serve", "--name", "two"]
    with (
        (tmp_path / "said").open("wb") as said,
        subprocess.Popen(command, env=environment, stdout=said, stderr=said, start_new_session=True) as process,
    ):
        waited(lambda: "publish-two" in served.deployments() or process.poll() is not None)
        assert process.poll() is None, (tmp_path / "said").read_text()
        actions = [
            action["type"]
            for automation in served.ask("automations/filter", {})
            for action in automation["actions"]
            if "approval" in automation["name"]
        ]
        run = served.ended(served.start("bill-month-two", month="2026-05"))
        os.killpg(process.pid, signal.SIGKILL)
    assert actions == ["send-notification"]
    assert run["state_name"] == "Completed with open items"
    waited(lambda: heard.said)
    assert "Tollbook: 2026-05 of other needs approval" in heard.said[0]
    assert "Parked accounts: 1. Stops: 0." in heard.said[0]


def test_a_killed_tollbook_leaves_no_server_behind(served: Served) -> None:
    """The last of these tests: it ends what they share, and all of its group with it."""
    os.killpg(served.process.pid, signal.SIGKILL)
    served.process.wait()

    def is_gone() -> bool:
        try:
            served.ask("health")
        except (OSError, AssertionError):
            return True
        return False

    waited(is_gone)
