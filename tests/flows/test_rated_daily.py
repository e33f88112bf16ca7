"""A month rated day by day: what the run on the 1st then makes is what it makes of the whole month, byte for byte."""

import csv
import random  # noqa: TID251 a seeded generator
import shutil
from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.bill_run import direct, run_direct
from flows.books.books import open_books
from flows.day_run import DayReport, next_month, rate_day
from flows.home.settings import Home
from flows.ingest.take_in import ingest
from flows.month.usage import pieces
from flows.undo.rollback import rollback
from rating.usage import RatingTables
from schemas.errors import NothingToDo, Refused
from tests.flows.issuing import NOW, asked, draft_only, issue, rows
from tests.flows.sample import bill, files_of, request, sample_home, tables_of
from tests.scenarios.month.home import add_file, make_home

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
def classed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records were looked at, piece by piece."""
    counts: list[int] = []
    as_it_is = pieces.classed

    def counting(usage: pl.DataFrame, lookups: RatingTables, *more: object) -> object:
        counts.append(usage.height)
        return as_it_is(usage, lookups, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(pieces, "classed", counting)
    return counts


def test_two_months_rated_by_days_are_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, classed: list[int]
) -> None:
    """With numbers and prices that come in mid-month, records sent again, and pieces of four hundred records."""
    monkeypatch.setattr(pieces, "ROWS_PER_MB", 400 / 4096)
    daily, at_once = Daily(tmp_path / "daily"), Daily(tmp_path / "at_once")
    numbers, prices = (daily.hold_back(*held) for held in HELD)
    for held in HELD:
        at_once.hold_back(*held)
    for day in ("2026-04-08", "2026-04-09"):
        daily.rate(day)
    daily.give("prices", "late.csv", prices)
    daily.rate("2026-04-15")
    daily.give("numbers", "late.csv", numbers)
    daily.rate("2026-04-29")
    at_once.give("prices", "late.csv", prices)
    at_once.give("numbers", "late.csv", numbers)
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


def _numbers_of(account: str) -> str:
    return f"+44207946010{PEOPLE.index(account) + 1}"


PEOPLE = ("ANN", "BOB", "CAT", "DAN")
"""Nothing is told of Dan after the first day, so that all of his stays as it was rated."""
CALLED = ("+442079460199", "+33123456789", "+33612345678", "+449098790000", "+442079460102", "+99912345678")
"""At home, in France, mobiles there, premium, Bob, and nobody's prefix."""

Delivery = tuple[str, str, list[dict[str, Any]]]


