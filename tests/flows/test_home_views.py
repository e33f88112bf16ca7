"""Views of the working database: made with it, made again when they are others, and left alone when they are these."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.home.schema import SCHEMA_VERSION
from flows.home.settings import Home
from flows.home.store import Scope, Store
from flows.home.views import create_views
from schemas.feeds import FEEDS
from tests.flows.booked import book, insert, run

NOW = datetime(2026, 6, 2, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    with Store(home) as store:
        book(store)
    return home


def _views(home: Home) -> dict[str, int]:
    """View -> the number it got when it was made."""
    with Store(home) as store:
        return dict(store.rows("select view_name, view_oid from duckdb_views() where not internal"))


def test_every_feed_of_master_data_and_what_stands_have_a_view(home: Home) -> None:
    feeds = {f"current_{feed.name}" for feed in FEEDS.values() if not feed.is_usage}
    others = {"run_states", "mail_states", "standing_documents", "given_numbers", "usage_records", "rated_usage"}
    assert set(_views(home)) == others | feeds


def test_a_database_that_is_up_to_date_gets_nothing_made(home: Home) -> None:
    with Store(home) as store:
        store.checkpoint()
    before, made = home.database.read_bytes(), _views(home)
    assert _views(home) == made
    assert home.database.read_bytes() == before
    assert not home.database.with_name("tollbook.duckdb.wal").exists()


@pytest.mark.parametrize(
    "earlier",
    ["drop view standing_documents; drop view run_states", "create or replace view run_states as select 1 as state"],
)
def test_a_home_made_earlier_gets_the_views_of_this_program(home: Home, earlier: str) -> None:
    with Store(home) as store:
        store.con.execute(earlier)
    with Store(home) as store:
        assert store.rows("select run_id, state, approved_by from run_states order by run_seq") == [
            ("run-2026-05", "approved", "ada"), ("run-old", "superseded", None), ("run-2026-06", "drafted", None),
        ]  # fmt: skip
        assert store.rows("select invoice_number from standing_documents order by all") == [
            ("US-2026-000001",), ("US-2026-000002",),
        ]  # fmt: skip


def test_tables_of_a_newer_schema_have_the_views_made_again(home: Home) -> None:
    """A view of `select *` refuses to be read once its table has one column more."""
    with Store(home) as store:
        store.con.execute("alter table runs add column note varchar")
        create_views(store.con, SCHEMA_VERSION + 1)
        assert store.rows("select count(note) from run_states") == [(0,)]
        create_views(store.con, SCHEMA_VERSION)


def test_the_last_event_is_the_state_also_of_events_of_one_instant_and_inside_a_transaction(home: Home) -> None:
    with Store(home) as store, store.transaction():
        run(store, "run-new", 9, "2026-07", "open", "drafted", "void", "open", "drafted")
        assert store.rows("select state from run_states where run_id = 'run-new'") == [("drafted",)]
        insert(store, "run_events", run_id="run-new", state="approved", by_name="bo", happened_at=NOW)
        assert store.rows("select state, approved_by from run_states where run_id = 'run-new'") == [("approved", "bo")]


def test_the_last_row_of_the_last_file_holds_also_for_some_accounts_and_before_a_file(home: Home) -> None:
    with Store(home) as store:
        for file, line, owner in ((3, 9, "A-1"), (4, 2, "A-2"), (4, 3, "A-3"), (5, 2, "A-4")):
            insert(
                store, "feed_numbers", number="+1", account_id=owner, active_from=date(2026, 1, 1), file_seq=file,
                source_line=line, row_md5=f"{file}{line}",
            )  # fmt: skip
        insert(
            store, "feed_numbers", number="+2", account_id="A-1", active_from=date(2026, 1, 1), file_seq=3,
            source_line=1, row_md5="m",
        )  # fmt: skip
        assert store.current("numbers")["account_id"].to_list() == ["A-4", "A-1"]
        assert store.current("numbers", before=5)["account_id"].to_list() == ["A-3", "A-1"]
        assert store.rows("select account_id from current_numbers order by number") == [("A-4",), ("A-1",)]
    with Store(home, scope=Scope(accounts=("A-2",))) as store:
        assert store.current("numbers")["account_id"].to_list() == ["A-4"]
    with Store(home, scope=Scope(accounts=("A-1",), before_file=4)) as store:
        assert store.current("numbers")["account_id"].to_list() == ["A-1", "A-1"]
