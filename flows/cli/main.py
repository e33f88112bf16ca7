"""The command line: arguments in, one function called, data on stdout, the rest on stderr, an exit code.

The commands and what their exit codes mean are CONTRACT, section 3.
"""

import atexit
import getpass
import os
import sys
import traceback
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.books.context import Request
from flows.cli import acts, correcting, decks, explaining, reports, taxes
from flows.cli.base import DEFECT, DONE, Globals, finish, give, say
from flows.home import audit
from flows.home.settings import Home, load_settings
from flows.home.store import Store, damaged
from schemas.errors import NothingToDo, Refused, TollbookError, WrongUsage
from schemas.periods import month_of

if TYPE_CHECKING:
    from flows.bill_run import RunReport

app = typer.Typer(
    help="Billing for telephone providers: right, explainable, one folder.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _day(text: str | None, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{option}: found {text!r}; expected a date YYYY-MM-DD") from None


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tollbook {version('tollbook')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[Path | None, typer.Option(help="The home; default $TOLLBOOK_HOME, then this folder.")] = None,
    today: Annotated[str | None, typer.Option(help="The day it is; default $TOLLBOOK_TODAY, then the clock.")] = None,
    by: Annotated[str | None, typer.Option(help="Who is acting; default the login name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Data as JSON on stdout.")] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take over a lock whose holder on another machine is known to be dead.")
    ] = False,
    asked_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and nothing else.")
    ] = False,
) -> None:
    """Reads what every command shares; the only place that reads the clock (RULES 1)."""
    del asked_version
    # What people owe is nobody else's to read, whatever the shell's umask says.
    os.umask(os.umask(0o077) | 0o027)
    context.obj = Globals(
        home=Home(home or Path(os.environ.get("TOLLBOOK_HOME") or ".")),
        today=_day(today or os.environ.get("TOLLBOOK_TODAY"), "--today"),
        by=by or getpass.getuser(),
        as_json=as_json,
        now=datetime.now(UTC),  # noqa: TID251 the one clock
        take_over=take_over,
    )


@app.command("init")
def init_command(
    context: typer.Context,
    directory: Path,
    sample: Annotated[bool, typer.Option(help="With a small provider and its usage.")] = False,
) -> None:
    """Write a commented home; with --sample a small provider with months of usage."""
    from flows.home.init import init_home

    written = init_home(directory, sample=sample)
    give(
        context.obj, {"home": str(directory), "files": len(written)}, [f"{directory}: a home with {len(written)} files"]
    )


@app.command("ingest")
def ingest_command(
    context: typer.Context,
    paths: Annotated[list[Path] | None, typer.Argument(help="Files; default every new file of the inbox.")] = None,
    feed: Annotated[str | None, typer.Option(help="Feed of a file outside inbox/.")] = None,
    source: Annotated[str | None, typer.Option(help="Declared source of a file outside inbox/.")] = None,
) -> None:
    """Take in every new file; say what was loaded, rejected, duplicate. Safe to repeat."""
    from flows.ingest.take_in import ingest

    shared: Globals = context.obj
    settings = load_settings(shared.home)
    with shared.locked("ingest"), Store(shared.home, settings.run.memory_limit_mb) as store:
        report = ingest(store, settings, paths or None, feed=feed, source=source, now=shared.now, by=shared.by)
    for file in report.files:
        for fault in file.faults[:20]:
            say(str(fault))
    files = [
        {"file": f.source_file, "feed": f.feed, "state": f.state, "records": f.records, "loaded": f.loaded,
         "rejected": f.rejected, "duplicate": f.duplicate}
        for f in report.files
    ]  # fmt: skip
    told = "{file}: {state}, {records} records, {loaded} loaded, {rejected} rejected, {duplicate} duplicate"
    give(shared, files, [told.format(**file) for file in files])
    if not report.anything_new and not report.refused:
        raise NothingToDo("nothing new in the inbox.")
    finish(report.incomplete)


