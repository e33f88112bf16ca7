"""`tollbook backup FILE`: the whole home in one file, each content once under its hash, checked before it counts.

The file is a ZIP: manifest.json says which path holds which content, objects/ holds the contents. Of a home whose
earlier back-up is named (`--since`) only what is new goes in; restoring needs both. Nobody writes the home meanwhile:
its lock is held, and the database is closed.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flows.home.schema import SCHEMA_VERSION
from flows.home.settings import Home
from flows.home.whole_files import to_disk
from schemas.errors import Refused, WrongUsage

FORMAT = 1
_LEFT_OUT = ("store/lock", "store/lock.now", "store/tmp", "store/tables", "store/decks", "published")
"""The lock, scratch files, and the snapshot with what it is made from, which is published anew."""
_PARTS = ("tollbook.toml", "tollbook.duckdb", "journal.jsonl", "catalog", "checks", "store", "out")
_CHUNK = 2**20
_UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What a damaged ZIP is answered with."""


@dataclass(frozen=True)
class Backup:
    """What a back-up holds: files of the home, and how many bytes of them were written here."""

    file: str
    files: int
    written: int
    size: int
    since: str | None

    incomplete = False

    def as_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "files": self.files,
            "contents": self.written,
            "bytes": self.size,
            "since": self.since,
        }

    def lines(self) -> list[str]:
        new = f", {self.written} contents that {self.since} does not hold" if self.since else ""
        return [
            f"{self.file}: {self.files} files of the home{new}, {self.size:,} bytes, each read back and as it was",
            "It holds tollbook.toml with its secrets and every customer's data: keep it as you keep those.",
        ]


@dataclass(frozen=True)
class Content:
    """One file of a home: where it lies, and what it holds."""

    path: str
    sha256: str
    size: int
    mode: int


def back_up(home: Home, file: Path, *, inbox: bool, since: Path | None) -> Backup:
    """Writes the back-up, whole or not at all. The home's lock is held and its database closed.

    Raises Refused where `file` exists or a file changed meanwhile, WrongUsage where `since` is no back-up.
    """
    _fits(home, file)
    if file.exists():
        raise Refused(f"{file} exists already; a back-up never takes the place of another file. Name a new one.")
    if home.write_ahead_log.exists():
        raise Refused("tollbook.duckdb has a write-ahead log: close whoever has it open, then the same command.")
    known = Opened(since) if since else None
    if since and not (file.parent / since.name).exists():
        raise WrongUsage(f"{file}: {since.name} must lie beside it to be restored with it; name a file in its folder")
    held = known.held() if known else {}
    contents = [_content(home, path) for path in _files(home, inbox=inbox)]
    manifest = {
        "format": FORMAT, "schema_version": SCHEMA_VERSION, "inbox": inbox,
        "since": {"name": since.name, "id": known.id} if since and known else None,
        "files": [vars(content) for content in contents],
    }  # fmt: skip
    partial = file.with_name(f".partial-{file.name}")
    new = {content.sha256: content.path for content in contents if content.sha256 not in held}
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for sha256, path in new.items():
                _put(archive, home.root / path, sha256)
            archive.writestr("manifest.json", json.dumps(manifest, indent=0, ensure_ascii=False))
        partial.chmod(0o600)
        Opened(partial, beside=file.parent).check()
        to_disk(partial)
        partial.replace(file)
        to_disk(file.parent)
    except OSError as error:
        # Writing names no file: and the disk that is full is not the home's.
        error.filename = error.filename or str(file.parent)
        raise
    finally:
        partial.unlink(missing_ok=True)
    return Backup(str(file), len(contents), len(new), file.stat().st_size, since.name if since else None)


def _fits(home: Home, file: Path) -> None:
    """Raises WrongUsage unless a back-up can lie there: in a folder that is there, and not in what it backs up."""
    if not file.parent.is_dir():
        raise WrongUsage(f"{file}: there is no folder {file.parent}; make it, or name a file in one that is there")
    if file.parent.resolve().is_relative_to(home.root.resolve()):
        raise WrongUsage(f"{file} lies in the home that it backs up: name a file elsewhere, best on another disk")


def _files(home: Home, *, inbox: bool) -> Iterator[Path]:
    """The home's files, links followed, without what is made anew."""
    for part in (*_PARTS, *(["inbox"] if inbox else [])):
        root = home.root / part
        for path in [root] if root.is_file() else sorted(_below(root, {root.resolve()})):
            name = path.relative_to(home.root).as_posix()
            if path.is_file() and not name.startswith(_LEFT_OUT) and not path.name.startswith(".partial-"):
                yield path


