"""Commands about months that are issued, and about what a change of rates would move: correct, rerate."""

from typing import Annotated

import typer

from flows.cli_base import Globals, finish, give, say
from flows.settings import load_settings


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("correct")(correct_command)


def correct_command(
    context: typer.Context,
    month: Annotated[str, typer.Argument(help="Invoice month that is issued, such as 2026-05.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the audit log.")],
    account: Annotated[list[str] | None, typer.Option("--account", help="Only these accounts.")] = None,
    as_known_at: Annotated[str | None, typer.Option("--as-known-at", help="With what this run knew.")] = None,
) -> None:
    """Recompute an issued month, show before and after, and draft credit notes and replacements where it differs."""
    from flows.correct import correct
    from flows.review import review

    shared: Globals = context.obj
    request = shared.request(month, tuple(account or ()))
    settings = load_settings(shared.home)
    with shared.locked(f"correct {month}"):
        found = correct(request, reason, as_known_at)
        with request.store() as store:
            review(store, settings, month)
    for name in found.replaced:
        say(f"the drafts of correction {name} gave way to this one's")
    for name in found.refused_files:
        say(f"refused file {name}; see `tollbook ingest {name}`")
    give(shared, found.as_json(), found.lines())
    finish(found.incomplete)
