"""Numbers allotted and documents frozen, inside the approval's transaction: what is issued never changes again."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

import polars as pl

from flows.books.context import Request
from flows.books.ledger import balance_issue
from flows.books.runs import add_event
from flows.home.audit import record
from flows.home.settings import Settings
from flows.home.store import Store
from flows.issue.printing import faults, set_aside
from invoicing.documents import issue_document
from invoicing.numbers import number_of
from schemas.counts import count_of
from schemas.document import Document, canonical

ISSUED_AT_ONCE = 1000
"""Documents that are frozen and handed to the database at a time."""

Series = tuple[str, str, int]
"""Seller, series, year: numbers run on inside it."""

_ISSUED = pl.Schema(
    {
        **dict.fromkeys(("draft_id", "invoice_number", "seller_id", "series"), pl.String()),
        "sequence": pl.Int64(),
        **dict.fromkeys(("account_id", "invoice_month", "run_id"), pl.String()),
        **dict.fromkeys(("issue_date", "due_date"), pl.Date()),
        **dict.fromkeys(("document_json", "document_sha256", "issued_by"), pl.String()),
        "issued_at": pl.Datetime("us", "UTC"),
    }
)
"""Columns of issued_documents."""

Draft = tuple[str, str, str, str]
"""draft_id, seller_id, account_id, document_json."""

Partners = dict[str, str | list[str] | Decimal]
"""Fields of a document that name others of its correction, and what they came to."""


def freeze(
    store: Store, request: Request, settings: Settings, run_id: str, seller: str | None, asked: date | None
) -> list[str]:
    """Numbers and freezes the run's drafts, in the order of account ids; the run is approved when none is left.

    Their day is the one asked for, else the draft's: the 1st of the invoice month, or of that of a correction.
    """
    waiting: list[Draft] = store.rows(
        "select draft_id, seller_id, account_id, document_json from documents d where run_id = $1 and not exists "
        "(select 1 from issued_documents i where i.run_id = d.run_id and i.draft_id = d.draft_id) "
        "order by seller_id, account_id, draft_id",
        [run_id],
    )
    # Before a number is allotted: one for a page that cannot be made would be a gap, or a document without paper.
    drafts = _printable(store, settings, run_id, [row for row in waiting if seller in (None, row[1])])
    last = _last_numbers(store)
    partners = _partners(drafts, settings, asked, dict(last)) if _is_correction(store, run_id) else {}
    numbers: list[str] = []

    def frames() -> Iterator[pl.DataFrame]:
        for first in range(0, len(drafts), ISSUED_AT_ONCE):
            some = drafts[first : first + ISSUED_AT_ONCE]
            frame = _numbered(some, request, settings, run_id, asked, last, partners)
            _journaled(store, frame)
            numbers.extend(frame["invoice_number"])
            yield frame

    store.append_each("issued_documents", frames())
    # The run is approved once nobody is left: one seller's documents may be issued days before another's.
    if seller is None or all(row[1] == seller for row in waiting):
        add_event(store, run_id, "approved", request)
    balance_issue(store, run_id)
    bound = store.rows("select manifest_sha256 from runs where run_id = $1", [run_id])[0][0]
    summary = f"{count_of(len(numbers), 'document')} issued of manifest {bound}"
    record(store, "approve", run_id, request.by, request.now, detail=summary)
    return numbers


def _journaled(store: Store, frame: pl.DataFrame) -> None:
    """Before a number is given it stands in the journal beside the database (RULES 30)."""
    if store.journal is not None:
        store.journal.append(
            {"kind": "numbers", "seller_id": seller, "documents": [list(row) for row in rows.iter_rows()]}
            for (seller,), rows in frame.select("seller_id", "invoice_number", "document_sha256")
            .partition_by("seller_id", include_key=False, as_dict=True)
            .items()
        )


def _printable(store: Store, settings: Settings, run_id: str, drafts: list[Draft]) -> list[Draft]:
    """The drafts that can be laid out; the others are set aside before anything has a number."""
    problems = faults([text for *_, text in drafts], settings, store.home)
    for (draft_id, _, account_id, _), problem in zip(drafts, problems, strict=True):
        if problem:
            set_aside(store, run_id, draft_id, account_id, problem)
    return [draft for draft, problem in zip(drafts, problems, strict=True) if not problem]


def _numbered(
    drafts: Iterable[Draft], request: Request, settings: Settings, run_id: str, asked: date | None,
    last: dict[Series, int], partners: Mapping[str, Partners],
) -> pl.DataFrame:  # fmt: skip
    """Rows of issued_documents for the drafts. `last`: the last number of each series; it is counted on here, which is
    safe while one writer does it in one transaction. `partners`: what a correction's documents name (`_partners`)."""
    rows = []
    for draft_id, seller_id, account_id, text in drafts:
        draft = Document.model_validate_json(text).model_copy(update=partners.get(draft_id, {}))
        series, day = _series(draft, settings), asked or draft.issue_date
        sequence = _next_in(last, (seller_id, series, day.year))
        number = number_of(series, day.year, sequence)
        # A reversal gives back sums; the calls behind them are itemised in the file of the document that it reverses.
        has_usage = draft.correction != "reversal" and any(
            line.charge_type == "usage" and line.price_model != "minimum" for line in draft.lines
        )
        document = issue_document(draft, number, day, f"{number}.csv" if has_usage else None)
        content = canonical(document)
        rows.append(
            (draft_id, number, seller_id, series, sequence, account_id, document.invoice_month, run_id, day,
             document.due_date, content.decode(), hashlib.sha256(content).hexdigest(), request.by, request.now)
        )  # fmt: skip
    return pl.DataFrame(rows, schema=_ISSUED, orient="row")


