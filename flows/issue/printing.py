"""Documents to paper: PDF, usage CSV and stored JSON of what is issued; one that cannot be printed holds up no other.

A template's fault shows before a number is allotted: a document that cannot be laid out is set aside, and its account
parked.
"""

import multiprocessing
from collections import deque
from concurrent.futures import ProcessPoolExecutor

from flows.books.context import Request
from flows.home.objects import keep
from flows.home.settings import Settings
from flows.home.store import Store, write_atomic
from flows.issue.usage_csv import usage_csv
from schemas.codes import Problem
from schemas.document import Document
from templates.render import pdf_of_json, render_html

_OF_A_DRAFT = ("documents", "invoice_lines", "invoice_taxes", "line_discounts", "line_usage", "charges")


def unprintable(draft: Document) -> Problem | None:
    """Why the document cannot be laid out, or None. The page is made and thrown away; only the PDF takes time."""
    try:
        render_html(draft)
    except Exception as error:  # noqa: BLE001 whatever it is, it is what parks the account
        return Problem("printing_failed", _told(error))
    return None


def _told(error: BaseException) -> str:
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
    workers = min(settings.run.render_processes, len(waiting))
    # Spawned, not forked: WeasyPrint's C libraries do not survive a fork everywhere (DESIGN, decision 10).
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        prints = deque(pool.submit(pdf_of_json, text.encode()) for _, text in waiting)
        for number, text in waiting:
            printed = prints.popleft()
            if (error := printed.exception()) is not None:
                failed.append((number, _told(error)))
            else:
                _written(store, request, number, text, printed.result())
    store.checkpoint()
    return len(waiting) - len(failed), failed


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
