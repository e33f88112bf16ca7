"""Documents to paper: PDF, usage CSV and stored JSON of what is issued; one that cannot be printed holds up no other.

A template's fault shows before a number is allotted: a document that cannot be laid out is set aside, and its account
parked.
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from flows.books.context import Request
from flows.home import progress
from flows.home.disk import is_of_the_machine
from flows.home.objects import keep
from flows.home.settings import Settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.issue.usage_csv import usage_csv
from invoicing.fit import unfit
from schemas.codes import Problem
from schemas.document import Document
from schemas.errors import Refused
from templates.render import pdf_of_json, render_html

_OF_A_DRAFT = ("documents", "invoice_lines", "invoice_taxes", "line_discounts", "line_usage", "charges")

TRIED_HERE = 100
"""So many pages are laid out in the time that other processes need to start."""
TRIED_AT_ONCE = 16


def faults(drafts: Sequence[str], settings: Settings) -> list[Problem | None]:
    """Why each draft (its JSON) cannot be laid out, None where it can: the same order. Raises Refused for one that may
    not be issued at all.

    The page is made and thrown away; only to draw it takes a PDF's time. Many are tried in processes like those that
    draw PDFs.
    """
    if len(drafts) <= TRIED_HERE or settings.run.render_processes == 1:
        return [fault(draft) for draft in drafts]
    try:
        with _pool(settings.run.render_processes) as pool:
            return list(pool.map(fault, drafts, chunksize=TRIED_AT_ONCE))
    except BrokenProcessPool:
        raise Refused(
            "a process that lays documents out was ended from outside, for lack of memory perhaps; nothing was issued. "
            "Approve again, with fewer of them: [run] render_processes."
        ) from None


def fault(draft_json: str) -> Problem | None:
    """Why one draft cannot be laid out, or None; top-level, so that a spawned process can be handed it."""
    draft = Document.model_validate_json(draft_json)
    if (lacks := unfit(draft)) is not None:
        raise Refused(f"draft of account {draft.bill_to.account_id}: {lacks.detail}")
    try:
        render_html(draft)
    except Exception as error:
        if is_of_the_machine(error):
            raise
        return Problem("printing_failed", failure_text(error))
    return None


def _pool(processes: int) -> ProcessPoolExecutor:
    """Spawned, not forked: WeasyPrint's C libraries do not survive a fork everywhere (DESIGN, decision 10)."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


def failure_text(error: BaseException) -> str:
    """Why a document could not be printed, in a line."""
    lines = str(error).splitlines()
    return f"printing failed: {type(error).__name__}: {lines[0] if lines else 'no detail'}"


def set_aside(store: Store, run_id: str, draft_id: str, account_id: str, problem: Problem) -> None:
    """Takes a draft back: its account is parked in this run, and the next run drafts it anew."""
    for table in _OF_A_DRAFT:
        store.con.execute(f"delete from {table} where run_id = $1 and draft_id = $2", [run_id, draft_id])
    store.con.execute(
        "update run_accounts set outcome = 'parked', code = $1, reason = $2, total = null "
        "where run_id = $3 and account_id = $4",
        [*problem, run_id, account_id],
    )


def render(store: Store, request: Request, settings: Settings) -> tuple[int, list[tuple[str, str]]]:
    """PDF, usage CSV and stored JSON of every issued document of the month that has none yet.

    Returns how many, and the documents whose PDF could not be made, with the reason.
    """
    waiting = store.rows(
        "select invoice_number, document_json from issued_documents where invoice_month = $1 "
        "and invoice_number not in (select invoice_number from rendered_documents) order by invoice_number",
        [request.invoice_month],
    )
    if not waiting:
        return 0, []
    failed = []
    for (number, text), printed in zip(waiting, drawn([text for _, text in waiting], settings), strict=True):
        if isinstance(printed, BaseException):
            failed.append((number, failure_text(printed)))
        else:
            _written(store, request, number, text, printed)
    store.checkpoint()
    return len(waiting) - len(failed), failed


def drawn(documents: Sequence[str], settings: Settings) -> Iterator[bytes | BaseException]:
    """The PDF of each document (its JSON), or why it could not be made: in the same order, several side by side."""
    with (
        _pool(min(settings.run.render_processes, len(documents))) as pool,
        progress.stage("print", len(documents), "documents") as tick,
    ):
        prints = deque(pool.submit(pdf_of_json, text.encode()) for text in documents)
        while prints:
            printed = prints.popleft()
            yield printed.exception() or printed.result()
            tick(1)


def _written(store: Store, request: Request, number: str, text: str, pdf: bytes) -> None:
    home, out = request.home, request.home.out(request.invoice_month)
    document = Document.model_validate_json(text)
    keep(home, text.encode())
    pdf_file = out / "invoices" / f"{number}.pdf"
    pdf_hash = write_atomic(pdf_file, pdf)
    keep(home, pdf)
    csv_file = csv_hash = None
    if document.usage_csv:
        csv_file = home.relative(out / "usage" / document.usage_csv)
        csv_hash = write_atomic(home.root / csv_file, usage_csv(store, document))
    store.con.execute(
        "insert into rendered_documents values ($1, $2, $3, $4, $5)",
        [number, home.relative(pdf_file), pdf_hash, csv_file, csv_hash],
    )
