"""A month rated day by day: what the run on the 1st then makes is what it makes of the whole month, byte for byte."""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import polars as pl
import pytest

from flows.bill_run import direct, run_direct
from flows.day_run import DayReport, rate_day
from flows.home.settings import Home
from flows.home.store import Store
from flows.month.usage import kept, pieces
from flows.undo.rollback import rollback
from rating.usage import RatingTables
from schemas.errors import NothingToDo, Refused
from tests.flows.issuing import no_reviews
from tests.flows.sample import bill, files_of, request, sample_home, tables_of

USAGE = {"calls": "started_at", "messages": "sent_at"}
START_IN_MASTER = 9
"""Where a call's start stands in the file of a switch that names no columns."""


HELD = (("numbers", "US-1001"), ("prices", "US-1005"))
"""What comes in mid-month."""


class Daily:
    """A home into which the sample's files come as their days do, and some master data late."""

    def __init__(self, root: Path) -> None:
        self.home = sample_home(root / "home")
        self.later = root / "later"
        shutil.copytree(self.home.inbox, self.later)
        for feed in USAGE:
            for path in (self.home.inbox / feed).rglob("*.csv"):
                path.unlink()
        self.since = "2026-01-01"

    def rate(self, day: str) -> DayReport:
        """Usage from before the day comes, and is rated on it."""
        self.come(day)
        return rate_day(replace(request(self.home, "2026-05"), today=date.fromisoformat(day)), direct, of_next=True)

    def come(self, until: str) -> None:
        """Usage that started before a day and has not come yet, in files of its own."""
        for feed, started in USAGE.items():
            for path in sorted((self.later / feed).rglob("*.csv")):
                header, rows = [], list(csv.reader(StringIO(path.read_text(encoding="utf-8"))))
                if path.name != "Master.csv":
                    header, rows = rows[:1], rows[1:]
                place = header[0].index(started) if header else START_IN_MASTER
                due = [row for row in rows if self.since <= row[place][:10] < until]
                if due:
                    self._write(path.parent.relative_to(self.later) / f"{until}-{path.name}", [*header, *due])
        self.since = until

    def hold_back(self, feed: str, account: str) -> list[list[str]]:
        """Takes an account's rows out of a file of master data."""
        path = self.home.inbox / feed / f"{feed}.csv"
        header, *rows = list(csv.reader(StringIO(path.read_text(encoding="utf-8"))))
        held = [row for row in rows if account in row]
        assert held, f"{account} has no row in {feed}"
        self._write(path.relative_to(self.home.inbox), [header, *(row for row in rows if account not in row)])
        return [header, *held]

    def give(self, feed: str, name: str, rows: list[list[str]]) -> None:
        """A file of master data."""
        self._write(Path(feed) / name, rows)

    def _write(self, path: Path, rows: list[list[str]]) -> None:
        with (self.home.inbox / path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


@pytest.fixture
def classed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many records were looked at, piece by piece."""
    counts: list[int] = []
    as_it_is = pieces.classed

    def counting(usage: pl.DataFrame, lookups: RatingTables, *more: object) -> object:
        counts.append(usage.height)
        return as_it_is(usage, lookups, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(pieces, "classed", counting)
    yield counts


def test_two_months_rated_by_days_are_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classed: list[int]
) -> None:
    """With numbers and prices that come in mid-month, records sent again, and pieces of four hundred records."""
    monkeypatch.setattr(pieces, "ROWS_PER_MB", 400 / 4096)
    daily, at_once = Daily(tmp_path / "daily"), Daily(tmp_path / "at_once")
    numbers, prices = ([it.hold_back(*held) for it in (daily, at_once)][0] for held in HELD)
    for day in ("2026-04-08", "2026-04-09"):
        daily.rate(day)
    daily.give("prices", "late.csv", prices)
    daily.rate("2026-04-15")
    daily.give("numbers", "late.csv", numbers)
    daily.rate("2026-04-29")
    for name, rows in (("prices", prices), ("numbers", numbers)):
        at_once.give(name, "late.csv", rows)
    looked_at = {}
    for it in (daily, at_once):
        it.come("2026-05-01")
        classed.clear()
        bill(it.home, "2026-05")
        looked_at[it] = sum(classed)
    assert 0 < looked_at[daily] < looked_at[at_once] / 10
    for day in ("2026-05-10", "2026-05-31"):
        daily.rate(day)
    for it in (daily, at_once):
        it.come("2027-01-01")
        run_direct(request(it.home, "2026-06"))
    assert files_of(daily.home) == files_of(at_once.home)
    assert tables_of(daily.home) == tables_of(at_once.home)
