"""Approval: numbers allotted and documents frozen in one transaction; then PDFs and usage files, as often as needed.

A killed approval is finished by approving again: what is numbered stays, what is not rendered is rendered.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import get_args

from flows.books.context import Request
from flows.books.ledger import balance_issue
from flows.books.manifest import write_manifest
from flows.books.runs import add_event, drafted_runs
from flows.catalog.load import load_all
from flows.home.audit import record
from flows.home.settings import Settings
from flows.home.store import Store
from flows.issue.may_approve import may_approve
from flows.issue.printing import render, set_aside, unprintable
from flows.review.stop import Stop
from flows.review.stops import let_through, waiting
from invoicing.documents import issued
from invoicing.fit import unfit
from schemas.codes import ParkedCode
from schemas.document import Document, canonical
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.periods import month_of
from schemas.states import RunKind

KINDS = get_args(RunKind)


@dataclass(frozen=True)
class Approval:
    """What an approval did: documents issued and files rendered; accounts left out because they are parked."""

    invoice_month: str
    issued: list[str] = field(default_factory=list)
    rendered: int = 0
    parked: list[tuple[str, str]] = field(default_factory=list)
    not_asked: int = 0
    """Accounts that the approved runs were not asked for."""
    overridden: int = 0
    """Stops let through with a reason."""
    unprinted: list[tuple[str, str]] = field(default_factory=list)
    """Documents that are issued and whose PDF could not be made, and why; the next approval tries again."""
    parked_codes: dict[str, ParkedCode] = field(default_factory=dict)
    """Account -> code of why it is parked."""

    @property
    def incomplete(self) -> bool:
        return bool(self.parked or self.not_asked or self.unprinted)


def month_of_target(store: Store, target: str) -> tuple[str, str | None]:
    """A month or a run id -> (month, run id or None). Raises WrongUsage for anything else."""
    if re.fullmatch(r"\d{4}-\d{2}", target):
        return target, None
    rows = store.rows("select invoice_month from runs where run_id = $1", [target])
    if not rows:
        raise WrongUsage(f"found {target!r}; expected an invoice month such as 2026-06 or the id of a run")
    return rows[0][0], target


def approve(
    request: Request,
    run_id: str | None,
    seller: str | None,
    kind: str | None,
    issue_date: date | None,
    *,
    manifest: str | None = None,
    override: str | None = None,
) -> Approval:
    """Issues the drafts of the month (of one run, one seller, one kind) and renders what is issued.

    `manifest`: the hash of the manifest the approver has looked at. `override`: why what stops it may pass.
    """
    settings = request.settings()
    if seller is not None and seller not in settings.sellers:
        raise WrongUsage(f"--seller: unknown {seller!r}; there are {', '.join(settings.sellers)}")
    with request.store() as store:
        runs = [
            (each, drafted_by)
            for each, run_kind, drafted_by in drafted_runs(store, request.invoice_month)
            if run_id in (None, each) and kind in (None, run_kind)
        ]
        numbers: list[str] = []
        stops: list[Stop] = []
        _day_fits(store, request, [each for each, _ in runs], issue_date)
        if runs:
            may_approve(store, request, settings, [each for each, _ in runs], manifest)
            stops = waiting(store, settings, request, seller, override)
            with store.transaction():
                let_through(store, request, [each for each, _ in runs], stops, override)
                for each, _ in runs:
                    numbers += _issue(store, request, settings, each, seller, issue_date)
            store.checkpoint()
        rendered, unprinted = render(store, request, settings)
        parked, codes, not_asked = _left_out(store, request.invoice_month, [each for each, _ in runs], seller)
        if not numbers and not rendered and not unprinted and not (runs and parked):
            # An approval killed after its last PDF still owes the manifest.
            if store.rows("select 1 from issued_documents where invoice_month = $1 limit 1", [request.invoice_month]):
                write_manifest(store, request, settings, load_all(request.home, settings))
            raise NothingToDo(
                f"{request.invoice_month} has no draft to approve. Run `tollbook run {request.invoice_month}` first."
            )
        write_manifest(store, request, settings, load_all(request.home, settings))
    return Approval(request.invoice_month, numbers, rendered, parked, not_asked, len(stops), unprinted, codes)


def _day_fits(store: Store, request: Request, runs: list[str], day: date | None) -> None:
    """Taxes were computed for the invoice month. A correction's are those of its original, so its day is another one,
    but never before the original's."""
    if day is None or month_of(day) == request.invoice_month:
        return
    first = store.rows(
        "select max(taxed_on) from documents where list_contains($1, run_id) having bool_and(correction is not null)",
        [runs],
    )
    if not first or day < first[0][0]:
        raise Refused(f"--issue-date {day} is not in {request.invoice_month}: taxes were computed for that month.")