def _below(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Every file below a folder, once; a part of a home may lie on another disk behind a link. seen: folders on the way
    there, none of which is gone into again."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if not path.is_dir():
            yield path
        elif not path.is_symlink():
            yield from _below(path, seen)
        elif (real := path.resolve()) not in seen:
            yield from _below(path, seen | {real})


def _content(home: Home, path: Path) -> Content:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    told = path.stat()
    return Content(path.relative_to(home.root).as_posix(), digest, told.st_size, told.st_mode & 0o777)


def _put(archive: zipfile.ZipFile, path: Path, sha256: str) -> None:
    came = hashlib.sha256()
    with path.open("rb") as source, archive.open(f"objects/{sha256}", "w", force_zip64=True) as target:
        while piece := source.read(_CHUNK):
            came.update(piece)
            target.write(piece)
    if came.hexdigest() != sha256:
        raise Refused(f"{path.name} changed while it was read. Nothing was written; the same command again.")


class Opened:
    """A back-up to be read, with the earlier ones that it needs."""

    def __init__(self, file: Path, beside: Path | None = None, asked_for: str | None = None) -> None:
        """beside: where the earlier ones lie; default: beside the file. asked_for: the id that it must have. Raises
        Refused for what is no back-up, or another one."""
        self.file = file
        try:
            with zipfile.ZipFile(file) as archive:
                text = archive.read("manifest.json")
                self.own = {name.removeprefix("objects/") for name in archive.namelist() if name.startswith("objects/")}
            self.manifest: dict[str, Any] = json.loads(text)
            self.contents = [Content(**content) for content in self.manifest["files"]]
        except FileNotFoundError:
            raise WrongUsage(f"{file}: there is no such file; expected what `tollbook backup FILE` wrote") from None
        except (*_UNREADABLE, KeyError, ValueError, TypeError) as error:
            raise Refused(f"{file}: not a back-up of Tollbook, or damaged: {type(error).__name__}: {error}") from None
        if any(Path(it.path).is_absolute() or ".." in Path(it.path).parts for it in self.contents):
            raise Refused(f"{file}: not a back-up of Tollbook: it names files outside a home")
        if self.manifest["format"] != FORMAT or self.manifest["schema_version"] > SCHEMA_VERSION:
            raise Refused(f"{file} was written by a newer Tollbook: restore it with that version, or a newer one.")
        self.id = hashlib.sha256(text).hexdigest()
        # Before the next one is opened: a chain that is bound by hashes has an end.
        if asked_for not in (None, self.id):
            raise Refused(f"{file} is not the back-up that the later one goes on from; it has that name only.")
        self.earlier = self._earlier(beside or file.parent)

    def _earlier(self, folder: Path) -> "Opened | None":
        since = self.manifest["since"]
        if since is None:
            return None
        path = folder / since["name"]
        if not path.exists():
            raise Refused(f"{self.file} goes on from {since['name']}, which is not beside it: put it there.")
        return Opened(path, asked_for=since["id"])

    def held(self) -> dict[str, "Opened"]:
        """Content -> the file of this chain that holds it."""
        return {**(self.earlier.held() if self.earlier else {}), **dict.fromkeys(self.own, self)}

    def check(self) -> None:
        """Reads every content that a file of the home needs. Raises Refused, naming what is damaged or missing."""
        for content in {content.sha256: content for content in self.contents}.values():
            for _ in self.pieces(content):
                pass

    def pieces(self, content: Content) -> Iterator[bytes]:
        """A content, piece by piece; raises Refused at its end unless it was what its hash says."""
        holder = self.held().get(content.sha256)
        if holder is None:
            raise Refused(f"{self.file}: damaged: {content.path} is missing from it")
        came = hashlib.sha256()
        try:
            with zipfile.ZipFile(holder.file) as archive, archive.open(f"objects/{content.sha256}") as source:
                while piece := source.read(_CHUNK):
                    came.update(piece)
                    yield piece
        except (*_UNREADABLE, ValueError) as error:
            raise Refused(f"{holder.file}: damaged at {content.path}: {error}") from None
        if came.hexdigest() != content.sha256:
            raise Refused(f"{holder.file}: damaged: {content.path} is not what was backed up")
