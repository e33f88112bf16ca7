"""Approval: numbers allotted and documents frozen in one transaction; then PDFs and usage files, as often as needed.

A killed approval is finished by approving again: what is numbered stays, what is not rendered is rendered.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_args

from flows.books.books import Books, open_books
from flows.books.context import Request
from flows.books.manifest import write_manifest
from flows.books.outdated import outdated_runs
from flows.books.previews import drop_stale_previews
from flows.books.runs import drafted_runs
from flows.home.shipped_values import left_as_shipped, told
from flows.home.store import Store
from flows.issue.freeze import freeze
from flows.issue.may_approve import may_approve
from flows.issue.no_draft import no_draft
from flows.issue.printing import render
from flows.review.gate import let_through, waiting
from flows.review.stops import Stop
from schemas.codes import ParkedCode
from schemas.counts import count_of
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.periods import month_of
from schemas.states import RunKind

KINDS = get_args(RunKind)
_CORRECTIONS = """
    select invoice_number, issue_date from issued_documents join run_states using (run_id)
    where kind = 'correction' and list_contains($1, invoice_number) order by invoice_number"""

_DRAFTED_BEFORE = "select run_id, kind, invoice_month from run_states where list_contains($1, run_id) order by run_seq"


@dataclass(frozen=True)
class Approval:
    """What an approval did: documents issued and files rendered; accounts left out because they are parked."""

    invoice_month: str
    issued: list[str] = field(default_factory=list)
    corrections: dict[str, date] = field(default_factory=dict)
    """Those of them that correct an earlier one -> the day they bear."""
    void: list[tuple[str, str, str]] = field(default_factory=list)
    """Runs whose drafts were made before this was issued and are void now: id, kind, month."""
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
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Seller that was issued for -> its keys in tollbook.toml that are what `tollbook init` wrote."""

    @property
    def incomplete(self) -> bool:
        return bool(self.parked or self.not_asked or self.unprinted)

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_month": self.invoice_month,
            "issued": self.issued,
            "corrections": self.corrections,
            "void": self.void,
            "rendered": self.rendered,
            "parked": self.parked,
            "parked_codes": self.parked_codes,
            "examples": self.examples,
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        month = self.invoice_month
        issued, drawn = count_of(len(self.issued), "document"), count_of(self.rendered, "PDF")
        said = [f"{month}: {issued} issued, {drawn} in out/{month}/invoices"]
        for day, number in sorted(Counter(self.corrections.values()).items()):
            said.append(f"of a correction, dated {day}: {count_of(number, 'document')}")
        said += [f"example values: {text}" for text in told(self.examples)]
        said += [f"left out, parked: {name}: {reason}" for name, reason in self.parked]
        said += [f"issued without a PDF: {number}: {reason}" for number, reason in self.unprinted]
        for run_id, kind, of_month in self.void:
            again = f"correct {of_month}" if kind == "correction" else f"run {of_month}"
            said.append(f"void: the drafts of run {run_id}, made before this was issued; `tollbook {again}` again")
        if self.overridden:
            said.append(f"let through by --override: {self.overridden}; the review and the audit log say what and why")
        if self.not_asked:
            left = count_of(self.not_asked, "account")
            said.append(f"left out, not asked for: {left}; `tollbook run {month}` drafts what is owed")
        return said


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
    store: Store | None = None,
) -> Approval:
    """Issues the drafts of the month (of one run, one seller, one kind) and renders what is issued.

    `manifest`: the hash of the manifest the approver has looked at. `override`: why what stops it may pass. `store`:
    where the command has it open already.
    """
    with open_books(request, store) as books:
        return _approve(books, run_id, seller, kind, issue_date, manifest, override)


def _approve(
    books: Books,
    run_id: str | None,
    seller: str | None,
    kind: str | None,
    issue_date: date | None,
    manifest: str | None,
    override: str | None,
) -> Approval:
    store, request, settings = books.store, books.request, books.settings
    if seller is not None and seller not in settings.sellers:
        raise WrongUsage(f"--seller: unknown {seller!r}; there are {', '.join(settings.sellers)}")
    runs = [
        (each, drafted_by)
        for each, run_kind, drafted_by in drafted_runs(store, request.invoice_month)
        if run_id in (None, each) and kind in (None, run_kind)
    ]
    numbers: list[str] = []
    stops: list[Stop] = []
    _day_fits(store, request, [each for each, _ in runs], issue_date)
    if runs:
        may_approve(books, [each for each, _ in runs], manifest)
        stops = waiting(books, seller, override)
        store.keep_head()
        with store.transaction():
            let_through(store, request, [each for each, _ in runs], stops, override)
            for each, _ in runs:
                numbers += freeze(store, request, settings, each, seller, issue_date)
        # Before anything is drawn: what is numbered may leave the house from here on.
        store.keep_head()
        store.checkpoint()
        drop_stale_previews(store)
    rendered, unprinted = render(store, request, settings)
    parked, codes, not_asked = _left_out(store, request.invoice_month, [each for each, _ in runs], seller)
    if not numbers and not rendered and not unprinted and not (runs and parked):
        # An approval killed after its last PDF still owes the manifest.
        if store.rows("select 1 from issued_documents where invoice_month = $1 limit 1", [request.invoice_month]):
            write_manifest(books)
        raise NothingToDo(no_draft(store, request.invoice_month, run_id, kind, seller))
    write_manifest(books)
    examples = {name: keys for name, keys in left_as_shipped(settings).items() if seller in (None, name)}
    corrections = dict(store.rows(_CORRECTIONS, [numbers]))
    void = store.rows(_DRAFTED_BEFORE, [[*outdated_runs(store)]]) if numbers else []
    return Approval(
        request.invoice_month, numbers, corrections, void, rendered, parked, not_asked, len(stops), unprinted, codes,
        examples,
    )  # fmt: skip


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
