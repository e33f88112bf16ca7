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
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.books.backup import Opened
from flows.books.kept_files import read_every_block
from flows.books.publish import publish
from flows.home import audit
from flows.home.disk import trouble
from flows.home.elsewhere import erased_elsewhere
from flows.home.journal import Journal
from flows.home.loss import accept_loss
from flows.home.settings import Home
from flows.home.stand import WAYS, must_know
from flows.home.store import Damaged, Store
from flows.home.told import Told, told_anyhow, told_elsewhere
from flows.home.whole_files import to_disk
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
    back_again: list[tuple[str, str]] = field(default_factory=list)
    """Account, usage month until which its call detail was erased after the back-up was made."""
    is_here: bool = False
    """Whether who asked stood in the home: they stand in the former one now."""

    @property
    def incomplete(self) -> bool:
        return bool(self.lost or self.back_again)

    def as_json(self) -> dict[str, Any]:
        return {
            "home": self.home,
            "files": self.files,
            "former_home": self.former,
            "lost": self.lost,
            "erased_and_back": self.back_again,
        }

    def lines(self) -> list[str]:
        said = [f"{self.home}: {self.files} files restored, each as it was backed up; the snapshot is published"]
        if self.former:
            said.append(f"what was there before lies in {self.former}; delete it when nothing of it is missed")
        if self.former and self.is_here:
            said.append(f"this shell still stands in the former home: cd {self.home}")
        said += [
            f"call detail of {account} that was erased since is back: `tollbook erase {account} --until {month} "
            "--reason TEXT` again"
            for account, month in self.back_again
        ]
        return said + ([self.lost] if self.lost else [])


def restore(home: Home, file: Path, *, reason: str | None, by: str, now: datetime) -> Restored:
    """Puts the home back as it was. Where there is one, its lock is held.

    reason: why what has left the house since may be lost. Raises Refused for a damaged back-up, and for one that knows
    less than the home that is there unless a reason is given.
    """
    opened = Opened(file)
    opened.check()
    root = home.root.resolve()
    if root.exists() and not root.is_dir():
        raise Refused(f"{root} is a file: name a new folder, or the home to restore.")
    if root.exists() and any(root.iterdir()) and not is_home(home):
        raise Refused(f"{root} is no home and not empty: name a new folder, or the home to restore.")
    root.parent.mkdir(parents=True, exist_ok=True)
    here = Path.cwd()
    for leftover in root.parent.glob(f".restore-{root.name}-*") if is_home(home) else ():
        shutil.rmtree(leftover, ignore_errors=True)  # of a restore that was killed; the lock says that none is at work
    with tempfile.TemporaryDirectory(
        prefix=f".restore-{root.name}-", dir=root.parent, ignore_cleanup_errors=True
    ) as scratch:
        fresh = Home(Path(scratch) / "home")
        _unpacked(opened, fresh)
        beside = _kept_of(home, fresh, opened, reason) if root.exists() else Told()
        lost = _settled(fresh, opened, beside, reason, by, now)
        back_again = _not_erased(fresh, erased_elsewhere(home))
        former = _changed_places(fresh.root, root)
    return Restored(str(root), len(opened.contents), former, lost, back_again, is_here=here.is_relative_to(root))


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


def _kept_of(home: Home, fresh: Home, opened: Opened, reason: str | None) -> Told:
    """Of the home that is there: its inbox where the back-up has none, and the journal where it goes on from the one
    that was backed up. What else it tells is returned. Raises Refused where the two journals are not one, unless a
    reason is given."""
    if not opened.manifest["inbox"] and home.inbox.exists():
        shutil.copytree(home.inbox, fresh.inbox, symlinks=True, dirs_exist_ok=True)
    if not home.journal.exists():
        return told_elsewhere(home)
    ours, theirs = (_whole_lines(path) for path in (home.journal, fresh.journal))
    if _is_as_written(home.journal) and (ours.startswith(theirs) or theirs.startswith(ours)):
        if len(ours) > len(theirs):
            shutil.copy2(home.journal, fresh.journal)
        # Its own last lines may have been cut off: then the snapshot knows more.
        elsewhere = told_elsewhere(home)
        return Told(numbers=elsewhere.numbers, mails=elsewhere.mails)
    if reason is None:
        raise Refused(
            "the back-up is of another home, or of this one before its journal was damaged or written anew: the two "
            "journals are not one. For another home name a new folder. If it is this one, "
            "`tollbook --accept-loss REASON restore FILE`: then no number that this home tells of is given again, and "
            "its mails are unknown."
        )
    return told_anyhow(home)


def _whole_lines(path: Path) -> bytes:
    """Of a journal; a last line without an end was cut off by a crash, and is none."""
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1]


def _is_as_written(journal: Path) -> bool:
    try:
        for _ in Journal(journal).read():
            pass
    except Refused:
        return False
    return True


def _settled(fresh: Home, opened: Opened, beside: Told, reason: str | None, by: str, now: datetime) -> str:
    """The restored books, opened, read and published; what they do not know is accepted with the reason, else refused.
    beside: what the home that is there tells."""
    lost = ""
    try:
        if fresh.database.exists():
            with Store(fresh, whatever_is_left=True) as store:
                read_every_block(store)
        try:
            with Store(fresh) as store:
                must_know(store, beside)
        except Refused as error:
            if reason is None:
                raise Refused(str(error).replace(WAYS, _THE_WORD)) from None
            with Store(fresh, whatever_is_left=True) as store:
                lost = accept_loss(store, reason, by, now, beside)
        with Store(fresh) as store:
            detail = f"{len(opened.contents)} files; {opened.id}"
            audit.record(store, "restore", opened.file.name, by, now, reason, detail)
            publish(store)
    except (duckdb.Error, Damaged) as error:
        if trouble(error) or isinstance(error, duckdb.OutOfMemoryException):
            raise
        first = str(error).splitlines()[0].partition(". Nothing was changed")[0]
        raise Refused(
            f"{opened.file}: the database in it was damaged when it was backed up: {first}. Nothing was changed; "
            "restore an earlier back-up."
        ) from None
    return lost


def _not_erased(fresh: Home, erased: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of what was erased in the home that is there, what is not in the restored one."""
    known = dict(erased_elsewhere(fresh))
    return [(account, month) for account, month in erased if known.get(account, "") < month]


_THE_WORD = (
    "The back-up is older than this home: nothing was changed. If the newer books are gone for good, "
    "`tollbook --accept-loss REASON restore FILE`: then no number of the journal is given again, and its mails are "
    "unknown."
)


def _changed_places(fresh: Path, root: Path) -> str | None:
    """The new home in the place of the old one, in one step; where the old one lies now."""
    if root.exists() and not any(root.iterdir()):
        root.rmdir()
    if not root.exists():
        fresh.rename(root)
        to_disk(root.parent)
        return None
    former = next(
        path for n in range(1, 10_000) if not (path := root.with_name(f"{root.name}.before-restore-{n}")).exists()
    )
    # The new one waits under the old one's coming name: nothing that is tidied up ever holds a home.
    fresh.rename(former)
    if not _exchange(former, root):
        former.rename(fresh)
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
