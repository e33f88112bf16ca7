"""`tollbook explain`: from a document to its lines and taxes, from a line or a tax to what stands behind it."""

from typing import Annotated

import typer

from flows.cli import complete
from flows.cli.base import Globals, tell


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("explain")(explain_command)


def explain_command(
    context: typer.Context,
    document: Annotated[
        str, typer.Argument(help="Number of an issued document, or id of a draft.", autocompletion=complete.documents)
    ],
    what: Annotated[str | None, typer.Argument(metavar="[LINE | tax:N]", help="Default the whole document.")] = None,
) -> None:
    """Say how a document, one of its lines or one of its taxes came about."""
    from flows.ask.explain import explain

    shared: Globals = context.obj
    with shared.store("explain") as store:
        report = explain(store, document, what)
    tell(shared, report)
