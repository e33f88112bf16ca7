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
from flows.cli import main

main()
"""


def killed_at(point: str, home: Path, *command: str) -> None:
    """Runs `tollbook command` in a process of its own, killed at `point`: `module:function before|after n`.

    Fails when the command ended by itself: then the point is not one it passes.
    """
    target, when, nth = point.split()
    arguments = [target, when, nth, "--home", str(home), *command]
    # A file, not a pipe: the processes that draw PDFs outlive the killed one and would hold a pipe open.
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _DRIVER, *arguments], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        process.wait(timeout=120)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        assert process.returncode == -signal.SIGKILL, f"{point} was not reached:\n{output.read().decode()}"
