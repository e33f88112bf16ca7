"""Which files ingest looks at, whose they are, and what they are as bytes: identity, encoding, bounds.

The identity of a file is the SHA-256 of its decompressed bytes. Everything is bounded before it is parsed:
an inbox is filled by strangers' programs.
"""

import gzip
import hashlib
import os
import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flows.home.file_settings import SourceSettings
from flows.home.inbox import absolute, everything_below, look, name_below, owners_of, printable, source_patterns
from flows.home.settings import Home, Settings
from flows.ingest.encodings import BadText, LineCount, as_utf8, checked_utf8, is_utf8, told_by_first_bytes
from schemas.errors import Fault, Refused, WrongUsage
from schemas.feed import Feed
from schemas.feeds import FEEDS

MAX_LINE = 1_000_000
MAX_COLUMNS = 1000
MAX_BYTES = 8 * 2**30
MAX_GZIP_RATIO = 200
"""Beyond 64 MB, a gzip that unpacks to more than this many times its size is a bomb; call files reach 10 to 50."""

_CHUNK = 4 * 2**20


class FileRefused(Refused):
    """One file cannot be taken in; nothing of it was. `records` as far as they could be counted."""

    def __init__(self, fault: Fault, records: int = 0) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.records = records


@dataclass(frozen=True)
class InboxFile:
    """A file to look at: its path, the name tables use for it, and whose it is.

    `trouble` says why it belongs to nobody; `named` that the operator gave its path.
    """

    path: Path
    name: str
    feed_name: str
    source_name: str | None = None
    source: SourceSettings | None = None
    named: bool = False
    trouble: Fault | None = None

    @property
    def feed(self) -> Feed:
        return FEEDS[self.feed_name]

    @property
    def encoding(self) -> str:
        """How its text is written, as its source declares."""
        return self.source.encoding if self.source else "utf-8"

    @property
    def source_value(self) -> str:
        """What the column `source` says where a row does not: the declared source, else the feed."""
        return self.source_name or self.feed_name


@dataclass(frozen=True)
class Physical:
    """A file as bytes: SHA-256 and length of the decompressed bytes, newlines, and whether the last line ends."""

    sha256: str
    size: int
    newlines: int
    ends_with_newline: bool

    @property
    def lines(self) -> int:
        """Physical lines, an unfinished last one included."""
        return self.newlines + (0 if self.ends_with_newline or not self.size else 1)


def find_files(
    home: Home, settings: Settings, paths: Sequence[Path] | None, feed: str | None, source: str | None
) -> tuple[list[InboxFile], list[Fault]]:
    """The files to look at, by relative path, and a fault for each in the inbox that is passed over.

    Raises WrongUsage for an unknown feed or source, a path that is not there, or one outside inbox/ without either.
    """
    if feed is not None and feed not in FEEDS:
        raise WrongUsage(f"found feed {feed!r}; expected one of {', '.join(FEEDS)}")
    if source is not None and source not in settings.sources:
        declared = ", ".join(settings.sources) or "none is declared"
        raise WrongUsage(f"found source {source!r}; expected one declared in tollbook.toml ({declared})")
    if feed and source and settings.sources[source].feed != feed:
        raise WrongUsage(f"source {source!r} is declared for feed {settings.sources[source].feed!r}, not {feed!r}")
    patterns = source_patterns(settings)
    passed_over: list[Fault] = []
    if paths is None:
        contents = look(home, settings)
        passed_over = contents.passed_over
        chosen = [(path, False) for path in contents.files]
    else:
        chosen = [(path, True) for given in paths for path in _expand(given, home)]
    belongs = _Belonging(home, settings, patterns, feed, source)
    files = [belongs.to(path, named) for path, named in chosen]
    return sorted({file.path: file for file in files}.values(), key=lambda file: file.name), passed_over


def _expand(given: Path, home: Home) -> list[Path]:
    path = absolute(given)
    if not os.path.lexists(path):
        path = absolute(home.root / given)  # as messages name it, wherever the command is given
    if not os.path.lexists(path):
        raise WrongUsage(f"{given}: there is no such file")
    return everything_below(path, home)[0] if path.is_dir() else [path]


class _Belonging:
    """Whose files are: that of the source whose path matches, or of the feed that their folder is named after."""

    def __init__(
        self,
        home: Home,
        settings: Settings,
        patterns: dict[str, tuple[str, ...]],
        feed: str | None,
        source: str | None,
    ) -> None:
        self._root, self._inbox = absolute(home.root), absolute(home.inbox)
        self._inside = os.path.realpath(self._root)
        self._settings, self._patterns, self._feed, self._source = settings, patterns, feed, source
        self._folders: dict[Path, bool] = {}
        """Folder -> whether it really lies in the home."""

    def to(self, path: Path, named: bool) -> InboxFile:
        """A file as somebody's."""
        name = name_below(self._root, path)
        below = path.parts[len(self._root.parts) :] if path.is_relative_to(self._root) else None
        sources = [self._source] if self._source else []
        trouble = None
        if below is not None:
            sources = sources or ([] if self._feed else owners_of(self._patterns, below))
            if not self._stays(path):
                trouble = Fault(name, None, None, "a link that leads out of the home", "a file", "Copy the file here.")
        if len(sources) > 1:
            listed = ", ".join(sources)
            trouble = trouble or Fault(name, None, None, f"the sources {listed}", "one source whose path matches")
        if sources:
            declared = self._settings.sources[sources[0]]
            return InboxFile(path, name, declared.feed, sources[0], declared, named, trouble)
        in_inbox = path.is_relative_to(self._inbox)
        if not self._feed and not in_inbox:
            raise WrongUsage(f"{name} lies outside inbox/: say what it holds with --feed or --source")
        parts = path.parts[len(self._inbox.parts) :] if in_inbox else ()
        folder = self._feed or (parts[0] if len(parts) > 1 else "")
        if folder not in FEEDS:
            found = f"the folder inbox/{printable(folder)}" if folder else "a file straight in inbox/"
            trouble = trouble or Fault(name, None, None, found, f"a folder named after a feed: {', '.join(FEEDS)}")
        return InboxFile(path, name, printable(folder), named=named, trouble=trouble)

    def _stays(self, path: Path) -> bool:
        if path.is_symlink():
            return self._is_inside(path)
        if path.parent not in self._folders:
            self._folders[path.parent] = self._is_inside(path.parent)
        return self._folders[path.parent]

    def _is_inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._inside)


