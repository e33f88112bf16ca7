"""A command opens its books once, and every stage sees the same settings, tables and master data."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest

from flows.bill_run import Result, bill_month, open_month, run_direct, take_in
from flows.books import context, runs
from flows.books.books import open_books
from flows.books.context import Request
from flows.books.runs import inputs_of
from flows.catalog import load
from flows.correct.month import correct
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from flows.month import inputs, lookups
from tests.flows.issuing import no_pdfs
from tests.scenarios.month.home import add_file, make_home

NOW = datetime(2025, 6, 2, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": name} for name in ("ANN", "BOB")])
    add_file(home, "subscriptions", "seats", [{"subscription_id": "S", "account_id": "ANN"}])
    return home


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), "2025-06", by, NOW, date(2025, 6, 2))


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """How often a database was opened, by file, and how often what is to be read once was read."""
    seen: Counter[str] = Counter()
    connect = duckdb.connect

    def opened(path: str, **more: Any) -> duckdb.DuckDBPyConnection:
        seen[Path(path).name if "published" not in path else "snapshot"] += 1
        return connect(path, **more)

    def reading(module: Any, name: str) -> Any:
        real = getattr(module, name)

        def read(*arguments: Any) -> Any:
            seen[name] += 1
            return real(*arguments)

        return patch.object(module, name, read)

    with (
        patch.object(duckdb, "connect", opened),
        reading(inputs, "load_master"),
        reading(lookups, "load_master"),
        reading(load, "_load_all"),
        reading(runs, "read_feeds"),
        reading(context, "load_settings"),
    ):
        yield seen


def test_a_run_opens_and_reads_once(home: Home) -> None:
    with _counted() as seen:
        run_direct(_request(home))
    assert seen == {
        "tollbook.duckdb": 1,
        "snapshot": 1,  # as an analyst would: the review reads it
        "load_settings": 1,
        "_load_all": 1,
        "read_feeds": 1,
        "load_master": 1,
    }


def test_approval_and_correction_open_once(home: Home) -> None:
    run_direct(_request(home))
    with _counted() as seen, no_pdfs():
        approve(_request(home, "ben"), None, None, None, None)
    assert (seen["tollbook.duckdb"], seen["load_settings"], seen["read_feeds"]) == (1, 1, 1)
    add_file(home, "subscriptions", "more", [{"subscription_id": "T", "account_id": "ANN"}])
    with _counted() as seen:
        assert correct(_request(home), "a seat was missing").differences
    assert (seen["tollbook.duckdb"], seen["load_settings"]) == (1, 1)
    assert seen["load_master"] == 2, "of the corrected account, and of everybody whose calls may stay on net"


def test_a_store_that_is_open_is_used(home: Home) -> None:
    run_direct(_request(home))
    with Store(home) as store, _counted() as seen, no_pdfs():
        assert approve(_request(home, "ben"), None, None, None, None, store=store).issued
    assert not seen["tollbook.duckdb"]


def test_a_catalogue_saved_while_the_month_is_billed_is_the_next_runs(home: Home) -> None:
    """Every stage sees the prices that the first one saw, and the manifest names them."""
    catalog = home.catalog / "catalog.yaml"
    first = catalog.read_text(encoding="utf-8")

    def saving(name: str, stage: Callable[[Any], Result], on: Any) -> Result:
        result = stage(on)
        if name == "rate":
            catalog.write_text(first.replace('"31.00"', '"99.00"'), encoding="utf-8")
        return result

    begun = bill_month(_request(home), saving)
    with Store(home) as store:
        assert store.rows("select distinct unit_price from charges") == [(31,)]
    assert run_direct(_request(home)).run_id != begun.run_id, "the catalogue is another one now"
    with Store(home) as store:
        assert store.rows("select distinct unit_price from charges order by 1") == [(31,), (99,)]


def test_what_is_taken_in_is_counted_again(home: Home) -> None:
    with open_books(_request(home)) as books:
        take_in(books)
        before = inputs_of(books)
        assert inputs_of(books) is before
        open_month(books)
        add_file(home, "accounts", "more", [{"account_id": "CAT"}])
        take_in(books)
        assert inputs_of(books).feeds["accounts"]["records"] == 3
