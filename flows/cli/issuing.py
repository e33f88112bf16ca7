"""Commands that hand out: preview, approve, send, publish."""

from typing import Annotated

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, day_of, tell
from schemas.errors import WrongUsage


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("preview")(preview_command)
    app.command("approve")(approve_command)
    app.command("send")(send_command)
    app.command("publish")(publish_command)


def preview_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.")],
    account: Annotated[list[str] | None, typer.Option("--account", help="Only these accounts.")] = None,
) -> None:
    """Draw the drafts as PDFs to look at, marked as drafts; nothing is issued."""
    from flows.issue.preview import preview
    from flows.review.look import renewed

    shared: Globals = context.obj
    request = shared.request(month, tuple(account or ()))
    with shared.store("preview") as store:
        report = preview(store, request, shared.settings)
        renewed(store, shared.settings, month)
    tell(shared, report)


def approve_command(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="Invoice month or run id.", autocompletion=complete.months)],
    seller: Annotated[
        str | None, typer.Option(help="Only this seller's documents.", autocompletion=complete.sellers)
    ] = None,
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
    from flows.issue.approve import KINDS, approve, month_of_target
    from flows.review.look import renewed

    shared: Globals = context.obj
    if kind is not None and kind not in KINDS:
        raise WrongUsage(f"--kind: found {kind!r}; expected one of {', '.join(KINDS)}")
    with shared.store("approve") as store:
        month, run_id = month_of_target(store, target)
        request, day = shared.request(month), day_of(issue_date, "--issue-date")
        report = approve(request, run_id, seller, kind, day, manifest=manifest, override=override, store=store)
        renewed(store, shared.settings, month)
    tell(shared, report)


def send_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.", autocompletion=complete.months)],
    late_reason: Annotated[
        str | None, typer.Option("--late-reason", help="Why it goes out outside the window.")
    ] = None,
    resend_unknown: Annotated[bool, typer.Option("--resend-unknown", help="Also mails whose fate is unknown.")] = False,
) -> None:
    """E-mail what is issued and unsent, on the 1st to 5th in the seller's zone."""
    from flows.post.send import send
    from flows.review.look import renewed

    shared: Globals = context.obj
    shared.request(month)
    with shared.store("send") as store:
        report = send(
            store, shared.settings, month, today=shared.today, now=shared.now, by=shared.by, late_reason=late_reason,
            resend_unknown=resend_unknown,
        )  # fmt: skip
        renewed(store, shared.settings, month)
    tell(shared, report)


def publish_command(
    context: typer.Context,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Also Parquet files of the most used views, in published/parquet/.")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Make all of it anew, also months in which nothing happened.")
    ] = False,
) -> None:
    """Write the analysts' snapshot, published/tollbook.duckdb."""
    from flows.books.publish import publish
    from flows.home import audit

    shared: Globals = context.obj
    with shared.store("publish") as store:
        audit.record(store, "publish", "snapshot", shared.by, shared.now)
        path = str(publish(store, parquet=parquet, whole=whole))
    tell(shared, Facts({"snapshot": path}, [path]))