def _days(seed: int) -> list[list[Delivery]]:
    """What comes on six days: calls, a few of them days late, and master data that moves what was rated already."""
    chance = random.Random(seed)  # noqa: S311 a seeded generator, no secret
    calls: list[list[dict[str, Any]]] = [[] for _ in range(6)]
    for person in PEOPLE:
        for n in range(40):
            day = chance.randint(1, 29)
            row: dict[str, Any] = {
                "call_id": f"{person}-{n}", "started_at": f"2025-05-{day:02}T{chance.randint(9, 12):02}:00:00Z",
                "from_number": _numbers_of(person), "to_number": chance.choice(CALLED),
                "duration_s": chance.choice([0, 7, 61, 100, 300]),
            }  # fmt: skip
            calls[min(5, day // 5 + chance.choice([0, 0, 1, 2, 3]))].append(row)
    days: list[list[Delivery]] = [[("calls", f"day-{n}", rows)] for n, rows in enumerate(calls)]
    phones = [{"device_id": f"D-{person}", "account_id": person} for person in PEOPLE]
    numbers = [{"number": _numbers_of(person), "account_id": person} for person in PEOPLE]
    days[0] += [
        ("accounts", "first", [{"account_id": person} for person in PEOPLE]), ("devices", "first", phones),
        ("numbers", "first", [numbers[0], numbers[1], numbers[3]]),
    ]  # fmt: skip
    for day, person, price in ((0, "DAN", "0.11"), (5, "ANN", "0.12")):
        agreed = {"account_id": person, "unit_price": price, "deck": "world", "valid_from": "2025-01-01"}
        days[day] += [("prices", person, [{**agreed, "prefix": prefix} for prefix in ("33", "44")])]
    others = [{**row, "duration_s": 33} for row in calls[0] if row["from_number"] == _numbers_of("DAN")]
    days[5] += [("calls", "other-content", others)]
    # Taken back out after the next day's file, of whose records it has some.
    wrong = [{**row, "call_id": f"wrong-{row['call_id']}"} for row in calls[2][:9]]
    days[2] += [("calls", "wrong", [*wrong, *calls[3][-5:]]), ("numbers", "cat", [numbers[2]])]
    days[3] += [("numbers", "moved", [{**numbers[0], "account_id": "BOB", "active_from": "2025-05-18"}])]
    away = {"account_id": "CAT", "mode": "full", "valid_from": "2025-05-03", "valid_to": "2025-05-09"}
    days[4] += [("devices", "more", [{"device_id": "D-2", "account_id": "BOB"}]), ("suspensions", "cat", [away])]
    return days


def _come(home: Home, seed: int, *, daily: bool) -> None:
    for n, day in enumerate(_days(seed)):
        for feed, name, made in day:
            add_file(home, feed, name, made)
        today = f"2025-05-{5 * n + 5:02}"
        if daily and n < 5:
            rate_day(asked(home, "2025-06", today=today), direct)
        elif n in (2, 3):
            with asked(home, "2025-06").store() as store:
                ingest(store, asked(home, "2025-06").settings(), None, now=NOW, today=NOW.date(), by="anna")
        if n == 3:
            with asked(home, "2025-06").store() as store:
                wrong = "inbox/calls/wrong.csv"
                rollback(store, asked(home, "2025-06").settings(), wrong, by="anna", now=NOW)


_ALL = (
    "select * exclude (usage_no, for_no, row_id, source_file, source_line) from rated_usage order by all",
    "select * exclude (usage_no, source_file, source_line) from suspended_usage order by all",
    "select * exclude (usage_no, source_file, source_line) from excluded_usage order by all",
    "select document_json from documents order by all",
)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_comes_when_it_is_what_rating_at_once_makes(tmp_path: Path, seed: int, classed: list[int]) -> None:
    homes = {daily: make_home(tmp_path / str(daily)) for daily in (True, False)}
    made, looked_at = {}, {}
    for daily, home in homes.items():
        _come(home, seed, daily=daily)
        classed.clear()
        draft_only(home, "2025-06")
        made[daily] = [rows(home, query) for query in _ALL]
        looked_at[daily] = sum(classed)
    assert made[True] == made[False]
    assert looked_at[True] < looked_at[False]
    assert min(map(len, made[True])) > 2


def test_what_there_is_to_rate_daily(tmp_path: Path) -> None:
    """Nothing new, a month that lies ahead, one that is drafted: told, and nothing done."""
    home = make_home(tmp_path / "home")
    for feed, name, made in _days(0)[0]:
        add_file(home, feed, name, made)
    may = asked(home, "2025-06", today="2025-05-06")
    report = rate_day(may, direct, of_next=True)
    assert (report.invoice_month, report.files) == ("2025-06", {"loaded": 5})
    assert report.usage == dict(rows(home, _OUTCOMES))
    with pytest.raises(NothingToDo, match="nothing has come since 2025-06 was rated so far"):
        rate_day(may, direct, of_next=True)
    with pytest.raises(Refused, match="2025-07 lies ahead"):
        rate_day(asked(home, "2025-07", today="2025-05-06"), direct)
    draft_only(home, "2025-06")
    assert next_month_of(home, "2025-06-02") == "2025-06"
    with pytest.raises(NothingToDo, match="2025-06 is drafted already"):
        rate_day(may, direct, of_next=True)
    assert rows(home, "select run_seq, state from run_states") == [(1, "drafted")]
    issue(home, "2025-06")
    with pytest.raises(Refused, match="2025-06 is issued and nothing has changed since"):
        rate_day(may, direct)
    assert next_month_of(home, "2025-06-07") == "2025-07"


_OUTCOMES = """
    select 'excluded', count(*) from excluded_usage having count(*) > 0
    union all select 'rated', count(*) from rated
    union all select 'suspended', count(*) from suspended_usage having count(*) > 0"""


def next_month_of(home: Home, day: str) -> str:
    with open_books(asked(home, "2025-01", today=day)) as books:
        return next_month(books)
