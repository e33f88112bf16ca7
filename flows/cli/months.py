"""Commands of a month until it is drafted: init, ingest, rate, run, review."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, say, show, tell
from flows.home import progress
from schemas.counts import count_of
from schemas.errors import NothingToDo

if TYPE_CHECKING:
    from flows.bill_run import RunReport
    from flows.books.context import Request


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("init")(init_command)
    app.command("ingest")(ingest_command)
    app.command("rate")(rate_command)
    app.command("run")(run_command)
    app.command("review")(review_command)


def init_command(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="The folder to make; a new or an empty one.")],
    sample: Annotated[bool, typer.Option(help="With a small provider and its usage.")] = False,
) -> None:
    """Write a commented home; with --sample a small provider with months of usage."""
    from flows.home.init import init_home

    count = len(init_home(directory, sample=sample))
    tell(
        context.obj,
        Facts({"home": str(directory), "files": count}, [f"{directory}: a home with {count_of(count, 'file')}"]),
    )


def ingest_command(
    context: typer.Context,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files; default every new file of the inbox.")] = None,
    feed: Annotated[str | None, typer.Option(help="Feed of a file outside inbox/.")] = None,
    source: Annotated[str | None, typer.Option(help="Declared source of a file outside inbox/.")] = None,
) -> None:
    """Take in every new file; say what was loaded, rejected, duplicate. Safe to repeat."""
    from flows.ingest.take_in import ingest

    shared: Globals = context.obj
    with shared.store("ingest") as store:
        report = ingest(
            store, shared.settings, paths or None, feed=feed, source=source, now=shared.now, today=shared.today,
            by=shared.by,
        )  # fmt: skip
    for note in report.notes():
        say(note)
    if not report.anything_new and not report.incomplete:
        show(shared, report)
        raise NothingToDo("nothing new in the inbox.")
    tell(shared, report)


def rate_command(
    context: typer.Context,
    month: Annotated[
        str | None,
        typer.Argument(help="Invoice month; default the one after the last issued.", autocompletion=complete.months),
    ] = None,
) -> None:
    """Ingest, and rate what has come so far of a month that is not over: the run on the 1st has the rest left."""
    from flows.bill_run import direct
    from flows.day_run import rate_day
    from schemas.periods import month_of

    shared: Globals = context.obj
    request = shared.request(month or month_of(shared.today or shared.now.date()))
    shared.must_be_home()
    report = rate_day(request, direct, of_next=month is None)
    tell(shared, report, [*report.passed_over, *report.rejects])


def run_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.", autocompletion=complete.months)],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only these accounts.", autocompletion=complete.accounts)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be drafted and leave no trace.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Without Prefect.")] = False,
    ahead: Annotated[
        str | None, typer.Option("--ahead", help="Why a month is run that is later than the next one.")
    ] = None,
) -> None:
    """Ingest, rate, charge, tax, draft, reconcile and write the review of an invoice month."""
    shared: Globals = context.obj
    request = replace(shared.request(month, tuple(account or ())), ahead=ahead)
    shared.must_be_home()
    if shared.accept_loss is not None:
        with shared.locked(f"run {month}"):
            pass  # the run takes the lock itself, once the loss is accepted
    report = _dry(shared, request) if dry_run else _direct(request) if direct else _with_prefect(request)
    partly = ", which is for some accounts only" if account else ""
    notes = [*report.passed_over, *report.rejects]
    notes += [f"the drafts of run {run_id} gave way to this run's{partly}" for run_id in report.replaced]
    if not dry_run:
        notes.append(f"review: out/{month}/review.html; then `tollbook approve {month}` by another person")
    tell(shared, report, notes)


def _dry(shared: Globals, request: "Request") -> "RunReport":
    from flows.ask.dry_run import scratch_copy
    from flows.bill_run import run_direct

    with shared.locked("dry run"), scratch_copy(request) as copy:
        return replace(run_direct(copy), is_dry=True)


def _direct(request: "Request") -> "RunReport":
    from flows.bill_run import run_direct

    return run_direct(request)


def _with_prefect(request: "Request") -> "RunReport":
    """Prefect takes seconds to import, so only a run through it does."""
    with progress.stage("load Prefect"):
        from flows.prefect_flow import run_with_prefect

    return run_with_prefect(request)


def review_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.", autocompletion=complete.months)],
) -> None:
    """Print the numbers to look at before approving."""
    from flows.review.look import latest_review

    shared: Globals = context.obj
    shared.request(month)
    with shared.locked("review"):
        report = latest_review(shared.home, shared.settings, month)
    # To look is done when it was looked: what the review finds is no fault of this command.
    show(shared, report)
