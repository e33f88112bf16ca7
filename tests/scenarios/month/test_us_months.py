"""Months of accounts of the sample's US seller, over its catalogue and the shipped tax tables."""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.init import init_home
from flows.home.settings import Home
from flows.home.store import Store
from tests.scenarios.month.facts import facts_agree, same
from tests.scenarios.month.home import add_file

pytestmark = pytest.mark.usefixtures("without_pdfs", "without_reviews")

MONTH = "2026-05"
SCENARIOS: list[dict[str, Any]] = yaml.load(
    (Path(__file__).parent / "us.yaml").read_text(encoding="utf-8"),
    Loader=yaml.BaseLoader,  # noqa: S506 it builds nothing but text
)
PLACE = {"address_line1": "2 Example Road", "country": "US"}
FEEDS = ("accounts", "locations", "devices", "subscriptions", "prices", "charges", "billed_until")
OWN: dict[str, dict[str, str]] = {
    "accounts": PLACE | {
        "seller_id": "corvane-us", "currency": "USD", "time_zone": "America/New_York", "locale": "en_US",
        "plan": "us_standard",
    },
    "locations": PLACE,
    "prices": {"currency": "USD"},
    "charges": {"currency": "USD"},
}  # fmt: skip


@pytest.fixture(scope="module")
def drafted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = Home(tmp_path_factory.mktemp("us") / "home")
    init_home(home.root, sample=True)
    shutil.rmtree(home.inbox)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for scenario in SCENARIOS:
        account = scenario["accounts"][0]["account_id"]
        for feed in FEEDS:
            rows[feed] += [{"account_id": account, **OWN.get(feed, {}), **row} for row in scenario.get(feed, [])]
    for feed, of_feed in rows.items():
        add_file(home, feed, "first", of_feed)
    run_direct(Request(str(home.root), MONTH, "anna", datetime(2026, 5, 2, tzinfo=UTC)))
    with Store(home) as store:
        yield store


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["name"])
def test_month(drafted: Store, scenario: dict[str, Any]) -> None:
    expected = scenario["expect"][MONTH]
    account = scenario["accounts"][0]["account_id"]
    if "lines" in expected:
        facts_agree(drafted.sql("from invoice_lines where account_id = $1", [account]).to_dicts(), expected["lines"])
    for row in expected.get("taxes", []):
        named = {"account": account, "code": row["tax_code"], "where": row["jurisdiction"]}
        taxes = "from invoice_taxes where account_id = $account and tax_code = $code and jurisdiction = $where"
        facts_agree(drafted.sql(taxes, named).to_dicts(), [row])
    if "places" in expected:
        places = drafted.rows("select distinct jurisdiction from invoice_taxes where account_id = $1", [account])
        assert {place for (place,) in places} == {*expected["places"]}
    if "total" in expected:
        ((total,),) = drafted.rows("select total from documents where account_id = $1", [account])
        assert same(total, expected["total"])
