"""Which deck row prices a call, through a whole run: jurisdiction, fallback deck, agreed prefixes; and deck diff."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from tests import forked
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

DECKS = """
[decks.us]
file = "us.csv"
currency = "GBP"
format = "npanxx"

[decks.odd]
file = "odd.csv"
currency = "GBP"

[sources.legs]
feed = "calls"
path = "inbox/calls/legs/*.csv"
leg = "a"
columns = { call_id = "uuid", leg = "way", started_at = "start", from_number = "a", to_number = "b", duration_s = "s" }
values = { leg = { inbound = "a", outbound = "b" } }
"""

US = """NPANXX,Interstate,Intrastate,Indeterminate,Billing
202,0.01,0.02,0.03,6/6
202555,0.001,,0.003,6/6
212555,0.0021,0.0145,,6/6
"""

ODD = """prefix,destination,price,increment_s,round_digits,round_mode,max_charge
34,Spain,0.5,1,2,up,0.60
"""

NUMBER = "+12025550101"  # Washington, DC

CALLS = {
    "in the exchange, within DC": "+12025550199",
    "in the area, within DC": "+12027770199",
    "to New York": "+12125550199",
    "to an exchange nobody prices": "+12127770199",
    "to France": "+33155550100",
    "to a French mobile": "+33655550100",
    "to an agreed mobile": "+33755550100",
    "to Spain": "+34655550100",
}


@dataclass(frozen=True)
class Billed:
    home: Home
    rated: dict[tuple[str, str], tuple[str, Decimal]]
    """(account, what) -> (rate_id, amount)."""
    other: list[tuple[Any, ...]]
    parked: list[tuple[str]]


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Billed:
    home = make_home(tmp_path_factory.mktemp("decks"))
    settings = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(settings + DECKS, encoding="utf-8")
    catalog = home.catalog / "catalog.yaml"
    text = catalog.read_text(encoding="utf-8")
    one, several = (
        "international: {deck: world, charged: abroad}",
        "international: {deck: [us, odd, world], charged: abroad}",
    )
    assert one in text
    catalog.write_text(text.replace(one, several), encoding="utf-8")
    (home.rates / "us.csv").write_text(US, encoding="utf-8")
    (home.rates / "odd.csv").write_text(ODD, encoding="utf-8")
    world = home.rates / "world.csv"
    world.write_text(world.read_text(encoding="utf-8") + "337,French mobile,0.30,60,6,30,0,\n", encoding="utf-8")
    numbers = {"LIST": NUMBER, "AGREED": "+12025550102", "LEGS": "+12025550103", "LOST": "+12025550104"}
    add_file(home, "accounts", "accounts", [{"account_id": name} for name in numbers])
    add_file(home, "numbers", "numbers", [{"number": n, "account_id": name} for name, n in numbers.items()])
    add_file(
        home, "calls", "calls",
        [
            {"call_id": f"{account} {what}", "started_at": "2025-06-10T12:00:00Z", "from_number": numbers[account],
             "to_number": number, "duration_s": 61}
            for account in ("LIST", "AGREED") for what, number in CALLS.items()
        ],
    )  # fmt: skip
    agreed = {"account_id": "AGREED", "valid_from": "2025-01-01"}
    add_file(
        home, "prices", "prices",
        [
            {**agreed, "prefix": "33", "deck": "world", "unit_price": "0.06"},
            {**agreed, "prefix": "3375", "unit_price": "0.12", "valid_to": "2025-06-10"},
            {**agreed, "prefix": "3375555", "unit_price": "9", "valid_from": "2025-06-11"},
            {**agreed, "prefix": "34", "unit_price": "0.011"},
            {**agreed, "prefix": "1212555", "deck": "world", "unit_price": "7"},
            {**agreed, "prefix": "1202", "deck": "us", "unit_price": "5", "currency": "USD"},
            {"account_id": "LOST", "valid_from": "2025-01-01", "prefix": "33", "deck": "gone", "unit_price": "1"},
        ],
    )  # fmt: skip
    legs = home.inbox / "calls" / "legs" / "cdr.csv"
    legs.parent.mkdir()
    line = "{},{},2025-06-10T12:00:00Z,outbound,+12025550103,+33155550100,60\n"
    legs.write_text(
        "uuid,way,start,direction,a,b,s\n" + line.format("u1", "inbound") + line.format("u2", "outbound"),
        encoding="utf-8",
    )
    run_direct(Request(str(home.root), "2025-07", "anna", datetime(2025, 7, 2, tzinfo=UTC)))
    with Store(home) as store:
        rows = store.rows("select account_id, usage_id, rate_id, amount from rated_usage")
        other = store.rows(
            "select reason, usage_id, duration_s from suspended_usage union all "
            "select reason, usage_id, duration_s from excluded_usage order by all"
        )
        parked = store.rows("select reason from run_accounts where outcome = 'parked'")
    rated = {
        (account, usage_id.split(":")[1].removeprefix(f"{account} ")): (rate_id, amount.normalize())
        for account, usage_id, rate_id, amount in rows
    }
    return Billed(home, rated, other, parked)


def test_the_call_s_own_jurisdiction_and_the_longest_prefix_decide(billed: Billed) -> None:
    """61 s are 66 in steps of six. A longer row for any call beats a shorter one for the jurisdiction."""
    assert billed.rated["LIST", "in the exchange, within DC"] == ("us:1202555", Decimal("0.0033"))
    assert billed.rated["LIST", "in the area, within DC"] == ("us:1202/intrastate", Decimal("0.022"))
    assert billed.rated["LIST", "to New York"] == ("us:1212555/interstate", Decimal("0.00231"))


def test_a_deck_is_searched_where_those_before_have_no_row(billed: Billed) -> None:
    assert billed.rated["LIST", "to France"] == ("world:33@2020-01-01", Decimal("0.212788333333"))
    assert billed.rated["LIST", "to Spain"] == ("odd:34", Decimal("0.51"))
    no_rate = [usage_id for reason, usage_id, _ in billed.other if reason == "no_rate"]
    assert [usage_id.split("~")[0] for usage_id in no_rate] == [
        "calls:AGREED to an exchange nobody prices:-",
        "calls:LIST to an exchange nobody prices:-",
    ]


def test_an_agreed_prefix_beats_the_deck_and_the_longest_prefix_still_wins(billed: Billed) -> None:
    agreed = {what: found for (account, what), found in billed.rated.items() if account == "AGREED"}
    listed = {what: found for (account, what), found in billed.rated.items() if account == "LIST"}
    assert agreed["to France"] == ("world:33@2020-01-01~AGREED:33@2025-01-01", Decimal("0.061"))
    assert agreed["to a French mobile"] == listed["to a French mobile"], "the deck's longer row stands"
    # Steps of 6 and the minimum are the deck's; the row agreed from the next day on is not in force yet.
    assert agreed["to an agreed mobile"] == ("world:337@2020-01-01~AGREED:3375@2025-01-01", Decimal("0.132"))
    assert agreed["to Spain"] == ("odd:34~AGREED:34@2025-01-01", Decimal("0.02")), "rounded as the deck's row says"
    assert agreed["to New York"] == listed["to New York"], "agreed in another deck than the one that prices"
    assert agreed["in the area, within DC"] == listed["in the area, within DC"], "agreed in another currency"


def test_a_price_agreed_in_a_deck_that_is_not_there_parks_its_account(billed: Billed) -> None:
    assert billed.parked == [("feed prices names deck gone, which tollbook.toml does not declare",)]


def test_the_leg_that_does_not_bill_is_excluded_and_seen(billed: Billed) -> None:
    assert billed.rated["LEGS", "u1"][0] == "world:33@2020-01-01"
    (left_out,) = [row for row in billed.other if row[0] == "other_leg"]
    assert (left_out[1].split("~")[0], left_out[2]) == ("legs:u2:b", 60)


def tollbook(home: Home | None, *arguments: str) -> forked.Ended:
    where = ["--home", str(home.root)] if home else []
    return forked.tollbook(*where, "--today", "2025-07-15", *arguments)


NEW_WORLD = """prefix,destination,price,per_s,increment_s,minimum_s,connect_fee,class,valid_from
44,United Kingdom,0.06,60,1,0,0,,
449,United Kingdom premium,0.60,60,60,0,0.10,premium,
33,France,0.004,1,1,0,0,,2025-08-01
3365,France mobile Example,0.25,60,6,30,0,,2025-08-01
337,French mobile,0.30,60,1,30,0,,
39,Italy,0.01,60,1,0,0,,
"""


def test_deck_diff_shows_changes_and_the_money_they_would_have_moved(billed: Billed, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text(NEW_WORLD, encoding="utf-8")
    done = tollbook(billed.home, "--json", "deck", "diff", "world", str(new))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["counts"] == {"increase": 1, "decrease": 0, "new": 2, "closed": 2, "terms": 1, "unchanged": 2}
    changes = {change["prefix"]: change for change in told["changes"]}
    france = changes["33"]
    # Two calls to France at their list price: 61 s and 60 s, from 0.2093 a minute to 0.004 a second.
    assert (france["kind"], france["percent"], france["effective"]) == ("increase", "14.67", "2025-08-01")
    assert france["usage"] == {"calls": 2, "old_amount": "0.42", "new_amount": "0.48", "moved": "0.06"}
    assert (changes["336"]["kind"], changes["336"]["usage"]["calls"]) == ("closed", 0)
    # The mobile calls of both accounts: 66 s at 0.30 become 66 s at 0.25 under the new, longer code.
    assert changes["3365"]["usage"] == {"calls": 2, "old_amount": "0.66", "new_amount": "0.55", "moved": "-0.11"}
    assert (changes["337"]["kind"], changes["337"]["usage"]["old_amount"]) == ("terms", "0.33")
    money = {name: told["money"][name] for name in ("calls", "old_amount", "new_amount", "moved", "unrated_calls")}
    # 0.422115 + 0.66 + 0.33 against 0.484 + 0.55 + 0.305
    assert money == {"calls": 5, "old_amount": "1.41", "new_amount": "1.34", "moved": "-0.07", "unrated_calls": 0}

    shorter = tmp_path / "shorter.csv"
    shorter.write_text("prefix,destination,price\n44,UK,0.06\n336,France mobile,0.30\n", encoding="utf-8")
    lines = tollbook(billed.home, "deck", "diff", "world", str(shorter)).stdout.splitlines()
    assert lines[0] == f"world -> {shorter}: 0 increase, 0 decrease, 0 new, 4 closed, 2 terms, 0 unchanged"
    assert lines[-1] == f"3 calls, 0.75 GBP, would have no rate in {shorter}"


def test_deck_commands_need_no_home_for_files_and_refuse_what_is_no_deck(tmp_path: Path) -> None:
    deck, sheet = tmp_path / "old.csv", tmp_path / "sheet.csv"
    deck.write_text(
        "prefix,destination,price,valid_from,valid_to\n33,F,0.1,2025-01-01,2025-02-28\n33,F,0.2,2025-04-01,\n"
    )
    sheet.write_text("Code,Destination,Rate,Interval\n33,France,$0.20,60/60\n")
    nowhere = Home(tmp_path)
    checked = tollbook(nowhere, "deck", "check", str(deck))
    assert checked.returncode == 0
    first = "old: 2 rows, 1 prefix, 1 in force today, in XXX; 0 lines left out, 1 gap"
    assert checked.stdout.splitlines()[0] == first
    assert "no row for 2025-03-01 to 2025-03-31, between line 2 and line 3" in checked.stderr
    options = ["--format", "az", "--currency", "USD"]
    assert tollbook(nowhere, "deck", "check", str(sheet), *options).returncode == 0
    for wrong in (
        ["check", str(sheet)],
        ["check", "nothing.csv"],
        ["check"],
        ["diff", str(deck), str(deck), "--like", "x"],
    ):
        done = tollbook(nowhere, "deck", *wrong)
        assert (done.returncode, done.stdout) == (2, ""), wrong
