"""What each run used, kept by hash in store/: source files, catalogue, tax tables, settings without secrets."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from flows.home.settings import Home
from flows.home.whole_files import write_atomic


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


def keep_pieces(home: Home, pieces: Iterable[bytes], digest: str) -> bool:
    """Stores a source file, decompressed and piece by piece, under the hash of its content.

    False, and nothing stored, when the pieces are another content than `digest` says.
    """
    path = kept(home, digest)
    if path.exists():
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{digest}")
    came = hashlib.sha256()
    with partial.open("wb") as writing:
        for piece in pieces:
            came.update(piece)
            writing.write(piece)
    if came.hexdigest() != digest:
        partial.unlink()
        return False
    partial.chmod(0o640)
    partial.replace(path)
    return True
