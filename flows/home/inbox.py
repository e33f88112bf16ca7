"""What lies in the inbox: the files to look at, and with a reason each those that nobody would look at (RULES 28).

Nothing is passed over in silence. What is to be left alone on purpose is declared: `ignore` under [inbox] or a source.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from flows.home.settings import Home, Settings
from schemas.errors import Fault, WrongUsage

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".jsonl")

_OF_MACHINES = {
    ".DS_Store", ".localized", ".directory", "Thumbs.db", "desktop.ini", ".gitkeep", ".gitignore", ".keep", ".git",
    ".svn", ".hg", ".Trash", ".Trashes", ".snapshot", ".snapshots", ".zfs", ".stfolder", ".stversions",
}  # fmt: skip
"""What desktops, file servers and version control leave behind; `._*` too. It holds no records of anybody."""


@dataclass(frozen=True)
class InboxContents:
    """`files`: paths to look at, in order; `passed_over`: a fault per file or folder that is of no known kind."""

    files: list[Path] = field(default_factory=list)
    passed_over: list[Fault] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """What tables and messages call the files."""


def absolute(path: Path) -> Path:
    """Without following links: a file is where its name says, and what it leads to is judged separately."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def name_below(root: Path, path: Path) -> str:
    """The name tables and messages use: below the home where it lies there, on one line, in characters that print.

    A byte that is no UTF-8 and a character that cannot be seen are written as escapes.
    """
    return printable(path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path))


def printable(name: str) -> str:
    """A file's name in characters that every terminal and table takes."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(_visible(letter) for letter in text)


def _visible(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


def look(home: Home, settings: Settings) -> InboxContents:
    """Everything in the inbox, but for what is ignored on purpose. Reads no file."""
    root, inbox, patterns = absolute(home.root), absolute(home.inbox), source_patterns(settings)
    found, aside = everything_below(inbox, home)
    files: list[Path] = []
    names: list[str] = []
    passed_over = []
    for path in found:
        parts = path.parts[len(inbox.parts) :]
        if _is_ignored(settings, parts):
            continue
        name = name_below(root, path)
        if path.name.startswith("."):
            passed_over.append(_fault(name, path, "a hidden file, as programs name what they have not finished"))
        elif path.name.lower().endswith(SUFFIXES) or owners_of(patterns, ("inbox", *parts)):
            files.append(path)
            names.append(name)
        else:
            passed_over.append(_other_ending(name, path))
    passed_over += [
        _fault(name_below(root, path), path, why)
        for path, why in aside
        if not _is_ignored(settings, path.relative_to(inbox).parts)
    ]
    return InboxContents(files, sorted(passed_over, key=lambda fault: fault.file), names)


def source_patterns(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The parts of every source's path. Raises WrongUsage for one that leads out of the home."""
    patterns = {}
    for name, source in settings.sources.items():
        path = Path(source.path)
        if path.is_absolute() or ".." in path.parts:
            found = f"tollbook.toml: sources.{name}.path: found {source.path!r}"
            raise WrongUsage(f"{found}; expected a path below the home")
        patterns[name] = path.parts
    return patterns


def owners_of(patterns: dict[str, tuple[str, ...]], parts: Sequence[str]) -> list[str]:
    """The sources whose path matches a file, given by its parts below the home."""
    return [name for name, pattern in patterns.items() if _fits(parts, pattern)]


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """As shells do it: * within a name, ** for any folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return len(pattern) == 1 or any(_fits(parts[n:], pattern[1:]) for n in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _is_ignored(settings: Settings, parts: Sequence[str]) -> bool:
    """`parts` below the inbox. A pattern with a slash is for the path, below the inbox or the home; one without for
    the name of the file or of a folder on its way. A source's patterns are for what lies below its folder."""
    if any(_is_meant(parts, parts, pattern) for pattern in settings.inbox.ignore):
        return True
    for source in settings.sources.values():
        folder = _fixed(Path(source.path).parts)
        if source.ignore and folder[:1] == ("inbox",) and tuple(parts[: len(folder) - 1]) == folder[1:]:
            below = parts[len(folder) - 1 :]
            if any(_is_meant(parts, below, pattern) for pattern in source.ignore):
                return True
    return False


def _fixed(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """The folder that a source's path names before it speaks in patterns."""
    plain = [not any(mark in part for mark in "*?[") for part in pattern[:-1]]
    return pattern[: plain.index(False)] if False in plain else pattern[:-1]


def _is_meant(parts: Sequence[str], below: Sequence[str], pattern: str) -> bool:
    if "/" not in pattern:
        return any(fnmatchcase(part, pattern) for part in below)
    asked = Path(pattern).parts
    return any(_fits(path, asked) for path in (below, parts, ("inbox", *parts)))


def _other_ending(name: str, path: Path) -> Fault:
    if path.name.lower().endswith((".json", ".json.gz")):
        return _fault(name, path, "a file of JSON pages that no source declares")
    ending = path.suffix
    return _fault(name, path, f"a name that ends in {printable(ending)}" if ending else "a name without an ending")


def _fault(name: str, path: Path, found: str) -> Fault:
    ending = path.suffix if path.suffix and not path.name.startswith(".") else ""
    pattern = printable(f"*{ending}" if ending else path.name)
    return Fault(
        name, None, None, found, f"{', '.join(SUFFIXES)}, or a source whose path matches it",
        f'It was passed over. Rename it or declare a source; or leave it alone on purpose: ignore = ["{pattern}"] '
        "under [inbox] in tollbook.toml.",
    )  # fmt: skip


Aside = tuple[Path, str]


def everything_below(folder: Path, home: Home) -> tuple[list[Path], list[Aside]]:
    """Every file below, and the folders that were not entered, with the reason. Linked folders are followed as long as
    they stay inside the home and have not been seen under another name."""
    found: list[Path] = []
    aside: list[Aside] = []
    inside = os.path.realpath(home.root)
    seen = {os.path.realpath(folder)}
    links: deque[Path] = deque(_walk(folder, seen, found, aside))
    while links:
        link = links.popleft()
        real = os.path.realpath(link)
        if not Path(real).is_relative_to(inside):
            aside.append((link, "a linked folder that leads out of the home"))
        elif real in seen:
            aside.append((link, "a link to a folder that is looked at under another name"))
        else:
            seen.add(real)
            links.extend(_walk(link, seen, found, aside))
    return sorted(found), aside


def _walk(top: Path, seen: set[str], found: list[Path], aside: list[Aside]) -> Iterator[Path]:
    """Adds to `found` and `aside` what is really there; yields the linked folders, for later."""
    waiting = [(top, os.path.realpath(top))]
    linked = []
    while waiting:
        folder, real = waiting.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if folder != top or os.path.lexists(folder):
                aside.append((folder, f"a folder that cannot be read ({error.strerror})"))
            continue
        for entry in entries:
            path = folder / entry.name
            if entry.name in _OF_MACHINES or entry.name.startswith("._"):
                continue
            if not _is_folder(entry):
                found.append(path)
            elif entry.name.startswith("."):
                aside.append((path, "a hidden folder"))
            elif entry.is_symlink():
                linked.append(path)
            else:
                below = f"{real}/{entry.name}"
                seen.add(below)
                waiting.append((path, below))
        if not entries and folder.name.lower().endswith(SUFFIXES):
            aside.append((folder, "a folder with the name of a file"))
    yield from sorted(linked)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
