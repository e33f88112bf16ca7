"""What every command shares: the options before it, where data and words go, and how it ends (CONTRACT, section 3)."""

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import typer

from flows.books.context import Request
from flows.home.lock import locked
from flows.home.settings import Home
from schemas.periods import month_start

DONE, DEFECT, INCOMPLETE = 0, 1, 3


@dataclass
class Globals:
    """The options that stand before the command."""

    home: Home
    today: date | None
    by: str
    as_json: bool
    now: datetime
    take_over: bool = False

    def request(self, month: str, accounts: tuple[str, ...] = ()) -> Request:
        month_start(month)
        return Request(str(self.home.root), month, self.by, self.now, self.today, accounts, self.take_over)

    def locked(self, act: str) -> AbstractContextManager[None]:
        """The home's lock, for the length of an act."""
        return locked(self.home, act, self.by, self.now, take_over=self.take_over)


def say(text: str) -> None:
    """Progress and warnings go to stderr."""
    typer.echo(text, err=True)


def give(shared: Globals, data: Any, lines: list[str]) -> None:
    """Data goes to stdout, as JSON where asked for."""
    if shared.as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, default=str))
    else:
        for line in lines:
            typer.echo(line)


def finish(incomplete: bool) -> None:
    """Ends the command: 0, or 3 when something is left to do."""
    raise typer.Exit(INCOMPLETE if incomplete else DONE)
