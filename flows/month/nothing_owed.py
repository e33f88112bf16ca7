"""A run that has nothing to draft and nothing new to say leaves nothing: none waits to be approved for nobody."""

import shutil
from typing import Any

import polars as pl

from flows.books.run import Run
from flows.books.runs import add_event, drafted_runs, forget_run
from schemas.counts import count_of
from schemas.errors import NothingToDo

_NEW_USAGE = """
    with mine as (
        select usage_id, 'rated' as outcome, null as reason from rated_usage where run_id = $run
        union all select usage_id, 'suspended', reason from suspended_usage where run_id = $run
        union all select usage_id, 'excluded', reason from excluded_usage where run_id = $run),
    standing as (
        select run_id, run_seq from run_states where state in ('drafted', 'approved') and kind <> 'correction'),
    told as (
        select usage_id, 'rated' as outcome, null as reason, run_id from rated_usage
        union all select usage_id, 'suspended', reason, run_id from suspended_usage
        union all select usage_id, 'excluded', reason, run_id from excluded_usage),
    former as (
        select usage_id, outcome, reason from told join standing using (run_id)
        where usage_id in (select usage_id from mine)
        qualify row_number() over (partition by usage_id order by run_seq desc) = 1)
    select 1 from mine left join former using (usage_id)
    where former.outcome is distinct from mine.outcome or former.reason is distinct from mine.reason limit 1"""

_KNOWN = """
    select a.account_id, a.outcome, a.code, a.reason from run_accounts as a join run_states as r using (run_id)
    where r.invoice_month = $1 and r.state in ('drafted', 'approved') and a.outcome = 'parked'"""

_KNOWN_FINDINGS = """
    select f.account_id, f.kind, f.detail from run_findings as f join run_states as r using (run_id)
    where r.invoice_month = $1 and r.state in ('drafted', 'approved')"""


def must_be_news(run: Run, outcomes: pl.DataFrame, findings: pl.DataFrame) -> None:
    """Asked when a run has no document: does it park, notice or rate anything that the month's runs had not? Where it
    does not, what its stages wrote goes, and NothingToDo is raised: what is issued, and who is still parked.

    outcomes: rows of run_accounts; findings: account_id, kind, detail.
    """
    store, month = run.store, run.request.invoice_month
    parked = outcomes.filter(pl.col("outcome") == "parked").select("account_id", "outcome", "code", "reason").rows()
    if (
        any(kind != "correction" for _, kind, _ in drafted_runs(store, month))
        or set(parked) - set(store.rows(_KNOWN, [month]))
        or set(findings.select("account_id", "kind", "detail").rows()) - set(store.rows(_KNOWN_FINDINGS, [month]))
        or store.rows(_NEW_USAGE, {"run": run.run_id})
    ):
        return
    _leave_nothing(run)
    raise NothingToDo(_told(run, outcomes, parked))


def _leave_nothing(run: Run) -> None:
    """As if the run had not been opened. One that has drafted before stays, with what it drafted then, as void."""
    store = run.store
    (has_drafted,) = store.rows(
        "select count(*) > 0 from run_events where run_id = $1 and state = 'drafted'", [run.run_id]
    )[0]
    with store.transaction():
        if has_drafted:
            add_event(store, run.run_id, "void", run.request, "nothing is owed")
        else:
            forget_run(store, run.run_id)
    store.checkpoint()
    shutil.rmtree(run.work, ignore_errors=True)


def _told(run: Run, outcomes: pl.DataFrame, parked: list[tuple[Any, ...]]) -> str:
    month = run.request.invoice_month
    (issued,) = run.store.rows("select count(*) from issued_documents where invoice_month = $1", [month])[0]
    beyond = f" beyond the {count_of(issued, 'document')} issued" if issued else ""
    counts = outcomes.filter(pl.col("outcome") != "excluded").group_by("outcome").len().sort("outcome").rows()
    others = ", ".join(f"{count} {outcome.replace('_', ' ')}" for outcome, count in counts)
    said = f"{month}: nothing is owed{beyond}, so no run was opened." + (f" Accounts: {others}." if others else "")
    still = "".join(f"\nstill parked: {account}: {reason}" for account, _, _, reason in parked)
    return said + still + (f"\nMend them, then `tollbook run {month}`." if still else "")
