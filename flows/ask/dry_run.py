"""A dry run: the same stages on a copy of the home that is thrown away afterwards, so no trace is left."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flows.books.context import Request
from flows.home.inbox import absolute, everything_below
from flows.home.settings import Home


@contextmanager
def scratch_copy(request: Request) -> Iterator[Request]:
    """The request for a copy of its home. Inbox files are hard links where the file system allows.

    The home's lock must be held: nobody writes the database while it is copied, with its write-ahead log.
    """
    home = request.home
    with tempfile.TemporaryDirectory(prefix="tollbook-dry-run-") as folder:
        copy = Path(folder)
        shutil.copy2(home.settings_file, copy / home.settings_file.name)
        for name in (home.database, home.write_ahead_log, home.journal):
            if name.exists():
                shutil.copy2(name, copy / name.name)
        if home.catalog.exists():
            shutil.copytree(home.catalog, copy / home.catalog.name, copy_function=_link_or_copy, symlinks=True)
        _copy_inbox(home, copy / home.inbox.name)
        yield replace(request, home_dir=str(copy))


def _copy_inbox(home: Home, inbox: Path) -> None:
    """What is linked from inside the home as if it lay there; other links, and what is no file, as what they are."""
    found, aside = everything_below(absolute(home.inbox), home)
    for path in [*found, *(folder for folder, _ in aside)]:
        target = inbox / path.relative_to(absolute(home.inbox))
        target.parent.mkdir(parents=True, exist_ok=True)
        real = Path(os.path.realpath(path))
        if path.is_symlink() and not (real.is_file() and real.is_relative_to(home.root.resolve())):
            target.symlink_to(real)
        elif real.is_dir():
            target.mkdir(exist_ok=True)
        else:
            _link_or_copy(str(real), str(target))


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        if stat.S_ISFIFO(Path(source).stat().st_mode):
            os.mkfifo(target)
        else:
            shutil.copy2(source, target)
