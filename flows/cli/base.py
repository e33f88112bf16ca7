"""What every command shares: the options before it, where data and words go, and how it ends (CONTRACT, section 3).

Nothing heavy is imported here or by a topic file before a command is called: `tollbook --help` waits for all of it.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import typer

from schemas.errors import WrongUsage
from schemas.periods import month_start

if TYPE_CHECKING:
    from flows.books.context import Request
    from flows.home.settings import Home, Settings
    from flows.home.store import Store

DONE, DEFECT, INCOMPLETE = 0, 1, 3


class Report(Protocol):
    """What an act returns: for the terminal, for a program, and whether something is left to do."""

    @property
    def incomplete(self) -> bool: ...

    def lines(self) -> list[str]: ...

    def as_json(self) -> Any: ...


@dataclass(frozen=True)
class Facts:
    """The report of an act that has none of its own: what is so, twice."""

    data: Any
    text: list[str]
    incomplete: bool = False

    def lines(self) -> list[str]:
        return self.text

    def as_json(self) -> Any:
        return self.data


@dataclass
class Globals:
    """The options that stand before the command."""

    root: Path
    today: date | None
    by: str
    is_json: bool
    now: datetime
    take_over: bool = False
    accept_loss: str | None = None
    """Why books that know less than has left the house are gone for good."""

    @cached_property
    def home(self) -> "Home":
        from flows.home.settings import Home

        return Home(self.root)

    @cached_property
    def settings(self) -> "Settings":
        """Of the home. Raises WrongUsage where there is none."""
        from flows.home.settings import load_settings

        return load_settings(self.home)

    def must_be_home(self) -> "Settings":
        """The settings, read before anything is locked, written or computed."""
        return self.settings

    @property
    def day(self) -> date:
        """The day it is."""
        return self.today or self.now.date()

    def request(self, month: str, accounts: tuple[str, ...] = ()) -> "Request":
        """For an invoice month. Raises WrongUsage for what is no month."""
        from flows.books.context import Request

        month_start(month)
        return Request(str(self.root), month, self.by, self.now, self.today, accounts, self.take_over)

    @contextmanager
    def locked(self, act: str) -> Iterator[None]:
        """The home's lock, for the length of an act. What is no home is not locked."""
        from flows.home import progress
        from flows.home.lock import locked

        self.must_be_home()
        with progress.stage(act), locked(self.home, act, self.by, self.now, take_over=self.take_over):
            self.accept_what_is_lost()
            yield

    @contextmanager
    def lock_if_free(self, act: str) -> Iterator[bool]:
        """The home's lock where nobody holds it; whether it was to be had."""
        from flows.home.lock import locked
        from schemas.errors import Refused

        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.home, act, self.by, self.now, take_over=self.take_over))
            except Refused:
                yield False
            else:
                yield True

    def accept_what_is_lost(self) -> None:
        """Where --accept-loss was given. The lock is held."""
        if self.accept_loss is None:
            return
        from flows.home.loss import accept_loss
        from flows.home.store import Store

        with Store(self.home, self.settings.run.memory_limit_mb, whatever_is_left=True) as store:
            said = accept_loss(store, self.accept_loss, self.by, self.now)
        say(said or "nothing is missing: --accept-loss did nothing")

    @contextmanager
    def store(self, act: str) -> Iterator["Store"]:
        """The home's database, under its lock, for the length of an act."""
        from flows.books.at_work import what_is_owed
        from flows.home.store import Store

        with self.locked(act), Store(self.home, self.settings.run.memory_limit_mb) as store, what_is_owed(store):
            yield store


def say(text: str) -> None:
    """Notes and warnings go to stderr."""
    typer.echo(text, err=True)


def show(shared: Globals, report: Report) -> None:
    """Data goes to stdout, as JSON where asked for."""
    if shared.is_json:
        typer.echo(json.dumps(report.as_json(), ensure_ascii=False, default=str))
    else:
        for line in report.lines():
            typer.echo(line)


def finish(*, incomplete: bool) -> NoReturn:
    """Ends the command: 0, or 3 when something is left to do."""
    raise typer.Exit(INCOMPLETE if incomplete else DONE)


def tell(shared: Globals, report: Report, notes: list[str] | None = None) -> NoReturn:
    """Shows a report, says on stderr what else there is to know, and ends the command."""
    show(shared, report)
    for note in notes or []:
        say(note)
    finish(incomplete=report.incomplete)


def day_of(text: str | None, option: str) -> date | None:
    """A day as YYYY-MM-DD; None where nothing was said. Raises WrongUsage for anything else."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise WrongUsage(f"{option}: found {text!r}; expected a date YYYY-MM-DD") from None
