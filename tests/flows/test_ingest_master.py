"""Master data: checks per row, versions, duplicates, snapshots (RULES 18)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.home.file_settings import FeedSettings
from flows.home.store import Store
from tests.flows.inbox import Inbox, counts, opened

ACCOUNT = {
    "account_id": "A1",
    "effective_from": "",
    "name": "Alder & Sons",
    "customer_type": "business",
    "seller_id": "us",
    "currency": "USD",
    "time_zone": "America/Chicago",
    "locale": "en_US",
    "address_line1": "1 Sample Street",
    "city": "Austin",
    "region": "TX",
    "postal_code": "73301",
    "country": "US",
    "email": "billing@alder.example",
    "cc_emails": "",
    "service_start_date": "2026-01-01",
    "billing_start_date": "2026-01-01",
    "free_months": "",
    "payment_terms_days": "",
    "end_date": "",
}
SUBSCRIPTION = {
    "subscription_id": "S1",
    "account_id": "A1",
    "product_code": "SEAT",
    "quantity": "10",
    "start_date": "2026-01-01",
    "end_date": "",
    "billing_interval": "",
    "renewal_months": "",
    "term_months": "",
    "unit_price": "",
}
NUMBER = {
    "number": "+12025550101",
    "account_id": "A1",
    "number_type": "standard",
    "product_code": "DID",
    "active_from": "2026-01-01",
    "active_to": "",
}
CHARGE = {
    "charge_id": "X1",
    "account_id": "A1",
    "product_code": "SETUP",
    "kind": "one_time",
    "charge_date": "2026-05-03",
    "unit_price": "",
    "amount": "50.00",
    "currency": "USD",
    "reason": "install",
}
PRICE = {
    "account_id": "A1",
    "product_code": "SEAT",
    "prefix": "",
    "deck": "",
    "unit_price": "9.5",
    "currency": "USD",
    "valid_from": "2026-01-01",
    "valid_to": "",
}
BASE = {"accounts": ACCOUNT, "subscriptions": SUBSCRIPTION, "numbers": NUMBER, "charges": CHARGE, "prices": PRICE}


def table(feed: str, *changes: dict[str, str]) -> str:
    """A CSV of a feed: its base row once per dict of changes."""
    base = BASE[feed]
    rows = [base | change for change in changes]
    return (
        "\n".join(
            ",".join(f'"{cell}"' if cell else "" for cell in row.values())
            for row in [dict(zip(base, base, strict=True)), *rows]
        )
        + "\n"
    )


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


BAD = [
    ("accounts", {"currency": "DOLLAR"}, "currency", "ISO 4217"),
    ("accounts", {"country": "USA"}, "country", "ISO 3166"),
    ("accounts", {"country": "UK"}, "country", "ISO 3166"),
    ("accounts", {"time_zone": "EST5"}, "time_zone", "IANA"),
    ("accounts", {"locale": "klingon"}, "locale", "en_US"),
    ("accounts", {"email": "a@b.c, x@y.z"}, "email", "one plain"),
    ("accounts", {"email": "a@b.c\nBcc: x@y.z"}, "email", "control characters"),
    ("accounts", {"cc_emails": "a@b.c; no address"}, "cc_emails", "separated by"),
    ("accounts", {"cc_emails": ",".join(f"{i}@b.example" for i in range(5))}, "cc_emails", "at most 5"),
    ("accounts", {"payment_terms_days": "366"}, "payment_terms_days", "365"),
    ("accounts", {"free_months": "61"}, "free_months", "60"),
    ("accounts", {"account_id": "x" * 101}, "account_id", "100"),
    ("accounts", {"customer_type": "friend"}, "customer_type", "reseller"),
    ("subscriptions", {"billing_interval": "P0D"}, "billing_interval", "P30D"),
    ("subscriptions", {"billing_interval": "P1DT2H"}, "billing_interval", "P30D"),
    ("subscriptions", {"billing_interval": "monthly"}, "billing_interval", "P1M"),
    ("subscriptions", {"billing_interval": "P0M"}, "billing_interval", "P1M"),
    ("subscriptions", {"renewal_months": "12"}, "renewal_months", "only a term renews"),
    ("subscriptions", {"term_months": "0"}, "term_months", "120"),
    ("subscriptions", {"quantity": "-1"}, "quantity", "not negative"),
    ("subscriptions", {"end_date": "2025-12-31"}, "start_date|end_date", "on or after"),
    ("numbers", {"number": "2025550101"}, "number", "E.164"),
    ("numbers", {"active_from": "2026-05-10T14:00:00"}, "active_from", "offset"),
    ("charges", {"unit_price": "50"}, "unit_price|amount", "exactly one"),
    ("charges", {"amount": ""}, "unit_price|amount", "exactly one"),
    ("charges", {"amount": "-50", "kind": "credit"}, "amount", "positive amount"),
    ("prices", {"product_code": "", "prefix": "+44"}, "prefix", "without +"),
    ("prices", {"deck": "world"}, "deck", "goes with a prefix"),
]


def test_every_bad_row_names_its_column_and_what_is_right(inbox: Inbox) -> None:
    for feed in BASE:
        changes = [change for name, change, _, _ in BAD if name == feed]
        result = inbox.take(f"{feed}/a.csv", table(feed, *changes))
        assert counts(result) == (len(changes), 0, len(changes), 0)
        found = inbox.rows(
            f"select column_name, reason from rejected_records where feed = '{feed}' order by source_line"
        )
        for (column, reason), (_, _, name, says) in zip(found, [bad for bad in BAD if bad[0] == feed], strict=True):
            assert column == name
            assert says in reason.partition("; expected ")[2]


def test_good_rows_of_every_feed_are_loaded(inbox: Inbox) -> None:
    for feed in BASE:
        assert counts(inbox.take(f"{feed}/a.csv", table(feed, {}))) == (1, 1, 0, 0)
    assert inbox.rows("select cc_emails, payment_terms_days, name from feed_accounts") == [(None, None, "Alder & Sons")]
    yearly = table("subscriptions", {"billing_interval": "P1Y", "subscription_id": "S2"})
    assert counts(inbox.take("subscriptions/b.csv", yearly)) == (1, 1, 0, 0)
    written = table("numbers", {"number": "+1 (202) 555-0102", "active_from": "2026-05-10T14:00:00-04:00"})
    inbox.take("numbers/b.csv", written)
    assert inbox.rows(
        "select active_from::varchar, active_from_at::varchar from feed_numbers where number = '+12025550102'"
    ) == [("2026-05-10", "2026-05-10 18:00:00+00")]


def test_the_same_row_again_is_a_duplicate_and_another_supersedes(inbox: Inbox) -> None:
    first, other = table("subscriptions", {}), table("subscriptions", {"quantity": "12"}, {"subscription_id": "S2"})
    assert counts(inbox.take("subscriptions/1.csv", first)) == (1, 1, 0, 0)
    assert counts(inbox.take("subscriptions/2.csv", first + "\n")) == (1, 0, 0, 1)
    assert counts(inbox.take("subscriptions/3.csv", other)) == (2, 2, 0, 0)
    assert inbox.rows("select of_file, of_line from duplicate_records") == [("inbox/subscriptions/1.csv", 2)]
    # What was superseded can come back: it is compared with what is in force, not with everything ever said.
    assert counts(inbox.take("subscriptions/4.csv", first + "\n\n")) == (1, 1, 0, 0)
    assert inbox.store.current("subscriptions")["quantity"].to_list() == [10, 10]


def test_two_contents_of_one_key_in_one_file_are_both_rejected(inbox: Inbox) -> None:
    text = table("subscriptions", {}, {"quantity": "12"}, {"subscription_id": "S2"}, {"subscription_id": "S2"})
    assert counts(inbox.take("subscriptions/a.csv", text)) == (4, 1, 2, 1)
    assert inbox.rows("select source_line from rejected_records order by 1") == [(2,), (3,)]
    accounts = table("accounts", {}, {"name": "Alder"})
    inbox.take("accounts/a.csv", accounts)
    assert "needs effective_from" in inbox.rows("select reason from rejected_records where feed = 'accounts'")[0][0]


def test_seller_and_currency_never_change_and_the_zone_only_on_a_first(inbox: Inbox) -> None:
    moved = {"effective_from": "2026-07-01", "time_zone": "America/New_York"}
    text = table(
        "accounts",
        {"effective_from": "2026-09-01", "seller_id": "ca", "time_zone": "America/New_York"},
        {"effective_from": "2026-08-15", "time_zone": "America/Denver"},
        moved,
        {},
    )
    assert counts(inbox.take("accounts/a.csv", text)) == (4, 2, 2, 0)
    assert inbox.rows("select source_line, column_name from rejected_records order by 1") == [
        (2, "seller_id"),
        (3, "time_zone"),
    ]
    later = table("accounts", {"effective_from": "2026-10-01", "currency": "CAD", "time_zone": "America/New_York"})
    assert counts(inbox.take("accounts/b.csv", later)) == (1, 0, 1, 0)
    # A version put before one that stands must not turn that one into a change in mid-month.
    inbox.take("accounts/c.csv", table("accounts", {"effective_from": "2026-08-10", "time_zone": "America/New_York"}))
    between = table("accounts", {"effective_from": "2026-08-01"})
    assert counts(inbox.take("accounts/d.csv", between)) == (1, 0, 1, 0)


def test_what_a_snapshot_lacks_is_reported_and_never_ended(inbox: Inbox) -> None:
    rows = [{"subscription_id": f"S{i}"} for i in range(3)]
    inbox.take(
        "subscriptions/1.csv", table("subscriptions", *rows, {"subscription_id": "S9", "end_date": "2026-02-28"})
    )
    inbox.feeds["subscriptions"] = FeedSettings(mode="snapshot")
    newer = {"subscription_id": "S0", "start_date": "2026-04-01"}
    result = inbox.take("subscriptions/2.csv", table("subscriptions", newer, rows[1]))
    assert result.snapshot_missing == ["S2"]
    assert inbox.rows("select feed, row_key from snapshot_missing") == [("subscriptions", "S2")]
    assert inbox.store.current("subscriptions").height == 5


def test_what_was_taken_in_is_there_after_reopening(tmp_path: Path) -> None:
    with opened(tmp_path) as inbox:
        inbox.take("accounts/a.csv", table("accounts", {}))
    with Store(inbox.home) as store:
        assert store.current("accounts")["account_id"].to_list() == ["A1"]
        assert not list((inbox.home.store / "tmp").iterdir())
