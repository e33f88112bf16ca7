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


def tax_files(home: Home, kind: str) -> tuple[dict[str, str], dict[str, str]]:
    """Shipped files by name, a file of the same name under catalog/taxes/ in their place; and what messages call
    those of the home."""
    files, shown = {}, {}
    for root in (REFERENCE / "taxes", home.taxes):
        for path in sorted(root.rglob(kind)):
            name = path.relative_to(root).as_posix()
            files[name] = path.read_text(encoding="utf-8")
            if root == home.taxes:
                shown[name] = home.relative(path)
    return files, shown
