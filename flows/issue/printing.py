"""Documents to paper: PDF, usage CSV and stored JSON of what is issued; one that cannot be printed holds up no other.

A template's fault shows before a number is allotted: a document that cannot be laid out is set aside, and its account
parked.
"""

import multiprocessing
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import NamedTuple

from flows.books.context import Request
from flows.engine.batches import documents_at_once, each
from flows.engine.engine import engine_of
from flows.engine.place import place_of
from flows.home import progress
from flows.home.disk import is_of_the_machine
from flows.home.objects import keep
from flows.home.settings import Home, Settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.issue.usage_csv import Itemised, usage_csvs
from invoicing.fit import unfit
from schemas.codes import Problem
from schemas.document import Document
from schemas.errors import Refused
from templates.render import pdf_of_json, try_page

_OF_A_DRAFT = ("documents", "invoice_lines", "invoice_taxes", "line_discounts", "line_usage", "charges")

TRIED_HERE = 100
"""So many pages are laid out in the time that other processes need to start."""
TRIED_AT_ONCE = 16

NOTED_AT_ONCE = 50
"""Documents that are drawn and written before the books say so."""

_Note = tuple[str, str, str, str | None, str | None]
"""A row of rendered_documents."""

_WAITING = """
    with waiting as (
        select invoice_number, document_json, run_id, draft_id, document_json ->> ['$.currency', '$.usage_csv'] as said
        from issued_documents
        where invoice_month = $1 and invoice_number not in (select invoice_number from rendered_documents)),
    itemised as (
        select run_id, draft_id, count(*) as records
        from line_usage join waiting using (run_id, draft_id) group by run_id, draft_id)
    select invoice_number, document_json, run_id, draft_id, said[1], said[2], coalesce(records, 0)
    from waiting left join itemised using (run_id, draft_id) order by invoice_number"""


class _Paper(NamedTuple):
    """An issued document that is to be drawn."""

    number: str
    text: str
    run_id: str
    draft_id: str
    currency: str
    usage_csv: str | None
    records: int
    """Of usage on its lines."""

    @property
    def itemised(self) -> Itemised:
        return Itemised(self.run_id, self.draft_id, self.currency, self.records)


def faults(drafts: Sequence[str], settings: Settings, home: Home) -> list[Problem | None]:
    """Why each draft (its JSON) cannot be laid out, None where it can: the same order. Raises Refused for one that may
    not be issued at all.

    The page is made and thrown away; only to draw it takes a PDF's time. Many are tried by the workers that draw PDFs.
    """
    if len(drafts) <= TRIED_HERE:
        return [fault(draft) for draft in drafts]
    if (engine := engine_of(settings.engine)) is not None:
        with place_of(home, settings.engine, "layout") as place:
            size = documents_at_once(engine, len(drafts))
            return [_raised_if_error(it) for some in each(engine, place, "layout", fault, drafts, size) for it in some]
    if settings.run.render_processes == 1:
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
        try_page(draft)
    except Exception as error:
        if is_of_the_machine(error):
            raise
        return Problem("printing_failed", failure_text(error))
    return None


def _raised_if_error(tried: Problem | Exception | None) -> Problem | None:
    if isinstance(tried, Exception):
        raise tried
    return tried


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
    papers = [_Paper(*row) for row in store.rows(_WAITING, [request.invoice_month])]
    if not papers:
        return 0, []
    failed, notes = [], []
    usage = usage_csvs(store, [paper.itemised for paper in papers if paper.usage_csv])
    for paper, printed in zip(papers, drawn([paper.text for paper in papers], settings, store.home), strict=True):
        file = next(usage) if paper.usage_csv else None
        if isinstance(printed, BaseException):
            failed.append((paper.number, failure_text(printed)))
            continue
        notes.append(_written(request, paper, printed, file))
        if len(notes) == NOTED_AT_ONCE:
            _noted(store, notes)
            notes = []
    _noted(store, notes)
    store.checkpoint()
    return len(papers) - len(failed), failed


def drawn(documents: Sequence[str], settings: Settings, home: Home) -> Iterator[bytes | BaseException]:
    """The PDF of each document (its JSON), or why it could not be made: in the same order, several side by side."""
    contents = [text.encode() for text in documents]
    engine = engine_of(settings.engine)
    with progress.stage("print", len(documents), "documents") as tick:
        if engine is None:
            for printed in _drawn_here(contents, settings):
                yield printed
                tick(1)
            return
        with place_of(home, settings.engine, "print") as place:
            for some in each(engine, place, "print", pdf_of_json, contents, documents_at_once(engine, len(contents))):
                yield from some
                tick(len(some))


def _drawn_here(documents: Sequence[bytes], settings: Settings) -> Iterator[bytes | BaseException]:
    with _pool(min(settings.run.render_processes, len(documents))) as pool:
        prints = deque(pool.submit(pdf_of_json, document) for document in documents)
        while prints:
            printed = prints.popleft()
            yield printed.exception() or printed.result()


def _written(request: Request, paper: _Paper, pdf: bytes, usage: bytes | None) -> _Note:
    """Writes what lies in the month's folder, and keeps what the documents are."""
    home, out = request.home, request.home.out(request.invoice_month)
    keep(home, paper.text.encode())
    pdf_file = out / "invoices" / f"{paper.number}.pdf"
    pdf_hash = write_atomic(pdf_file, pdf)
    keep(home, pdf)
    csv_file = csv_hash = None
    if paper.usage_csv and usage is not None:
        csv_file = home.relative(out / "usage" / paper.usage_csv)
        csv_hash = write_atomic(home.root / csv_file, usage)
    return paper.number, home.relative(pdf_file), pdf_hash, csv_file, csv_hash


def _noted(store: Store, notes: Sequence[_Note]) -> None:
    """What is noted is not drawn again by the next approval. Of a killed one the last few are, to the same bytes."""
    names = ["invoice_number", "pdf_file", "pdf_sha256", "usage_csv_file", "usage_csv_sha256"]
    store.append_rows("rendered_documents", names, notes)