@app.command("run")
def run_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.")],
    account: Annotated[list[str] | None, typer.Option("--account", help="Only these accounts.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be drafted and leave no trace.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Without Prefect.")] = False,
) -> None:
    """Ingest, rate, charge, tax, draft, reconcile and write the review of an invoice month."""
    from flows.ask.dry_run import scratch_copy
    from flows.bill_run import run_direct

    shared: Globals = context.obj
    request = shared.request(month, tuple(account or ()))
    load_settings(shared.home)
    if dry_run:
        with shared.locked("dry run"), scratch_copy(request) as copy:
            report = run_direct(copy)
    else:
        report = run_direct(request) if direct else _with_prefect(request)
    lines = [
        f"{'dry run' if dry_run else 'run'} {report.run_id}: {report.kind}, invoice month {report.invoice_month}",
        "files: " + _counts(report.files),
        "usage: " + _counts(report.usage),
        "accounts: " + _counts(report.accounts),
        *(f"parked {name}: {reason}" for name, reason in report.parked),
        *(f"look at {name}: {detail}" for name, _, detail in report.findings),
        *(f"stops the approval: {stop}" for stop in report.stops),
        *(f"refused file {name}; see `tollbook ingest {name}`" for name in report.refused_files),
    ]
    from flows.books.run_diff import lines as moved_lines

    lines += moved_lines(report.differences)
    give(shared, report.as_dict(), lines)
    for run_id in report.replaced:
        say(
            f"the drafts of run {run_id} gave way to this run's"
            + (", which is for some accounts only" if account else "")
        )
    if not dry_run:
        say(f"review: out/{month}/review.html; then `tollbook approve {month}` by another person")
    finish(report.incomplete)


def _with_prefect(request: Request) -> "RunReport":
    """Prefect takes seconds to import, so only a run through it does."""
    from flows.prefect_flow import run_with_prefect

    return run_with_prefect(request)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


@app.command("review")
def review_command(context: typer.Context, month: str) -> None:
    """Print the numbers to look at before approving."""
    from flows.review.page import review

    shared: Globals = context.obj
    shared.request(month)
    settings = load_settings(shared.home)
    with shared.locked("review"), Store(shared.home, settings.run.memory_limit_mb) as store:
        found = review(store, settings, month)
    give(shared, found.as_json(), found.lines())


@app.command("approve")
def approve_command(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="Invoice month or run id.")],
    seller: Annotated[str | None, typer.Option(help="Only this seller's documents.")] = None,
    kind: Annotated[str | None, typer.Option(help="regular, supplementary or correction.")] = None,
    issue_date: Annotated[
        str | None, typer.Option("--issue-date", help="Default the 1st of the invoice month.")
    ] = None,
    manifest: Annotated[
        str | None,
        typer.Option(help="Hash (or its beginning) of the manifest you have looked at; another one refuses."),
    ] = None,
    override: Annotated[
        str | None, typer.Option(help="Why gaps and figures far from their history may pass; kept in the audit log.")
    ] = None,
) -> None:
    """Issue the drafts: number the documents, freeze them, render the PDFs."""
    from flows.bill_run import publish_snapshot
    from flows.issue.approve import KINDS, approve, month_of_target

    shared: Globals = context.obj
    if kind is not None and kind not in KINDS:
        raise WrongUsage(f"--kind: found {kind!r}; expected one of {', '.join(KINDS)}")
    settings = load_settings(shared.home)
    with shared.locked("approve"):
        with Store(shared.home, settings.run.memory_limit_mb) as store:
            month, run_id = month_of_target(store, target)
        request = shared.request(month)
        day = _day(issue_date, "--issue-date")
        done = approve(request, run_id, seller, kind, day, manifest=manifest, override=override)
        publish_snapshot(request)
    lines = [f"{month}: {len(done.issued)} documents issued, {done.rendered} PDFs in out/{month}/invoices"]
    lines += [f"left out, parked: {name}: {reason}" for name, reason in done.parked]
    lines += [f"issued without a PDF: {number}: {reason}" for number, reason in done.unprinted]
    if done.overridden:
        lines.append(f"let through by --override: {done.overridden}; the review and the audit log say what and why")
    if done.not_asked:
        lines.append(f"left out, not asked for: {done.not_asked} accounts; `tollbook run {month}` drafts them")
    give(
        shared,
        {"invoice_month": month, "issued": done.issued, "rendered": done.rendered, "parked": done.parked,
         "parked_codes": done.parked_codes},
        lines,
    )  # fmt: skip
    finish(done.incomplete)


