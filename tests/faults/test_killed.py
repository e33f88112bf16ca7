"""A run killed half-way and started again ends as if nothing had happened (RULES 29)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.settings import Home
from flows.store import Store
from tests.flows.sample import sample_home

RUN = ["--today", "2026-06-02", "--by", "anna", "run", "2026-06", "--direct"]
APPROVE = ["--today", "2026-06-02", "--by", "ben", "approve", "2026-06"]


def _command(home: Home, arguments: list[str]) -> list[str]:
    return [sys.executable, "-c", "from flows.cli import main; main()", "--home", str(home.root), *arguments]


def _tollbook(home: Home, arguments: list[str]) -> int:
    return subprocess.run(_command(home, arguments), check=False, capture_output=True).returncode


def _killed_when(home: Home, arguments: list[str], seen: Callable[[], bool]) -> None:
    """Starts a command and kills it with SIGKILL as soon as `seen`; fails if it ended before."""
    with subprocess.Popen(
        _command(home, arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not seen():
            assert process.poll() is None, "the command ended before it could be killed"
            time.sleep(0.002)
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def _outputs(home: Home) -> dict[str, bytes]:
    out = home.out("2026-06")
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for part in ("manifest.json", "invoices/*", "usage/*")
        for path in sorted(out.glob(part))
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    home = sample_home(tmp_path_factory.mktemp("undisturbed") / "home")
    assert _tollbook(home, RUN) == 3
    assert _tollbook(home, APPROVE) == 3
    return _outputs(home)


@pytest.mark.parametrize("stage", ["grants.parquet", "charges.parquet", "taxes.parquet"])
def test_a_run_killed_after_a_stage(tmp_path: Path, undisturbed: dict[str, bytes], stage: str) -> None:
    home = sample_home(tmp_path / "home")
    _killed_when(home, RUN, lambda: any(home.store.glob(f"work/*/{stage}")))
    assert _tollbook(home, RUN) == 3
    assert _tollbook(home, APPROVE) == 3
    assert _outputs(home) == undisturbed


def test_an_approval_killed_while_it_renders(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    home = sample_home(tmp_path / "home")
    assert _tollbook(home, RUN) == 3
    _killed_when(home, APPROVE, lambda: any(home.out("2026-06").glob("invoices/*.pdf")))
    with Store(home) as store:
        numbered = store.rows("select invoice_number, document_sha256 from issued_documents order by 1")
    assert _tollbook(home, APPROVE) in (0, 3)
    with Store(home) as store:
        assert store.rows("select invoice_number, document_sha256 from issued_documents order by 1") == numbered
    assert _outputs(home) == undisturbed
