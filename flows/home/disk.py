"""What the disk said, in a sentence: the error's own number decides, never what was being done when it came.

DuckDB gives no number: there the system's words for it, which its message ends with, stand for it.
"""

import errno
import os
import re
import shutil
from pathlib import Path

_ENOUGH_MB = 1024
"""As much free room as a month of a few thousand accounts needs; `doctor` asks for it too."""

_AGAIN = "then the same command. What is written is whole."
_SENTENCES = {
    errno.ENOSPC: f"no room left on the disk of {{path}}: {{room}}, {_AGAIN}",
    errno.EDQUOT: f"this user's quota is used up on the disk of {{path}}: {{room}}, {_AGAIN}",
    errno.EROFS: f"the disk of {{path}} is mounted read-only: mount it for writing, {_AGAIN}",
    errno.EACCES: f"this user may not read or write {{path}}: give it the right to, {_AGAIN}",
    errno.EPERM: f"this user may not read or write {{path}}: give it the right to, {_AGAIN}",
    errno.EFBIG: f"{{path}} may not grow any more: raise the limit (ulimit -f), {_AGAIN}",
    errno.EMFILE: f"too many files are open: raise the limit (ulimit -n), {_AGAIN}",
    errno.ENFILE: f"too many files are open on this machine: end other programs, {_AGAIN}",
    errno.ENOMEM: f"this machine has no memory left: end other programs, {_AGAIN}",
    errno.EIO: "the disk of {path} gives an input/output error and may be failing. Look at the log, copy the home "
    "to another disk, then `tollbook doctor --deep` there.",
}


def trouble(error: BaseException, where: Path | None = None) -> str | None:
    """What is wrong with the disk and what to do; None where the error is of another kind. where: the home."""
    number = _number(error)
    if number is None:
        return None
    path = _path(error) or where
    return _SENTENCES[number].format(path=path or "this home", room=_to_free(path))


def is_of_the_machine(error: BaseException) -> bool:
    """Whether disk or memory failed, and so nothing that was being worked on."""
    return (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryException" or trouble(error) is not None
    )


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno if error.errno in _SENTENCES else None
    said = str(error)
    return next((number for number in _SENTENCES if os.strerror(number).lower() in said.lower()), None)


def _path(error: BaseException) -> Path | None:
    if isinstance(error, OSError):
        return Path(os.fsdecode(error.filename)) if error.filename else None
    found = re.search(r'"(/[^"]+)"', str(error))
    return Path(found[1]) if found else None


def _to_free(path: Path | None) -> str:
    """How much room to make, where the disk tells how much there is."""
    folder = path
    while folder is not None and not folder.is_dir():
        folder = folder.parent if folder != folder.parent else None
    try:
        free_mb = shutil.disk_usage(folder or ".").free // 2**20
    except OSError:
        free_mb = 0
    return f"free {max(_ENOUGH_MB - free_mb, 1):,} MB ({free_mb:,} MB are free)"