@app.command("send")
def send_command(
    context: typer.Context,
    month: str,
    late_reason: Annotated[
        str | None, typer.Option("--late-reason", help="Why it goes out outside the window.")
    ] = None,
    resend_unknown: Annotated[bool, typer.Option("--resend-unknown", help="Also mails whose fate is unknown.")] = False,
) -> None:
    """E-mail what is issued and unsent, on the 1st to 5th in the seller's zone."""
    from flows.bill_run import publish_snapshot
    from flows.post.send import send

    shared: Globals = context.obj
    request = shared.request(month)
    settings = load_settings(shared.home)
    with shared.locked("send"):
        with Store(shared.home, settings.run.memory_limit_mb) as store:
            report = send(
                store, settings, month, today=shared.today, now=shared.now, by=shared.by, late_reason=late_reason,
                resend_unknown=resend_unknown,
            )  # fmt: skip
        publish_snapshot(request)
    give(shared, report.as_json() if hasattr(report, "as_json") else report.__dict__, report.lines())
    finish(report.incomplete)


@app.command("publish")
def publish_command(context: typer.Context) -> None:
    """Write the analysts' snapshot, published/tollbook.duckdb."""
    from flows.bill_run import publish_snapshot

    shared: Globals = context.obj
    load_settings(shared.home)
    with shared.locked("publish"):
        request = shared.request(month_of(shared.today or shared.now.date()))
        with request.store() as store:
            audit.record(store, "publish", "snapshot", shared.by, shared.now)
        path = publish_snapshot(request)
    give(shared, {"snapshot": path}, [path])


def main() -> None:
    """Entry point: an expected error prints one sentence and ends with its exit code; the rest is a defect of ours."""
    acts.register(app)
    correcting.register(app)
    reports.register(app)
    decks.register(app)
    taxes.register(app)
    explaining.register(app)
    command = typer.main.get_command(app)
    try:
        found = command.main(standalone_mode=False)
        code = found if isinstance(found, int) else DONE
    except TollbookError as error:
        say(str(error))
        code = error.exit_code
    except Exception as error:  # noqa: BLE001 the last line of defence: shown whole, exit 1
        code = _other(error)
    _leave(code)


def _leave(code: int) -> None:
    """Ends the process. After a Prefect flow its threads are still there, and duckdb's binding would report
    everything they hold as leaked: so the exit hooks run (they stop the local server), and then it ends at once.
    """
    if "prefect" in sys.modules:
        atexit._run_exitfuncs()  # noqa: SLF001 there is no public way
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _is_damage(message: str) -> bool:
    """Whether a message of the database speaks of its file, and not of what we asked."""
    return any(word in message.lower() for word in ("checksum", "corrupt", "could not read", "invalidated"))


def _other(error: Exception) -> int:
    """Click's own complaints are wrong usage; an interrupted command was stopped; the rest is ours."""
    if isinstance(error, OSError) and error.filename:
        say(f"{error.filename}: {error.strerror}. Give this user the right to read and write the home, and room to.")
        return Refused.exit_code
    if "duckdb" in sys.modules and isinstance(error, sys.modules["duckdb"].Error) and _is_damage(str(error)):
        say(damaged(error))
        return Refused.exit_code
    show = getattr(error, "show", None)
    if callable(show):
        show()
        return WrongUsage.exit_code
    if type(error).__name__ == "Abort":
        say("stopped.")
        return DEFECT
    traceback.print_exc()
    say("This is a defect of ours: nothing you did should end here.")
    return DEFECT
