"""Commands about months that are issued, and about what a change of rates would move: correct, rerate."""

from typing import Annotated

import typer

from flows.cli import complete
from flows.cli.base import Globals, day_of, say, tell


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("correct")(correct_command)
    app.command("rerate")(rerate_command)


def correct_command(
    context: typer.Context,
    month: Annotated[
        str, typer.Argument(help="Invoice month that is issued, such as 2026-05.", autocompletion=complete.months)
    ],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log, not printed.")],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only these accounts.", autocompletion=complete.accounts)
    ] = None,
    as_known_at: Annotated[str | None, typer.Option("--as-known-at", help="With what this run knew.")] = None,
    note: Annotated[
        list[str] | None,
        typer.Option(
            "--note",
            help="What its documents tell the customer, as it is; de=TEXT for readers of German. Repeatable.",
        ),
    ] = None,
) -> None:
    """Recompute an issued month, show before and after, and draft credit notes and replacements where it differs."""
    from flows.correct.month import correct
    from flows.correct.note import note_of
    from flows.ingest.report import refused_line
    from flows.review.page import review

    shared: Globals = context.obj
    request = shared.request(month, tuple(account or ()))
    words = note_of(note or ())
    with shared.locked(f"correct {month}"), request.store() as store:
        report = correct(request, reason, as_known_at, note=words, store=store)
        review(store, shared.settings, month)
    for name in report.replaced:
        say(f"the drafts of correction {name} gave way to this one's")
    for name in report.refused_files:
        say(refused_line(name))
    tell(shared, report)


def rerate_command(
    context: typer.Context,
    month: Annotated[
        str,
        typer.Argument(
            help="Invoice month, such as 2026-06; its usage is the month before.", autocompletion=complete.months
        ),
    ],
    account: Annotated[
        list[str] | None, typer.Option("--account", help="Only these accounts.", autocompletion=complete.accounts)
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Only numbers called that begin so, such as +336.")] = None,
    deck: Annotated[
        str | None, typer.Option(help="Only usage rated by this deck.", autocompletion=complete.decks)
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="First day, in the account's zone.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day, included.")] = None,
) -> None:
    """Say what today's rates would move of a month's usage, per account and in all; move nothing."""
    from flows.correct.rerate import Asked, rerate

    shared: Globals = context.obj
    request = shared.request(month, tuple(account or ()))
    shared.must_be_home()
    days = Asked(prefix, deck, day_of(since, "--from"), day_of(until, "--to"))
    with shared.locked(f"rerate {month}"):
        report = rerate(request, days)
    tell(shared, report)
