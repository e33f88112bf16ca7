"""The review as it was written last, read again for as long as nothing has moved that it was made of.

What it was made of is known by marks that need no opening of the books: the database's size and the instant it was
last written, the same of the snapshot, the settings, every file of the catalogue, the program. Each act writes into
the database, so each act ends it; so does a change of the pages themselves.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.books.previews import FOLDER
from flows.catalog.contents import contents_sha256
from flows.home.inbox import look
from flows.home.settings import Home, Settings


@dataclass(frozen=True)
class WrittenReview:
    """A review that still holds, as `Review` tells it."""

    home: Home
    month: str
    told: list[str]

    def as_json(self) -> dict[str, Any]:
        written: dict[str, Any] = json.loads((self.home.out(self.month) / "review.json").read_bytes())
        return written

    @property
    def incomplete(self) -> bool:
        written = self.as_json()
        stops = any(row["reason"] is None or row["code"] == "not_taken_in" for row in written["stops"])
        return bool(written["parked"] or written["suspended"] or stops)

    def lines(self) -> list[str]:
        return [*self.told, f"All of it: {self.home.out(self.month) / 'review.html'}"]


def note(home: Home, settings: Settings, month: str, lines: list[str], before: dict[str, str]) -> None:
    """Remembers what the review just written was made of and says. Nothing may wait in the write-ahead log.

    before: `outside` as it was when the review was begun; where it has moved since, nothing is remembered.
    """
    from flows.home.whole_files import write_atomic

    if outside(home, settings) != before:
        forget(home, month)
        return
    said = lines[:-1]  # where the page lies is said by whoever reads it again
    noted = {"made_of": _made_of(home, settings, month), "lines": said}
    write_atomic(_note(home, month), json.dumps(noted, ensure_ascii=False).encode())


def forget(home: Home, month: str) -> None:
    """The month has no review any more, and nothing is left of what it told."""
    _note(home, month).unlink(missing_ok=True)


def still_holding(home: Home, settings: Settings, month: str) -> WrittenReview | None:
    """The review as it was written last, or None where something has moved since."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(_note(home, month).read_bytes())
        if noted["made_of"] is not None and noted["made_of"] == _made_of(home, settings, month):
            return WrittenReview(home, month, noted["lines"])
    return None


def _note(home: Home, month: str) -> Path:
    return home.store / "reviews" / f"{month}.json"


def outside(home: Home, settings: Settings) -> dict[str, str]:
    """Marks of what a review reads beside the books: others may change it while the review is made."""
    inbox = look(home, settings)
    return {
        "catalogue": contents_sha256(home),
        "inbox": hashlib.sha256(repr((inbox.names, inbox.passed_over)).encode()).hexdigest(),
    }


def _made_of(home: Home, settings: Settings, month: str) -> dict[str, Any] | None:
    """The marks of all that a review is made of, and its pages; None while something waits in the write-ahead log."""
    if home.write_ahead_log.exists():
        return None
    pages = (home.out(month) / name for name in ("review.html", "review.json", "review.xlsx"))
    previews = home.out(month) / FOLDER
    return {
        "program": version("tollbook"),
        "database": _last_written(home.database),
        "snapshot": _last_written(home.published),
        "settings": hashlib.sha256(settings.model_dump_json(exclude={"smtp"}).encode()).hexdigest(),
        **outside(home, settings),
        "previews": sorted(file.name for file in previews.iterdir()) if previews.is_dir() else [],
        "pages": [hashlib.sha256(page.read_bytes()).hexdigest() for page in pages],
    }


def _last_written(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns]
