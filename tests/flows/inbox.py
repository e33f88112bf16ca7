"""A home with an inbox for the tests of ingest: files in, counts and rows out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.home.file_settings import FeedSettings, InboxSettings, SourceSettings
from flows.home.settings import BillingSettings, Home, Settings
from flows.home.store import Store
from flows.ingest.report import FileResult, IngestReport
from flows.ingest.take_in import ingest

NOW = datetime(2026, 6, 1, tzinfo=UTC)

CALLS = "call_id,started_at,direction,from_number,to_number,duration_s\n"


def call(number: int, **cells: str) -> str:
    """A line of CALLS; `cells` replace some of its own."""
    row = {
        "call_id": f"c{number}",
        "started_at": "2026-05-04T10:00:00Z",
        "direction": "outbound",
        "from_number": "+12025550101",
        "to_number": "+12025550199",
        "duration_s": "60",
    }
    return ",".join((row | cells).values()) + "\n"


class Inbox:
    """A home in `root`, its settings and its open database."""

    def __init__(self, root: Path) -> None:
        self.home = Home(root)
        self.sources: dict[str, SourceSettings] = {}
        self.feeds: dict[str, FeedSettings] = {}
        self.max_reject_percent = 100
        self.ignore = InboxSettings()
        self.store: Store

    def put(self, path: str, content: str | bytes) -> Path:
        """Writes inbox/<path>."""
        file = self.home.inbox / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def ingest(self, *paths: Path, **options: Any) -> IngestReport:
        billing = BillingSettings(
            first_invoice_month="2026-05", max_reject_percent=self.max_reject_percent, max_reject_lines=0
        )
        settings = Settings(billing=billing, sellers={}, sources=self.sources, feeds=self.feeds, inbox=self.ignore)
        return ingest(self.store, settings, paths or None, now=NOW, **options)

    def take(self, path: str, content: str | bytes, **options: Any) -> FileResult:
        """Puts a file and ingests everything; the result of that file."""
        self.put(path, content)
        return next(file for file in self.ingest(**options).files if file.source_file == f"inbox/{path}")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.store.rows(query)

    def frame(self, query: str) -> pl.DataFrame:
        return self.store.sql(query)


@contextmanager
def opened(root: Path) -> Iterator[Inbox]:
    """An inbox whose database is open."""
    inbox = Inbox(root)
    with Store(inbox.home, memory_limit_mb=1024) as store:
        inbox.store = store
        yield inbox


def counts(result: FileResult) -> tuple[int, int, int, int]:
    """(records, loaded, rejected, duplicate)."""
    return result.records, result.loaded, result.rejected, result.duplicate
