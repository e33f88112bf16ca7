"""The command that writes a month for another program: export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.base import Facts, Globals, tell
from schemas.errors import WrongUsage


@dataclass(frozen=True)
class Export:
    """What can be exported: its formats, the usual one first, and what writes a month in one of them."""

    formats: tuple[str, ...]
    write: Callable[[Globals, str, str], Path]
    """(shared, month, format) -> the file."""


def register(app: typer.Typer) -> None:
    """Adds the commands of this file to the command line."""
    app.command("export")(export_command)


def export_command(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="review.")],
    month: Annotated[str, typer.Argument(help="Invoice month, such as 2026-06.")],
    file_format: Annotated[str | None, typer.Option("--format", help="review: xlsx.")] = None,
) -> None:
    """Write a month as a file for a spreadsheet or another program."""
    shared: Globals = context.obj
    if what not in EXPORTS:
        raise WrongUsage(f"found {what!r}; expected {', '.join(EXPORTS)}")
    export = EXPORTS[what]
    asked = file_format or export.formats[0]
    if asked not in export.formats:
        raise WrongUsage(f"--format: found {asked!r}; {what} is written as {', '.join(export.formats)}")
    shared.request(month)
    file = str(export.write(shared, month, asked))
    tell(shared, Facts({"what": what, "invoice_month": month, "format": asked, "file": file}, [file]))


def _review(shared: Globals, month: str, file_format: str) -> Path:
    """The review's workbook as the books stand, where the page lies."""
    from flows.review.look import latest_review

    with shared.locked("export"):
        latest_review(shared.home, shared.settings, month)
    return shared.home.out(month) / f"review.{file_format}"


EXPORTS: dict[str, Export] = {"review": Export(("xlsx",), _review)}
"""By what is exported (CONTRACT, section 3)."""
