"""The command that stays: serve."""

import os
from typing import Annotated

import typer

from flows.cli.base import Globals, say


def register(app: typer.Typer) -> None:
    """Adds the command of this file to the command line."""
    app.command("serve")(serve_command)


def serve_command(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option(help="Port of a server of our own; default [serve] port. This machine only.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Added to the deployments' names, where one server serves several homes.")
    ] = None,
) -> None:
    """Register this home's Prefect deployments and run what is due, until it is stopped with Ctrl-C.

    Without PREFECT_API_URL a server of our own is started, with its pages, for as long as this lasts.
    """
    shared: Globals = context.obj
    settings = shared.must_be_home()
    if shared.today is not None:
        os.environ["TOLLBOOK_TODAY"] = shared.today.isoformat()
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO")
    from flows.prefect_flow import plans
    from flows.scheduled.serving import serve_home, server_of

    with server_of(shared.home, settings, port) as api:
        say(f"serving {shared.home.root.resolve()}; Prefect's pages: {api.removesuffix('/api')}; stop with Ctrl-C")
        serve_home(shared.home, settings, plans(settings), f"-{name}" if name else "")
