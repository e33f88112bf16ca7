"""Months that a clerk can check: the guide's examples and the rules beside them, through the code that bills.

All scenarios share one home: every account is its own case, and three invoice months are run and approved once.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.ask.explain import explain
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.books.laws import broken
from flows.books.publish import read
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.money import rounded
from tests.scenarios.month.facts import facts_agree, same
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs")

MONTHS = ["2025-06", "2025-07", "2025-08"]
FILES = (
    "guide.yaml", "pricing.yaml", "discounts.yaml", "allowances.yaml", "late.yaml", "corners.yaml", "minimums.yaml",
    "plans.yaml", "suspensions.yaml",
)  # fmt: skip
"""Their keys are checked in test_keys.py."""
SCENARIOS: list[dict[str, Any]] = [
    scenario
    for file in FILES
    for scenario in yaml.load(
        (Path(__file__).parent / file).read_text(encoding="utf-8"),
        Loader=yaml.BaseLoader,  # noqa: S506 it builds nothing but text
    )
]
FEEDS = (
    "accounts", "subscriptions", "devices", "numbers", "locations", "prices", "discounts", "charges", "calls",
    "billed_until", "messages", "suspensions",
)  # fmt: skip


def _rows(scenario: dict[str, Any], feed: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a scenario belong to its first account unless they say otherwise; usage names no account by itself."""
    first = scenario["accounts"][0]["account_id"]
    return [row if feed in ("accounts", "calls", "messages") else {"account_id": first, **row} for row in rows]


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = make_home(tmp_path_factory.mktemp("months") / "home")
    first: dict[str, list[dict[str, Any]]] = defaultdict(list)
    later: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for scenario in SCENARIOS:
        for feed in FEEDS:
            first[feed] += _rows(scenario, feed, scenario.get(feed, []))
        for month, feeds in scenario.get("later", {}).items():
            for feed, rows in feeds.items():
                later[month, feed] += _rows(scenario, feed, rows)
    for feed, rows in first.items():
        add_file(home, feed, "first", rows)
    for month in MONTHS:
        for (due, feed), rows in later.items():
            if due == month:
                add_file(home, feed, f"later-{month}", rows)
        _bill(home, month)
    with Store(home) as store:
        yield store


def _bill(home: Home, month: str) -> None:
    now = datetime(2025, 9, 1, tzinfo=UTC)
    run_direct(Request(str(home.root), month, "anna", now, date.fromisoformat(f"{month}-02")))
    # Seventy days of a yearly line in June, and two whole years in July: it rightly stops, and is told below.
    reason = "a yearly line is billed once a year"
    request = Request(str(home.root), month, "ben", now, date.fromisoformat(f"{month}-02"))
    approve(request, None, None, None, None, override=reason)


CASES = [
    pytest.param(scenario, month, id=f"{scenario['name']}, {month}")
    for scenario in SCENARIOS
    for month in scenario["expect"]
]


@pytest.mark.parametrize(("scenario", "month"), CASES)
def test_month(billed: Store, scenario: dict[str, Any], month: str) -> None:
    expected = scenario["expect"][month]
    account = scenario["accounts"][0]["account_id"]
    run_id = billed.rows("select run_id from runs where invoice_month = $1", [month])[0][0]
    if "outcome" in expected:
        query = "select outcome from run_accounts where run_id = $1 and account_id = $2"
        assert billed.rows(query, [run_id, account]) == [(expected["outcome"],)]
    if "lines" in expected:
        facts_agree(_document(billed, run_id, account)["lines"], expected["lines"])
    if "taxes" in expected:
        facts_agree(_document(billed, run_id, account)["taxes"], expected["taxes"])
    if "meters" in expected:
        meters = [m for m in _document(billed, run_id, account)["allowances"] if m["usage_month"] == _before(month)]
        facts_agree(meters, expected["meters"])
    for fact in ("kind", "is_final"):
        if fact in expected:
            query = f"select {fact}::varchar from documents where run_id = $1 and account_id = $2"
            assert billed.rows(query, [run_id, account]) == [(expected[fact],)]
    if "total" in expected:
        query = "select total::varchar from documents where run_id = $1 and account_id = $2"
        assert same(billed.rows(query, [run_id, account])[0][0], expected["total"])
    for table in ("suspended", "excluded"):
        for call, reason in expected.get(table, {}).items():
            query = f"select reason from {table}_usage where run_id = $1 and usage_id like $2"
            assert billed.rows(query, [run_id, f"%:{call}:%"]) == [(reason,)]
    for call, facts in expected.get("usage", {}).items():
        found = billed.sql("select * from rated_usage where run_id = $1 and usage_id like $2", [run_id, f"%:{call}:%"])
        facts_agree(found.to_dicts(), [facts])
    for call, parts in expected.get("parts", {}).items():
        found = billed.sql("select * from line_usage where run_id = $1 and usage_id like $2", [run_id, f"%:{call}:%"])
        facts_agree(found.to_dicts(), parts)


