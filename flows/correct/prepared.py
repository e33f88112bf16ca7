"""What a month comes to now, compared with the documents that stand: a correction before it is drafted."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from flows.books.compare import Difference, difference
from flows.books.run import Run
from flows.books.standing import StandingDocument, corrected_of, standing_of
from flows.home.store import Store
from flows.month.allowance_use import meters, read_use
from flows.month.headings import headings
from flows.month.inputs import billed_to, master_of
from flows.month.plans import internal_sections
from invoicing.adjustments import with_adjustment
from invoicing.documents import Heading, RunFacts, build_documents, compare
from invoicing.fit import unfit
from schemas.codes import Problem
from schemas.document import Document
from schemas.errors import Refused
from templates import TEMPLATE_VERSION


@dataclass(frozen=True)
class Prepared:
    """A correction before it is drafted: documents that stand, and those in their place, per account that differs."""

    standing: dict[str, list[StandingDocument]]
    replacements: dict[str, Document]
    differences: list[Difference]
    parked: dict[str, Problem]
    lines: pl.DataFrame
    taxes: pl.DataFrame
    number: int
    """Which of the month's issued corrections this would be: 1 for the first."""


def prepare_correction(run: Run) -> Prepared:
    """Builds the documents of the recomputed month and keeps those that differ. Raises Refused where more would be
    credited than an account was ever billed."""
    request, store, settings, tables = run.request, run.store, run.settings, run.tables
    lines, taxes, parked = (pl.read_parquet(run.work / f"{name}.parquet") for name in ("lines", "taxes", "parked"))
    standing: dict[str, list[StandingDocument]] = {}
    for original in standing_of(store, request.invoice_month, request.accounts):
        standing.setdefault(original.account_id, []).append(original)
    accounts = billed_to(master_of(run), settings, request.invoice_month, request.month_first)
    accounts = accounts.filter(pl.col("account_id").is_in(list(standing)))
    number = _corrections_before(store, request.invoice_month) + 1
    # A draft id of its own: that of the month belongs to the document that is corrected, whose rows stay as they are.
    names = _draft_names(accounts, number)
    accounts, lines, taxes = (_renamed(frame, names) for frame in (accounts, lines, taxes))
    grants = _renamed(pl.read_parquet(run.work / "discounts.parquet"), names)
    grants.write_parquet(run.work / "discounts.parquet")
    facts = RunFacts(run.run_id, request.invoice_month, request.month_first, TEMPLATE_VERSION)
    built = build_documents(lines, taxes, meters(read_use(run), accounts, tables), _headings(run, accounts), facts)
    previous = _previous(store, standing)
    # Who is parked has no document now, which is no reason to take back the one that stands.
    left_out = {*parked["account_id"]} & set(standing)
    replacements = {
        account: _in_place(draft, corrected_of(standing[account]).document, previous, request.month_first)
        for draft in built
        if (account := draft.bill_to.account_id) not in left_out
    }
    compared = {account: originals for account, originals in standing.items() if account not in left_out}
    differences = _differences(compared, replacements, with_details=_named(run))
    # Only a draft that would be issued is asked for what it lacks: one that differs in nothing is thrown away.
    replaced = [diff.account_id for diff in differences if diff.account_id in replacements]
    wrong = {account: lacks for account in replaced if (lacks := unfit(replacements[account]))}
    differences = [diff for diff in differences if diff.account_id not in wrong]
    _not_more_than_billed(store, differences)
    problems = {account: Problem(*problem) for account, *problem in parked.iter_rows() if account in standing}
    corrected = {diff.account_id for diff in differences}
    return Prepared(
        {account: originals for account, originals in standing.items() if account in corrected},
        {account: draft for account, draft in replacements.items() if account in corrected},
        differences, problems | wrong, lines, taxes, number,
    )  # fmt: skip


def _headings(run: Run, accounts: pl.DataFrame) -> list[Heading]:
    month_first, tables = run.request.month_first, run.tables
    internal = internal_sections(master_of(run), tables.catalog, month_first)
    return headings(accounts, run.settings, month_first, tables.fx, internal)


def _named(run: Run) -> bool:
    """Whether the accounts were named: only then a change of name or address alone makes a new document."""
    rows = run.store.rows("select only_accounts from runs where run_id = $1", [run.run_id])
    return bool(rows and rows[0][0])


