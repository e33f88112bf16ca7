"""The journal: what left the house, in a file beside the database (RULES 30).

Numbers are written before they are given, mails before they are handed over, and the audit log's last entry after
every act. Lines are JSON, each bound to the one before by its hash; nothing is changed or taken out, and every write is
on the disk before the act goes on. So a database that was lost, or that is an older copy, shows against it.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flows.home.whole_files import to_disk
from schemas.errors import Refused

FILE = "journal.jsonl"

Line = dict[str, Any]
"""kind, then what it says: `begun`; `numbers` (seller_id, documents: [number, sha256]); `mail` (key, number, times: how
often with this one); `head` (audit: [seq, sha256] of the last entry); `void` (the numbers since the last head became
nobody's); `loss` (reason: what the books did not know then is gone for good). And sha256, of it and all before."""


class Journal:
    """A home's journal, read from a place on and appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start = 0
        """Where the last line begins."""
        self.sha256 = ""
        """Of the last line: what the next one is bound to."""
        self.head: tuple[int, str] | None = None
        """The entry of the audit log that the last `head` names."""
        self._first = self._end = 0
        self._file: int | None = None
        """Open from the first line on that is appended: every mail of a run is one."""
        self._may_be_cut_off = True
        """Whether something may stand behind the last line read, which a write that failed has left."""

    @property
    def behind(self) -> int:
        """Bytes between where reading began and the end."""
        return self._end - self._first

    def read(self, start: int = 0, sha256: str = "") -> Iterator[Line]:
        """The lines from `start` on, which is where the line with `sha256` begins; 0: all of them.

        A last line without an end was cut off by a crash: nothing was done upon it, and the next one takes its place.
        Raises Refused where the file is not as it was written.
        """
        self.start, self.sha256, self._first, self._end = start, "", start, start
        known = sha256
        with self.path.open("rb") as file:
            file.seek(start)
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                line = _parsed(raw)
                if known:
                    if line is None or line["sha256"] != known:
                        raise Refused(_CHANGED)
                    known, it_is_new = "", False
                else:
                    if line is None or line["sha256"] != _sha256(self.sha256, line):
                        raise Refused(_CHANGED)
                    it_is_new = True
                self.start, self.sha256, self._end = self._end, line["sha256"], self._end + len(raw)
                self._note(line)
                if it_is_new:
                    yield line
        if known:
            raise Refused(_CHANGED)

    def legible(self) -> Iterator[Line]:
        """Every line that can be read at all and says what a line says, whatever it is bound to."""
        with self.path.open("rb") as file:
            yield from (line for raw in file if (line := _parsed(raw)) is not None and _says_it(line))

    def set_aside(self) -> Path | None:
        """Gives the file another name, where there is one, so that a new journal can begin."""
        self.close()
        if not self.path.exists():
            return None
        former = next(new for n in range(1, 10_000) if not (new := self.path.with_name(f"{FILE}.damaged-{n}")).exists())
        return self.path.rename(former)

    def append(self, lines: Iterable[Line]) -> None:
        """Adds lines behind the last one read; on the disk when this returns."""
        raws, sha256, start, end = [], self.sha256, self.start, self._end
        for line in lines:
            sha256 = _sha256(sha256, line)
            self._note(line)
            raws.append(json.dumps({**line, "sha256": sha256}, ensure_ascii=False).encode() + b"\n")
            start, end = end, end + len(raws[-1])
        file = self._opened()
        if self._may_be_cut_off:
            os.ftruncate(file, self._end)
        self._may_be_cut_off = True
        if os.pwrite(file, b"".join(raws), self._end) < end - self._end:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        os.fdatasync(file)
        self._may_be_cut_off = False
        self.sha256, self.start, self._end = sha256, start, end

    def _opened(self) -> int:
        if self._file is None:
            is_new = not self.path.exists()
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o640)
            if is_new:
                to_disk(self.path.parent)
        return self._file

    def close(self) -> None:
        """Lets go of the file; the next line appended opens it again."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._may_be_cut_off = None, True

    def __del__(self) -> None:
        self.close()

    def _note(self, line: Line) -> None:
        if line["kind"] == "head":
            self.head = line["audit"][0], line["audit"][1]


_CHANGED = (
    f"{FILE} is not as it was written: a line was changed, or taken out. Put it back from a back-up; if "
    "tollbook.duckdb is known to be the newest there is, `tollbook doctor --mend` writes it anew from there."
)


def _parsed(raw: bytes) -> Line | None:
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and isinstance(line.get("sha256"), str) else None


def _says_it(line: Line) -> bool:
    """Whether a line that is bound to nothing has the form of one."""
    texts = {"numbers": ("seller_id",), "mail": ("key", "number")}.get(str(line.get("kind")), ())
    if not all(isinstance(line.get(name), str) for name in texts):
        return False
    match line.get("kind"):
        case "numbers":
            return _are_of(line.get("documents"), str, str)
        case "head":
            return _are_of([line.get("audit")], int, str)
    return line.get("kind") in ("begun", "mail", "void", "loss")


def _are_of(pairs: Any, *kinds: type) -> bool:
    return isinstance(pairs, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(map(isinstance, pair, kinds)) for pair in pairs
    )


def _sha256(previous: str, line: Line) -> str:
    body = {name: value for name, value in line.items() if name != "sha256"}
    return hashlib.sha256(json.dumps([previous, body], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()
