"""`tollbook init`: a new home, from the commented blank one or from the sample provider (CONTRACT, section 3)."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from flows.home.whole_files import write_atomic
from schemas.errors import Refused
from schemas.feeds import FEEDS

_SETTINGS = "tollbook.toml"


def init_home(directory: Path, *, sample: bool) -> list[Path]:
    """Writes a home into a new or empty folder; returns the files written, tollbook.toml last.

    Without `sample`: commented settings, catalogue and price checks that are valid as they stand. With it: the sample
    provider with its months of usage. Either way a folder for every feed. Folders get mode 0750, files 0640.
    Raises Refused for a folder that is a home already, that holds anything, or that is no folder.
    """
    _refuse_unless_empty(directory)
    for folder in (directory, directory / "inbox", directory / "checks", directory / "catalog" / "rates"):
        _make(folder)
    for feed in FEEDS:
        _make(directory / "inbox" / feed)
    contents = _contents(resources.files("data") / ("sample" if sample else "home"), Path())
    # The settings make it a home: written last, so that a broken-off init leaves nothing that looks like one.
    written = []
    for below, content in sorted(contents.items(), key=lambda item: (item[0] == Path(_SETTINGS), item[0])):
        _make((directory / below).parent)
        write_atomic(directory / below, content)
        written.append(directory / below)
    return written


def _refuse_unless_empty(directory: Path) -> None:
    if (directory / _SETTINGS).exists():
        raise Refused(f"{directory} is a home already: it holds a {_SETTINGS}. Nothing was changed; name a new folder.")
    if directory.is_symlink() and not directory.exists():
        raise Refused(f"{directory} is a link that leads nowhere. Nothing was changed; name a new folder.")
    if directory.exists() and not directory.is_dir():
        raise Refused(f"{directory} is a file. Nothing was changed; name a new folder.")
    if directory.is_dir() and any(directory.iterdir()):
        raise Refused(f"{directory} is not empty. Nothing was changed; name a new or an empty folder.")


def _make(folder: Path) -> None:
    """Makes a folder and those above it; only what is made here gets the mode, whatever the umask."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o750)


def _contents(folder: Traversable, below: Path) -> dict[Path, bytes]:
    """Every file of a shipped folder but its Python: path below it -> bytes."""
    files: dict[Path, bytes] = {}
    for item in folder.iterdir():
        if item.is_dir():
            if item.name != "__pycache__":
                files |= _contents(item, below / item.name)
        elif not item.name.endswith(".py"):
            files[below / item.name] = item.read_bytes()
    return files
