"""A month, as a table of contents. The same stages run directly or as tasks of a Prefect flow.

Prefect gives them names, logs, a page to look at and a place in a schedule; what was billed is decided by our
own tables alone, so a stage can be repeated and a killed run started again.
"""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from flows.books.context import Request, Run
from flows.books.manifest import write_manifest
from flows.books.publish import publish
from flows.books.run_diff import differences
from flows.books.runs import open_run
from flows.catalog.load import keep_tables, load_all
from flows.home.lock import locked
from flows.ingest.take_in import IngestReport, ingest
from flows.month.charge import charge
from flows.month.draft import draft
from flows.month.rate import rate
from flows.month.tax import tax
from flows.review.page import review
from schemas.codes import ParkedCode
from schemas.errors import NothingToDo

T = TypeVar("T")
Step = Callable[..., Any]
"""Calls a stage: step(name, function, argument) -> the function's result."""


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
    replaced: list[str] = field(default_factory=list)
    """Runs whose drafts gave way to this one's."""
    stops: list[str] = field(default_factory=list)
    """What stops the approval until it is mended or let through with a reason."""
    differences: list[dict[str, Any]] = field(default_factory=list)
    """Against the drafts that gave way: account, before, after, reason, lines."""
    parked_codes: dict[str, ParkedCode] = field(default_factory=dict)
    """Account -> code of why it is parked."""

    @property
    def incomplete(self) -> bool:
        return bool(self.parked or self.findings or self.refused_files or self.usage.get("suspended") or self.stops)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def bill_month(request: Request, step: Step) -> RunReport:
    """Files in, drafts out: the whole of `tollbook run`. Raises TollbookError when there is nothing to draft."""
    act = f"run {request.invoice_month}"
    with locked(request.home, act, request.by, request.now, take_over=request.take_over):
        taken_in = step("ingest", take_in, request)
        run = step("open", open_month, request)
        usage = step("rate", rate, run)
        step("charge", charge, run)
        step("tax", tax, run)
        accounts, replaced = step("draft", draft, run)
        parked, findings, stops, moved = step("report", report, run)
    return RunReport(
        run.run_id,
        request.invoice_month,
        run.kind,
        taken_in[0],
        usage,
        accounts,
        [(account, reason) for account, reason, _ in parked],
        findings,
        taken_in[1],
        replaced,
        stops,
        moved,
        {account: code for account, _, code in parked},
    )


def take_in(request: Request) -> tuple[dict[str, int], list[str]]:
    """Every new file of the inbox; returns how many files ended in which state, and the refused ones.

    `lines rejected` counts the lines that were left out of files taken in just now.
    """
    with request.store() as store:
        found: IngestReport = ingest(store, request.settings(), None, now=request.now, by=request.by)
    counts: dict[str, int] = {}
    for file in found.files:
        counts[file.state] = counts.get(file.state, 0) + 1
    if rejected := sum(file.rejected for file in found.files if file.state == "loaded"):
        counts["lines rejected"] = rejected
    return counts, [file.source_file for file in found.files if file.state == "refused"]


def open_month(request: Request) -> Run:
    """The run that these inputs ask for. A run that drafted but was stopped before its report is reported now."""
    settings = request.settings()
    tables = load_all(request.home, settings)
    keep_tables(request.home, settings, tables)
    with request.store() as store:
        run, state = open_run(store, request, settings, tables)
    if state is None:
        return run
    if not _is_reported(run):
        report(run)
    raise NothingToDo(
        f"run {run.run_id} already {state} {request.invoice_month} from these very inputs; nothing has changed since."
    )


def _is_reported(run: Run) -> bool:
    """Whether review and manifest are there, and the manifest is the one the run is bound to."""
    out = run.request.home.out(run.request.invoice_month)
    with run.request.store() as store:
        bound = store.rows("select manifest_sha256 from runs where run_id = $1", [run.run_id])[0][0]
    try:
        found = hashlib.sha256((out / "manifest.json").read_bytes()).hexdigest()
    except OSError:
        return False
    return (out / "review.html").exists() and found == bound


def report(
    run: Run,
) -> tuple[list[tuple[str, str, ParkedCode]], list[tuple[str, str, str]], list[str], list[dict[str, Any]]]:
    """Manifest, snapshot and review, which reads the snapshot; returns parked accounts, findings, stops, and what
    differs from the drafts that the run replaced."""
    settings = run.request.settings()
    with run.request.store() as store:
        write_manifest(store, run.request, settings, load_all(run.request.home, settings))
        found = review(store, settings, run.request.invoice_month)
        parked = store.rows(
            "select account_id, reason, code from run_accounts where run_id = $1 and outcome = 'parked' "
            "order by account_id",
            [run.run_id],
        )
        findings = store.rows(
            "select account_id, kind, detail from run_findings where run_id = $1 order by all", [run.run_id]
        )
        moved = differences(store, run.run_id)
    return parked, findings, [f"{row['code']} {row['subject']}: {row['detail']}" for row in found.stops], moved


def publish_snapshot(request: Request) -> str:
    """The analysts' snapshot."""
    with request.store() as store:
        return str(publish(store))


def direct(name: str, stage: Callable[..., T], argument: Any) -> T:
    """A stage without Prefect."""
    del name
    return stage(argument)


def run_direct(request: Request) -> RunReport:
    """The month without Prefect: tests, notebooks, a first try."""
    return bill_month(request, direct)
