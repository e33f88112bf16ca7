"""Where files between workers lie: a folder that every worker sees, or an object store."""

import hashlib
import io
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.home.engine_settings import EngineSettings
from flows.home.settings import Home
from schemas.errors import Refused

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Place:
    """Files by name. One appears whole or not at all, so who writes it a second time changes nothing."""

    address: str
    """An absolute path, or such as s3://bucket/folder."""

    def write(self, name: str, content: bytes) -> None:
        """Keeps `content` under a name."""
        files, folder = self._files()
        # Another worker may be writing the same: each under a name of its own, and the last to finish puts the same.
        mine = f"{folder}/{name}"
        if not self._is_folder:
            with files.open_output_stream(mine) as out:  # an object appears when all of it has arrived
                out.write(content)
            return
        target = Path(mine)
        partial = target.with_name(f".{name}.{_worker()}")
        partial.write_bytes(content)
        partial.chmod(0o640)
        partial.replace(target)

    def read(self, name: str) -> bytes:
        """What was kept under a name."""
        files, folder = self._files()
        if self._is_folder:
            return Path(folder, name).read_bytes()
        with files.open_input_stream(f"{folder}/{name}") as content:
            return bytes(content.readall())

    def write_frame(self, name: str, frame: "pl.DataFrame") -> None:
        """Keeps a frame, as an Arrow file."""
        content = io.BytesIO()
        frame.write_ipc(content)
        self.write(name, content.getvalue())

    def frame(self, name: str) -> "pl.DataFrame":
        """A frame that was kept."""
        import polars as pl

        return pl.read_ipc(io.BytesIO(self.read(name)))

    def forget(self, name: str) -> None:
        """Takes a file away; there may be none."""
        files, folder = self._files()
        if self._is_folder:
            Path(folder, name).unlink(missing_ok=True)
        elif files.get_file_info(f"{folder}/{name}").is_file:
            files.delete_file(f"{folder}/{name}")

    def make(self) -> None:
        """There from now on."""
        files, folder = self._files()
        files.create_dir(folder, recursive=True)

    def remove(self) -> None:
        """Takes away all that lies here."""
        files, folder = self._files()
        if files.get_file_info(folder).type.name == "Directory":
            files.delete_dir(folder)

    @property
    def _is_folder(self) -> bool:
        return "://" not in self.address

    def _files(self) -> tuple[Any, str]:
        """The file system, as PyArrow knows it, and the folder in it."""
        from pyarrow import fs

        if self._is_folder:
            return fs.LocalFileSystem(), self.address
        files, folder = fs.FileSystem.from_uri(self.address)
        return files, folder


def _worker() -> str:
    """Which process writes, of which machine."""
    return hashlib.sha256(f"{socket.gethostname()} {os.getpid()}".encode()).hexdigest()[:16]


@contextmanager
def place_of(home: Home, settings: EngineSettings, stage: str) -> Iterator[Place]:
    """A place of the home's own for one stage of one command, empty at first and gone at the end.

    What a killed command left is taken away by the next one. Raises Refused where nothing can be kept there.
    """
    root = home.root.resolve()
    own = hashlib.sha256(str(root).encode()).hexdigest()[:12]
    folder = f"{settings.path.rstrip('/')}/{own}" if settings.path else str(home.store.resolve() / "work" / "engine")
    if "://" not in folder:
        folder = str(Path(folder).resolve())
    # A name of this command alone: a worker that a killed command left behind writes where nobody looks any more.
    place = Place(f"{folder}/{stage}-{secrets.token_hex(8)}")
    try:
        Place(folder).remove()
        place.make()
    except (OSError, ValueError) as error:
        raise Refused(f"[engine] path: {folder} cannot be written: {error}") from None
    try:
        yield place
    finally:
        place.remove()
