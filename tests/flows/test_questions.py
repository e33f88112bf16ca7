"""The ten questions of an analyst, asked of the sample provider after both months: each answer is worked out again from
the documents, the files of the inbox or by hand, never from the views that the queries read.
"""

import csv
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from flows.books.publish import read
from flows.home.settings import Home
from flows.home.store import Store
from schemas.document import Document
from schemas.money import rounded

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "docs" / "analysts" / "questions"
NAMES = [path.stem for path in sorted(QUESTIONS.glob("*.sql"))]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def home(sample: Callable[[str], Home]) -> Home:
    return sample("june")


@pytest.fixture
def con(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with read(home.published) as opened:
        yield opened


@pytest.fixture(scope="module")
def documents(home: Home) -> list[Document]:
    with Store(home) as store:
        rows = store.rows("select document_json from issued_documents order by invoice_number")
    return [Document.model_validate_json(text) for (text,) in rows]


@pytest.fixture(scope="module")
def accounts(home: Home) -> dict[str, dict[str, str]]:
    """Account -> its last row in the inbox."""
    with (home.inbox / "accounts" / "accounts.csv").open(encoding="utf-8", newline="") as file:
        return {row["account_id"]: row for row in csv.DictReader(file)}


def ask(con: duckdb.DuckDBPyConnection, number: int) -> Rows:
    """The answer to a question, a dict a row."""
    (path,) = QUESTIONS.glob(f"{number:02}-*.sql")
    rows: Rows = con.sql(path.read_text(encoding="utf-8")).pl().to_dicts()
    return rows


def test_there_are_ten_and_each_says_what_it_asks_and_how_to_read_the_answer() -> None:
    assert [int(name[:2]) for name in NAMES] == list(range(1, 11))
    for name in NAMES:
        text = (QUESTIONS / f"{name}.sql").read_text(encoding="utf-8")
        assert text.startswith("-- Question: "), name
        assert "\n-- How to read it: " in text, name


@pytest.mark.parametrize("name", NAMES)
def test_money_stays_exact_and_a_client_of_no_settings_gets_the_same_answer(home: Home, name: str) -> None:
    """Also one in another zone, and one whose DuckDB reckons as DuckDB by itself does."""
    query = (QUESTIONS / f"{name}.sql").read_text(encoding="utf-8")
    with read(home.published) as con:
        relation = con.sql(query)
        assert not {str(kind) for kind in relation.types} & {"FLOAT", "DOUBLE"}
        expected = relation.fetchall()
    assert expected
    with duckdb.connect(str(home.published), read_only=True) as con:
        con.execute("set TimeZone = 'Pacific/Chatham'")
        assert con.sql(query).fetchall() == expected


def test_arpu_is_the_net_of_documents_by_accounts(con, documents, accounts) -> None:
    net: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    payers = defaultdict(set)
    for document in documents:
        account = document.bill_to.account_id
        key = (document.invoice_month, accounts[account]["plan"], document.currency)
        net[key] += document.subtotal
        payers[key].add(account)
    found = {
        (row["invoice_month"], row["plan"], row["currency"]): (row["accounts"], row["net"], row["arpu"])
        for row in ask(con, 1)
    }
    expected = {key: (len(payers[key]), net[key], rounded(Fraction(net[key]) / len(payers[key]), 2)) for key in net}
    assert found == expected
    assert len(found) == 18


def test_margin_of_a_sheet_with_a_quarter_on_top_is_a_fifth(con, documents) -> None:
    rows = ask(con, 2)
    assert all(row["cost"] == row["amount"] * 4 / 5 and row["margin"] == row["amount"] / 5 for row in rows)
    assert {row["margin_percent"] for row in rows} == {Decimal("20.0")}
    assert [row["margin"] for row in rows] == sorted(row["margin"] for row in rows)
    printed = [
        line.list_amount or line.amount
        for document in documents
        if (document.currency, document.invoice_month) == ("CAD", "2026-06")
        for line in document.lines
        if line.section == "international_minutes"
    ]
    # A line is rounded once, so each is at most half a cent off.
    assert len(printed) == 7
    assert abs(sum(printed) - sum(row["amount"] for row in rows)) <= Decimal("0.005") * len(printed)


def test_minutes_by_the_clock_on_the_customers_wall(con, home, accounts) -> None:
    with Store(home) as store:
        calls = store.rows(
            "select account_id, started_at, duration_s from rated_usage "
            "where kind = 'voice' and usage_month = '2026-05' and run_id like '2026-06-%'"
        )
    seconds: dict[tuple[int, bool], int] = defaultdict(int)
    count: Counter[tuple[int, bool]] = Counter()
    for account, started_at, duration in calls:
        local = started_at.astimezone(ZoneInfo(accounts[account]["time_zone"]))
        key = (local.hour, local.weekday() < 5)
        seconds[key] += duration
        count[key] += 1
    rows = ask(con, 3)
    assert {row["local_hour"] for row in rows} == {hour for hour, _ in count}
    for row in rows:
        for week, word in ((True, "weekday"), (False, "weekend")):
            key = (row["local_hour"], week)
            assert row[f"{word}_calls"] == count[key]
            assert row[f"{word}_minutes"] == rounded(Fraction(seconds[key], 60), 1)


def test_churn_counts_who_is_there_comes_and_leaves(con, documents, accounts) -> None:
    found = {(row["invoice_month"], row["seller_id"]): row for row in ask(con, 4)}
    for (month, seller), row in found.items():
        first = date.fromisoformat(f"{month}-01")
        after = (first + timedelta(days=31)).replace(day=1)
        starts = {
            a: date.fromisoformat(x["billing_start_date"]) for a, x in accounts.items() if x["seller_id"] == seller
        }
        ends = {a: date.fromisoformat(accounts[a]["end_date"]) for a in starts if accounts[a]["end_date"]}
        there = {a for a in starts if starts[a] <= first and ends.get(a, date.max) >= first}
        leaving = {a for a in ends if first <= ends[a] < after}
        assert row["at_start"] == len(there)
        assert row["joined"] == sum(first < start < after for start in starts.values())
        assert row["left_in_month"] == len(leaving)
        assert row["churn_percent"] == rounded(Fraction(100 * len(leaving & there), len(there)), 1)
    # By hand: US-1006 left on 15 May; of the sellers' first month nobody knows what it paid before.
    assert (found["2026-05", "corvane-us"]["left_in_month"], found["2026-05", "corvane-us"]["net_lost"]) == (1, 0)
    assert found["2026-06", "corvane-us"]["left_in_month"] == 0


def test_what_is_not_billed_yet_accrues(con, home, sample, accounts) -> None:
    # By hand: after both months only the planted records that nobody can bill are left (data/sample/README.md).
    left = {(row["seller_id"], row["usage_month"], row["state"]): row["records"] for row in ask(con, 5)}
    assert left == {
        ("corvane-us", "2026-05", "suspended"): 5, ("corvane-us", "2026-06", "suspended"): 1,
        (None, "2026-05", "suspended"): 1,
    }  # fmt: skip
    drafted = sample("june_drafted")
    with Store(drafted) as store:
        usage = store.rows("select account_id, usage_month, amount_num, amount_den from rated_usage")
    exact: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    records: Counter[tuple[str, str]] = Counter()
    for account, month, num, den in usage:
        key = (accounts[account]["seller_id"], month)
        exact[key] += Fraction(num) / den
        records[key] += 1
    with read(drafted.published) as opened:
        rows = [row for row in ask(opened, 5) if row["state"] in ("drafted", "parked")]
    assert {(row["seller_id"], row["usage_month"]) for row in rows} == set(exact)
    for key, total in exact.items():
        mine = [row for row in rows if (row["seller_id"], row["usage_month"]) == key]
        assert sum(row["records"] for row in mine) == records[key]
        assert abs(Fraction(sum(row["amount"] for row in mine)) - total) < Fraction(records[key], 10**12)


def test_tax_to_remit_is_what_the_months_documents_print(con, documents) -> None:
    due: dict[tuple[Any, ...], list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 4)
    for document in documents:
        for tax in document.taxes:
            if document.issue_date.isoformat()[:7] == "2026-06" and tax.kind == "tax":
                key = (document.seller.seller_id, tax.jurisdiction, tax.tax_code, tax.rate_percent, document.currency)
                adds = (Decimal(1), tax.base_amount, tax.exempt_amount, tax.amount)
                due[key] = [a + b for a, b in zip(due[key], adds, strict=True)]
    names = ("seller_id", "jurisdiction", "tax_code", "rate_percent", "currency")
    found = {
        tuple(row[name] for name in names): [row["documents"], row["taxable"], row["exempt"], row["tax"]]
        for row in ask(con, 6)
    }
    assert found == due
    assert ("corvane-au", "AU", "GST", Decimal(10), "AUD") in found
    con.execute("set variable issue_month = '2026-05'")
    may = sum(row["tax"] for row in ask(con, 6))
    assert may == sum(
        tax.amount for d in documents for tax in d.taxes if d.invoice_month == "2026-05" and tax.kind == "tax"
    )


@pytest.mark.parametrize("as_of", [None, date(2026, 6, 1), date(2026, 6, 16)])
def test_revenue_is_earned_day_by_day_and_the_rest_is_deferred(con, documents, as_of) -> None:
    if as_of:
        con.execute(f"set variable as_of = date '{as_of}'")
    day = as_of or date(2026, 7, 1)
    invoiced: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    earned: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for document in documents:
        if document.issue_date >= day:
            continue
        for line in document.lines:
            key = (document.seller.seller_id, line.section, line.period_start.isoformat()[:7])
            invoiced[key] += line.amount
            days = (line.period_end - line.period_start).days
            passed = min(max((min(line.period_end, day) - line.period_start).days, 0), days)
            share = Fraction(1) if line.charge_type == "usage" or not days else Fraction(passed, days)
            earned[key] += rounded(Fraction(line.amount) * share, 2)
    rows = ask(con, 7)
    keys = [(row["seller_id"], row["section"], row["month"]) for row in rows]
    assert dict(zip(keys, (row["invoiced"] for row in rows), strict=True)) == invoiced
    assert dict(zip(keys, (row["earned"] for row in rows), strict=True)) == earned
    assert all(row["invoiced"] == row["earned"] + row["deferred"] for row in rows)
    if as_of is None:
        # By hand: lines of US-1015 paid for a year from 1 June, of DE-5001 from 15 May: 30 and 47 days of 365 are over.
        deferred = {key: row["deferred"] for key, row in zip(keys, rows, strict=True) if row["deferred"]}
        assert {key[:2] for key in deferred} >= {("corvane-us", "service_fees"), ("corvane-de", "service_fees")}


def test_allowances_left_are_the_meters_of_the_documents(con, documents) -> None:
    meters = {
        (document.bill_to.account_id, meter.allowance_id): (meter.granted, meter.used)
        for document in documents
        for meter in document.allowances
        if meter.usage_month == "2026-05"
    }
    rows = ask(con, 8)
    assert len(rows) == len(meters) > 40
    for row in rows:
        granted, used = meters[row["account_id"], row["allowance"]]
        assert (row["granted"], row["used"]) == (rounded(granted, 1), rounded(used, 1)), row
        assert row["left_over"] == rounded(granted - used, 1)
        assert row["used_percent"] == rounded(Fraction(used) * 100 / Fraction(granted), 1)
    percents = [row["used_percent"] for row in rows]
    assert percents == sorted(percents, reverse=True)


def test_the_heap_that_cannot_be_billed_grew_by_two_and_nobody_mended_the_rest(con) -> None:
    """By hand, from data/sample/planted.py: what was suspended in May still is, and June brought two more."""
    found = {(row["invoice_month"], row["reason"]): (row["records"], row["still_waiting"]) for row in ask(con, 9)}
    planted = {"account_closed": 1, "conflict": 2, "no_owner": 1, "owner_conflict": 1}
    assert found == {
        **{("2026-05", reason): (records, 0) for reason, records in planted.items()},
        **{("2026-06", reason): (records, records) for reason, records in planted.items()},
        ("2026-06", "no_rate"): (1, 0), ("2026-06", "sms_not_offered"): (1, 0),
    }  # fmt: skip


def test_a_deck_a_tenth_dearer(con, home) -> None:
    with (home.catalog / "rates" / "world_usd.csv").open(encoding="utf-8", newline="") as file:
        prices = {row["prefix"]: Decimal(row["price"]) for row in csv.DictReader(file)}
    with Store(home) as store:
        calls = store.rows(
            "select destination, rate_id, charged_units, amount from rated_usage "
            "where usage_month = '2026-05' and rate_id like 'world_usd:%' and run_id like '2026-06-%'"
        )
    more: dict[str, Fraction] = defaultdict(Fraction)
    before: dict[str, Decimal] = defaultdict(Decimal)
    for destination, rate_id, units, amount in calls:
        prefix = rate_id.partition(":")[2].partition("@")[0]
        more[destination] += Fraction(prices[prefix]) / 10 * units / 60
        before[destination] += amount
    rows = ask(con, 10)
    assert {row["destination"]: row["difference"] for row in rows} == {
        destination: rounded(extra, 12) for destination, extra in more.items() if extra
    }
    assert all(row["new_amount"] == before[row["destination"]] + row["difference"] for row in rows)


NOTEBOOK = ROOT / "docs" / "analysts" / "questions.py"


def _notebook(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **more}
    return subprocess.run(
        [sys.executable, str(NOTEBOOK), *words], capture_output=True, text=True, check=False, env=environment
    )


def test_the_notebook_prints_every_answer_and_finds_the_home(home: Home, tmp_path: Path) -> None:
    told = _notebook("--", "--snapshot", str(home.published))
    assert told.returncode == 0, told.stderr
    assert [name for name in NAMES if f"\n{name}: " in told.stdout] == NAMES
    assert "761.91" in told.stdout
    assert _notebook(TOLLBOOK_HOME=str(home.root)).stdout == told.stdout
    without = _notebook(TOLLBOOK_HOME=str(tmp_path))
    assert without.returncode != 0
    assert "tollbook publish" in without.stderr


def test_the_notebook_becomes_a_page_with_charts(home: Home, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    # marimo leaves what it has worked out beside the notebook.
    notebook = shutil.copytree(NOTEBOOK.parent, tmp_path / "analysts") / NOTEBOOK.name
    words = ["export", "html", str(notebook), "-o", str(page), "--", "--snapshot", str(home.published)]
    ended = subprocess.run([sys.executable, "-m", "marimo", *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    text = page.read_text(encoding="utf-8")
    assert text.count("http://www.w3.org/2000/svg") >= 3
    assert "On which destinations do we earn" in text