def _left_out(
    store: Store, month: str, approved: list[str], seller: str | None
) -> tuple[list[tuple[str, str]], dict[str, ParkedCode], int]:
    """Parked accounts of the runs just approved (of the last one, when only PDFs were left to draw) with their reasons,
    and with their codes; and how many accounts those runs were not asked for."""
    runs = approved or [
        row[0]
        for row in store.rows(
            "select run_id from issued_documents where invoice_month = $1 order by issued_at desc limit 1", [month]
        )
    ]
    rows = store.rows(
        "select account_id, outcome, code, reason from run_accounts where list_contains($1, run_id) "
        "and ($2 is null or seller_id = $2) order by account_id",
        [runs, seller],
    )
    parked = [(account, code, reason) for account, outcome, code, reason in rows if outcome == "parked"]
    return (
        [(account, reason) for account, _, reason in parked],
        {account: code for account, code, _ in parked},
        sum(code == "not_asked_for" for _, _, code, _ in rows),
    )


def _issue(
    store: Store, request: Request, settings: Settings, run_id: str, seller: str | None, asked: date | None
) -> list[str]:
    """Numbers and freezes the run's drafts, in the order of account ids; the run is approved when none is left.

    Their day is the one asked for, else the draft's: the 1st of the invoice month, or of that of a correction.
    """
    waiting = store.rows(
        "select draft_id, seller_id, account_id, document_json from documents d where run_id = $1 and not exists "
        "(select 1 from issued_documents i where i.run_id = d.run_id and i.draft_id = d.draft_id) "
        "order by seller_id, account_id, draft_id",
        [run_id],
    )
    numbers = []
    for draft_id, seller_id, account_id, text in waiting:
        if seller is not None and seller_id != seller:
            continue
        draft = Document.model_validate_json(text)
        if (found := unfit(draft)) is not None:
            raise Refused(f"draft of account {account_id}: {found.detail}")
        if (problem := unprintable(draft)) is not None:
            set_aside(store, run_id, draft_id, account_id, problem)
            continue
        series = settings.sellers[seller_id].series + ("CN" if draft.kind == "credit_note" else "")
        day = asked or draft.issue_date
        sequence = _next_in(store, seller_id, series, day.year)
        number = f"{series}-{day.year}-{sequence:06d}"
        has_usage = draft.correction != "reversal" and any(line.charge_type == "usage" for line in draft.lines)
        usage_name = f"{number}.csv" if has_usage else None
        document = issued(draft, number, day, usage_name)
        content = canonical(document)
        store.con.execute(
            "insert into issued_documents values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            [draft_id, number, seller_id, series, sequence, account_id, document.invoice_month, run_id, day,
             document.due_date, content.decode(), hashlib.sha256(content).hexdigest(), request.by, request.now],
        )  # fmt: skip
        numbers.append(number)
    if seller is None or all(row[1] == seller for row in waiting):
        add_event(store, run_id, "approved", request)
    balance_issue(store, run_id)
    bound = store.rows("select manifest_sha256 from runs where run_id = $1", [run_id])[0][0]
    told = f"{len(numbers)} documents issued of manifest {bound}"
    record(store, "approve", run_id, request.by, request.now, detail=told)
    return numbers


def _next_in(store: Store, seller_id: str, series: str, year: int) -> int:
    """The next number of a seller's series in a year: one more than the last, so without a gap."""
    last = store.rows(
        "select max(sequence) from issued_documents where seller_id = $1 and series = $2 and year(issue_date) = $3",
        [seller_id, series, year],
    )[0][0]
    return int(last or 0) + 1


def for_month(request: Request, month: str) -> Request:
    """The same request for another month."""
    return replace(request, invoice_month=month)