def _is_correction(store: Store, run_id: str) -> bool:
    (kind,) = store.rows("select kind from runs where run_id = $1", [run_id])[0]
    return bool(kind == "correction")


def _partners(
    drafts: Iterable[Draft], settings: Settings, asked: date | None, last: dict[Series, int]
) -> dict[str, Partners]:
    """draft_id -> the numbers that it names of its own correction: a replacement those of the credit notes that make
    room for it, and each of them the replacement's. The numbers are those that `_numbered` will give."""
    taken_back: dict[str, dict[str, str]] = {}
    before: dict[str, Decimal] = {}
    in_place: dict[str, tuple[str, str]] = {}
    for draft_id, seller_id, account_id, text in drafts:
        draft = Document.model_validate_json(text)
        series, day = _series(draft, settings), asked or draft.issue_date
        number = number_of(series, day.year, _next_in(last, (seller_id, series, day.year)))
        if draft.correction == "reversal":
            taken_back.setdefault(account_id, {})[draft_id] = number
            before[account_id] = before.get(account_id, Decimal(0)) - draft.total
        elif draft.correction == "replacement":
            in_place[account_id] = draft_id, number
    partners: dict[str, Partners] = {}
    for account_id, (draft_id, number) in in_place.items():
        notes = taken_back.get(account_id, {})
        partners[draft_id] = {"reversed_by": sorted(notes.values())}
        if notes:
            partners[draft_id]["replaced_total"] = before[account_id]
        partners |= {note: {"replacement": number} for note in notes}
    return partners


def _series(draft: Document, settings: Settings) -> str:
    return settings.sellers[draft.seller.seller_id].series + ("CN" if draft.kind == "credit_note" else "")


def _last_numbers(store: Store) -> dict[Series, int]:
    rows = store.rows("select seller_id, series, year, max(sequence) from given_numbers group by all")
    return {(seller_id, series, year): sequence for seller_id, series, year, sequence in rows}


def _next_in(last: dict[Series, int], series: Series) -> int:
    """The next number of a seller's series in a year: one more than the last, so without a gap."""
    last[series] = last.get(series, 0) + 1
    return last[series]
