"""Files that are there whole or not at all, also after a power loss."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def write_atomic(path: Path, content: bytes, at_last: Callable[[], None] | None = None) -> str:
    """Writes a file whole or not at all, readable by its owner and group; returns its SHA-256. at_last: called when all
    of it is on the disk, before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".partial-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o640)
        if at_last is not None:
            at_last()
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
    return hashlib.sha256(content).hexdigest()


def to_disk(path: Path) -> None:
    """fsync of a file, or of a folder in which one has a new name: after a power loss a name must not point at an empty
    file, nor a file be without its name."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
