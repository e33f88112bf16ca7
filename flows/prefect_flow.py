"""The month as Prefect flows: six acts with typed parameters, logs, artifacts, events and states that tell.

No caching, and retries only where a stage can run twice and counts once. What was ingested, billed, numbered and sent
is in our own tables; Prefect decides when, and shows what came of it (flows/scheduled/).
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Literal

import flows.scheduled  # noqa: F401 it speaks before Prefect is imported

# isort: split
from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL
from pydantic import Field

from flows.bill_run import On, Result, RunReport, bill_month
from flows.books.context import Request
from flows.correct.note import note_of
from flows.home.disk import is_of_the_machine
from flows.home.settings import Settings
from flows.issue.approve import Approval
from flows.post.send import SendReport
from flows.scheduled import acts
from flows.scheduled.artifacts import Progress, show_month
from flows.scheduled.asked import BY, asked
from flows.scheduled.deployments import Plan
from flows.scheduled.events import tell, tell_of_the_window
from flows.scheduled.own_server import guard_ephemeral_server
from flows.scheduled.states import ended
from schemas.errors import TollbookError

Month = Annotated[str, Field(pattern=r"^\d{4}-\d{2}$")]
Words = Annotated[str, Field(min_length=1)]
Kind = Literal["regular", "supplementary", "correction"]


def as_task(name: str, stage: Any, on: On) -> Any:
    """A stage as a task. An expected error travels as a value, so that it is told once, without a traceback; trouble of
    the machine is tried again: a stage may run twice and counts once.

    The task takes no argument: the open books stay in this process, where the flow holds them, and Prefect sees none
    of them.
    """

    def guarded() -> Result | TollbookError:
        try:
            result: Result = stage(on)
        except TollbookError as error:
            return error
        counts = ", ".join(f"{count} {what}" for what, count in result.items()) if isinstance(result, dict) else result
        get_run_logger().info("%s: %s", name, counts)
        return result

    result = task(
        name=name,
        tags=["tollbook"],
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=2,
        retry_delay_seconds=[5, 60],
        retry_condition_fn=_is_of_the_machine,
    )(guarded)()
    if isinstance(result, TollbookError):
        raise result
    return result


def _is_of_the_machine(_task: Any, _task_run: Any, state: State[Any]) -> bool:
    error = state.result(raise_on_failure=False)
    return isinstance(error, BaseException) and is_of_the_machine(error)


def _drafted(ask: Callable[[], Request]) -> State[Any]:
    """The month on this flow run: stages as tasks, then what is shown and told."""

    def run(request: Request) -> RunReport:
        return bill_month(request, Progress(request.invoice_month).each(as_task))

    def then(request: Request, report: RunReport | None) -> None:
        if report is None:
            return
        show_month(request.home, request.invoice_month, report.lines(), report.accounts)
        facts = {"parked": len(report.parked), "stops": len(report.stops), "accounts": report.accounts}
        tell(request, "needs-approval", facts)

    return ended(ask, run, then)


def _named() -> str:
    """bill-2026-06, of the month that was asked for or that of the scheduled start."""
    of, given = str(flow_run.flow_name).partition("-")[0], flow_run.parameters
    if (request := given.get("request")) is not None:
        return f"{of}-{request.invoice_month}"
    with suppress(TollbookError):  # told when the flow itself asks
        return f"{of}-{asked(given.get('home'), given.get('month'), zone=given.get('zone')).invoice_month}"
    return of


def _show(request: Request, report: acts.Report | None) -> None:
    if report is not None:
        show_month(request.home, request.invoice_month, report.lines())


@flow(name="bill-month", validate_parameters=False, persist_result=False, flow_run_name=_named)
def _bill_request(request: Request) -> State[Any]:
    """`tollbook run`."""
    return _drafted(lambda: request)


@flow(name="ingest-daily", persist_result=False)
def ingest_daily(home: str | None = None, by: Words = BY) -> State[Any]:
    """Takes in every new file of the inbox.

    Args:
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        by: who acts; stands in the audit log.
    """
    return ended(lambda: asked(home, None, by=by), acts.take_in_files)


@flow(name="bill-month", persist_result=False, flow_run_name=_named)
def bill_the_month(
    home: str | None = None,
    month: Month | None = None,
    accounts: list[str] | None = None,
    ahead: Words | None = None,
    zone: str | None = None,
    by: Words = BY,
) -> State[Any]:
    """Ingest, rate, charge, tax, draft and review an invoice month.

    Args:
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        month: invoice month, such as 2026-06; empty: that of the scheduled start.
        accounts: only these account ids; empty: all.
        ahead: why a month is run that is later than the next one.
        zone: zone that decides which month it is; empty: the first seller's.
        by: who acts; stands in the audit log.
    """
    return _drafted(lambda: asked(home, month, zone=zone, by=by, accounts=accounts, ahead=ahead))


@flow(name="approve-month", persist_result=False, flow_run_name=_named)
def approve_month(
    month: Month,
    approved_by: Words,
    home: str | None = None,
    seller: str | None = None,
    kind: Kind | None = None,
    issue_date: date | None = None,
    override: Words | None = None,
) -> State[Any]:
    """Issues the drafts: numbers the documents, freezes them, renders the PDFs.

    Args:
        month: invoice month, such as 2026-06.
        approved_by: who approves; never who ran the month.
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        seller: only this seller's documents.
        kind: only drafts of this kind.
        issue_date: empty: the 1st of the invoice month.
        override: why stops may be let through; kept in the audit log.
    """

    def issue(request: Request) -> Approval:
        return acts.issue(request, seller, kind, issue_date, override)

    def then(request: Request, report: Approval | None) -> None:
        _show(request, report)
        if report is not None:
            tell(request, "issued", {"documents": len(report.issued), "parked": len(report.parked)})

    return ended(lambda: asked(home, month, by=approved_by), issue, then)


@flow(name="send-month", persist_result=False, flow_run_name=_named)
def send_month(
    home: str | None = None,
    month: Month | None = None,
    late_reason: Words | None = None,
    zone: str | None = None,
    by: Words = BY,
) -> State[Any]:
    """E-mails what is issued and unsent, on the 1st to 5th in the seller's zone.

    Args:
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        month: invoice month, such as 2026-06; empty: that of the scheduled start.
        late_reason: why mails go out outside the window.
        zone: zone that decides which month it is; empty: the first seller's.
        by: who acts; stands in the audit log.
    """

    def then(request: Request, report: SendReport | None) -> None:
        _show(request, report)
        tell_of_the_window(request)

    return ended(lambda: asked(home, month, zone=zone, by=by), lambda request: acts.post(request, late_reason), then)


@flow(name="publish", persist_result=False)
def publish(home: str | None = None, by: Words = BY) -> State[Any]:
    """Writes the analysts' snapshot, published/tollbook.duckdb.

    Args:
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        by: who acts; stands in the audit log.
    """
    return ended(lambda: asked(home, None, by=by), acts.write_snapshot)


@flow(name="correct-month", persist_result=False, flow_run_name=_named)
def correct_month(
    month: Month,
    reason: Words,
    home: str | None = None,
    accounts: list[str] | None = None,
    as_known_at: str | None = None,
    note: list[str] | None = None,
    by: Words = BY,
) -> State[Any]:
    """Recomputes an issued month and drafts credit notes and replacements where it differs.

    Args:
        month: invoice month that is issued, such as 2026-05.
        reason: why; kept in the audit log.
        home: folder of the home; empty: $TOLLBOOK_HOME where the flow runs.
        accounts: only these account ids; empty: all.
        as_known_at: with what this run knew.
        note: what its documents tell the customer, as it is; de=... for readers of German.
        by: who acts; stands in the audit log.
    """

    def draft(request: Request) -> acts.Report:
        return acts.draft_corrections(request, reason, as_known_at, note_of(note or ()))

    def then(request: Request, report: acts.Report | None) -> None:
        _show(request, report)
        if report is not None:
            tell(request, "corrections-drafted", {})

    return ended(lambda: asked(home, month, by=by, accounts=accounts), draft, then)


def run_with_prefect(request: Request) -> RunReport:
    """The month as a flow, on the server PREFECT_API_URL names or a local one of its own.

    An expected error ends the flow as `Refused` (or, for nothing to do, as `Nothing to do`) and is raised here.
    """
    if not PREFECT_API_URL.value():
        guard_ephemeral_server()
    state: State[Any] = _bill_request(request, return_state=True)
    found = state.result(raise_on_failure=False)
    if isinstance(found, BaseException):
        raise found
    return found  # type: ignore[no-any-return]


def plans(settings: Settings) -> list[Plan]:
    """What `tollbook serve` registers, in the order of a month."""
    when = settings.serve
    return [
        Plan("ingest-daily", ingest_daily, when.ingest, "Takes in the new files of the inbox.", by_zone=False),
        Plan("bill-month", bill_the_month, when.bill, "Drafts the invoice month and writes its review."),
        Plan("send-month", send_month, when.send, "Mails what is issued, each day of the window."),
        Plan("approve-month", approve_month, "", "Issues the drafts of a month: by another person than ran it."),
        Plan("correct-month", correct_month, "", "Drafts credit notes and replacements of an issued month."),
        Plan("publish", publish, "", "Writes the analysts' snapshot."),
    ]
