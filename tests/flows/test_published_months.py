"""Months of usage in which nothing moved are taken over from the last snapshot, and are what a whole one would hold."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.books.publish import publish, read
from flows.books.views import views
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.undo.erase import erase
from flows.undo.rollback import rollback
from tests.flows.issuing import NOW, NUMBER, bill, calls, corrected, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

FRANCE = "+33123456789"


@pytest.fixture(scope="module")
def lived_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann calls each month; June and July are issued and published."""
    home = make_home(tmp_path_factory.mktemp("lived") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    add_file(home, "devices", "phones", [{"device_id": "P", "account_id": "BOB", "product_code": "phone"}])
    for month in (5, 6):
        days = [(f"{month}-{day}", f"2025-0{month}-{day:02}T10:00:00Z", FRANCE, 60 + day) for day in (3, 8, 21)]
        calls(home, f"calls-{month}", *days)
        bill(home, f"2025-0{month + 1}")
    with Store(home) as store:
        publish(store)
    return home


@pytest.fixture
def home(lived_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(lived_home.root, tmp_path / "home"))


def _published(home: Home, *, whole: bool = False) -> dict[str, list[Any]]:
    """All rows of all views, in their order."""
    with Store(home) as store:
        path = publish(store, whole=whole)
    with read(path) as con:
        return {name: con.execute(f'from "{name}"').fetchall() for name in views()}


def _mark(home: Home, month: str, change: str) -> None:
    with duckdb.connect(str(home.published)) as con:
        con.execute(f"update base.rated_usage_{month} set {change}")


def _marked(home: Home) -> set[str]:
    """Usage months whose rows carry a mark."""
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        return {m for (m,) in con.execute("select usage_month from rated_usage where destination = 'mark'").fetchall()}


def _late(home: Home) -> None:
    calls(home, "late", ("late", "2025-05-28T10:00:00Z", FRANCE, 600))
    run(home, "2025-08")


def _moved(home: Home) -> None:
    """Ann's clock is Berlin's from August on."""
    row = {"account_id": "ANN", "effective_from": "2025-08-01", "time_zone": "Europe/Berlin"}
    add_file(home, "accounts", "moved", [row])
    run(home, "2025-08")


def _corrected(home: Home) -> None:
    add_file(home, "devices", "more", [{"device_id": "D", "account_id": "ANN", "product_code": "ata"}])
    corrected(home, "2025-06")


def _rolled_back(home: Home) -> None:
    with Store(home) as store:
        rollback(store, load_settings(home), "inbox/devices/phones.csv", by="anna", now=NOW)


def _erased(home: Home) -> None:
    erase(home, load_settings(home), "ANN", "2025-06", reason="asked for", by="anna", now=NOW)


@pytest.mark.parametrize("act", [lambda _: None, _late, _moved, _corrected, _rolled_back, _erased])
def test_what_is_taken_over_is_what_a_whole_one_holds(home: Home, act: Any) -> None:
    act(home)
    taken_over = _published(home)
    assert taken_over == _published(home, whole=True)


def test_months_in_which_nothing_moved_are_taken_over(home: Home) -> None:
    for month in ("2025_06", "2025_07"):
        _mark(home, month, "destination = 'mark'")
    run(home, "2025-08")
    assert _marked(home) == {"2025-05", "2025-06"}
    _corrected(home)
    assert _marked(home) == {"2025-06"}, "June's documents, of May's calls, are others now"
    _published(home, whole=True)
    assert _marked(home) == set()


def test_a_last_snapshot_that_is_not_what_the_books_say_is_made_anew(home: Home) -> None:
    _mark(home, "2025_06", "duration_s = duration_s + 1, destination = 'mark'")
    assert _marked(home) == set()


def test_a_damaged_last_snapshot_is_made_anew(home: Home) -> None:
    whole = _published(home, whole=True)
    content = bytearray(home.published.read_bytes())
    content[20_000:30_000] = bytes(10_000)
    home.published.write_bytes(content)
    assert _published(home) == whole
