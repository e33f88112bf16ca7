"""A month, as a table of contents. The same stages run directly or as tasks of a Prefect flow.

Prefect gives them names, logs, a page to look at and a place in a schedule; what was billed is decided by our
own tables alone, so a stage can be repeated and a killed run started again.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from flows.books.at_work import what_is_owed
from flows.books.books import Books, open_books
from flows.books.context import Request
from flows.books.manifest import write_manifest
from flows.books.publish import publish
from flows.books.run import Run
from flows.books.run_diff import difference_lines, differences
from flows.books.runs import open_run
from flows.catalog.load import keep_tables
from flows.catalog.quarters import countries_of, quarters_ahead
from flows.home import audit, progress
from flows.home.lock import locked
from flows.home.room import must_have_room
from flows.ingest.report import files_left_open, refused_line
from flows.ingest.take_in import ingest
from flows.month.charge import charge
from flows.month.draft import draft
from flows.month.rate import rate
from flows.month.tax import tax
from flows.review.gate import month_stops
from flows.review.page import review
from schemas.codes import ParkedCode
from schemas.errors import NothingToDo, Refused
from schemas.periods import month_of, shift_month

On = TypeVar("On", Books, Run)
Result = TypeVar("Result")


class Step(Protocol):
    """Calls a stage by its name: as it is, or as a task of Prefect."""

    def __call__(self, name: str, stage: Callable[[On], Result], on: On, /) -> Result: ...


@dataclass(frozen=True)
class RunReport:
    """What a run did, in numbers."""

    run_id: str
    invoice_month: str
    kind: str
    files: dict[str, int]
    usage: dict[str, int]
    accounts: dict[str, int]
    parked: list[tuple[str, str]] = field(default_factory=list)
    findings: list[tuple[str, str, str]] = field(default_factory=list)
    refused_files: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    """Files of the inbox that are of no known kind, each with the reason and what to do."""
    rejects: list[str] = field(default_factory=list)
    """Of each file taken in just now with rejected lines, why the first one was."""
    replaced: list[str] = field(default_factory=list)
    """Runs whose drafts gave way to this one's."""
    stops: list[str] = field(default_factory=list)
    """What stops the approval until it is mended or let through with a reason."""
    differences: list[dict[str, Any]] = field(default_factory=list)
    """Against the drafts that gave way: account, before, after, reason, lines."""
    is_dry: bool = False
    """Whether it was tried on a copy and has left no trace."""
    parked_codes: dict[str, ParkedCode] = field(default_factory=dict)
    """Account -> code of why it is parked."""
    ahead: list[str] = field(default_factory=list)
    """What will be missing soon: quarters of a tax, each with the act that enters it."""

    @property
    def incomplete(self) -> bool:
        return bool(
            self.parked
            or self.findings
            or self.refused_files
            or self.passed_over
            or self.usage.get("suspended")
            or self.stops
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """For the terminal."""
        return [
            f"{'dry run' if self.is_dry else 'run'} {self.run_id}: {self.kind}, invoice month {self.invoice_month}",
            "files: " + counted(self.files),
            "usage: " + counted(self.usage),
            "accounts: " + counted(self.accounts),
            *(f"parked {name}: {reason}" for name, reason in self.parked),
            *(f"look at {name}: {detail}" for name, _, detail in self.findings),
            *(f"stops the approval: {stop}" for stop in self.stops),
            *map(refused_line, self.refused_files),
            *(f"soon missing: {told}" for told in self.ahead),
            *difference_lines(self.differences),
        ]


def counted(counts: dict[str, int]) -> str:
    """Such as `2 loaded, 1 refused`."""
    said = (f"{count} {name.replace('lines ', 'line ') if count == 1 else name}" for name, count in counts.items())
    return ", ".join(said) or "none"


def bill_month(request: Request, step: Step) -> RunReport:
    """Files in, drafts out: the whole of `tollbook run`. Raises TollbookError when there is nothing to draft."""
    _not_too_early(request)
    must_have_room(request.home)
    act = f"run {request.invoice_month}"
    step = progress.each_a_stage(step)
    with (
        locked(request.home, act, request.by, request.now, take_over=request.take_over),
        open_books(request) as books,
    ):
        taken_in = step("ingest", take_in, books)
        with files_left_open(taken_in.refused, taken_in.passed_over, taken_in.rejects), what_is_owed(books.store):
            run = step("open", open_month, books)
            usage = step("rate", rate, run)
            step("charge", charge, run)
            step("tax", tax, run)
            drafted = step("draft", draft, run)
        reported = step("report", report, run)
        countries = countries_of(books.settings, books.store)
        ahead = quarters_ahead(books.store.home, countries, request.today or request.now.date())
    return RunReport(
        run_id=run.run_id,
        invoice_month=request.invoice_month,
        kind=run.kind,
        files=taken_in.counts,
        usage=usage,
        accounts=drafted.outcomes,
        parked=[(account, reason) for account, reason, _ in reported.parked],
        findings=reported.findings,
        refused_files=taken_in.refused,
        passed_over=taken_in.passed_over,
        rejects=taken_in.rejects,
        replaced=drafted.replaced,
        stops=reported.stops,
        differences=reported.differences,
        parked_codes={account: code for account, _, code in reported.parked},
        ahead=ahead,
    )


def _not_too_early(request: Request) -> None:
    """Raises Refused for a month that lies ahead of the clock, unless the request says why it is run (RULES 24)."""
    if request.is_ahead and not (request.ahead and request.ahead.strip()):
        month, last = request.invoice_month, shift_month(month_of(request.day), 1)
        raise Refused(
            f"{month} lies ahead: on {request.day} months up to {last} may be run. Once {month} is issued, no month "
            f"before it can be run any more. Where that is meant: `tollbook run {month} --ahead REASON`"
        )


@dataclass(frozen=True)
class TakenIn:
    """What became of the inbox's new files."""

    counts: dict[str, int]
    """State -> files; `lines rejected`: lines left out of files taken in just now."""
    refused: list[str]
    passed_over: list[str]
    rejects: list[str]
    """Of each file with rejected lines, why the first one was."""

    def __str__(self) -> str:
        left = f"; {len(self.passed_over)} passed over" if self.passed_over else ""
        return f"files: {counted(self.counts)}{left}"


def take_in(books: Books) -> TakenIn:
    """Every new file of the inbox."""
    request = books.request
    ingested = ingest(books.store, books.settings, None, now=request.now, today=request.today, by=request.by)
    files = ingested.files
    books.read_again()
    counts: dict[str, int] = dict(Counter(str(file.state) for file in files))
    if rejected := sum(file.rejected for file in files if file.state == "loaded"):
        counts["lines rejected"] = rejected
    passed_over = [str(fault) for fault in ingested.passed_over]
    return TakenIn(counts, [file.source_file for file in ingested.refused], passed_over, ingested.rejects)


def open_month(books: Books) -> Run:
    """The run that these inputs ask for. A run that drafted but was stopped before its report is reported now."""
    keep_tables(books.request.home, books.settings, books.tables)
    run, state = open_run(books)
    if state is None:
        if (request := books.request).is_ahead:
            told = f"run {run.run_id} on {request.day}"
            audit.record(
                books.store, "run ahead", run.request.invoice_month, request.by, request.now, request.ahead, told
            )
        return run
    if not _is_reported(run):
        report(run)
    raise NothingToDo(
        f"run {run.run_id} already {state} {run.request.invoice_month} from these very inputs; "
        "nothing has changed since." + (_still_stopped(run) if state == "drafted" else "")
    )


def _still_stopped(run: Run) -> str:
    """What stops the approval of what is drafted: it may have come with a file that changed no input."""
    held = month_stops(run.store, run.settings, run.request.invoice_month, run.tables)
    return "".join(f"\nstops the approval: {stop}" for stop in held.stops if stop not in held.reasons)


def _is_reported(run: Run) -> bool:
    """Whether review and manifest are there, and the manifest is the one the run is bound to."""
    out = run.request.home.out(run.request.invoice_month)
    bound = run.store.rows("select manifest_sha256 from runs where run_id = $1", [run.run_id])[0][0]
    try:
        written = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    except OSError:
        return False
    return written == bound and (out / "review.html").exists() and run.run_id in _reviewed(out / "review.json")


def _reviewed(page: Path) -> set[str]:
    """The runs that the written review of a month is of. The review is written after the manifest is bound, so a report
    that was stopped between the two has left the one of the run before."""
    try:
        return {row["run_id"] for row in json.loads(page.read_bytes())["runs"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


@dataclass(frozen=True)
class Reported:
    """What there is to look at before anybody approves."""

    parked: list[tuple[str, str, ParkedCode]]
    """account_id, reason, code."""
    findings: list[tuple[str, str, str]]
    """account_id, kind, detail."""
    stops: list[str]
    differences: list[dict[str, Any]]
    """From the drafts that the run replaced."""

    def __str__(self) -> str:
        counts = {"parked": len(self.parked), "findings": len(self.findings), "stops": len(self.stops)}
        return f"review: {counted(counts)}"


def report(run: Run) -> Reported:
    """Manifest, snapshot, and the review, which reads the snapshot."""
    write_manifest(run.books)
    reviewed = review(run.store, run.settings, run.request.invoice_month, run.tables)
    return Reported(
        parked=run.store.rows(
            "select account_id, reason, code from run_accounts where run_id = $1 and outcome = 'parked' "
            "order by account_id",
            [run.run_id],
        ),
        findings=run.store.rows(
            "select account_id, kind, detail from run_findings where run_id = $1 order by all", [run.run_id]
        ),
        stops=[f"{row['code']} {row['subject']}: {row['detail']}" for row in reviewed.stops],
        differences=differences(run.store, run.run_id),
    )


def publish_snapshot(request: Request) -> str:
    """The analysts' snapshot."""
    with request.store() as store:
        return str(publish(store))


def direct(name: str, stage: Callable[[On], Result], on: On) -> Result:
    """A stage without Prefect."""
    del name
    return stage(on)


def run_direct(request: Request) -> RunReport:
    """The month without Prefect: tests, notebooks, a first try."""
    return bill_month(request, direct)
