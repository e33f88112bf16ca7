"""Commands that take something back or let it through: rollback, replay, erase, park and unpark."""

from typing import Annotated

import typer

from flows.cli import complete
from flows.cli.base import Facts, Globals, finish, say, show, tell
from schemas.counts import count_of
from schemas.periods import month_of

Account = Annotated[str, typer.Argument(help="An account's id.", autocompletion=complete.accounts)]


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("rollback")(rollback_command)
    app.command("replay")(replay_command)
    app.command("erase")(erase_command)
    app.command("park")(park_command)
    app.command("unpark")(unpark_command)


def rollback_command(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(help="A file that was taken in: its path, or its hash.", autocompletion=complete.inbox_files),
    ],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit log.")] = None,
) -> None:
    """Take one ingested file back out, with everything that came from it and is not issued."""
    from flows.books.publish import publish
    from flows.undo.rollback import rollback

    shared: Globals = context.obj
    with shared.store("rollback") as store:
        report = rollback(store, shared.settings, file, by=shared.by, now=shared.now, reason=reason)
        publish(store)
    tell(shared, report)


def replay_command(
    context: typer.Context,
    reason: Annotated[str | None, typer.Option(help="Only usage suspended for this reason.")] = None,
) -> None:
    """Try suspended usage again after the master data is mended; say what the next run will bill."""
    from flows.bill_run import take_in
    from flows.books.books import open_books
    from flows.ingest.report import files_left_open, refused_line
    from flows.undo.replay import replay

    shared: Globals = context.obj
    request = shared.request(month_of(shared.day))
    with shared.locked("replay"), open_books(request) as books:
        taken_in = take_in(books)
        if taken_in.counts.get("loaded"):
            say(f"taken in: {count_of(taken_in.counts['loaded'], 'file')}")
        with files_left_open(taken_in.refused):
            report = replay(books.store, books.settings, reason, request)
    for name in taken_in.refused:
        say(refused_line(name))
    show(shared, report)
    finish(incomplete=report.incomplete or bool(taken_in.refused))


def erase_command(
    context: typer.Context,
    account: Account,
    until: Annotated[str, typer.Option(help="Last usage month whose detail goes, such as 2026-03; all before it too.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log, so without personal data.")],
) -> None:
    """Erase an account's call detail up to a month that is issued; totals, documents and hashes stay."""
    from flows.undo.erase import erase

    shared: Globals = context.obj
    with shared.locked(f"erase {account}"):
        report = erase(shared.home, shared.settings, account, until, reason=reason, by=shared.by, now=shared.now)
    tell(shared, report)


def park_command(
    context: typer.Context,
    account: Account,
    reason: Annotated[str, typer.Option(help="Why; shown in the review and kept in the audit log.")],
) -> None:
    """Set an account aside: runs leave it out, the others are billed."""
    from flows.books.holds import park

    shared: Globals = context.obj
    with shared.store("park") as store:
        park(store, account, reason, shared.by, shared.now)
    said = [f"{account} is set aside; the next run leaves it out"]
    tell(shared, Facts({"account_id": account, "state": "parked"}, said))


def unpark_command(
    context: typer.Context,
    account: Account,
    reason: Annotated[str | None, typer.Option(help="Why, for the audit log.")] = None,
) -> None:
    """Let an account go that was set aside by hand; for one that a run parked, say what mends it."""
    from flows.books.holds import unpark

    shared: Globals = context.obj
    with shared.store("unpark") as store:
        unpark(store, account, reason, shared.by, shared.now)
    said = [f"{account} is let go; the next run bills it"]
    tell(shared, Facts({"account_id": account, "state": "unparked"}, said))
