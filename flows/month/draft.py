"""Stage draft: documents from lines and taxes, every account's outcome, the books balanced, all in one transaction."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from flows.books.context import Request
from flows.books.ledger import balance_books
from flows.books.run import Run
from flows.books.run_diff import write_differences
from flows.books.runs import add_event, drafted_runs
from flows.engine.engine import WorkersLost
from flows.home import audit
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.allowance_use import meters, read_use
from flows.month.built import Drafts, Part, accounts_at_once, build, build_drafts
from flows.month.draft_rows import noticed, write_drafts
from flows.month.headings import headings_of
from flows.month.inputs import MasterData, billed_to, master_of
from flows.month.isolate import failing_items, stage_failed
from flows.month.nothing_owed import must_be_news
from flows.month.past import holders_of, past_of, previous_totals
from flows.month.plans import internal_sections
from invoicing.documents import RunFacts
from rating.owed import horizons
from schemas.codes import LeftOutCode, ParkedCode, Problem
from schemas.collector import collector_resting
from schemas.document import Balance
from schemas.frames import PARKED
from schemas.money import EXACT
from schemas.states import Outcome
from templates import TEMPLATE_VERSION


@dataclass(frozen=True)
class Drafted:
    """What a run drafted."""

    outcomes: dict[str, int]
    """Outcome -> how many accounts had it."""
    replaced: list[str]
    """Runs whose drafts gave way to this one's."""

    def __str__(self) -> str:
        return "accounts: " + ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())


@collector_resting()
def draft(run: Run) -> Drafted:
    """Drafts the run's documents. Raises NothingToDo where there is none and nothing else to tell."""
    request, store, settings, tables = run.request, run.store, run.settings, run.tables
    lines, taxes, parked = (pl.read_parquet(run.work / f"{name}.parquet") for name in ("lines", "taxes", "parked"))
    master = master_of(run)
    holders = holders_of(store, request.invoice_month)
    before = previous_totals(store, request.invoice_month)
    accounts = billed_to(master, settings, request.invoice_month, request.month_first)
    drafted_for = accounts.filter(~pl.col("account_id").is_in(_left_out(accounts, holders, request)))
    past = past_of(store, request.invoice_month, drafted_for["account_id"])
    facts = RunFacts(run.run_id, request.invoice_month, request.month_first, TEMPLATE_VERSION)
    balances = _balances(store, request.month_first)
    lines = lines.filter(pl.col("account_id").is_in(drafted_for["account_id"].implode()))
    use = read_use(run)
    internal = internal_sections(master, tables.catalog, request.month_first)

    def parts(accounts: frozenset[str]) -> Iterator[Part]:
        asked = drafted_for.filter(pl.col("account_id").is_in(list(accounts)))
        size = accounts_at_once(settings, asked.height)
        for some in asked.iter_slices(size):
            headings = list(headings_of(some, settings, past, balances, request.month_first, tables.fx, internal))
            mine = pl.col("draft_id").is_in(some["draft_id"].implode())
            yield Part(lines.filter(mine), taxes.filter(mine), meters(use, some, tables), headings, facts)

    drafts, failed = _drafts(run, frozenset(drafted_for["account_id"]), parts)
    rows = [(account, *problem) for account, problem in (failed | drafts.wrong).items()]
    parked = pl.concat([parked, pl.DataFrame(rows, schema=PARKED, orient="row")])
    outcomes = _outcomes(run, master, parked, drafts.ids, holders, before, settings)
    if drafts.ids.is_empty():
        must_be_news(run, outcomes, noticed(run))
    with store.transaction():
        replaced = _supersede(store, request)
        write_drafts(store, run, drafts.ids, drafts.rows(), lines, taxes, outcomes)
        store.con.execute(
            "update runs set drafted_by = $1, drafted_at = $2 where run_id = $3",
            [request.by, request.now, run.run_id],
        )
        write_differences(store, run.run_id, replaced)
        add_event(store, run.run_id, "drafted", request)
        sums = ", ".join(f"{count} {name}" for name, count in _counted(outcomes).items())
        audit.record(store, "run", run.run_id, request.by, request.now, None, sums)
        balance_books(store, run.run_id)
    store.checkpoint()
    shutil.rmtree(run.work / "drafts")
    return Drafted(_counted(outcomes), replaced)


