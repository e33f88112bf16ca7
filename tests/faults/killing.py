"""A command that kills itself with SIGKILL at a named point: before or after the n-th call of a function of ours."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

_DRIVER = """
import importlib, os, signal, sys

target, when, nth = sys.argv[1], sys.argv[2], int(sys.argv[3])
module, _, name = target.partition(":")
owner = importlib.import_module(module)
*path, name = name.split(".")
for part in path:
    owner = getattr(owner, part)
real, seen = getattr(owner, name), 0


def killing(*arguments, **named):
    global seen
    seen += 1
    mine = seen == nth
    if mine and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = real(*arguments, **named)
    if mine and when == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return result


setattr(owner, name, killing)
sys.argv = ["tollbook", *sys.argv[4:]]
from flows.cli.main import main

main()
"""


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
    arguments = [target, when, nth, "--home", str(home), *command]
    # A file, not a pipe: the processes that draw PDFs outlive the killed one and would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        process.wait(timeout=600)
        if not alone:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        assert process.returncode == -signal.SIGKILL, f"{point} was not reached:\n{output.read().decode()}"
        return process.pid
