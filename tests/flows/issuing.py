"""Months run and issued stage by stage, without Prefect and without drawing PDFs: what corrections are made of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import flows.bill_run
import flows.issue.approve
from flows.bill_run import RunReport, open_month, run_direct, take_in
from flows.books.books import open_books
from flows.books.context import Request
from flows.books.manifest import write_manifest
from flows.books.publish import publish, read
from flows.correct.month import Correction, correct
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import Approval, approve
from flows.month.charge import charge
from flows.month.draft import draft
from flows.month.rate import rate
from flows.month.tax import tax
from tests.scenarios.month.home import add_file

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def asked(home: Home, month: str, *accounts: str, by: str = "anna", today: str | None = None) -> Request:
    """A request on the 2nd of the month, or `today`."""
    return Request(str(home.root), month, by, NOW, date.fromisoformat(today or f"{month}-02"), accounts)


@contextmanager
def no_pdfs() -> Iterator[None]:
    """Documents are issued and not drawn."""
    with patch.object(flows.issue.approve, "render", lambda *_: (0, [])):
        yield


@contextmanager
def no_stops() -> Iterator[None]:
    """Nobody asks what stops an approval, where everything is let through anyway."""
    with patch.object(flows.issue.approve, "waiting", lambda *_: []):
        yield


@contextmanager
def no_reviews() -> Iterator[None]:
    """Months are run and reported by their manifest alone: no snapshot, no review, and so no stops."""
    with patch.object(flows.bill_run, "review", lambda *_: SimpleNamespace(stops=[])):
        yield


NUMBER = "+442079460101"
"""Of Ann, who makes the calls."""


def calls(home: Home, name: str, *made: tuple[str, str, str, int]) -> None:
    """Calls of Ann: id, start, number called, seconds."""
    add_file(
        home, "calls", name,
        [{"call_id": one, "started_at": at, "from_number": NUMBER, "to_number": to, "duration_s": s}
         for one, at, to, s in made],
    )  # fmt: skip


def run(home: Home, month: str, *accounts: str) -> RunReport:
    return run_direct(asked(home, month, *accounts))


def issue(home: Home, month: str, kind: str | None = None, today: str | None = None) -> Approval:
    """Approves the month's drafts as ben."""
    with no_pdfs():
        return approve(asked(home, month, by="ben", today=today), None, None, kind, None, override="a test")


def bill(home: Home, month: str) -> RunReport:
    """Runs a month and issues it."""
    report = run(home, month)
    issue(home, month)
    return report


def corrected(home: Home, month: str, *accounts: str, today: str = "2025-09-15", **more: Any) -> Correction:
    """A correction drafted and issued."""
    found = correct(asked(home, month, *accounts, today=today), "a test", **more)
    issue(home, month, "correction", today)
    return found


def rows(home: Home, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with Store(home) as store:
        return store.rows(query, list(values))


_PUBLISHED: dict[Path, tuple[int, int]] = {}
"""Home -> its database's time of change and size when it was last published here."""


def published(home: Home, query: str) -> list[tuple[Any, ...]]:
    """A query over the snapshot, published now unless nothing has been written since it was published here."""
    if home.root not in _PUBLISHED or _written(home) != _PUBLISHED[home.root]:
        with Store(home) as store:
            publish(store)
        _PUBLISHED[home.root] = _written(home)
    with read(home.published) as con:
        return con.execute(query).fetchall()


def _written(home: Home) -> tuple[int, int]:
    found = [path.stat() for path in home.root.glob("tollbook.duckdb*")]  # with the log of a database that is open
    return max(one.st_mtime_ns for one in found), sum(one.st_size for one in found)


def issued_total(home: Home, account: str | None = None) -> Decimal:
    """The sum of all issued documents."""
    total = rows(
        home,
        "select coalesce(sum((document_json ->> '$.total')::decimal(38, 12)), 0) from issued_documents "
        "where $1 is null or account_id = $1",
        account,
    )[0][0]
    return Decimal(total)


def draft_only(home: Home, month: str) -> None:
    """The stages of a run and its manifest, without review and snapshot: what a year of months can afford."""
    with open_books(asked(home, month)) as books:
        take_in(books)
        opened = open_month(books)
        for stage in (rate, charge, tax, draft):
            stage(opened)
        write_manifest(books)
