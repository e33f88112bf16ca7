"""What each scheduled or asked-for act does with a home: the same as its command, without a terminal."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar

from flows.bill_run import direct
from flows.books.at_work import at_work
from flows.books.context import Request
from flows.books.publish import publish
from flows.correct.month import correct
from flows.correct.note import Note
from flows.day_run import rate_day
from flows.home import audit
from flows.home.lock import Held
from flows.ingest.take_in import ingest
from flows.issue.approve import Approval, approve, month_of_target
from flows.post.send import SendReport, send
from flows.review.look import renewed
from flows.review.page import review
from schemas.errors import NothingToDo

WAITS_S = 1800
"""How long a flow waits for somebody else who is at work in the home; then it is refused as a command is."""
_LOOKS_EVERY_S = 5

T = TypeVar("T")


class Report(Protocol):
    """What an act returns: its lines, and whether something is left to do."""

    @property
    def incomplete(self) -> bool: ...

    def lines(self) -> list[str]: ...


@dataclass(frozen=True)
class Published:
    """A snapshot that was written."""

    path: str
    incomplete: bool = False

    def lines(self) -> list[str]:
        return [self.path]


def in_turn(act: Callable[[], T], log: logging.Logger | logging.LoggerAdapter[Any], *, waits_s: int = WAITS_S) -> T:
    """Does an act as soon as nobody else is at work in the home: who is refused for that has changed nothing. Raises
    Held after so long."""
    until, is_told = time.monotonic() + waits_s, False  # not money
    while True:
        try:
            return act()
        except Held as held:
            if time.monotonic() >= until:
                raise
            if not is_told:
                log.info("%s", held)
            is_told = True
            time.sleep(_LOOKS_EVERY_S)


def take_in_files(request: Request) -> Report:
    """`tollbook ingest`: every new file of the inbox; where the home says so, `tollbook rate`. Raises NothingToDo where
    there is none."""
    settings = request.settings()
    if settings.serve.rate_daily:
        return rate_day(request, direct, of_next=True)
    with at_work(request, "ingest") as store:
        report = ingest(store, settings, None, now=request.now, today=request.today, by=request.by)
        if not report.anything_new and not report.incomplete:
            raise NothingToDo("nothing new in the inbox.")
    return report


def issue(request: Request, seller: str | None, kind: str | None, issue_date: date | None, why: str | None) -> Approval:
    """`tollbook approve`: the drafts of a month, numbered and printed; then review and snapshot."""
    with at_work(request, "approve") as store:
        _, run_id = month_of_target(store, request.invoice_month)
        report = approve(request, run_id, seller, kind, issue_date, override=why, store=store)
        renewed(store, request.settings(), request.invoice_month)
    return report


def post(request: Request, late_reason: str | None) -> SendReport:
    """`tollbook send`: what is issued and unsent; then review and snapshot."""
    settings = request.settings()
    with at_work(request, "send") as store:
        report = send(
            store, settings, request.invoice_month, today=request.today, now=request.now, by=request.by,
            late_reason=late_reason,
        )  # fmt: skip
        renewed(store, settings, request.invoice_month)
    return report


def write_snapshot(request: Request) -> Published:
    """`tollbook publish`."""
    with at_work(request, "publish") as store:
        audit.record(store, "publish", "snapshot", request.by, request.now)
        return Published(str(publish(store)))


def draft_corrections(request: Request, reason: str, as_known_at: str | None, note: Note) -> Report:
    """`tollbook correct`: drafts of credit notes and replacements, and the review with them."""
    settings = request.settings()
    with at_work(request, f"correct {request.invoice_month}") as store:
        report = correct(request, reason, as_known_at, note=note, store=store)
        review(store, settings, request.invoice_month)
    return report
