"""What files of the inbox were as bytes when they were read last: who has not been touched since is not read again.

An inbox keeps its files, and each `ingest` would hash all of them to find the new ones. So store/inbox.json notes each
file's fingerprint beside what the file system says of it. Device, inode, size and both times must be the same, and the
last change of the file must lie well before it was read: a later one could have got the same time. The note is derived:
whoever removes it has the files read once more.
"""

import json
import stat
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

from flows.home.settings import Home
from flows.home.whole_files import write_atomic
from flows.ingest.files import InboxFile, Physical

SMALL = 2**16
"""Bytes below which a file is read rather than noted."""
STILL_NS = 2 * 10**9
"""How long before its reading a file must have changed last: coarser clocks of file systems are not known."""


class Seen:
    """Fingerprints of one home's files, read from the note and written back to it."""

    def __init__(self, home: Home) -> None:
        self._path = home.store / "inbox.json"
        self._read_at = time.time_ns()
        self._known = _notes(self._path)
        self._stood: dict[str, list[int]] = {}
        """Name -> what the file system said of it before it was read."""

    def fingerprint(self, file: InboxFile) -> Physical | None:
        """What the file is, where it was not touched since that was noted."""
        stands = None if file.trouble else _stands(file.path)
        if stands is None:
            return None
        note = self._known.get(file.name)
        if note and note["stands"] == stands and note["encoding"] == file.encoding:
            return Physical(*note["physical"])
        self._stood[file.name] = stands
        return None

    def note(self, file: InboxFile, physical: Physical | None) -> None:
        """Notes what a file that was read is."""
        stands = self._stood.get(file.name)
        if physical is not None and stands is not None and max(stands[-2:]) < self._read_at - STILL_NS:
            self._known[file.name] = {
                "stands": stands, "encoding": file.encoding, "physical": list(astuple(physical)),
            }  # fmt: skip

    def keep(self, only: frozenset[str] | None = None) -> None:
        """Writes the note, where it has changed; `only`: of these files, for there are no others."""
        if only is not None:
            self._known = {name: note for name, note in self._known.items() if name in only}
        if self._known != _notes(self._path):
            write_atomic(self._path, json.dumps(self._known, separators=(",", ":")).encode())


def _stands(path: Path) -> list[int] | None:
    """What the file system says of a file; None of what is no file, or a small one."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode) or found.st_size < SMALL:
        return None
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _notes(path: Path) -> dict[str, dict[str, Any]]:
    """Name -> note; none where the file is not there or is none of ours."""
    try:
        notes = json.loads(path.read_bytes())
        return {
            str(name): note
            for name, note in notes.items()
            if len(note["stands"]) == 5 and len(note["physical"]) == 4 and note["encoding"]
        }
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return {}
