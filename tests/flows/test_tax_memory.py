"""What the tax stage reads back from the database: the seconds of a traffic study, whole."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from flows.books.books import open_books
from flows.books.context import Request
from flows.books.run import Run
from flows.home.settings import Home
from flows.home.store import Store
from flows.month.taxing.memory import rated_calls
from tests.flows.rated_rows import change_rated
from tests.scenarios.month.home import make_home


def test_seconds_of_many_or_long_calls_are_summed_whole(tmp_path: Path) -> None:
    """DuckDB 2.0.0 by itself makes 15 s of these, and of an account's measured share whatever it likes."""
    home: Home = make_home(tmp_path / "home")
    request = Request(str(home.root), "2025-06", "anna", datetime(2025, 6, 2, tzinfo=UTC))
    usage = [
        ("domestic", "a", "intrastate", 90_000), ("domestic", "a", "intrastate", 127),
        ("domestic", "a", "interstate", 61), ("domestic", "b", "interstate", 590), ("sms", "b", "intrastate", 0),
    ]  # fmt: skip
    with Store(home) as store:
        for number, one in enumerate(usage):
            change_rated(
                store,
                "insert into rated_usage (run_id, usage_id, category, account_id, jurisdiction, duration_s, "
                "usage_month) values ('r', $1, $2, $3, $4, $5, '2025-05')",
                [str(number), *one],
            )
    with open_books(request) as books:
        found = rated_calls(books.store, Run(books, "r", "regular"), pl.Series(["a", "b"]))
    assert found.select("account_id", "jurisdiction", "duration_s", "calls").rows() == [
        ("a", "interstate", 61, 1),
        ("a", "intrastate", 90_127, 2),
        ("b", "interstate", 590, 1),
    ]


def test_a_corrected_call_counts_once_and_as_corrected(tmp_path: Path) -> None:
    """Call 1 was intrastate and is, corrected, interstate; call 2 was not touched."""
    home: Home = make_home(tmp_path / "home")
    request = Request(str(home.root), "2025-06", "anna", datetime(2025, 6, 2, tzinfo=UTC))
    with Store(home) as store:
        for number, (run_id, kind) in enumerate((("first", "regular"), ("again", "correction")), 1):
            store.con.execute(
                "insert into runs (run_seq, run_id, invoice_month, kind, inputs_sha256, issued_sha256) "
                "values ($1, $2, '2025-06', $3, '-', '-')", [number, run_id, kind]
            )  # fmt: skip
            store.con.execute("insert into issued_documents (run_id, draft_id) values ($1, 'd')", [run_id])
        for run_id, usage_id, jurisdiction in (
            ("first", "1", "intrastate"), ("first", "2", "intrastate"), ("again", "1", "interstate"),
        ):  # fmt: skip
            change_rated(
                store,
                "insert into rated_usage (run_id, draft_id, usage_id, account_id, jurisdiction, duration_s, "
                "usage_month) values ($1, 'd', $2, 'a', $3, 60, '2025-05')",
                [run_id, usage_id, jurisdiction],
            )
    with open_books(request) as books:
        found = rated_calls(books.store, Run(books, "now", "regular"), pl.Series(["a"]))
    assert found.select("jurisdiction", "duration_s", "calls").rows() == [("interstate", 60, 1), ("intrastate", 60, 1)]
