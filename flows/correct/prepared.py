"""What a month comes to now, compared with the documents that stand: a correction before it is drafted."""

from dataclasses import dataclass, replace
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
from invoicing.adjustments import added_up
from invoicing.documents import Heading, RunFacts, build_documents, compare
from invoicing.fit import unfit
from invoicing.national import Rates
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
    """Of the month's corrections, the how manyth this is."""


def prepared(run: Run) -> Prepared:
    """Builds the documents of the recomputed month and keeps those that differ. Raises Refused where more would be
    credited than an account was ever billed."""
    request, store, settings, tables = run.request, run.store, run.settings, run.tables
    lines, taxes, parked = (pl.read_parquet(run.work / f"{name}.parquet") for name in ("lines", "taxes", "parked"))
    standing: dict[str, list[StandingDocument]] = {}
    for one in standing_of(store, request.invoice_month, request.accounts):
        standing.setdefault(one.account_id, []).append(one)
    accounts = billed_to(master_of(run), settings, request.invoice_month, request.month_first)
    accounts = accounts.filter(pl.col("account_id").is_in(list(standing)))
    number = _corrections_before(store, request.invoice_month) + 1
    names = _draft_names(accounts, number)
    accounts, lines, taxes = (_renamed(frame, names) for frame in (accounts, lines, taxes))
    grants = _renamed(pl.read_parquet(run.work / "discounts.parquet"), names)
    grants.write_parquet(run.work / "discounts.parquet")
    facts = RunFacts(run.run_id, request.invoice_month, request.month_first, TEMPLATE_VERSION)
    built = build_documents(
        lines, taxes, meters(read_use(run), accounts, tables), _headings(run, accounts, tables.fx), facts
    )
    previous = _previous(store, standing)
    documents = {
        (account := d.bill_to.account_id): _in_place(
            d, corrected_of(standing[account]).document, previous, request.month_first
        )
        for d in built
    }
    left_out = {*parked["account_id"]} & set(standing)
    documents = {account: d for account, d in documents.items() if account not in left_out}
    differences = [
        found
        for account, those in standing.items()
        if account not in left_out
        and (
            found := difference(
                account, [one.document for one in those], _of(documents, account), with_details=_named(run)
            )
        )
    ]
    accounts_differing = [one.account_id for one in differences if one.account_id in documents]
    wrong = {account: lacks for account in accounts_differing if (lacks := unfit(documents[account]))}
    differences = [one for one in differences if one.account_id not in wrong]
    _not_more_than_billed(store, differences)
    problems = {account: Problem(*told) for account, *told in parked.iter_rows() if account in standing}
    differing = {one.account_id for one in differences}
    return Prepared(
        {account: those for account, those in standing.items() if account in differing},
        {account: document for account, document in documents.items() if account in differing},
        differences, problems | wrong, lines, taxes, number,
    )  # fmt: skip


def _headings(run: Run, accounts: pl.DataFrame, rates: Rates) -> list[Heading]:
    found = headings(accounts, run.settings, run.request.month_first)
    return [replace(heading, rates=rates) for heading in found]


def _named(run: Run) -> bool:
    """Whether the accounts were named: only then a change of name or address alone makes a new document."""
    rows = run.store.rows("select only_accounts from runs where run_id = $1", [run.run_id])
    return bool(rows and rows[0][0])


def _of(documents: dict[str, Document], account: str) -> list[Document]:
    return [documents[account]] if account in documents else []


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
        one.document.comparison.previous_number
        for those in standing.values()
        for one in those
        if one.document.comparison is not None
    }
    rows = store.rows(
        "select o.corrects, i.invoice_number, i.document_json "
        "from issued_documents i join documents o on o.run_id = i.run_id and o.draft_id = i.draft_id "
        "where list_contains($1, i.invoice_number) or (o.correction = 'adjustment' and list_contains($1, o.corrects)) "
        "order by not list_contains($1, i.invoice_number), i.issued_at, i.rowid",
        [sorted(numbers)],
    )
    found: dict[str, list[Document]] = {}
    for corrects, number, text in rows:
        document = Document.model_validate_json(text)
        if number in numbers:
            found[number] = [document]
        else:
            found[corrects].append(added_up(found[corrects][-1], document))
    return found


def _compared(old: Document, previous: dict[str, list[Document]]) -> Document | None:
    """The document before `old`, with the adjustments that it had when `old` was drafted."""
    if old.comparison is None or not (states := previous.get(old.comparison.previous_number)):
        return None
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
    accounts = [one.account_id for one in differences]
    billed: dict[str, Decimal] = dict(
        store.rows(
            "select account_id, sum((document_json ->> '$.total')::decimal(38, 12)) from issued_documents "
            "where list_contains($1, account_id) group by account_id",
            [accounts],
        )
    )
    over = [
        f"{one.account_id}: {billed[one.account_id].quantize(one.before)} {one.currency} billed in all, "
        f"{one.before - one.after} to credit"
        for one in differences
        if one.after < one.before and billed[one.account_id] + one.after - one.before < 0
    ]
    if over:
        raise Refused("more would be credited than was ever billed; nothing was drafted.\n" + "\n".join(over))
