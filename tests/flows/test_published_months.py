"""Months of usage in which nothing moved are taken over from the last snapshot, and are what a whole one would hold."""

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

import flows.books.publish as publishing
from flows.books import last_snapshot, published_parts
from flows.books.holds import park
from flows.books.publish import publish, read
from flows.books.views import views
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.review.page import review
from flows.undo.erase import erase
from flows.undo.rollback import rollback
from tests.flows.issuing import NOW, NUMBER, bill, calls, corrected, issue, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

FRANCE = "+33123456789"
UNOWNED = "+442079460999"


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
        publish(store, whole=whole)
    return _rows(home)


def _rows(home: Home) -> dict[str, list[Any]]:
    with read(home.published) as con:
        return {name: con.execute(f'from "{name}"').fetchall() for name in views()}


def _usage_files(rows: dict[str, list[Any]]) -> set[str]:
    return {row[-3] for row in rows["rated_usage"]}


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


def test_an_approval_gives_the_rows_their_numbers_and_makes_none_anew(home: Home) -> None:
    calls(home, "july", ("july", "2025-07-05T10:00:00Z", FRANCE, 100))
    run(home, "2025-08")
    drafted = _published(home)
    assert {row[-5] for row in drafted["rated_usage"] if row[-6] == "2025-08"} == {"DRAFT-2025-08-ANN"}
    _mark(home, "2025_08", "destination = 'mark'")
    with duckdb.connect(str(home.published)) as con:
        content = published_parts.content_of("t")
        con.execute(
            f"update base.month_parts set content = (select {content} from base.rated_usage_2025_08 as t) "
            "where part = 'rated_usage' and month = '2025-08'"
        )
    issue(home, "2025-08")
    assert _marked(home) == {"2025-07"}, "its rows are those of the drafts"
    issued = _rows(home)
    whole = _published(home, whole=True)
    place = next(n for n, value in enumerate(issued["rated_usage"][-1]) if value == "mark")
    assert _without(issued["rated_usage"], place) == _without(whole["rated_usage"], place)
    assert {name: rows for name, rows in issued.items() if name != "rated_usage"} == {
        name: rows for name, rows in whole.items() if name != "rated_usage"
    }
    assert not [row for rows in issued.values() for row in rows if "DRAFT-2025-08-ANN" in row[:1]]


def test_a_month_whose_texts_are_damaged_gets_no_numbers_but_is_made_anew(home: Home) -> None:
    calls(home, "july", ("july", "2025-07-05T10:00:00Z", FRANCE, 100))
    run(home, "2025-08")
    _published(home)
    _mark(home, "2025_08", "destination = 'mark'")
    issue(home, "2025-08")
    assert _marked(home) == set()


def _without(rows: list[Any], place: int) -> list[Any]:
    return [row[:place] + row[place + 1 :] for row in rows]


def test_a_last_snapshot_that_is_not_what_the_books_say_is_made_anew(home: Home) -> None:
    _mark(home, "2025_06", "duration_s = duration_s + 1, destination = 'mark'")
    assert _marked(home) == set()


def test_a_damaged_last_snapshot_is_made_anew(home: Home) -> None:
    whole = _published(home, whole=True)
    content = bytearray(home.published.read_bytes())
    content[20_000:30_000] = bytes(10_000)
    home.published.write_bytes(content)
    assert _published(home) == whole


@pytest.mark.parametrize(
    "strange",
    [
        "create table main.notes (a int)",
        "create table base.notes (a int)",
        "create schema mine; create table mine.rated_usage_2025_06 (a int)",
        "create view main.notes as select 1 as a",
        "create type base.mood as enum ('good')",
        "create sequence base.numbers_given",
        "create macro twice(a) as a * 2",
        "create index by_id on base.invoices (invoice_number)",
        "drop table base.rated_usage_2025_06 cascade",
        "drop view main.invoices",
    ],
)
def test_a_file_that_somebody_has_changed_is_not_built_upon(home: Home, strange: str) -> None:
    before = _published(home)
    with duckdb.connect(str(home.published)) as con:
        con.execute(strange)
    assert _published(home) == before
    with read(home.published) as con:
        assert con.execute("from duckdb_tables() where table_name = 'notes'").fetchall() == []
    assert _published(home) == before


