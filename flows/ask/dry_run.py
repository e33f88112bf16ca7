"""A dry run: the same stages on a copy of the home that is thrown away afterwards, so no trace is left."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flows.books.context import Request


@contextmanager
def scratch_copy(request: Request) -> Iterator[Request]:
    """The request for a copy of its home. Inbox files are hard links where the file system allows.

    The home's lock must be held: nobody writes the database while it is copied, with its write-ahead log.
    """
    home = request.home
    with tempfile.TemporaryDirectory(prefix="tollbook-dry-run-") as folder:
        copy = Path(folder)
        shutil.copy2(home.settings_file, copy / home.settings_file.name)
        for name in (home.database, home.write_ahead_log):
            if name.exists():
                shutil.copy2(name, copy / name.name)
        for folder_of_home in (home.catalog, home.inbox):
            if folder_of_home.exists():
                shutil.copytree(folder_of_home, copy / folder_of_home.name, copy_function=_link_or_copy, symlinks=True)
        yield replace(request, home_dir=str(copy))


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
