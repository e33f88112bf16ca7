"""Usage of a month that is issued already: the difference of the month, once, by the seller's policy (RULES 13)."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.usage_csv import usage_csv
from schemas.document import Document
from tests.flows.issuing import NUMBER, bill, calls, published, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

AT_HOME, FRANCE = "+442079460999", "+33123456789"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann has a phone with ten minutes in its plan and has called at home for eight of them in May."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "D", "account_id": "ANN"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    calls(home, "may", ("a", "2025-05-20T10:00:00Z", AT_HOME, 300), ("b", "2025-05-21T10:00:00Z", AT_HOME, 180))
    return home


def usage_lines(home: Home, run_id: str) -> list[tuple[object, ...]]:
    found = rows(
        home,
        "select section, strftime(period_start, '%Y-%m'), quantity::bigint, amount::varchar, description "
        "from invoice_lines where run_id = $1 and charge_type = 'usage' order by line_no",
        run_id,
    )
    return [(section, month, quantity, Decimal(amount), text) for section, month, quantity, amount, text in found]


def policy(home: Home, line: str) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", f"[sellers.uk]\n{line}\n"), encoding="utf-8")


def test_late_calls_are_on_the_next_invoice_against_their_own_months_allowance(home: Home) -> None:
    bill(home, "2025-06")
    # May had two included minutes left. The late call is the earliest: it is covered, and a later one no longer whole.
    calls(home, "late", ("c", "2025-05-03T10:00:00Z", AT_HOME, 240), ("d", "2025-05-04T10:00:00Z", FRANCE, 60))
    report = run(home, "2025-07")
    assert report.usage == {"rated": 2}
    assert usage_lines(home, report.run_id) == [
        ("included_minutes", "2025-05", 120, Decimal("0.00"), "Minutes in the plan (usage received late)"),
        ("outbound_overage", "2025-05", 120, Decimal("0.12"), "Minutes beyond the plan (usage received late)"),
        ("international_minutes", "2025-05", 60, Decimal("0.21"), "International minutes (usage received late)"),
    ]
    billed_as = "select usage_id, billed_as, usage_month, invoice_month from rated_usage where run_id = $1 order by 1"
    assert [row[1:] for row in rows(home, billed_as, report.run_id)] == [("prior_period", "2025-05", "2025-07")] * 2


def test_what_was_billed_does_not_change_and_nothing_is_billed_twice(home: Home) -> None:
    first = bill(home, "2025-06")
    calls(home, "late", ("c", "2025-05-03T10:00:00Z", AT_HOME, 240))
    bill(home, "2025-07")
    # Of the same month again, a call at the end: nothing is left of the plan's minutes.
    calls(home, "later", ("e", "2025-05-30T10:00:00Z", AT_HOME, 60))
    third = bill(home, "2025-08")
    assert usage_lines(home, third.run_id) == [
        ("outbound_overage", "2025-05", 60, Decimal("0.06"), "Minutes beyond the plan (usage received late)")
    ]
    assert usage_lines(home, first.run_id) == [
        ("included_minutes", "2025-05", 480, Decimal("0.00"), "Minutes in the plan")
    ]
    per_line = (
        "select l.section, sum(distinct_amount), sum(used) from (select invoice_number, section, line_no, amount as "
        "distinct_amount from invoice_lines where charge_type = 'usage') l join (select invoice_number, line_no, "
        "sum(amount) as used from line_usage group by all) u using (invoice_number, line_no) group by 1 order by 1"
    )
    assert [
        (section, Decimal(a).normalize(), Decimal(b).normalize()) for section, a, b in published(home, per_line)
    ] == [
        ("included_minutes", Decimal(0), Decimal(0)),
        ("outbound_overage", Decimal("0.18"), Decimal("0.18")),
    ]


def test_the_usage_file_of_a_late_line_adds_up_to_it(home: Home) -> None:
    bill(home, "2025-06")
    calls(home, "late", ("c", "2025-05-03T10:00:00Z", AT_HOME, 240))
    bill(home, "2025-07")
    with Store(home) as store:
        text = store.rows("select document_json from issued_documents where invoice_month = '2025-07'")[0][0]
        listed = pl.read_csv(usage_csv(store, Document.model_validate_json(text)), infer_schema=False)
    moved = listed.select("duration_s", "component", "units", "amount").rows()
    assert sorted(moved) == sorted(
        [("240", "included", "240", "0"), ("180", "included", "-120", "0"), ("180", "charged", "120", "0.12")]
    )


def test_a_seller_that_wants_corrections_keeps_late_usage_waiting_with_an_estimate(home: Home) -> None:
    policy(home, 'late_usage = "correction"')
    calls(home, "abroad", ("f", "2025-06-10T10:00:00Z", FRANCE, 60))
    bill(home, "2025-06")
    calls(home, "late", ("d", "2025-05-04T10:00:00Z", FRANCE, 60))
    report = run(home, "2025-07")
    found = rows(home, "select reason, estimate::varchar from suspended_usage where run_id = $1", report.run_id)
    assert [(reason, round(Decimal(worth), 4)) for reason, worth in found] == [("late_usage", Decimal("0.2093"))]


def test_old_late_usage_is_written_off_with_its_amount_and_never_billed(home: Home) -> None:
    policy(home, "write_off_after_days = 60")
    bill(home, "2025-06")
    # On the 1st of August 2 June is 60 days ago, 31 May is more.
    calls(
        home, "late",
        ("old", "2025-05-30T10:00:00Z", FRANCE, 60), ("older", "2025-05-29T10:00:00Z", AT_HOME, 180),
    )  # fmt: skip
    report = bill(home, "2025-08")
    assert usage_lines(home, report.run_id) == []
    written_off = (
        "select split_part(usage_id, ':', 2), included_units, amount from rated_usage "
        "where billed_as = 'written_off' order by amount"
    )
    found = [(call, units, Decimal(amount)) for call, units, amount in published(home, written_off)]
    assert found == [("older", 120, Decimal("0.06")), ("old", 0, Decimal("0.2093"))]
    assert bill(home, "2025-09").usage == {}
    assert len(published(home, written_off)) == 2
