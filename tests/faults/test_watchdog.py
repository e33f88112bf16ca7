"""What a command has started does not outlive it, even when it is killed."""

import os
import signal
import subprocess
import sys
import time

import pytest

_STARTED = """
import os, signal, subprocess, sys
from flows.home.watchdog import watch

child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
watch(child.pid)
print(child.pid, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""
_WAITS = "import time; print(flush=True); time.sleep(3600)"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {_WAITS}"


def _runs(pid: int) -> bool:
    """Dead ones that nobody has buried do not count."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 gone while it is read
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("child", [_WAITS, _STUBBORN], ids=["waits", "stubborn"])
@pytest.mark.parametrize("end", ["killed", "ended"])
def test_a_child_ends_with_who_started_it(child: str, end: str) -> None:
    started = subprocess.run(
        [sys.executable, "-c", _STARTED, child, end], check=False, stdout=subprocess.PIPE, text=True, timeout=600
    )
    assert started.returncode == (-signal.SIGKILL if end == "killed" else 0)
    pid = int(started.stdout)
    until = time.monotonic() + 600
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    is_left = _runs(pid)
    if is_left:
        os.kill(pid, signal.SIGKILL)
    assert not is_left
