"""`tollbook` in a process of its own, without waiting for its imports: forked from a process that has made them.

That process imports and computes nothing: a fork of a started thread pool (polars, duckdb) would wait for ever. What it
forks is a process like any other: a session, an environment, a folder, files for what it says,
and it ends as the program ends, by an exit code or a signal.
"""

import importlib
import json
import os
import pkgutil
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import flows

ROOT = Path(__file__).parents[1]
POOLS = {"polars-0", "tokio-rt-worker", "async-executor-"}
"""Threads of Polars at work; idle ones that an import starts (jemalloc_bg_thd, polars-ooc-clea) survive a fork."""
LIMIT_S = 600
"""Far above every limit of the program's own: a machine that is busy makes no test red."""


@dataclass(frozen=True)
class Ended:
    """A process that has ended; `pid` was its session too. A negative exit code is the signal that killed it."""

    pid: int
    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class _Request:
    arguments: list[str]
    environment: dict[str, str]
    folder: str
    output: tuple[str, str]
    kill: tuple[str, str, int] | None
    largest_file_bytes: int | None
    kill_after_s: float | None
    blank_pdfs: bool


class _Server:
    """The process that has imported everything, and the line to it."""

    def __init__(self) -> None:
        ours, its = socket.socketpair()
        code = f"from tests.forked import serve; serve({its.fileno()})"
        self.process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, pass_fds=[its.fileno()])
        its.close()
        self.line = ours
        self.answers = ours.makefile("r")

    def run(self, request: _Request, limit_s: float) -> tuple[int, int]:
        """The process's number and its exit code."""
        self.line.settimeout(limit_s)
        self.line.sendall(json.dumps(asdict(request)).encode() + b"\n")
        answer = self.answers.readline()
        assert answer, "the process that forks has ended; what it said stands above"
        pid = int(answer)
        try:
            return pid, int(self.answers.readline())
        except TimeoutError:
            os.killpg(pid, signal.SIGKILL)
            stop()
            raise

    def stop(self) -> None:
        self.answers.close()
        self.line.close()
        self.process.wait()


_servers: list[_Server] = []


def stop() -> None:
    """Ends the process that forks, when there is one."""
    while _servers:
        _servers.pop().stop()


def tollbook(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path = ROOT,
    kill: tuple[str, str, int] | None = None,
    largest_file_bytes: int | None = None,
    kill_after_s: float | None = None,
    blank_pdfs: bool = False,
    limit_s: float = LIMIT_S,
) -> Ended:
    """Runs `tollbook arguments` to its end.

    environment is set beside the test's own. kill: (module:function, before or after, n) of the call at which the
    process kills itself; kill_after_s: when it is ended by a clock, wherever it is. blank_pdfs: every PDF is one and
    the same line, for whom no page matters. What outlives the process holds its files and not a pipe, so nobody waits
    for it.
    """
    if not _servers:
        _servers.append(_Server())
    with tempfile.TemporaryDirectory(prefix="tollbook-") as scratch:
        output = (f"{scratch}/stdout", f"{scratch}/stderr")
        values = {**os.environ, **(environment or {})}
        request = _Request(
            list(arguments), values, str(folder), output, kill, largest_file_bytes, kill_after_s, blank_pdfs
        )
        pid, code = _servers[0].run(request, limit_s)
        said = [Path(path).read_text(encoding="utf-8") for path in output]
    return Ended(pid, code, *said)


def serve(line_fd: int) -> None:
    """Forks a process for every line that asks for one. Returns in no process: it ends with the line, or as `tollbook`
    does."""
    for module in pkgutil.walk_packages(flows.__path__, "flows."):
        if module.name != "flows.prefect_flow":  # Prefect reads its settings at import
            importlib.import_module(module.name)
    threads = {path.read_text(encoding="utf-8").strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert not threads & POOLS, f"{threads & POOLS}: a module computes when it is imported"
    line = socket.socket(fileno=line_fd)
    with line.makefile("r") as requests:
        for request in requests:
            pid = os.fork()
            if pid == 0:
                line.detach()
                os.close(line_fd)
                _become(json.loads(request))
                return
            line.sendall(f"{pid}\n".encode())
            line.sendall(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n".encode())


def _become(request: dict[str, Any]) -> None:
    """The forked process turns into the program."""
    os.setsid()
    for path, mode, fd in (
        (os.devnull, os.O_RDONLY, 0),
        *((path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, fd) for fd, path in enumerate(request["output"], 1)),
    ):
        os.dup2(os.open(path, mode), fd)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    if limit := request["largest_file_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if request["kill_after_s"] is not None:
        # The clock's own end: nothing is tidied up, as after SIGKILL.
        signal.setitimer(signal.ITIMER_REAL, max(request["kill_after_s"], 1e-6))
    if request["blank_pdfs"]:
        printing: Any = importlib.import_module("flows.issue.printing")
        printing._pool, printing.pdf_of_json = (lambda _: ThreadPoolExecutor(1)), (lambda _: b"%PDF-1.7\n")
    if request["kill"]:
        kill_at(*request["kill"])
    sys.argv = ["tollbook", *request["arguments"]]
    importlib.import_module("flows.cli.main").main()


def kill_at(point: str, when: str, nth: int) -> None:
    """From now on the `nth` call of a function, `module:name`, is the end of this process, before or after it."""
    module, _, name = point.partition(":")
    owner: Any = importlib.import_module(module)
    *path, name = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    real, seen = getattr(owner, name), 0

    def killing(*arguments: Any, **named: Any) -> Any:
        nonlocal seen
        seen += 1
        mine = seen == nth
        if mine and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = real(*arguments, **named)
        if mine and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, killing)
