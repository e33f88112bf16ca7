"""What each run used, kept by hash in store/: source files, catalogue, tax tables, settings without secrets."""

import gzip
import hashlib
import shutil
from pathlib import Path

from flows.home.settings import Home
from flows.home.store import write_atomic


def keep(home: Home, content: bytes) -> str:
    """Stores `content` once under its SHA-256; returns the hash."""
    digest = hashlib.sha256(content).hexdigest()
    path = kept(home, digest)
    if not path.exists():
        write_atomic(path, content)
    return digest


def kept(home: Home, digest: str) -> Path:
    """Where the content with this hash is, or would be."""
    return home.store / "objects" / digest[:2] / digest


def keep_file(home: Home, source: Path, digest: str) -> None:
    """Stores a source file, decompressed, under the hash of its content; streamed, since it may be large."""
    path = kept(home, digest)
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{digest}")
    with gzip.open(source) if source.suffix == ".gz" else source.open("rb") as reading, partial.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)
    partial.chmod(0o640)
    partial.replace(path)
