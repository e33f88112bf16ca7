"""Ends a process when ours is gone, however it went: nobody cleans up after SIGKILL.

A child holds the read end of a pipe whose write end only we hold. When we are gone the pipe ends, and the child ends
the process, then itself. Run as a script of the standard library alone: `python watchdog.py PID`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

_GRACE_S = 5
"""A process that is asked to end and does not is killed."""


def watch(pid: int) -> None:
    """The process of that id does not outlive ours."""
    read_end, write_end = os.pipe()
    # The write end is inherited by nobody and closed by nobody: it lasts exactly as long as we do.
    os.set_inheritable(write_end, False)
    subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(pid)],
        stdin=read_end, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,  # a signal to our whole group, SIGKILL too, is not for the guard
    )  # fmt: skip
    os.close(read_end)


def _stand_guard(pid: int) -> None:
    """Waits for the end of standard input, then ends the process."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)  # what ends the others of the group must not end the guard
    handle = None
    with contextlib.suppress(AttributeError, OSError):  # no such call here, or none allowed: then by its id
        handle = os.pidfd_open(pid)
    while os.read(0, 1):
        pass

    def send(number: signal.Signals) -> None:
        # By handle where there is one: an id may belong to another process by now.
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)

    with contextlib.suppress(ProcessLookupError):
        send(signal.SIGTERM)
        for _ in range(_GRACE_S * 10):
            time.sleep(0.1)
            os.kill(pid, 0)
        send(signal.SIGKILL)


if __name__ == "__main__":
    with contextlib.suppress(ProcessLookupError):
        _stand_guard(int(sys.argv[1]))
