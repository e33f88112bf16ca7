"""The views of how things came about: versions of master data, products and deck rows as runs read them, allowances,
what waited, what was left over; and the clock on the customer's wall."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
import yaml

from flows.bill_run import run_direct
from flows.books.publish import publish, read
from flows.correct.month import correct
from flows.home.schema import stored_columns
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.document import Document
from schemas.feeds import FEEDS
from tests.flows import booked
from tests.flows.issuing import no_pdfs, no_reviews
from tests.flows.rated_rows import change_rated
from tests.flows.sample import FAR, request

HISTORIES = ("accounts", "subscriptions", "devices", "numbers")


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path)) as opened:
        booked.book(opened)
        yield opened


@pytest.fixture(scope="module")
def june(sample: Callable[[str], Home]) -> Home:
    return sample("june")


@pytest.fixture(scope="module")
def snapshot(june: Home):
    with read(june.published) as con:
        yield con


def rows(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    return con.execute(query).fetchall()


def feed(store: Store, name: str, *given: dict[str, Any]) -> None:
    for line, row in enumerate(given, 2):
        booked.insert(store, f"feed_{name}", **{"file_seq": 9, "source_line": line, "source_file": "f.csv"} | row)


@pytest.mark.parametrize("name", HISTORIES)
def test_every_column_of_the_feed_is_there(snapshot, name: str) -> None:
    found = [column for (column,) in rows(snapshot, f"select column_name from (describe {name})")]
    wanted = [column for column, _ in stored_columns(FEEDS[name]) if column not in ("file_seq", "row_md5")]
    assert found == [*wanted, "valid_from", "valid_to", "is_latest"]


def test_versions_follow_each_other_and_end_with_the_next_or_their_own_last_day(store: Store) -> None:
    start = {"number": "+1", "account_id": "A-1"}
    feed(
        store, "numbers",
        start | {"active_from": date(2026, 1, 1), "active_to": date(2026, 5, 12)},
        start | {"active_from": date(2026, 5, 12), "account_id": "A-2", "active_to": date(2026, 6, 30)},
        start | {"active_from": date(2026, 9, 1), "account_id": "A-3"},
        # The last file counts: this version's account was a mistake, told again.
        start | {"active_from": date(2026, 9, 1), "account_id": "A-4", "file_seq": 10},
    )  # fmt: skip
    found = rows(read(publish(store)), "select account_id, valid_from, valid_to, is_latest from numbers order by 2")
    assert found == [
        ("A-1", date(2026, 1, 1), date(2026, 5, 12), False),
        ("A-2", date(2026, 5, 12), date(2026, 7, 1), False),
        ("A-4", date(2026, 9, 1), None, True),
    ]


def test_an_account_has_one_plan_a_day_and_a_first_day(store: Store) -> None:
    store.con.execute("delete from feed_accounts")
    whole = {"account_id": "A-1", "service_start_date": date(2026, 1, 10), "billing_start_date": date(2026, 2, 1)}
    feed(
        store, "accounts",
        whole | {"plan": "small"},
        whole | {"plan": "small", "effective_from": date(2026, 3, 1)},
        whole | {"plan": "large", "effective_from": date(2026, 4, 1)},
        whole | {"plan": "small", "effective_from": date(2026, 5, 1), "end_date": date(2026, 5, 31)},
    )  # fmt: skip
    con = read(publish(store))
    assert rows(con, "select valid_from, valid_to, is_latest from accounts order by 1") == [
        (date(2026, 1, 10), date(2026, 3, 1), False),
        (date(2026, 3, 1), date(2026, 4, 1), False),
        (date(2026, 4, 1), date(2026, 5, 1), False),
        (date(2026, 5, 1), date(2026, 6, 1), True),
    ]
    assert rows(con, "select plan, valid_from, valid_to, is_latest from plan_history order by 2") == [
        ("small", date(2026, 1, 10), date(2026, 4, 1), False),
        ("large", date(2026, 4, 1), date(2026, 5, 1), False),
        ("small", date(2026, 5, 1), date(2026, 6, 1), True),
    ]
    assert rows(con, "select account_id, end_date from latest_accounts") == [("A-1", date(2026, 5, 31))]


@pytest.mark.parametrize(
    ("instant", "zone", "local"),
    [
        # The clock goes back from 03:00 to 02:00: the hour comes twice.
        ("2026-10-25 00:30", "Europe/Berlin", "2026-10-25 02:30"),
        ("2026-10-25 01:30", "Europe/Berlin", "2026-10-25 02:30"),
        ("2026-10-25 02:30", "Europe/Berlin", "2026-10-25 03:30"),
        # It goes forward from 02:00 to 03:00: no call starts in between.
        ("2026-03-29 00:59", "Europe/Berlin", "2026-03-29 01:59"),
        ("2026-03-29 01:00", "Europe/Berlin", "2026-03-29 03:00"),
        ("2026-03-08 07:00", "America/New_York", "2026-03-08 03:00"),
        ("2026-04-04 15:30", "Australia/Adelaide", "2026-04-05 02:00"),
        ("2026-04-04 16:30", "Australia/Adelaide", "2026-04-05 02:00"),
        ("2026-05-10 15:00", "Pacific/Chatham", "2026-05-11 03:45"),
    ],
)
def test_local_time_keeps_to_the_zones_clock(store: Store, instant: str, zone: str, local: str) -> None:
    when = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    there = datetime.fromisoformat(local)
    store.con.execute("update feed_accounts set time_zone = $1", [zone])
    store.con.execute("update rated set started_at = $1, local_date = $2", [when, there.date()])
    found = rows(read(publish(store)), "select distinct started_at_local, time_zone, started_at from rated_usage")
    assert found == [(there, zone, when)]


def test_an_account_that_moves_has_the_zone_of_the_day(store: Store) -> None:
    store.con.execute("update feed_accounts set time_zone = 'Europe/London'")
    moved = {"account_id": "A-1", "time_zone": "Asia/Tokyo", "effective_from": date(2026, 5, 11)}
    feed(store, "accounts", moved, moved | {"effective_from": date(2026, 8, 1), "name": "renamed"})
    change_rated(store, "update rated_usage set local_date = started_at::date where account_id = 'A-1'")
    later = "local_date = '2026-05-11', started_at = '2026-05-10 20:00+00'"
    change_rated(store, f"update rated_usage set {later} where usage_id = 'u3'")
    found = rows(read(publish(store)), "select usage_id, time_zone, started_at_local from rated_usage order by 1")
    assert found == [
        ("u2", "Europe/London", datetime.fromisoformat("2026-05-10 16:00")),
        ("u3", "Asia/Tokyo", datetime.fromisoformat("2026-05-11 05:00")),
    ]


def test_on_the_sample_every_local_time_lies_on_its_local_date(snapshot) -> None:
    assert rows(
        snapshot,
        "select count(*) > 3000, bool_and(started_at_local::date = local_date), count(distinct time_zone) > 8 "
        "from rated_usage",
    ) == [(True, True, True)]


def test_deck_rows_are_those_of_the_files(june: Home, snapshot) -> None:
    files = sorted((june.catalog / "rates").glob("*.csv"))
    sizes = {"per_s": 60, "increment_s": 60, "minimum_s": 0}
    dated = 0
    for path in files:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        up, has_cost = (Decimal("1.25"), True) if path.stem == "world_cad" else (Decimal(1), False)
        expected = []
        for line in lines:
            price, fee, last = Decimal(line["price"]), Decimal(line["connect_fee"] or 0), line.get("valid_to")
            dated += bool(last)
            expected.append((
                line["prefix"], line["destination"], price * up, price if has_cost else None,
                *(int(line[name] or default) for name, default in sizes.items()), fee * up,
                date.fromisoformat(line.get("valid_from") or "2025-01-01"),
                date.fromisoformat(last) + timedelta(days=1) if last else None,
            ))  # fmt: skip
        found = rows(
            snapshot,
            "select prefix, destination, price, cost, per_s, increment_s, minimum_s, connect_fee, valid_from, valid_to "
            f"from deck_rates where deck = '{path.stem}'",
        )
        assert found == expected
    assert dated > 3, "some rows end on a day, which becomes the day after"
    assert len(files) == 12
    priced = """
        select count(*) > 1000, count(distinct u.rate_id) = count(distinct d.rate_id)
        from rated_usage as u left join deck_rates as d using (rate_id)
        where u.rate_id similar to '[a-z_]+:[0-9].*'"""
    assert rows(snapshot, priced) == [(True, True)]


def test_margin_goes_by_the_cost_that_the_run_read(sample: Callable[[str], Home], tmp_path: Path) -> None:
    """A new sheet under the old name and the old first day: the rows have the same ids, and other costs."""
    home = Home(Path(shutil.copytree(sample("may").root, tmp_path / "home")))
    sheet = home.catalog / "rates" / "world_cad.csv"
    with sheet.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(line | {"price": str(Decimal(line["price"]) * 2)} for line in lines)
    with no_reviews():
        run_direct(request(home, "2026-06"))
    with Store(home) as store:
        con = read(publish(store))
        exact = {
            usage_id: Fraction(num) / den
            for usage_id, num, den in store.rows("select usage_id, amount_num, amount_den from rated_usage")
        }
    costs = {
        f"world_cad:{line['prefix']}@{line['valid_from'] or '2025-01-01'}": Fraction(Decimal(line["price"]))
        for line in lines
    }
    found = rows(con, "select usage_id, usage_month, rate_id, billable_units, amount, cost, margin from usage_margin")
    assert {month for _, month, *_ in found} == {"2026-04", "2026-05"}
    for usage_id, month, rate_id, units, amount, cost, margin in found:
        carrier = costs[rate_id] * (1 if month == "2026-04" else 2)
        assert abs(Fraction(cost) - carrier * units / 60) <= Fraction(1, 2 * 10**12)
        assert margin == amount - cost
        assert abs(exact[usage_id] - Fraction(amount)) <= Fraction(1, 2 * 10**12)
    decks = "select count(*), count(distinct cost) from deck_rates where deck = 'world_cad' and prefix = '33'"
    assert rows(con, decks) == [(1, 1)], "what is in force stands once"


def test_a_fee_is_paid_once_a_call_and_nothing_for_a_call_without_seconds(june: Home, tmp_path: Path) -> None:
    copy = Path(shutil.copy(june.published, tmp_path / "copy.duckdb"))
    asked = "select usage_id, cost from usage_margin order by 1"
    with duckdb.connect(str(copy)) as con:
        before = dict(rows(con, asked))
        con.execute("update base.deck_rates set connect_fee_cost = 0.008 where cost is not null")
        con.execute("update base.rated_usage_2026_05 set billable_units = 0 where usage_id = $1", [min(before)])
        after = dict(rows(con, asked))
    assert len(before) == 31
    assert after == {usage: cost + Decimal("0.008") for usage, cost in before.items()} | {min(before): Decimal(0)}


def test_deck_rows_are_read_once_and_what_nobody_uses_goes(june: Home, tmp_path: Path) -> None:
    home = Home(Path(shutil.copytree(june.root, tmp_path / "home")))
    stray = home.store / "tables" / "0123.parquet"
    with Store(home) as store:
        first = publish(store)
        stray.write_bytes(b"of a deck that is no more")
        with patch("flows.decks.deck_file.read_deck", side_effect=AssertionError("read again")):
            publish(store)
        assert not stray.exists()
        # A store that lost what a run read, or a catalogue in the making, stops no publication.
        (home.catalog / "plans.yaml").write_text("plans: {half", encoding="utf-8")
        assert rows(read(publish(store)), "select count(*) > 50 from products") == [(True,)]
        shutil.rmtree(home.store / "tables")
        for kept in (home.store / "objects").glob("??/*"):
            kept.write_bytes(b"damaged")
        publish(store)
        shutil.rmtree(home.store / "objects")
        con = read(publish(store))
    assert rows(con, "select (select count(*) from deck_rates), (select count(*) from products)") == [(0, 0)]
    assert first == home.published


def test_a_real_deck_of_36205_rows_is_published_whole(shared: Path, june: Home, tmp_path: Path) -> None:
    home = Home(Path(shutil.copytree(june.root, tmp_path / "home")))
    shutil.copy(shared / "real" / "az_deck.csv", home.catalog / "rates" / "az.csv")
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write('\n[decks.az]\nfile = "az.csv"\ncurrency = "USD"\nvalid_from = 2025-01-01\nmarkup_percent = "25"\n'
                   'columns = { price = "rate_per_minute" }\n')  # fmt: skip
    with no_reviews():
        run_direct(request(home, "2026-07"))
    with Store(home) as store, patch("flows.decks.deck_file.read_deck", side_effect=AssertionError("read again")):
        con = read(publish(store))
    with (shared / "real" / "az_deck.csv").open(encoding="utf-8", newline="") as file:
        total = sum(Decimal(line["rate_per_minute"]) for line in csv.DictReader(file))
    found = rows(con, "select count(*), sum(cost), sum(price) from deck_rates where deck = 'az'")
    assert found == [(36_205, total, total * Decimal("1.25"))]


def test_products_are_those_of_the_catalogue_with_their_times(june: Home, snapshot) -> None:
    catalogue = yaml.safe_load((june.catalog / "products.yaml").read_text(encoding="utf-8"))["products"]
    assert {code for (code,) in rows(snapshot, "select distinct product_code from products")} == set(catalogue)
    phone = "select unit_price, valid_from, valid_to from products where product_code = 'phone' and "
    assert rows(snapshot, phone + "currency = 'USD' and plan is null order by 2 nulls first") == [
        (Decimal("23.95"), date(2025, 1, 1), date(2026, 6, 1)), (Decimal("24.95"), date(2026, 6, 1), None),
    ]  # fmt: skip
    assert rows(snapshot, phone + "plan = 'us_reseller'") == [(Decimal("17.50"), None, None)]
    unpriced = "select bool_and(billed_from in ('usage', 'charges')) from products where currency is null"
    assert rows(snapshot, unpriced) == [(True,)]


def test_allowances_are_what_the_documents_meters_say(june: Home, snapshot) -> None:
    with Store(june) as store:
        documents = [Document.model_validate_json(text) for (text,) in store.rows(
            "select document_json from issued_documents order by invoice_number")]  # fmt: skip
    expected: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
    for document in documents:
        for meter in document.allowances:
            per = 60 if meter.unit == "minute" else 1
            key = (document.bill_to.account_id, meter.usage_month, meter.allowance_id)
            granted, used = expected.get(key, (Decimal(0), Decimal(0)))
            expected[key] = (granted + meter.granted * per, used + meter.used * per)
    found = rows(snapshot, "select account_id, usage_month, allowance, granted_units, used_units, left_units, unit "
                           "from allowances")  # fmt: skip
    assert len(found) == len(expected) > 70
    for account, month, allowance, granted, used, left, unit in found:
        meter_granted, meter_used = expected[account, month, allowance]
        assert granted == meter_granted
        # A meter is printed with two decimals of a minute: 0.005 of it are a third of a second.
        assert abs(used - meter_used) <= (Decimal("0.3") if unit == "second" else 0)
        assert left == granted - used


def test_a_correction_leaves_what_an_allowance_gave(june: Home, snapshot, tmp_path: Path) -> None:
    """A discount told later: credit note and replacement, and the calls took from the allowance what they took."""
    home = Home(Path(shutil.copytree(june.root, tmp_path / "home")))
    folder = home.inbox / "discounts"
    discount = "discount_id,account_id,applies_to,percent,valid_from\nD-1,US-1002,account,10,2026-06-01\n"
    (folder / "d.csv").write_text(discount, encoding="utf-8")
    asked = "select * exclude (invoice_number) from allowances where account_id = 'US-1002' order by all"
    before = rows(snapshot, asked)
    with no_reviews(), no_pdfs():
        assert len(correct(request(home, "2026-06"), "agreed in May").differences) == 1
        approve(request(home, "2026-06", "ben"), None, None, "correction", None, override=FAR)
    with Store(home) as store:
        con = read(publish(store))
    assert len(rows(con, "select 1 from invoices where account_id = 'US-1002' and invoice_month = '2026-06'")) == 3
    assert rows(con, asked) == before
    assert any(row[4] > 0 for row in before)


def test_suspended_history_is_what_each_run_could_not_bill(june: Home, snapshot) -> None:
    with Store(june) as store:
        expected = store.rows("select run_id, usage_id, reason, duration_s, estimate from suspended_usage order by all")
    found = "select run_id, usage_id, reason, duration_s, estimate from suspended_history order by all"
    assert rows(snapshot, found) == expected
    assert rows(snapshot, "select distinct invoice_month, run_state, run_kind from suspended_history order by 1") == [
        ("2026-05", "approved", "regular"), ("2026-06", "approved", "regular"),
    ]  # fmt: skip


def test_a_run_that_gave_way_stays_in_the_history_with_its_state(store: Store) -> None:
    booked.insert(
        store, "suspended_usage", run_id="run-old", usage_id="u4", source_line=4, duration_s=45, reason="no_owner"
    )
    found = rows(
        read(publish(store)), "select usage_id, run_id, run_state, reason from suspended_history order by 1, 2"
    )
    assert found == [
        ("u4", "run-2026-06", "drafted", "no_rate"), ("u4", "run-old", "superseded", "no_owner"),
        ("u7", "run-2026-06", "drafted", "no_rate"),
    ]  # fmt: skip


def test_what_a_run_read_is_told_by_its_inputs_alone(june: Home) -> None:
    """Publishing reads nothing that a run did not read: the hashes lie in store/ under the run's own."""
    with Store(june) as store:
        (digest,) = store.rows("select inputs_sha256 from runs order by run_seq desc limit 1")[0]
    kept = june.store / "objects" / digest[:2] / digest
    assert "catalog/rates/world_usd.csv" in json.loads(kept.read_bytes())["tables"]


def test_no_query_of_ours_takes_versions_for_accounts() -> None:
    """Of `accounts` joined by account alone a document would count twice; `latest_accounts` has one row each."""
    flows = Path(__file__).parents[2] / "flows"
    asking = [flows / "books" / "laws.py", *(flows / "review").glob("*.sql"), *(flows / "review").glob("*.py")]
    careless = re.compile(r"(join|from) accounts( as \w+)? (using \(account_id\)|on a\.account_id = \w+\.account_id\s)")
    assert len(asking) > 10
    assert [path.name for path in asking if careless.search(path.read_text(encoding="utf-8") + "\n")] == []