def test_a_copy_that_cannot_be_brought_up_to_date_leaves_no_transaction_open(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _published(home)

    def stopped(con: duckdb.DuckDBPyConnection) -> None:
        con.execute("begin transaction; drop table snapshot.base.invoices; drop table snapshot.base.nowhere; commit")

    monkeypatch.setattr(publishing, "drop_single_tables", stopped)
    assert _published(home) == before


def test_a_month_whose_texts_are_damaged_is_made_anew_before_long(home: Home) -> None:
    """Rows and sums are compared at each publication; every cell of one table at a time."""
    whole = _published(home, whole=True)
    _mark(home, "2025_06", "destination = 'mark'")
    with read(home.published) as con:
        ((parts,),) = con.execute("select count(*) from base.month_parts where rows > 0").fetchall()
    assert _marked(home), "not looked at yet"
    assert not [_marked(home) for _ in range(parts)][-1]
    assert _rows(home) == whole


def test_a_damaged_month_does_not_stop_the_review(home: Home) -> None:
    """A block that nobody has read since: the review reads it, and has the snapshot made whole."""
    whole = _published(home, whole=True)
    spoilt = 0
    content = home.published.read_bytes()
    for start in range(16_384, len(content) - 4096, len(content) // 6):
        damaged = bytearray(content)
        damaged[start : start + 4096] = bytes(4096)
        home.published.write_bytes(damaged)
        spoilt += 1
        with Store(home) as store:
            found = review(store, load_settings(home), "2025-07")
        assert found.books_balance
        assert _rows(home) == whole
    assert spoilt > 3


def test_the_same_run_from_a_file_of_another_name_is_another_month(home: Home) -> None:
    """R10: the run's id comes from its inputs, and its rows name the file they came from."""
    calls(home, "july", ("july", "2025-07-05T10:00:00Z", FRANCE, 100))
    first = run(home, "2025-08").run_id
    assert "inbox/calls/july.csv" in _usage_files(_published(home))
    with Store(home) as store:
        rollback(store, load_settings(home), "inbox/calls/july.csv", by="anna", now=NOW)
        again = (home.inbox / "calls" / "july.csv").rename(home.inbox / "calls" / "july-again.csv")
        ingest(store, load_settings(home), [again], now=NOW)
    assert run(home, "2025-08").run_id == first
    taken_over = _published(home)
    assert "inbox/calls/july-again.csv" in _usage_files(taken_over)
    assert "inbox/calls/july.csv" not in _usage_files(taken_over)
    assert taken_over == _published(home, whole=True)


def test_usage_that_waited_leaves_its_month_with_the_one_that_bills_it(home: Home) -> None:
    """A month is not closed by its approval: what it suspended is on a document of the next."""
    add_file(
        home, "calls", "unowned",
        [{"call_id": "u", "started_at": "2025-07-05T10:00:00Z", "from_number": UNOWNED, "to_number": FRANCE,
          "duration_s": 50}],
    )  # fmt: skip
    calls(home, "july", ("july", "2025-07-05T10:00:00Z", FRANCE, 100))
    bill(home, "2025-08")
    waits = _published(home)
    assert [row for row in waits["suspended_usage"] if "no_owner" in row]
    add_file(home, "numbers", "more", [{"number": UNOWNED, "account_id": "ANN"}])
    calls(home, "august", ("august", "2025-08-05T10:00:00Z", FRANCE, 100))
    run(home, "2025-09")
    drafted = _published(home)
    assert not [row for row in drafted["suspended_usage"] if "no_owner" in row]
    assert drafted == _published(home, whole=True)
    issue(home, "2025-09")
    assert _published(home) == _published(home, whole=True)


def test_usage_of_a_parked_account_goes_on_from_month_to_month(home: Home) -> None:
    calls(home, "july", ("july", "2025-07-05T10:00:00Z", FRANCE, 100))
    with Store(home) as store:
        park(store, "ANN", "asked", "anna", NOW)
    bill(home, "2025-08")
    assert _published(home) == _published(home, whole=True)
    calls(home, "august", ("august", "2025-08-05T10:00:00Z", FRANCE, 100))
    bill(home, "2025-09")
    taken_over = _published(home)
    assert _usage_files(taken_over) >= {"inbox/calls/july.csv", "inbox/calls/august.csv"}
    assert taken_over == _published(home, whole=True)


def test_a_file_does_not_grow_by_what_was_taken_out_of_it(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _published(home, whole=True)
    monkeypatch.setattr(last_snapshot, "_FREE_BLOCKS", 0)
    sizes = []
    for number in range(12):
        calls(home, f"late-{number}", (f"late-{number}", "2025-07-05T10:00:00Z", FRANCE, 60 + number))
        run(home, "2025-08")
        _published(home)
        with read(home.published) as con:
            sizes += con.execute("select total_blocks, free_blocks from pragma_database_size()").fetchall()
    assert max(free * 2 for _, free in sizes) <= max(total for total, _ in sizes)
    assert sizes[-1][0] <= 2 * sizes[0][0]


@pytest.mark.parametrize("act", [_rolled_back, _erased])
def test_of_what_was_taken_back_or_erased_nothing_lies_in_the_next_file(home: Home, act: Any) -> None:
    """A copy keeps what was dropped from it in its free blocks."""
    run(home, "2025-08")
    _published(home)
    fresh = "select count(*), count(*) filter (is_fresh) from base.months where month <> 'none'"
    with read(home.published) as con:
        assert con.execute(fresh).fetchall() == [(3, 1)]
    act(home)
    if act is _rolled_back:
        _published(home)
    with read(home.published) as con:
        ((months, made),) = con.execute(fresh).fetchall()
    assert months == made
