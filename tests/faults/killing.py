"""A command that kills itself with SIGKILL at a named point: before or after the n-th call of a function of ours."""

import contextlib
import os
import signal
from pathlib import Path

from tests.forked import tollbook


def left_in(session: int) -> list[str]:
    """What still runs of a session (of a killed command and what it started), by name. Dead ones do not count."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text(encoding="utf-8", errors="replace").partition("(")[2].rpartition(")")
            state, _, _, its_session = rest.split()[:4]
            if int(its_session) == session and state not in "ZX":
                found.append(name)
    return found


def killed_at(point: str, home: Path, *command: str, alone: bool = False) -> int:
    """Runs `tollbook command` in a process of its own, killed at `point`: `module:function before|after n`.

    Whatever it has started is killed with it, or left to itself if it is killed `alone`. Returns the number of its
    session. Fails when the command ended by itself: then the point is not one it passes.
    """
    target, when, nth = point.split()
    process = tollbook("--home", str(home), *command, kill=(target, when, int(nth)))
    if not alone:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    said = process.stdout + process.stderr
    assert process.returncode == -signal.SIGKILL, f"{point} was not reached:\n{said}"
    return process.pid
