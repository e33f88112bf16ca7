"""After issue: a month recomputed with today's data, compared, and corrected where it differs (RULES 19).

The stages are those of a run, for the accounts asked for and nobody else. Nothing issued changes: a correction is a
credit note of the document and a new one in its place, drafted here and issued by `tollbook approve`.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from flows.books.books import Books, open_books
from flows.books.compare import Difference
from flows.books.context import Request
from flows.books.erased import INSTEAD, Erased, erased_among
from flows.books.manifest import write_correction_manifest
from flows.books.outdated import issued_sha256
from flows.books.run import Run
from flows.books.runs import (
    NEXT_SEQ,
    add_event,
    inputs_of,
    keep_inputs,
    last_state,
    note_knowledge,
    require_known_accounts,
)
from flows.books.standing import standing_of
from flows.catalog.load import keep_tables
from flows.correct.drafts import draft_correction, issue_day
from flows.correct.known import known_at
from flows.correct.note import Note
from flows.correct.prepared import prepare_correction
from flows.correct.usage import rate_correction, usage_months_of
from flows.home import audit
from flows.home.store import Store
from flows.ingest.report import files_left_open
from flows.ingest.take_in import ingest
from flows.month.charge import charge
from flows.month.tax import tax
from schemas.codes import ParkedCode, Problem
from schemas.counts import count_of
from schemas.errors import NothingToDo, Refused, WrongUsage


@dataclass(frozen=True)
class Correction:
    """What a correction found. `differences`: the accounts that differ, before and after; `parked`: account, reason."""

    invoice_month: str
    reason: str
    run_id: str
    accounts: int
    differences: list[Difference]
    parked: list[tuple[str, str]] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    """Corrections whose drafts gave way to this one's."""
    refused_files: list[str] = field(default_factory=list)
    is_drafted: bool = True
    parked_codes: dict[str, ParkedCode] = field(default_factory=dict)
    """Account -> code of why it is parked."""
    day: date | None = None
    """The day that its documents bear, unless the approval names another."""

    @property
    def incomplete(self) -> bool:
        return bool(self.parked or self.refused_files)

    def as_json(self) -> dict[str, Any]:
        return {
            "invoice_month": self.invoice_month,
            "reason": self.reason,
            "run_id": self.run_id if self.is_drafted else None,
            "accounts": self.accounts,
            "differences": [difference.as_json() for difference in self.differences],
            "refused_files": self.refused_files,
            "parked": [
                {"account_id": account, "code": self.parked_codes[account], "reason": reason}
                for account, reason in self.parked
            ],
        }

    def lines(self) -> list[str]:
        """For the terminal."""
        recomputed, differ = count_of(self.accounts, "account"), len(self.differences)
        said = [f"{self.invoice_month}: {recomputed} recomputed, {differ} differ{'s' if differ == 1 else ''}"]
        for difference in self.differences:
            said += difference.lines()
        said += [f"parked {account}: {reason}" for account, reason in self.parked]
        if self.is_drafted and self.differences:
            said.append(
                f"run {self.run_id}; then `tollbook approve {self.invoice_month} --kind correction`; its documents "
                f"bear {self.day} unless --issue-date names another day"
            )
        return said


def correct(
    request: Request,
    reason: str,
    as_known_at: str | None = None,
    *,
    note: Note | None = None,
    draft: bool = True,
    store: Store | None = None,
) -> Correction:
    """Recomputes the issued month of `request` for its accounts (all, when it names none) and drafts what differs.

    `reason` is for the audit log, `note` for the customers. `as_known_at`: with what that run knew. `draft` False only
    compares. `store`: where the command has it open already. Raises WrongUsage for an empty reason, an
    unknown account or run; Refused where nothing is issued, or more would be credited than was billed; NothingToDo
    where nothing differs.
    """
    if not reason.strip():
        raise WrongUsage("--reason: say why the month is corrected; it is kept in the audit log")
    with open_books(request, store) as books:
        refused = _take_in(books) if draft else []
        with files_left_open(refused), known_at(books, as_known_at) as asked:
            run, erased = _opened(books, asked, reason, as_known_at, note or {})
            rate_correction(run)
            charge(run)
            tax(run)
            prepared = prepare_correction(run)
            parked = prepared.parked | {
                account: Problem("detail_erased", f"not recomputed: {erasure}") for account, erasure in erased.items()
            }
            if not prepared.differences:
                reasons = "; ".join(f"{account} is parked: {problem.detail}" for account, problem in parked.items())
                raise NothingToDo(f"{request.invoice_month}: nothing differs." + (f" {reasons}" if reasons else ""))
            replaced = draft_correction(run, prepared, reason, note or {}) if draft else []
        if draft:
            _bind(books, run, reason, prepared.differences)
    return Correction(
        request.invoice_month, reason, run.run_id, len(run.request.accounts), prepared.differences,
        [(account, problem.detail) for account, problem in parked.items()], replaced, refused, draft,
        {account: problem.code for account, problem in parked.items()}, issue_day(run),
    )  # fmt: skip


