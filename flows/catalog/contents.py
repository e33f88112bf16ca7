"""Everything that dated tables are read from, as one hash: light, so that who only asks what moved reads no table."""

import hashlib
from pathlib import Path

from flows.home.settings import Home

REFERENCE = Path(__file__).resolve().parents[2] / "data" / "reference"
"""What ships with the program: tax tables, numbering plan, places."""


def contents_sha256(home: Home) -> str:
    """A hash of every shipped file and every file under catalog/, with its name."""
    content = hashlib.sha256()
    for root in (REFERENCE, home.catalog):
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            content.update(f"\n{path.relative_to(root)}\n{path.stat().st_size}\n".encode())
            content.update(path.read_bytes())
    return content.hexdigest()