def _opened(path: Path, name: str) -> IO[bytes]:
    """The file, open for reading. What is no file is not opened: a pipe would wait for ever, a device might act."""
    refused = FileRefused(Fault(name, None, None, "something that is not a file", "a regular file"))
    if not stat.S_ISREG(path.stat().st_mode):
        raise refused
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise refused
    return file


def chunks(path: Path, name: str) -> Iterator[bytes]:
    """The decompressed bytes, piece by piece; gzip is known by its first two bytes, not by the name."""
    try:
        with _opened(path, name) as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment]
            size = os.fstat(file.fileno()).st_size
            limit = _limit(size) if packed else MAX_BYTES
            if not packed and size > limit:
                raise FileRefused(Fault(name, None, None, f"{size} bytes", f"a file of at most {limit} bytes"))
            total = 0
            while chunk := stream.read(_CHUNK):
                total += len(chunk)
                if total > limit:
                    raise FileRefused(Fault(name, None, None, f"more than {limit} bytes unpacked", "a smaller file"))
                yield chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise FileRefused(
            Fault(name, None, None, "a damaged or cut-off gzip file", "a whole one", "Have it sent again.")
        ) from None
    except FileNotFoundError:
        found = "a link to nothing" if path.is_symlink() else "nothing: the file went after the inbox was listed"
        raise FileRefused(Fault(name, None, None, found, "a file")) from None
    except OSError as error:
        found = error.strerror or "an unreadable file"
        raise FileRefused(Fault(name, None, None, found, "a file that this user may read")) from None


def _limit(packed_size: int) -> int:
    return min(MAX_BYTES, max(64 * 2**20, packed_size * MAX_GZIP_RATIO))


def fingerprint(file: InboxFile) -> Physical:
    """Reads the whole file once: hash, size, newlines. Raises FileRefused for what is not to be read or cannot be."""
    if file.trouble:
        raise FileRefused(file.trouble)
    digest, size, newlines, last = hashlib.sha256(), 0, 0, b""
    counted = None if is_utf8(file.encoding) else LineCount(file.encoding)
    for chunk in chunks(file.path, file.name):
        digest.update(chunk)
        size += len(chunk)
        if counted:
            counted.add(chunk)
        else:
            newlines += chunk.count(b"\n")
            last = chunk[-1:]
    if counted:
        return Physical(digest.hexdigest(), size, counted.newlines, counted.ends)
    return Physical(digest.hexdigest(), size, newlines, last == b"\n")


def text_chunks(file: InboxFile, physical: Physical) -> Iterator[bytes]:
    """The bytes of a text file as UTF-8, free of NUL, without a byte order mark, exactly those of `physical`."""
    digest, lines = hashlib.sha256(), 1
    try:
        for chunk in _in_utf8(file, physical, digest):
            if b"\x00" in chunk:
                line = lines + chunk[: chunk.index(b"\x00")].count(b"\n")
                raise FileRefused(Fault(file.name, line, None, "a NUL byte", "text in UTF-8"), physical.lines)
            lines += chunk.count(b"\n")
            yield chunk
    except BadText as bad:
        raise FileRefused(_no_such_text(file, bad), physical.lines) from None
    if digest.hexdigest() != physical.sha256:
        raise FileRefused(
            Fault(file.name, None, None, "a file that changed while it was read", "a finished file", "Try again.")
        )


def _no_such_text(file: InboxFile, bad: BadText) -> Fault:
    name = "UTF-8" if is_utf8(file.encoding) else file.encoding
    if bad.cut_off:
        return Fault(file.name, bad.line, None, "half a character at the end", "a whole file")
    expected, remedy = f"text in {name}", "Declare the encoding of its source."
    if name == "UTF-8":
        expected += " (the file may be Latin-1 or Windows-1252)"
        remedy = 'Declare encoding = "cp1252" (or what it is) for its source.'
    return Fault(file.name, bad.line, None, f"bytes that are no {name}", expected, remedy)


def _in_utf8(file: InboxFile, physical: Physical, digest: "hashlib._Hash") -> Iterator[bytes]:
    """As `text_chunks`, unchecked but for the encoding; what is read goes into the digest."""

    def read() -> Iterator[bytes]:
        first = True
        for chunk in chunks(file.path, file.name):
            digest.update(chunk)
            if first and is_utf8(file.encoding) and (told := told_by_first_bytes(chunk)):
                found, remedy = told
                raise FileRefused(Fault(file.name, 1, None, found, "text in UTF-8", remedy), physical.lines)
            first = False
            yield chunk

    yield from checked_utf8(read()) if is_utf8(file.encoding) else as_utf8(read(), file.encoding)