def test_the_review_finds_the_books_balanced(billed: Store) -> None:
    """Also where a line of usage has a discount, or a price of the whole month's units."""
    changed = "charge_type = 'usage' and {} group by all"
    for what in ("discount_amount <> 0", "price_model is not null"):
        assert billed.rows(f"select count(*) from invoice_lines where {changed.format(what)}"), what
    with read(billed.home.published) as snapshot:
        assert broken(snapshot) == {}


def test_nothing_but_years_and_quarters_among_months_was_let_through(billed: Store) -> None:
    assert sorted(billed.rows("select code, subject, invoice_month from stop_overrides")) == [
        ("invoice_far", "CUT-YEAR", "2025-07"),
        ("invoice_far", "KEPT-CYCLE", "2025-08"),
        ("invoice_far", "MONTH-TO-YEAR", "2025-08"),
        ("invoice_far", "YEAR-GREW", "2025-08"),
    ]


def test_explain_adds_up_to_every_line_that_has_a_model_or_is_usage(billed: Store) -> None:
    lines = billed.rows("""
        select draft_id, line_no, list_amount, coalesce(invoice_number, draft_id) from invoice_lines
        left join issued_documents using (run_id, draft_id) where charge_type = 'usage' or price_model is not null""")
    assert len(lines) > 20
    for _, line_no, amount, number in lines:
        (told,) = (text for text in explain(billed, number, str(line_no)).lines() if "rounded once" in text)
        assert told.endswith(f"half up: {rounded(amount, 2)} GBP"), (number, line_no)


def test_a_run_notices_trials_that_end_and_services_that_wait(billed: Store) -> None:
    noticed = billed.rows("""
        select r.invoice_month, f.account_id, f.kind, f.detail from run_findings f join runs r using (run_id)
        where f.kind in ('trial_over', 'not_confirmed') order by all""")
    waits = "subscription {} of {} waits for its confirmation; it is billed from confirmed_on in feed subscriptions"
    broadband = [
        (month, account, "not_confirmed", waits.format(subscription, "broadband"))
        for month in MONTHS
        for account, subscription in (("BROADBAND-CONFIRMED", "B-CONF"), ("BROADBAND-WAITS", "B-WAITS"))
        if (month, account) != ("2025-08", "BROADBAND-CONFIRMED")
    ]
    seats = [(month, "SEATS-WAIT", "not_confirmed", waits.format("S-WAITS-ON", "seat")) for month in MONTHS]
    over = "product seat cost nothing until 2025-07-31; it is free from then on, until feed prices or subscriptions"
    trials = [(month, "TRIAL", "trial_over", f"{over} says a price") for month in MONTHS[1:]]
    assert noticed == sorted(broadband + seats + trials)


def test_a_price_of_another_interval_is_told_as_such(billed: Store) -> None:
    query = "select distinct reason from run_accounts where account_id = $1 and code = 'no_price' limit 1"
    ((reason,),) = billed.rows(query, ["YEAR-NO-PRICE"])
    assert reason == "no price in GBP for product seat by P12M on 2025-07-01: its prices are for another interval"


def _before(month: str) -> str:
    return f"{month[:5]}{int(month[5:]) - 1:02}"


def _document(billed: Store, run_id: str, account: str) -> dict[str, Any]:
    query = "select document_json from documents where run_id = $1 and account_id = $2"
    found: dict[str, Any] = yaml.safe_load(billed.rows(query, [run_id, account])[0][0])
    return found
