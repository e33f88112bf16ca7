"""Figures far from their history stop an approval; what is usual does not."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.books.publish import in_force
from flows.home.settings import BoundsSettings, Home, Settings
from flows.home.store import Store
from flows.review.gate import _TEMP_TABLES
from flows.review.sanity import far_off, without_history
from flows.review.stops import Stop
from schemas.periods import shift_month
from tests.flows import booked

MONTH = "2026-06"


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path), memory_limit_mb=512) as store:
        yield store


def _settings(**bounds: Any) -> Settings:
    return booked.settings().model_copy(update={"bounds": BoundsSettings(**bounds)})


def _documents(store: Store, account: str, *fees: str) -> None:
    """Documents of the months up to June, one fee each; May and before are issued. 10 % tax and 1.00 come on top."""
    months = [shift_month(MONTH, back - len(fees) + 1) for back in range(len(fees))]
    with store.transaction():
        for month, fee in zip(months, fees, strict=True):
            if not store.rows("select 1 from runs where run_id = $1", [f"run-{month}"]):
                booked.run(store, f"run-{month}", int(month[-2:]), month, "drafted", *["approved"] * (month < MONTH))
            document = booked.document(account, month, fee, "0.00")
            booked.draft(store, document)
            if month < MONTH:
                booked.issue(store, document, f"{account}-{month}")


def _stops(store: Store, settings: Settings) -> list[Stop]:
    with in_force(store.con, _TEMP_TABLES):
        return list(far_off(store, settings, MONTH))


@pytest.mark.parametrize(
    ("fees", "is_far"),
    [
        (("100.00", "100.00", "100.00", "700.00"), True),
        (("100.00", "100.00", "100.00", "400.00"), False),
        (("900.00", "900.00", "900.00", "100.00"), True),
        (("100.00", "100.00", "700.00"), True),
        (("400.00", "4788.00"), True),
        (("700.00",), False),
        (("100.00", "150.00"), False),
        (("1.00", "1.00", "1.00", "60.00"), False),
        (("9.00", "100.00", "900.00", "100.00", "100.00", "100.00", "100.00", "450.00"), False),
    ],
    ids=[
        "seven times",
        "four times",
        "a ninth",
        "two months are a history",
        "one month is a history",
        "no history",
        "the second month, hardly more",
        "small money",
        "one odd month",
    ],
)
def test_a_document_far_from_its_accounts_history(store: Store, fees: tuple[str, ...], is_far: bool) -> None:
    _documents(store, "A-1", *fees)
    found = _stops(store, _settings(total_percent=0))
    assert [(stop.code, stop.subject, stop.seller_id) for stop in found] == [("invoice_far", "A-1", "us")] * is_far
    assert _stops(store, _settings(invoice_factor=Decimal(0), total_percent=0)) == []


def _correction(store: Store, account: str, month: str, fee: str, *, issued: bool) -> None:
    """What stands in place of the account's document of a month, less that document, as one document."""
    run_id = f"run-{month}-C"
    booked.run(store, run_id, 99, month, "drafted", *["approved"] * issued, kind="correction")
    document = booked.document(account, month, fee, "0.00").model_copy(
        update={"run_id": run_id, "draft_id": f"{account}-{month}-C", "corrects": f"{account}-{month}"}
    )
    booked.draft(store, document)
    store.con.execute("update documents set corrects = $1 where run_id = $2", [document.corrects, run_id])
    if issued:
        booked.issue(store, document, f"{account}-{month}-C")


@pytest.mark.parametrize(("issued", "details"), [(True, []), (False, ["771.00 USD; its last month was 111.00"])])
def test_a_month_is_held_against_what_stands_of_the_last_one(store: Store, issued: bool, details: list[str]) -> None:
    _documents(store, "A-1", "100.00", "700.00")
    _correction(store, "A-1", "2026-05", "600.00", issued=issued)
    settings = _settings(documents_floor=1, documents_percent=10, total_percent=20)
    found = {stop.code: stop.detail for stop in _stops(store, settings)}
    assert [found[code] for code in ("invoice_far",) if code in found] == details
    assert ("total_far" in found) is not issued
    assert "documents_far" not in found, "a correction is no document more"


def test_a_total_and_a_number_of_documents_far_from_last_months(store: Store) -> None:
    for account, fees in (("A-1", ("100.00", "160.00")), ("A-3", ("100.00", "160.00")), ("A-4", ("0.00", "0.00"))):
        _documents(store, account, *fees)
    _documents(store, "A-5", "0.00")
    (stop,) = _stops(store, _settings(documents_floor=3))
    assert (stop.code, stop.subject) == ("total_far", "us USD")
    assert stop.detail == "356.00, last month 223.00"
    assert _stops(store, _settings(documents_floor=4)) == [stop], "the larger of now and then has four"
    assert _stops(store, _settings(documents_floor=5)) == []
    assert _stops(store, _settings(documents_floor=3, total_percent=60)) == []
    found = _stops(store, _settings(documents_floor=3, total_percent=60, documents_percent=30))
    assert [stop.detail for stop in found] == ["4 documents, 3 last month"]


