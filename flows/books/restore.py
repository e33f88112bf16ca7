"""`tollbook restore FILE`: a home from a back-up, whole or not at all, and never older books over newer ones unasked.

All of it is put together beside the home and checked; then the two change places in one step. The former home stays
beside it under another name. What has left the house since the back-up is known from the journal of the home that is
there: it is kept, so that no number is given and no mail sent again.
"""

import contextlib
import ctypes
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.books.backup import Opened
from flows.books.publish import publish
from flows.home import audit
from flows.home.settings import Home
from flows.home.stand import WAYS, accept_loss
from flows.home.store import Store, to_disk
from schemas.errors import Refused

_EXCHANGE = 2
"""RENAME_EXCHANGE of renameat2(2)."""


@dataclass(frozen=True)
class Restored:
    """What was restored; `former`: where what was there before lies now; `lost`: what the back-up does not know."""

    home: str
    files: int
    former: str | None
    lost: str

    @property
    def incomplete(self) -> bool:
        return bool(self.lost)

    def as_json(self) -> dict[str, Any]:
        return {"home": self.home, "files": self.files, "former_home": self.former, "lost": self.lost}

    def lines(self) -> list[str]:
        said = [f"{self.home}: {self.files} files restored, each as it was backed up; the snapshot is published"]
        if self.former:
            said.append(f"what was there before lies in {self.former}; delete it when nothing of it is missed")
        return said + ([self.lost] if self.lost else [])


def restore(home: Home, file: Path, *, reason: str | None, by: str, now: datetime) -> Restored:
    """Puts the home back as it was. Where there is one, its lock is held.

    reason: why what has left the house since may be lost. Raises Refused for a damaged back-up, and for one that knows
    less than the home that is there unless a reason is given.
    """
    opened = Opened(file)
    opened.check()
    root = home.root.resolve()
    if root.exists() and any(root.iterdir()) and not is_home(home):
        raise Refused(f"{root} is no home and not empty: name a new folder, or the home to restore.")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=root.parent, ignore_cleanup_errors=True) as scratch:
        fresh = Home(Path(scratch) / "home")
        _unpacked(opened, fresh)
        if root.exists():
            _kept_of(home, fresh, inbox=not opened.manifest["inbox"])
        lost = _settled(fresh, opened, reason, by, now)
        former = _changed_places(fresh.root, root)
    return Restored(str(root), len(opened.contents), former, lost)


def is_home(home: Home) -> bool:
    """Whether anything of a home is there, whole or damaged."""
    return any(path.exists() for path in (home.settings_file, home.database, home.journal, home.store))


def _unpacked(opened: Opened, fresh: Home) -> None:
    for content in opened.contents:
        path = fresh.root / content.path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as target:
            for piece in opened.pieces(content):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        path.chmod(content.mode)


def _kept_of(home: Home, fresh: Home, *, inbox: bool) -> None:
    """Of the home that is there: its inbox where the back-up has none, and the journal where it knows more."""
    if inbox and home.inbox.exists():
        shutil.copytree(home.inbox, fresh.inbox, symlinks=True, dirs_exist_ok=True)
    if home.journal.exists() and not _goes_on(fresh.journal, home.journal):
        shutil.copy2(home.journal, fresh.journal)


def _goes_on(backed_up: Path, there: Path) -> bool:
    """Whether the journal that was backed up has all that the one that is there has. Raises Refused where the two are
    of two homes."""
    ours = there.read_bytes()
    theirs = backed_up.read_bytes() if backed_up.exists() else b""
    whole = ours[: ours.rfind(b"\n") + 1]
    if theirs and not (theirs.startswith(whole) or whole.startswith(theirs)):
        raise Refused(
            "the back-up is of another home: its journal and the one that is there are not one. Name a new folder."
        )
    return theirs.startswith(whole)


def _settled(fresh: Home, opened: Opened, reason: str | None, by: str, now: datetime) -> str:
    """The restored books, opened and published; what they do not know is accepted with the reason, else refused."""
    lost = ""
    try:
        with Store(fresh):
            pass
    except Refused as error:
        if reason is None:
            raise Refused(str(error).replace(WAYS, _THE_WORD)) from None
        with Store(fresh, whatever_is_left=True) as store:
            lost = accept_loss(store, reason, by, now)
    with Store(fresh) as store:
        audit.record(store, "restore", opened.file.name, by, now, reason, f"{len(opened.contents)} files; {opened.id}")
        publish(store)
    return lost


_THE_WORD = (
    "The back-up is older than this home: nothing was changed. If the newer books are gone for good, "
    "`tollbook --accept-loss REASON restore FILE`: then no number of the journal is given again, and its mails are "
    "unknown."
)


def _changed_places(fresh: Path, root: Path) -> str | None:
    """The new home in the place of the old one, in one step; where the old one lies now."""
    if not root.exists():
        fresh.rename(root)
        to_disk(root.parent)
        return None
    if not any(root.iterdir()):
        root.rmdir()
        fresh.rename(root)
        to_disk(root.parent)
        return None
    former = next(
        path for n in range(1, 10_000) if not (path := root.with_name(f"{root.name}.before-restore-{n}")).exists()
    )
    if _exchange(fresh, root):
        fresh.rename(former)
    else:
        root.rename(former)
        fresh.rename(root)
    to_disk(root.parent)
    return str(former)


def _exchange(one: Path, other: Path) -> bool:
    """Whether this system could let the two change places at once."""
    here = -100  # AT_FDCWD
    with contextlib.suppress(OSError, AttributeError):
        call = ctypes.CDLL(None, use_errno=True).renameat2
        return bool(call(here, os.fsencode(one), here, os.fsencode(other), _EXCHANGE) == 0)
    return False
