"""The review, status and doctor: the figures a person acts on, checked against what was booked."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.ask.doctor import doctor
from flows.ask.status import status
from flows.home import audit
from flows.home.settings import Home
from flows.home.store import Store
from flows.review.page import review
from flows.review.report import Review
from schemas.errors import Refused
from tests.flows import booked


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def june(tmp_path_factory) -> Review:
    with Store(Home(tmp_path_factory.mktemp("june"))) as store:
        booked.book(store)
        return review(store, booked.settings(), "2026-06")


def test_every_account_is_in_one_outcome(june):
    assert june.outcomes == {"billed": 2, "closed": 1, "not_started": 1, "parked": 1}
    (parked,) = june.tables["parked"]
    assert (parked["account_id"], parked["reason"]) == ("A-4", "no price in USD for headset")
    assert "tollbook run 2026-06" in parked["remedy"]
    assert june.incomplete


def test_totals_against_last_month(june):
    us = next(row for row in june.tables["totals"] if row["seller_id"] == "us")
    shown = {name: str(value.normalize()) for name, value in us.items() if isinstance(value, Decimal)}
    assert shown == {
        "net": "112.4",
        "recovery_fees": "1",
        "taxes": "11.24",
        "total": "124.64",
        "previous_total": "167",
        "difference": "-42.36",
    }
    sections = {(row["currency"], row["section"]): row["difference"] for row in june.tables["sections"]}
    assert sections["USD", "service_fees"] == -40
    assert sum(row["amount"] for row in june.tables["taxes"] if row["currency"] == "USD") == Decimal("12.24")


def test_changes_name_the_sections_that_moved(june):
    (change,) = june.tables["changes"]
    assert (change["account_id"], change["difference"]) == ("A-1", Decimal("13.64"))
    moved = {part["section"]: part["difference"] for part in change["sections"]}
    assert moved == {"service_fees": 10, "international_minutes": Decimal("2.4"), "taxes_and_fees": Decimal("1.24")}
    assert [row["account_id"] for row in june.tables["new_accounts"]] == ["A-2"]
    assert [(row["account_id"], row["outcome"]) for row in june.tables["ceased_accounts"]] == [("A-3", "closed")]


def test_the_funnel_counts_records_and_seconds(june):
    calls = next(row for row in june.tables["files"] if row["feed"] == "calls")
    assert (calls["records"], calls["loaded"], calls["rejected"], calls["duplicate"]) == (8, 6, 1, 1)
    assert {row["outcome"]: (row["records"], row["seconds"]) for row in june.tables["usage"]} == {
        "loaded": (6, 244),
        "rated": (2, 90),
        "suspended": (2, 55),
        "excluded": (1, 0),
        "pending": (1, 99),
    }
    (suspended,) = june.tables["suspended"]
    assert (suspended["records"], suspended["without_estimate"]) == (2, 1)
    assert suspended["estimates"] == [{"currency": "USD", "amount": Decimal("0.75")}]


def test_the_page_says_what_the_tables_say_and_text_stays_text(june):
    page = june.html.read_text()
    for said in ("124.64", "−42.36", "no price in USD for headset", "0.75 USD", "0:01:30", "found &#39;x&#39;", "D-9"):
        assert said in page, said
    assert "Cedar &lt;Row&gt;" in page
    assert "<Row>" not in page
    assert "http" not in page, "nothing is loaded from anywhere"
    assert "<script" not in page
    told = json.loads(june.json.read_text())
    assert told["totals"][1]["total"] == "124.64"
    assert told["books_balance"] is True
    assert all(law["kept"] for law in told["laws"])
    assert any("Parked: A-4" in line for line in june.lines())


def test_the_same_books_give_the_same_bytes(june, store):
    booked.book(store)
    again = review(store, booked.settings(), "2026-06")
    assert again.html.read_bytes() == june.html.read_bytes()
    assert again.json.read_bytes() == june.json.read_bytes()


def test_books_that_do_not_balance_are_shown_first(store):
    booked.book(store)
    store.con.execute("update documents set total = total + 0.01 where account_id = 'A-2'")
    found = review(store, booked.settings(), "2026-06")
    assert not found.books_balance
    assert any(line.startswith("NOT BALANCED: For every document subtotal") for line in found.lines())
    page = found.html.read_text()
    assert "The books do not balance." in page
    assert "draft-A-2-2026-06" in page.split("Ledger checks")[-1]


def test_a_month_without_a_run_is_refused(store):
    with pytest.raises(Refused, match="tollbook run 2026-06"):
        review(store, booked.settings(), "2026-06")
    assert not store.home.out("2026-06").exists()


def test_a_supplementary_run_bills_the_parked_account(store):
    docs = booked.book(store)
    booked.issue_june(store, docs)
    booked.run(store, "run-more", 4, "2026-06", "drafted", kind="supplementary")
    for account in booked.ACCOUNTS:
        booked.account(store, "run-more", account, "billed" if account == "A-4" else "excluded")
    found = review(store, booked.settings(), "2026-06")
    assert found.tables["parked"] == []
    assert found.outcomes == {"billed": 3, "closed": 1, "not_started": 1}


def test_status_counts_what_is_left_to_do(store):
    docs = booked.book(store)
    found = status(store, booked.settings(), None, today=date(2026, 6, 4))
    home, june, may = found.as_json()
    assert (home["files"], home["suspended_usage"]) == ({"loaded": 2}, {"no_rate": 2})
    assert (june["drafts"], june["issued"], june["window"]["days_left"]) == (2, 0, 2)
    assert (may["issued"], may["sent"], may["unsent"], may["window"]["days_left"]) == (2, 0, 2, 0)
    booked.issue_june(store, docs)
    _, june = status(store, booked.settings(), "2026-06", today=date(2026, 5, 20)).as_json()
    assert (june["drafts"], june["issued"], june["unsent"], june["window"]["days_left"]) == (0, 2, 2, 5)
    assert june["parked"] == [{"account_id": "A-4", "code": "no_price", "reason": "no price in USD for headset"}]
    text = "\n".join(found.lines())
    assert "2 not sent" in text
    assert "2026-06-01 to 2026-06-05: 2 days left" in text


def test_doctor_finds_a_changed_pdf_and_a_broken_chain(tmp_path):
    home = Home(tmp_path)
    (tmp_path / "catalog").mkdir()
    home.settings_file.write_text(
        '[billing]\nfirst_invoice_month = "2026-05"\n[sellers.us]\nname = "Toll US"\naddress_lines = ["1 Elm St"]\n'
        'country = "US"\ntime_zone = "America/New_York"\nemail = "b@us.example"\nseries = "US"\n'
    )
    with Store(home) as store:
        booked.book(store)
        audit.record(store, "approve", "2026-05", "grace", booked.CLOCK)
    before = {check.name: check.state for check in doctor(home).checks}
    assert (before["issued documents"], before["audit log"], before["database"]) == ("ok", "ok", "ok")
    (home.out("2026-05") / "invoices" / "US-2026-000001.pdf").write_bytes(b"changed")
    with Store(home) as store:
        store.con.execute("update audit_log set by_name = 'mallory'")
    after = {check.name: check for check in doctor(home).checks}
    assert after["issued documents"].state == after["audit log"].state == "fail"
    assert "US-2026-000001.pdf" in after["issued documents"].detail
    assert doctor(Home(tmp_path / "nowhere")).checks[-1].state == "fail"
