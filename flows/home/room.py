"""How much room on the disk a month needs, said before it begins."""

import shutil
from pathlib import Path

from flows.home.settings import Home
from schemas.errors import Refused

_LEAST_MB = 16
_OF_NEW_FILES = 4
"""Times the new files of the inbox: loaded, kept as they came, rated, and read by the log before it is folded in."""
_OF_DATABASE = 0.25
"""Of the database: what a month of the size of those before adds to it."""


def needed_mb(home: Home) -> int:
    """Megabytes that a run of this home may need beside what it has: of the database, its new files and the snapshot,
    which is built beside the old one."""
    coming = sum(path.stat().st_size for path in home.inbox.rglob("*") if path.is_file()) if home.inbox.exists() else 0
    kept = home.store / "objects"
    taken_in = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) if kept.exists() else 0
    new = max(coming - taken_in, 0)
    return int((_size(home.database) * _OF_DATABASE + _size(home.published) + new * _OF_NEW_FILES) // 2**20) + _LEAST_MB


def free_mb(home: Home) -> int:
    """Megabytes free on the home's disk."""
    return shutil.disk_usage(home.root).free // 2**20


def must_have_room(home: Home) -> None:
    """Raises Refused where a month would fill the disk."""
    needed, free = needed_mb(home), free_mb(home)
    if free < needed:
        raise Refused(
            f"no room left on the disk of {home.root}: a month needs about {needed:,} MB, and {free:,} MB are free. "
            f"Free {needed - free:,} MB, then the same command. Nothing was changed."
        )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