def test_a_seller_of_twelve_documents_that_falls_to_nothing(store: Store) -> None:
    _documents(store, "A-1", "379.45", "0.00")
    store.con.execute("delete from documents where invoice_month = $1", [MONTH])
    for table, more in (("documents", ""), ("issued_documents", ", invoice_number || n as invoice_number")):
        alike = f"account_id || n as account_id, draft_id || n as draft_id{more}"
        store.con.execute(f"insert into {table} select t.* replace ({alike}) from {table} as t, range(11) as r(n)")
    found = _stops(store, _settings())
    assert [(stop.code, stop.subject, stop.seller_id, stop.detail) for stop in found] == [
        ("documents_far", "us USD", "us", "0 documents, 12 last month"),
        ("total_far", "us USD", "us", "0.00, last month 5,020.74"),
    ]


def _without(store: Store, settings: Settings) -> list[tuple[str, str | None, str, int]]:
    with in_force(store.con, _TEMP_TABLES):
        return [tuple(row.values()) for row in without_history(store, settings, MONTH)]


def test_what_had_no_history_is_said(store: Store) -> None:
    """A seller's first month can be held against nothing; in its second only the new customer can not."""
    _documents(store, "A-1", "100.00")
    firsts = [("us", "USD", code, 1) for code in ("documents_far", "invoice_far", "total_far")]
    assert _without(store, _settings()) == firsts
    assert _without(store, _settings(invoice_factor=Decimal(0), total_percent=0)) == firsts[:1]
    _documents(store, "A-3", "100.00", "100.00")
    assert _without(store, _settings()) == [("us", "USD", "invoice_far", 1)]
    assert _without(store, _settings(invoice_months=2)) == [("us", "USD", "invoice_far", 2)]


@pytest.mark.parametrize(
    ("currency", "now", "usual"),
    [("USD", "15,401.00", "2,201.55"), ("JPY", "15,401", "2,202"), ("KWD", "15,401.000", "2,201.550")],
)
def test_money_is_told_in_its_currencys_decimals(store: Store, currency: str, now: str, usual: str) -> None:
    _documents(store, "A-1", "2000.00", "2000.00", "2001.00", "2001.00", "14000.00")
    store.con.execute("update documents set currency = $1", [currency])
    (stop,) = _stops(store, _settings(total_percent=0, documents_percent=0))
    assert stop.detail == f"{now} {currency}; the median of its last 4 months is {usual}"
    found = _stops(store, _settings(documents_floor=1, invoice_factor=Decimal(0)))
    last = {"USD": "2,202.10", "JPY": "2,202", "KWD": "2,202.100"}[currency]
    assert [(stop.subject, stop.detail) for stop in found] == [(f"us {currency}", f"{now}, last month {last}")]


def test_one_month_of_history_has_no_median(store: Store) -> None:
    _documents(store, "A-1", "100.00", "7000.00")
    (stop,) = _stops(store, _settings(total_percent=0, documents_percent=0))
    assert stop.detail == "7,701.00 USD; its last month was 111.00"


def test_an_account_whose_usage_vanished(store: Store) -> None:
    booked.run(store, "run-2026-06", 1, MONTH, "drafted")
    for account, outcome in (("A-1", "billed"), ("A-3", "billed"), ("A-4", "closed")):
        booked.account(store, "run-2026-06", account, outcome)
    for account, month, count in (
        ("A-1", "2026-04", 5), ("A-3", "2026-04", 5), ("A-3", "2026-05", 1), ("A-4", "2026-04", 9),
    ):  # fmt: skip
        for n in range(count):
            booked.insert(
                store, "rated_usage", run_id="run-2026-05", usage_id=f"{account}-{month}-{n}", account_id=account,
                usage_month=month, started_at=datetime(2026, 4, 4, tzinfo=UTC), duration_s=60,
            )  # fmt: skip
    (stop,) = _stops(store, _settings(usage_records=5))
    assert (stop.code, stop.subject, stop.detail) == (
        "usage_vanished", "A-1", "5 calls and messages in 2026-04, none in 2026-05",
    )  # fmt: skip
    assert _stops(store, _settings(usage_records=6)) == []
    assert _stops(store, _settings(usage_records=0)) == []
