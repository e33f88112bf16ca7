"""A correction's drafts: what was prepared, written down with its usage and the accounts' outcomes."""

from datetime import date

import polars as pl

from flows.books.ledger import balance_correction
from flows.books.run import Run
from flows.books.runs import add_event, drafted_runs
from flows.correct.note import Note, printed
from flows.correct.prepared import Prepared
from flows.correct.rows import write_adjustments, write_outcomes, write_reversals
from flows.correct.style import draft_adjustments
from flows.month.draft_rows import document_rows, write_drafts
from invoicing.corrections import reversal
from schemas.document import Document
from schemas.money import EXACT
from schemas.periods import first_of_month


def draft_correction(run: Run, prepared: Prepared, reason: str, note: Note) -> list[str]:
    """Writes the drafts, their usage and the accounts' outcomes; returns the corrections whose drafts they replace.

    reason: for the audit log. note: what the customers are told of it, on each document.
    """
    request, store = run.request, run.store
    day = issue_day(run)
    reversals = {
        account: [
            reversal(
                original.document, run.run_id, f"{original.draft_id}-R{number}", day, printed(note, original.document)
            )
            for number, original in enumerate(standing, 1)
        ]
        for account, standing in prepared.standing.items()
    }
    with store.transaction():
        replaced = [run_id for run_id, kind, _ in drafted_runs(store, request.invoice_month) if kind == "correction"]
        for run_id in replaced:
            add_event(store, run_id, "superseded", request)
        documents = [
            d.model_copy(update={**_dated(d, day), "note": printed(note, d) or None})
            for d in prepared.replacements.values()
        ]
        rows = document_rows(documents)
        names = {"account_id": pl.String, "draft_id": pl.String}
        drafts, some = (rows, [rows]) if rows.height else (pl.DataFrame(schema=names), [])
        write_drafts(store, run, drafts, some, prepared.lines, prepared.taxes, _outcomes(run, prepared))
        store.append("documents", document_rows([note for notes in reversals.values() for note in notes]))
        write_reversals(
            store, run.run_id,
            [
                (original, note.draft_id)
                for account, standing in prepared.standing.items()
                for original, note in zip(standing, reversals[account], strict=True)
            ],
        )  # fmt: skip
        adjustments = draft_adjustments(store, run, prepared, reversals, day, note)
        write_adjustments(store, run.run_id, list(adjustments.values()))
        write_outcomes(store, run, prepared, adjustments)
        store.con.execute(
            "update runs set drafted_by = $1, drafted_at = $2 where run_id = $3", [request.by, request.now, run.run_id]
        )
        add_event(store, run.run_id, "drafted", request, reason)
        balance_correction(store, run.run_id)
    return replaced


def issue_day(run: Run) -> date:
    """The 1st of the month in which the correction is made, and not before the month that it corrects."""
    today = run.request.today or run.request.now.date()
    return max(first_of_month(today), run.request.month_first)


def _dated(document: Document, day: date) -> dict[str, date]:
    return {"issue_date": day, "due_date": day + (document.due_date - document.issue_date)}


def _outcomes(run: Run, prepared: Prepared) -> pl.DataFrame:
    """A row per account that is corrected, or could not be."""
    sellers = {account: standing[0].document.seller.seller_id for account, standing in prepared.standing.items()}
    rows = [
        (run.run_id, difference.account_id, sellers[difference.account_id], "billed", None, None,
         difference.currency, difference.after - difference.before, difference.before)
        for difference in prepared.differences
    ]  # fmt: skip
    names = ["run_id", "account_id", "seller_id", "outcome", "code", "reason", "currency"]
    return pl.DataFrame(
        rows, schema={**dict.fromkeys(names, pl.String), "total": EXACT, "previous_total": EXACT}, orient="row"
    ).sort("account_id")
