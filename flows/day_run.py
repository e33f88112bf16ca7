"""A day of a month that is not over: files in, usage rated as far as it has come. The run on the 1st has the rest left.

Nothing is drafted, and nothing that was rated so far counts before a run has drafted it. What the next day's rating,
or the run, need not rate again is what flows.month.usage.kept says.
"""

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from flows.bill_run import Step, TakenIn, counted, take_in
from flows.books.books import Books, open_books
from flows.books.context import Request
from flows.books.run import Run
from flows.books.runs import drafted_runs, open_run
from flows.catalog.load import keep_tables
from flows.home import progress
from flows.home.lock import locked
from flows.home.room import must_have_room
from flows.ingest.report import files_left_open, refused_line
from flows.month.rate import rate
from flows.month.usage.kept import is_rated
from schemas.errors import NothingToDo, Refused
from schemas.periods import month_of, shift_month


@dataclass(frozen=True)
class DayReport:
    """What a day's rating did, in numbers. usage: how many records of the month so far took which way."""

    run_id: str
    invoice_month: str
    files: dict[str, int]
    usage: dict[str, int]
    refused_files: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejects: list[str] = field(default_factory=list)

    @property
    def incomplete(self) -> bool:
        return bool(self.refused_files or self.passed_over or self.usage.get("suspended"))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        return [
            f"rated so far for {self.invoice_month}: {counted(self.usage)}",
            "files: " + counted(self.files),
            *map(refused_line, self.refused_files),
        ]


def next_month(books: Books) -> str:
    """The invoice month that usage of these days is for: the one after the last that is issued; where nothing is, the
    first that is drafted, or that which bills the day before."""
    ((last,),) = books.store.rows("select max(invoice_month) from issued_documents")
    ((drafted,),) = books.store.rows("select min(invoice_month) from run_states where state = 'drafted'")
    day = books.request.day
    if last is None and drafted is not None:
        return str(drafted)
    if last is None:
        return month_of(day) if day.day == 1 else shift_month(month_of(day), 1)
    return shift_month(str(last), 1)


def rate_day(request: Request, step: Step, *, of_next: bool = False) -> DayReport:
    """Files in, usage of the invoice month rated so far: `tollbook rate`. Raises NothingToDo where the month is drafted
    already, and Refused where it is issued or lies ahead. of_next: of `next_month`, whatever the request says."""
    must_have_room(request.home)
    step = progress.each_a_stage(step)
    with (
        locked(request.home, "rate", request.by, request.now, take_over=request.take_over),
        open_books(request) as opened,
    ):
        books = opened
        taken_in: TakenIn = step("ingest", take_in, books)
        with files_left_open(taken_in.refused, taken_in.passed_over, taken_in.rejects):
            if of_next:
                books = books.seen_by(replace(request, invoice_month=next_month(books)))
            run = step("open", open_day, books)
            usage = step("rate", partial(rate, goes_on=True), run)
    return DayReport(
        run.run_id, run.request.invoice_month, taken_in.counts, usage, taken_in.refused, taken_in.passed_over,
        taken_in.rejects,
    )  # fmt: skip


def open_day(books: Books) -> Run:
    """The run that these inputs ask for, which goes no further than rating."""
    request = books.request
    if request.is_ahead:
        raise Refused(f"{request.invoice_month} lies ahead: on {request.day} there is no usage of it yet.")
    for run_id, *_ in drafted_runs(books.store, request.invoice_month):
        raise NothingToDo(
            f"{request.invoice_month} is drafted already (run {run_id}); what came since is rated by "
            f"`tollbook run {request.invoice_month}`."
        )
    keep_tables(request.home, books.settings, books.tables)
    run, state = open_run(books)
    if state is not None or is_rated(run):
        raise NothingToDo(f"nothing has come since {request.invoice_month} was rated so far.")
    return run