def _differences(
    standing: dict[str, list[StandingDocument]], replacements: dict[str, Document], *, with_details: bool
) -> list[Difference]:
    """Of each account, all its documents that stand against the replacement; without one everything is taken back."""
    differences = []
    for account, originals in standing.items():
        before = [original.document for original in originals]
        after = [replacements[account]] if account in replacements else []
        if (diff := difference(account, before, after, with_details=with_details)) is not None:
            differences.append(diff)
    return differences


def _draft_names(accounts: pl.DataFrame, number: int) -> pl.DataFrame:
    """draft_id of the month -> that of the document in its place: the first correction's ends on C1."""
    return accounts.select("draft_id", _name=pl.format("{}-C{}", "draft_id", pl.lit(number)))


def _renamed(frame: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    joined = frame.join(names, on="draft_id", how="left", maintain_order="left")
    return joined.with_columns(draft_id=pl.coalesce("_name", "draft_id")).drop("_name")


def _corrections_before(store: Store, month: str) -> int:
    count: int = store.rows(
        "select count(distinct o.run_id) from documents o join issued_documents i "
        "on i.run_id = o.run_id and i.draft_id = o.draft_id where o.correction is not null and o.invoice_month = $1",
        [month],
    )[0][0]
    return count


def _previous(store: Store, standing: dict[str, list[StandingDocument]]) -> dict[str, list[Document]]:
    """The documents that the standing ones are compared with, by number: alone, then with each adjustment more."""
    numbers = {
        original.document.comparison.previous_number
        for standing_documents in standing.values()
        for original in standing_documents
        if original.document.comparison is not None
    }
    rows = store.rows(
        "select o.corrects, i.invoice_number, i.document_json "
        "from issued_documents i join documents o on o.run_id = i.run_id and o.draft_id = i.draft_id "
        "where list_contains($1, i.invoice_number) or (o.correction = 'adjustment' and list_contains($1, o.corrects)) "
        "order by not list_contains($1, i.invoice_number), i.issued_at, i.rowid",
        [sorted(numbers)],
    )
    states: dict[str, list[Document]] = {}
    for corrects, number, text in rows:
        document = Document.model_validate_json(text)
        if number in numbers:
            states[number] = [document]
        else:
            states[corrects].append(with_adjustment(states[corrects][-1], document))
    return states


def _compared(old: Document, previous: dict[str, list[Document]]) -> Document | None:
    """The document before `old`, with the adjustments that it had when `old` was drafted."""
    if old.comparison is None or not (states := previous.get(old.comparison.previous_number)):
        return None
    # Adjustments issued since would change what an old document is compared with: its own figure says which it knew.
    total = old.comparison.previous_total
    return next((state for state in states if state.total == total), states[0])


def _in_place(document: Document, old: Document, previous: dict[str, list[Document]], month_first: date) -> Document:
    """The document in the place of `old`: what was frozen of the past stays as it was."""
    before = _compared(old, previous)
    return document.model_copy(
        update={
            "corrects": old.invoice_number,
            "correction": "replacement",
            "taxed_on": old.taxed_on or old.issue_date,
            "history": old.history,
            "balance": old.balance,
            "comparison": compare(before, document) if before else None,
            "issue_date": month_first,
        }
    )


def _not_more_than_billed(store: Store, differences: list[Difference]) -> None:
    """Raises Refused where a correction would credit more than all documents of the account together have billed."""
    accounts = [diff.account_id for diff in differences]
    billed: dict[str, Decimal] = dict(
        store.rows(
            "select account_id, sum((document_json ->> '$.total')::decimal(38, 12)) from issued_documents "
            "where list_contains($1, account_id) group by account_id",
            [accounts],
        )
    )
    over = [
        f"{diff.account_id}: {billed[diff.account_id].quantize(diff.before)} {diff.currency} billed in all, "
        f"{diff.before - diff.after} to credit"
        for diff in differences
        if diff.after < diff.before and billed[diff.account_id] + diff.after - diff.before < 0
    ]
    if over:
        raise Refused("more would be credited than was ever billed; nothing was drafted.\n" + "\n".join(over))