def _take_in(books: Books) -> list[str]:
    """Every new file of the inbox, as a run does: today's data is what lies there today. Returns those left out."""
    request = books.request
    report = ingest(books.store, books.settings, None, now=request.now, today=request.today, by=request.by)
    books.read_again()
    return [file.source_file for file in report.refused] + [fault.file for fault in report.passed_over]


def _opened(
    books: Books, asked: Request, reason: str, as_known_at: str | None, note: Note
) -> tuple[Run, dict[str, Erased]]:
    """The run of kind correction for the accounts that hold a document of the month and were asked for, and the
    accounts among them that cannot be recomputed."""
    month = asked.invoice_month
    store, home, settings = books.store, books.request.home, books.settings
    keep_tables(home, settings, books.tables)
    require_known_accounts(store, asked)
    holders, erased = _holders(store, asked)
    inputs = inputs_of(books)
    keep_inputs(home, settings, inputs)
    issued = issued_sha256(store)
    identity: list[object] = [month, "correction", list(asked.accounts), inputs.sha256, issued, as_known_at]
    # The same correction in other words is another one; without words its id is that of a time that knew none.
    identity += [dict(note)] if note else []
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    run_id = f"{month}-C-{digest[:12]}"
    if last_state(store, run_id) == "drafted":
        raise NothingToDo(f"run {run_id} already drafted this correction of {month}; nothing has changed since.")
    run = Run(books.seen_by(replace(asked, accounts=holders, only_these=True)), run_id, "correction")
    with store.transaction():
        if last_state(store, run_id) is None:
            store.con.execute(
                "insert into runs (run_seq, run_id, invoice_month, kind, inputs_sha256, issued_sha256, "
                f"only_accounts) values ({NEXT_SEQ}, $1, $2, 'correction', $3, $4, $5)",
                [run_id, month, inputs.sha256, issued, list(asked.accounts)],
            )
            note_knowledge(store, run_id, reason, as_known_at)
        add_event(store, run_id, "open", asked, reason)
    return run, erased


def _holders(store: Store, asked: Request) -> tuple[tuple[str, ...], dict[str, Erased]]:
    """Who holds a document of the month, without those whose call detail it was made of is erased.

    A document is recomputed whole, so those are refused when they are named, and left out of a whole month.
    """
    month = asked.invoice_month
    standing = standing_of(store, month, asked.accounts)
    holders = tuple(dict.fromkeys(document.account_id for document in standing))
    if not holders and not asked.accounts:
        raise Refused(f"{month} has no issued document to correct; `tollbook run {month}` drafts them.")
    without = [account for account in asked.accounts if account not in holders]
    if without:
        raise Refused(
            f"{', '.join(without)} holds no document of {month}: there is nothing to correct. "
            "What is owed comes with the next `tollbook run`."
        )
    erased = erased_among(store, usage_months_of(standing, month).iter_rows())
    left = tuple(account for account in holders if account not in erased)
    if erased and (asked.accounts or not left):
        erasures = "; ".join(str(erasure) for erasure in erased.values())
        raise Refused(f"{month} cannot be recomputed: {erasures}. {INSTEAD}")
    return left, erased


def _bind(books: Books, run: Run, reason: str, differences: list[Difference]) -> None:
    """The act in the audit log, and the manifest of the drafts, which the approval is bound to."""
    store, request = books.store, books.request
    changes = ", ".join(
        f"{difference.account_id} {difference.before} -> {difference.after} {difference.currency}"
        for difference in differences[:20]
    )
    more = f" and {len(differences) - 20} more" if len(differences) > 20 else ""
    audit.record(store, "correct", run.run_id, request.by, request.now, reason, changes + more)
    write_correction_manifest(store, request, run.run_id)
