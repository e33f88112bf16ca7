"""One writer at a time, and a name for whoever is in the way.

The lock is the kernel's (flock): it ends with its process, even a killed one. Beside it stands who holds it, and a
heartbeat, the file's own time, for what the kernel cannot tell: a holder on another machine that shares the folder.
"""

import contextlib
import fcntl
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from flows.home import audit
from flows.home.settings import Home
from flows.home.store import Store
from schemas.errors import Refused

HEARTBEAT_S = 15
STALE_S = 300
"""Without a sign of life for so long, a holder on another machine counts as gone."""


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: what they do, who they are, where."""

    act: str
    by: str
    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"`{self.act}` by {self.by} since {self.since} (process {self.pid} on {self.host})"


class Held(Refused):
    """Somebody else is at work in the home: nothing was changed, and the same will be possible later."""


@contextmanager
def locked(home: Home, act: str, by: str, now: datetime, *, take_over: bool = False) -> Iterator[None]:
    """Holds the home's lock. Raises Held, naming the holder, when somebody else does.

    A holder that died here has left no lock; its act is told in the audit log and goes on. One on another machine is
    known by its heartbeat alone: its lock is taken over only with `take_over`.
    """
    home.store.mkdir(parents=True, exist_ok=True)
    path = home.store / "lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Held(_held(path)) from None
        since = now.astimezone(UTC).isoformat(timespec="seconds")
        left = _read(path)
        if left is not None:
            _succeed(home, left, _age_s(path), by, now, take_over)
        me = Holder(act, by, os.getpid(), socket.gethostname(), since)
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)
        try:
            with _heartbeat(path):
                yield
        finally:
            # A refusal is an end like any other: only a killed holder leaves its name.
            os.ftruncate(handle, 0)
    finally:
        os.close(handle)


def _read(path: Path) -> Holder | None:
    """Who wrote the lock file last and did not come to an end; None when it is empty or torn."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _age_s(path: Path) -> float:  # not money
    """Seconds since the last heartbeat, by the clock of the folder's own file system."""
    probe = path.with_name("lock.now")
    probe.touch()
    return probe.stat().st_mtime - path.stat().st_mtime


def _held(path: Path) -> str:
    holder = _read(path)
    if holder is None:
        return "another Tollbook is at work in this home. Wait for it to end."
    told = f"another Tollbook is at work in this home: {holder}."
    age = _age_s(path)
    if age <= STALE_S:
        return f"{told} Wait for it to end."
    here = f"kill {holder.pid}" if holder.host == socket.gethostname() else f"end it on {holder.host}"
    return f"{told} It has given no sign of life for {age:.0f} seconds and still runs: {here}, then try again."


def _succeed(
    home: Home,
    left: Holder,
    age_s: float,  # not money
    by: str,
    now: datetime,
    take_over: bool,
) -> None:
    """What a holder that did not come to its end leaves behind."""
    if left.host == socket.gethostname():
        _note(home, "interrupted", left, by, now)
        _tidy(home)
        return
    if not take_over:
        state = (
            f"no sign of life for {age_s:.0f} seconds" if age_s > STALE_S else f"alive {max(age_s, 0):.0f} seconds ago"
        )
        raise Refused(
            f"the lock of this home is held by {left}, {state}. When that process is known to be dead, "
            "take the lock over: tollbook --take-over COMMAND"
        )
    _note(home, "lock takeover", left, by, now)


def _tidy(home: Home) -> None:
    """Files that were being written when their writer was killed: nobody will finish them."""
    for folder in (home.root / "out", home.store, home.published.parent):
        for leftover in folder.rglob(".partial-*"):
            if leftover.is_file():
                leftover.unlink()


def _note(home: Home, act: str, left: Holder, by: str, now: datetime) -> None:
    """In the audit log, when there is one."""
    # Books that are not the newest are refused by the act itself, and are not written to before.
    if home.database.exists():
        with contextlib.suppress(Refused), Store(home) as store:
            audit.record(store, act, left.act, by, now, None, f"left behind: {left}")


@contextmanager
def _heartbeat(path: Path) -> Iterator[None]:
    """Touches the lock file every HEARTBEAT_S seconds, from a thread that ends with the block."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_S):
            os.utime(path)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
