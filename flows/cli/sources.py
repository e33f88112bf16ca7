"""`tollbook source`: how a switch's file would be read, before anything is declared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.cli.base import Globals, say, tell
from schemas.errors import WrongUsage

if TYPE_CHECKING:
    from flows.home.file_settings import SourceSettings
    from flows.home.settings import Home


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    sources = typer.Typer(help="Usage files of switches and gateways: try one.", no_args_is_help=True)
    sources.callback()(lambda: None)
    sources.command("try")(try_command)
    app.add_typer(sources, name="source")


def try_command(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A sample: CSV, JSON, JSON lines, Parquet or a workbook, packed or not.")
    ],
    like: Annotated[
        str | None, typer.Option("--like", help="Only this layout, or this source of tollbook.toml.")
    ] = None,
) -> None:
    """Try every layout on a sample, show records as understood, and print the settings to paste. Needs no home."""
    from flows.ask.source_try import try_source

    shared: Globals = context.obj
    if not file.exists() and (shared.home.root / file).exists():
        file = shared.home.root / file  # as messages name it, wherever the command is given
    home = _home(shared, file)
    tell(
        shared,
        try_source(file, shared.now, like=like, declared=_declared(home, like), home=home.root if home else None),
    )


def _home(shared: Globals, file: Path) -> "Home | None":
    """The home that was named, or else the one in which the file lies; there may be none."""
    from flows.ask.source_place import home_around
    from flows.home.settings import Home

    if shared.home.settings_file.exists():
        return shared.home
    root = home_around(file)
    return Home(root) if root else None


def _declared(home: "Home | None", like: str | None) -> "dict[str, SourceSettings]":
    """The sources of a home, if there is one; one whose settings cannot be read stops nothing that needs none."""
    from flows.home.file_settings import SOURCE_FORMATS
    from flows.home.settings import load_settings

    if home is None:
        return {}
    try:
        return load_settings(home).sources
    except WrongUsage as error:
        if like is not None and like not in SOURCE_FORMATS:
            raise
        say(f"the sources of this home are left aside: {error}")
        return {}
