"""Commands that take something back or let it through: rollback, replay, park and unpark."""

from typing import Annotated

import typer

from flows.cli_base import Globals, finish, give
from flows.context import locked
from flows.publish import publish
from flows.settings import load_settings
from flows.store import Store


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("rollback")(rollback_command)


def rollback_command(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="A file that was taken in: its path, or its hash.")],
    reason: Annotated[str | None, typer.Option(help="Why, for the audit log.")] = None,
) -> None:
    """Take one ingested file back out, with everything that came from it and is not issued."""
    from flows.rollback import rollback

    shared: Globals = context.obj
    settings = load_settings(shared.home)
    with locked(shared.home, "rollback", shared.by), Store(shared.home, settings.run.memory_limit_mb) as store:
        done = rollback(store, settings, file, by=shared.by, now=shared.now, reason=reason)
        publish(store)
    give(shared, done.as_json(), done.lines())
    finish(bool(done.effects))
