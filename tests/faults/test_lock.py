"""One act at a time in a home: who holds it is named, who died is noted, and nothing is taken over unasked."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.home import lock
from flows.home.lock import locked
from flows.home.settings import Home
from flows.home.store import Store
from schemas.errors import Refused

NOW = datetime(2026, 6, 2, 8, tzinfo=UTC)
HOLD = """
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from flows.home.lock import locked
from flows.home.settings import Home
with locked(Home(Path(sys.argv[1])), "run 2026-06", "anna", datetime(2026, 6, 2, 8, tzinfo=UTC)):
    print("held", flush=True)
    time.sleep(600)
"""
OPEN = (
    "import duckdb, sys, time\nc = duckdb.connect(sys.argv[1], read_only={})\nprint('up', flush=True)\ntime.sleep(600)"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    with Store(home) as store:
        store.checkpoint()
    return home


@contextmanager
def _other(code: str, argument: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, once it has said that it is ready; it is killed at the end."""
    with subprocess.Popen([sys.executable, "-c", code, str(argument)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def _acts(home: Home) -> list[tuple[str, str, str]]:
    with Store(home) as store:
        return store.rows("select act, subject, by_name from audit_log order by seq")


def test_a_second_act_is_refused_and_told_who_is_at_work(home: Home) -> None:
    with _other(HOLD, home.root) as process:
        with pytest.raises(Refused, match=rf"`run 2026-06` by anna since 2026-06-02T08.*process {process.pid} on"):
            locked(home, "approve", "ben", NOW).__enter__()
        process.send_signal(signal.SIGSTOP)
        os.utime(home.store / "lock", (0, 0))
        with pytest.raises(Refused, match=rf"no sign of life.*still runs: kill {process.pid}"):
            locked(home, "approve", "ben", NOW, take_over=True).__enter__()
    with locked(home, "approve", "ben", NOW):
        assert json.loads((home.store / "lock").read_text())["by"] == "ben"
    assert _acts(home) == [("interrupted", "run 2026-06", "ben")], "the killed run is noted, and holds nothing up"
    with locked(home, "send", "ben", NOW):
        pass
    assert len(_acts(home)) == 1, "an act that came to its end leaves nothing behind"


def test_a_lock_of_another_machine_is_taken_over_on_request_alone(home: Home) -> None:
    path = home.store / "lock"
    path.write_text(json.dumps({"act": "send", "by": "anna", "pid": 7, "host": "elsewhere", "since": "2026-06-01"}))
    with pytest.raises(Refused, match=r"process 7 on elsewhere\), alive"):
        locked(home, "run", "ben", NOW).__enter__()
    os.utime(path, (0, 0))
    with pytest.raises(Refused, match=r"no sign of life .* --take-over"):
        locked(home, "run", "ben", NOW).__enter__()
    assert json.loads(path.read_text())["host"] == "elsewhere"
    with locked(home, "run", "ben", NOW, take_over=True):
        pass
    assert _acts(home) == [("lock takeover", "send", "ben")]


def test_the_lock_has_a_heartbeat(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "HEARTBEAT_S", 0.01)
    with locked(home, "run", "anna", NOW):
        os.utime(home.store / "lock", (0, 0))
        until = time.monotonic() + 600
        while not (home.store / "lock").stat().st_mtime:
            assert time.monotonic() < until
            time.sleep(0.01)


@pytest.mark.parametrize("read_only", [True, False])
def test_whoever_holds_the_database_open_is_named(home: Home, read_only: bool) -> None:
    told = r"held open by process {} \(.*python.* -c import duckdb"
    with (
        _other(OPEN.format(read_only), home.database) as process,
        pytest.raises(Refused, match=told.format(process.pid)),
    ):
        Store(home).__enter__()
    with Store(home) as store:
        assert store.rows("select 1") == [(1,)]
