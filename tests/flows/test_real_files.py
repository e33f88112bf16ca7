"""Real layouts and a real deck, where they are at hand: two switch files of 24 rows, and 36,205 prefixes."""

import csv
from collections import Counter
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.money import rounded
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

SWITCHES = """
[sources.asterisk]
feed = "calls"
format = "asterisk_custom"
path = "inbox/calls/asterisk/*.csv"
time_zone = "UTC"
account_id = "PBX"
directions = { default = "internal" }

[sources.freeswitch]
feed = "calls"
format = "freeswitch"
path = "inbox/calls/freeswitch/*.csv"
time_zone = "Asia/Shanghai"
directions = { default = "internal" }
"""


SINCE_2019 = {"service_start_date": "2019-01-01", "billing_start_date": "2019-01-01"}
NOW = datetime(2026, 6, 2, tzinfo=UTC)


def _home(root: Path, first_month: str, more: str = "") -> Home:
    home = make_home(root)
    text = home.settings_file.read_text(encoding="utf-8").replace("2025-06", first_month)
    home.settings_file.write_text(text + more, encoding="utf-8")
    return home


def _run(home: Home, month: str) -> Store:
    run_direct(Request(str(home.root), month, "anna", NOW))
    return Store(home)


def _outcomes(store: Store, feed: str) -> Counter[str]:
    """Every line of a feed's files, by where it ended."""
    query = """
        select 'rated' as outcome, source_file from rated_usage union all
        select reason, source_file from suspended_usage union all
        select reason, source_file from excluded_usage union all
        select 'duplicate', source_file from duplicate_records union all
        select 'rejected', source_file from rejected_records"""
    rows = store.rows(f"select outcome, count(*) from ({query}) where source_file like $1 group by 1", [f"%/{feed}/%"])
    return Counter(dict(rows))


def test_every_row_of_the_asterisk_file_has_its_outcome(shared: Path, tmp_path: Path) -> None:
    home = _home(tmp_path / "home", "2023-08", SWITCHES)
    add_file(home, "accounts", "accounts", [{"account_id": "PBX", **SINCE_2019}])
    add_file(
        home,
        "devices",
        "devices",
        [
            {"device_id": name, "account_id": "PBX", "extension": name, "active_from": "2020-01-01"}
            for name in ("1234", "6789")
        ],
    )
    _copy(shared / "real" / "asterisk_cdr_custom_19col.csv", home, "asterisk")
    with _run(home, "2023-08") as store:
        found = _outcomes(store, "asterisk")
    assert found == {"unanswered": 3, "rated": 11}, found


def test_every_row_of_the_freeswitch_file_has_its_outcome(shared: Path, tmp_path: Path) -> None:
    home = _home(tmp_path / "home", "2020-03", SWITCHES)
    add_file(
        home,
        "accounts",
        "accounts",
        [{"account_id": "1002", **SINCE_2019}],
    )
    add_file(
        home, "devices", "devices",
        [{"device_id": "d", "account_id": "1002", "extension": "1002", "active_from": "2019-01-01"}],
    )  # fmt: skip
    _copy(shared / "real" / "freeswitch_cdr_15col.csv", home, "freeswitch")
    with _run(home, "2020-03") as store:
        found = _outcomes(store, "freeswitch")
        states = store.rows(
            "select records, loaded, rejected, duplicate from source_files where source_file like '%/freeswitch/%'"
        )
    assert states == [(10, 9, 0, 1)]
    assert sum(found.values()) == 10
    # One call came three times: twice alike (a duplicate), once with another ending (both variants wait).
    assert (found["duplicate"], found["conflict"], found["unanswered"]) == (1, 2, 1)


def _copy(source: Path, home: Home, name: str) -> None:
    target = home.inbox / "calls" / name / "Master.csv"
    target.parent.mkdir(parents=True)
    target.write_bytes(source.read_bytes())


def test_a_month_over_a_real_deck(shared: Path, tmp_path: Path) -> None:
    """Every 40th prefix of a real A-Z deck is called once; each call's price is looked up again the plain way."""
    home = _home(tmp_path / "home", "2025-08")
    with (shared / "real" / "az_deck.csv").open(encoding="utf-8") as file:
        deck = [row for row in csv.DictReader(file) if not row["prefix"].startswith("44")]
    with (home.rates / "world.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["prefix", "destination", "price", "connect_fee", "increment_s", "class"])
        for row in deck:
            price, fee, increment = row["rate_per_minute"], row["connect_fee"], row["increment_s"]
            writer.writerow([row["prefix"], row["destination"], price, fee, increment, ""])
    add_file(home, "accounts", "accounts", [{"account_id": "CALLER"}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460100", "account_id": "CALLER"}])
    called = [(row["prefix"] + "0" * 15)[:13] for row in deck[::40]]
    add_file(
        home, "calls", "calls",
        [
            {"call_id": f"c{i}", "started_at": f"2025-07-{1 + i % 31:02d}T12:00:00Z", "from_number": "+442079460100",
             "to_number": f"+{number}", "duration_s": 1 + i}
            for i, number in enumerate(called)
        ],
    )  # fmt: skip
    prices = {row["prefix"]: (row["rate_per_minute"], int(row["increment_s"])) for row in deck}
    with _run(home, "2025-08") as store:
        rated = store.rows("select to_number, duration_s, billable_units, rate_id, amount from rated_usage order by 1")
        suspended = store.rows("select reason, count(*) from suspended_usage group by 1")
        lines = store.rows("select sum(amount) from invoice_lines where section = 'international_minutes'")[0][0]
    # Prefixes of a country code that no numbering plan knows are suspended, not guessed.
    assert len(rated) + sum(count for _, count in suspended) == len(called)
    assert len(rated) > 880
    for number, seconds, billable, rate_id, amount in rated:
        prefix = next(number[1:n] for n in range(len(number), 1, -1) if number[1:n] in prices)
        price, increment = prices[prefix]
        assert rate_id.split(":")[1].startswith(prefix)
        assert billable == -(-seconds // increment) * increment
        assert rounded(amount, 9) == rounded(Fraction(price) * billable / 60, 9)
    assert lines > 0
    approved = approve(Request(str(home.root), "2025-08", "ben", NOW), None, None, None, None)
    assert len(approved.issued) == 1
