"""What a home's history costs nobody: notes of its files are what its rows say, and laws are asked of what is new."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pytest

from flows.ask.doctor import doctor
from flows.books import laws
from flows.books.ledger import balance_books
from flows.books.publish import publish, read
from flows.home.file_sums import forget_file_sums, usage_sums
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.undo.erase import erase
from flows.undo.rollback import rollback
from schemas.errors import Refused
from tests.flows.issuing import NOW, NUMBER, bill, calls, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

FRANCE = "+33123456789"
MONTH = "every loaded record is rated, suspended or excluded"


@pytest.fixture(scope="module")
def lived_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """June is issued, July is drafted and published twice: only what moved last is fresh."""
    home = make_home(tmp_path_factory.mktemp("history") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    for month in (5, 6):
        days = [(f"{month}-{day}", f"2025-0{month}-{day:02}T10:00:00Z", FRANCE, 60 + day) for day in (3, 8, 21)]
        calls(home, f"calls-{month}", *days)
        if month == 5:
            bill(home, "2025-06")
    # Repeats one of June's calls: what a rollback of the first file brings back.
    calls(home, "repeated", ("6-3", "2025-06-03T10:00:00Z", FRANCE, 63), ("new", "2025-06-04T10:00:00Z", FRANCE, 9))
    run(home, "2025-07")
    with Store(home) as store:
        publish(store)
        publish(store)
    return home


@pytest.fixture
def home(lived_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(lived_home.root, tmp_path / "home"))


def _added_up(store: Store, before: int | None) -> object:
    """The sums without any note."""
    store.con.execute("begin transaction")
    forget_file_sums(store)
    found = usage_sums(store, before)
    store.con.execute("rollback")
    return found


def _rolled_back(home: Home) -> None:
    with Store(home) as store:
        done = rollback(store, load_settings(home), "inbox/calls/calls-6.csv", by="anna", now=NOW)
    assert done.reloaded == {"inbox/calls/repeated.csv": 1}


def _taken_in_again(home: Home) -> None:
    _rolled_back(home)
    with Store(home) as store:
        ingest(store, load_settings(home), [home.inbox / "calls" / "calls-6.csv"], now=NOW)


def _erased(home: Home) -> None:
    erase(home, load_settings(home), "ANN", "2025-05", reason="asked for", by="anna", now=NOW)


@pytest.mark.parametrize("act", [lambda _: None, _rolled_back, _taken_in_again, _erased])
def test_what_is_noted_of_files_is_what_their_rows_come_to(home: Home, act: Callable[[Home], None]) -> None:
    act(home)
    with Store(home) as store:
        files = store.rows("select file_seq from feed_calls union select file_seq from feed_messages order by 1")
        assert store.rows("select file_seq from file_sums order by 1") == files
        for before in (None, *(seq for (seq,) in files)):
            assert usage_sums(store, before) == _added_up(store, before)


def test_a_file_without_a_note_or_with_one_of_other_rows_is_added_up(home: Home) -> None:
    with Store(home) as store:
        asked = usage_sums(store)
        store.con.execute("delete from file_sums where file_seq = (select min(file_seq) from file_sums)")
        store.con.execute("update file_sums set records = records + 1, row_xor = 0")
        assert usage_sums(store) == asked


def _lose(store: Store, name: str) -> None:
    """The outcome of a call, wherever it is."""
    asked = f"usage_no in (select usage_no from feed_calls where usage_id like '%:{name}:%')"
    for table in ("rated", "suspended_usage", "excluded_usage"):
        store.con.execute(f"delete from {table} where {asked}")


def test_a_run_answers_for_what_came_since_the_one_before(home: Home) -> None:
    with Store(home) as store:
        ((drafted,),) = store.rows("select run_id from runs where invoice_month = '2025-07'")
        balance_books(store, drafted)
        for name in ("new", "5-3"):
            store.con.execute("begin transaction")
            _lose(store, name)
            try:
                if name == "new":
                    with pytest.raises(Refused, match=MONTH):
                        balance_books(store, drafted)
                else:
                    balance_books(store, drafted)
            finally:
                store.con.execute("rollback")
        _lose(store, "5-3")
    found = {check.name: check for check in doctor(home, deep=True).checks}
    assert (found["laws"].state, MONTH in found["laws"].detail) == ("fail", True)


def test_a_review_asks_the_laws_of_its_month_and_doctor_of_all(home: Home) -> None:
    found = {check.name: check for check in doctor(home, deep=True, today=date(2025, 7, 2)).checks}
    assert (found["laws"].state, found["snapshot"].state) == ("ok", "ok")
    with duckdb.connect(str(home.published)) as con:
        con.execute("update base.line_usage_2025_06 set amount = amount + 1")
    with read(home.published) as con:
        assert laws.broken(con, "2025-07") == {}
        assert [*laws.broken(con, "2025-06")] == ["usage_makes_its_lines"]
        assert laws.sums(con, "2025-06") != laws.sums(con)
        assert [*laws.broken(con)] == ["usage_makes_its_lines"]
    found = {check.name: check for check in doctor(home, deep=True).checks}
    assert found["snapshot"].state == "fail"
    assert "line_usage_2025_06" in found["snapshot"].detail