def _drafts(
    run: Run, accounts: frozenset[str], parts: Callable[[frozenset[str]], Iterator[Part]]
) -> tuple[Drafts, dict[str, Problem]]:
    """The documents of the accounts, and those for which one cannot be built: each parks its own account alone."""
    try:
        return build_drafts(run, parts(accounts)), {}
    except WorkersLost:
        raise
    except Exception as error:  # noqa: BLE001 raised again unless it is an account's
        failed = failing_items(sorted(accounts), lambda some: [build(part) for part in parts(some)], error)
    drafts = build_drafts(run, parts(accounts - set(failed)))
    return drafts, {account: stage_failed("drafting", how) for account, how in failed.items()}


def _counted(outcomes: pl.DataFrame) -> dict[str, int]:
    return dict(outcomes.group_by("outcome").len().sort("outcome").iter_rows())


def _left_out(accounts: pl.DataFrame, holders: frozenset[str], request: Request) -> pl.Series:
    """Accounts this run does not draft for: they hold a document of the month, or were not asked for."""
    left = [
        account
        for account in accounts["account_id"]
        if account in holders or (request.accounts and account not in request.accounts)
    ]
    return pl.Series("account_id", left, dtype=pl.String).implode()


_PAYMENT_SIGN = {"payment": -1, "deposit": -1, "write_off": -1, "refund": 1, "chargeback": 1, "opening_balance": 1}


def _balances(store: Store, as_of: date) -> dict[str, Balance]:
    """What is open per account before this month, for accounts of which feed payments tells us (RULES 14)."""
    payments = store.current("payments").filter(pl.col("received_on") < as_of)
    reversed_ = payments.filter(pl.col("reverses").is_not_null())["reverses"].implode()
    counted = payments.filter(pl.col("reverses").is_null(), ~pl.col("payment_id").is_in(reversed_))
    signed = counted.select(
        "account_id",
        value=pl.col("amount") * pl.col("kind").replace_strict(_PAYMENT_SIGN, return_dtype=pl.Int64),
    )
    documents = store.sql(
        "select d.account_id, d.total as value from issued_documents i join documents d using (run_id, draft_id) "
        "where i.issue_date < $1", [as_of]
    )  # fmt: skip
    entries = pl.concat([signed, documents.filter(pl.col("account_id").is_in(signed["account_id"].implode()))])
    sums = entries.group_by("account_id").agg(pl.col("value").sum()).sort("account_id")
    return {account: Balance(as_of=as_of, amount=value) for account, value in sums.iter_rows()}


def _outcomes(
    run: Run, master: MasterData, parked: pl.DataFrame, drafted: pl.DataFrame,
    holders: frozenset[str], before: dict[str, Decimal], settings: Settings,
) -> pl.DataFrame:  # fmt: skip
    """One row per known account (RULES 26)."""
    request = run.request
    accounts = master.versions.unique("account_id", keep="last", maintain_order=True)
    starts = horizons(accounts, request.month_first, settings.billing.first_invoice_cutoff_day)
    totals = dict(drafted.select("account_id", "total").iter_rows())
    problems = {account: Problem(code, detail) for account, code, detail in parked.iter_rows()}
    rows = []
    for account, seller, currency, served_until, billing_start, horizon in (
        accounts.join(starts.select("account_id", "horizon"), on="account_id", maintain_order="left")
        .select("account_id", "seller_id", "currency", "served_until", "billing_start", "horizon")
        .iter_rows()
    ):
        outcome: Outcome
        code: ParkedCode | LeftOutCode | None = None
        reason = None
        if account in holders:
            outcome, code = "excluded", "holds_document"
            reason = f"holds an issued document of {request.invoice_month}"
        elif request.accounts and account not in request.accounts:
            outcome, code, reason = "excluded", "not_asked_for", "not asked for"
        elif account in problems:
            outcome, (code, reason) = "parked", problems[account]
        elif account in totals:
            outcome = "billed"
        elif billing_start > horizon:
            outcome, code, reason = "not_started", "starts_later", f"billing starts on {billing_start}"
        elif served_until is not None and served_until <= request.month_first:
            outcome, code, reason = "closed", "has_left", f"served until {served_until}"
        else:
            outcome = "nothing_to_bill"
        known_totals = totals.get(account), before.get(account)
        rows.append((run.run_id, account, seller, outcome, code, reason, currency, *known_totals))
    names = ["run_id", "account_id", "seller_id", "outcome", "code", "reason", "currency"]
    schema: dict[str, Any] = {**dict.fromkeys(names, pl.String), "total": EXACT, "previous_total": EXACT}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("account_id")


def _supersede(store: Store, request: Request) -> list[str]:
    """Drafts of the month that were not issued give way to this run's, corrections apart; returns their runs."""
    waiting = [run_id for run_id, kind, _ in drafted_runs(store, request.invoice_month) if kind != "correction"]
    for run_id in waiting:
        add_event(store, run_id, "superseded", request)
    return waiting
