"""One account's failure is its own: the account is found, parked with the reason, and the others go on (RULES 26).

A stage works on all accounts at once. When it fails it is tried on halves, until the accounts that fail are known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import polars as pl

from flows.books.run import Run
from flows.home.disk import is_of_the_machine
from flows.month.inputs import MasterData
from schemas.codes import Problem
from schemas.errors import NothingToDo, Refused, WrongUsage
from schemas.frames import PARKED

T = TypeVar("T")

MOST = 20
"""More accounts than this failing are no account's fault, but ours: the error is raised as it is."""


@dataclass(frozen=True)
class Accounts:
    """Which accounts a stage works on: all but `without`, or only `within`."""

    without: frozenset[str] = frozenset()
    within: frozenset[str] | None = None

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame's rows of these accounts."""
        if self.within is not None:
            frame = frame.filter(pl.col("account_id").is_in(list(self.within)))
        return frame.filter(~pl.col("account_id").is_in(list(self.without))) if self.without else frame

    def of(self, master: MasterData) -> MasterData:
        """Master data of these accounts."""
        if self.within is None and not self.without:
            return master
        frames = {field.name: self.rows(getattr(master, field.name)) for field in fields(master)}
        return replace(master, **frames)


def failing_items(
    items: Sequence[str], attempt: Callable[[frozenset[str]], object], error: Exception
) -> dict[str, str]:
    """The items that fail when tried alone -> the error. Raises `error` when none does, or more than MOST do; and what
    disk or memory fail with, for that is nobody's own."""
    if is_of_the_machine(error):
        raise error
    failures: dict[str, str] = {}
    waiting = [list(items)]
    while waiting:
        some = waiting.pop()
        fault = _fault(attempt, frozenset(some))
        if fault is None:
            continue
        if len(some) > 1:
            waiting += [some[len(some) // 2 :], some[: len(some) // 2]]
            continue
        failures[some[0]] = f"{type(fault).__name__}: {str(fault).splitlines()[0] if str(fault) else 'no detail'}"
        if len(failures) > MOST:
            raise error
    if not failures:
        raise error
    return failures


def _fault(attempt: Callable[[frozenset[str]], object], some: frozenset[str]) -> Exception | None:
    try:
        attempt(some)
    except Exception as error:
        if is_of_the_machine(error):
            raise
        return error
    return None


def stage_failed(name: str, how: str) -> Problem:
    """Why an account is parked on which a stage (charging, taxing, drafting) failed."""
    return Problem("stage_failed", f"{name} failed: {how}")


def parking(run: Run, name: str, accounts: Callable[[], Sequence[str]], stage: Callable[[Accounts], T]) -> T:
    """`stage` on all accounts; on failure on all but those that fail alone, which join parked.parquet with the reason.

    What is wrong with the month as a whole (a table, the settings) is no account's failure and is raised.
    """
    try:
        return stage(Accounts())
    except (Refused, WrongUsage, NothingToDo):
        raise
    except Exception as error:  # noqa: BLE001 raised again unless it is an account's
        failed = failing_items(sorted(accounts()), lambda some: stage(Accounts(within=some)), error)
    done = stage(Accounts(without=frozenset(failed)))
    path = run.work / "parked.parquet"
    rows = [(account, *stage_failed(name, how)) for account, how in failed.items()]
    parked = pl.concat([pl.DataFrame(rows, schema=PARKED, orient="row"), pl.read_parquet(path)])
    parked.unique("account_id", keep="first", maintain_order=True).write_parquet(path)
    return done
