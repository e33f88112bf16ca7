"""Credits of an invoice in parts: together they return the tax that it charged, and no more (RULES 20, 24)."""

from decimal import Decimal
from pathlib import Path

import pytest

from flows.ask.explain import explain
from flows.books.remedies import remedy
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.gate import month_stops
from flows.review.page import review
from schemas.errors import Refused
from tests.flows.issuing import asked, bill, corrected, issue, no_pdfs, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

INVOICE = "UK-2025-000001"
CHARGED = ("68.33", "68.33", "57.50", "85.00")
MONTHS = ("2025-07", "2025-08", "2025-09", "2025-10")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann's invoice of June: four charges, 279.16 and 20 % VAT, 55.83."""
    home = make_home(tmp_path / "home")
    # One account whose documents go up and down: the bounds, which have tests of their own, are off.
    off = "\n[bounds]\ninvoice_factor = 0\ntotal_percent = 0\ndocuments_percent = 0\n"
    home.settings_file.write_text(home.settings_file.read_text(encoding="utf-8") + off, encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    charge(home, "june", *[(f"C{number}", "2025-05-20", amount) for number, amount in enumerate(CHARGED, 1)])
    bill(home, "2025-06")
    assert taxes(home, "2025-06") == ["55.83"]
    return home


def charge(home: Home, file: str, *charges: tuple[str, str, str], **facts: str) -> None:
    """Rows of feed charges: id, date, amount."""
    listed = [{"charge_id": one, "charge_date": day, "amount": amount} for one, day, amount in charges]
    add_file(home, "charges", file, [{"account_id": "ANN", **row, **facts} for row in listed])


def credit(home: Home, month: str, amount: str, product: str = "set_up", invoice: str = INVOICE, **facts: str) -> None:
    """A credit of the 1st of the month, which goes on that month's invoice."""
    facts = {"kind": "credit", "product_code": product, "invoice_number": invoice, **facts}
    charge(home, f"{month}-{product}-{amount}", (f"CR-{month}-{product}-{amount}", f"{month}-01", amount), **facts)


def taxes(home: Home, month: str) -> list[str]:
    """The amounts of the month's tax rows, of documents that stand."""
    found = rows(
        home,
        "select t.amount from invoice_taxes t join standing_documents d using (run_id, draft_id) "
        "where d.invoice_month = $1 order by d.sequence, t.tax_no",
        month,
    )
    return [f"{amount:.2f}" for (amount,) in found]


@pytest.mark.parametrize("product", ["set_up", "goodwill"])
def test_an_invoice_credited_line_by_line_in_four_months_returns_its_vat_to_the_cent(home: Home, product: str) -> None:
    """13.67, 13.67, 11.50 and what is left, 16.99: by the product that was charged, and by another one."""
    for month, amount in zip(MONTHS, CHARGED, strict=True):
        credit(home, month, amount, product)
        bill(home, month)
    assert [taxes(home, month) for month in MONTHS] == [["-13.67"], ["-13.67"], ["-11.50"], ["-16.99"]]
    ((number,),) = rows(home, "select invoice_number from issued_documents where invoice_month = $1", MONTHS[-1])
    with Store(home) as store:
        told = explain(store, number, "tax:1").lines()
    assert (
        "given back: what is left of what was charged, after what was given back before; no part returns more" in told
    )


def test_parts_in_one_document_are_one_row(home: Home) -> None:
    """The third month credits two lines, one by the product charged and one by another: 28.49 are left for both."""
    for month, amount in zip(MONTHS[:2], CHARGED[:2], strict=True):
        credit(home, month, amount)
        bill(home, month)
    credit(home, MONTHS[2], "57.50")
    credit(home, MONTHS[2], "85.00", "goodwill")
    bill(home, MONTHS[2])
    assert taxes(home, MONTHS[2]) == ["-28.49"]


def test_more_than_the_invoice_returns_no_more_tax_than_it_charged(home: Home) -> None:
    """As goodwill and in two parts; 400.00 of 279.16 would be 80.00 of 55.83."""
    credit(home, "2025-07", "200.00", "goodwill")
    bill(home, "2025-07")
    credit(home, "2025-08", "200.00", "goodwill")
    bill(home, "2025-08")
    credit(home, "2025-09", "1.00", "goodwill")
    bill(home, "2025-09")
    assert [taxes(home, month) for month in MONTHS[:3]] == [["-40.00"], ["-15.83"], ["0.00"]]


def test_a_credit_that_is_taken_back_takes_its_tax_back(home: Home) -> None:
    """68.33 credited in July becomes 0.00 in August; the whole is credited in September."""
    credit(home, "2025-07", "68.33")
    bill(home, "2025-07")
    taken = {"kind": "credit", "product_code": "set_up", "invoice_number": INVOICE}
    charge(home, "taken", ("CR-2025-07-set_up-68.33", "2025-07-01", "0.00"), **taken)
    bill(home, "2025-08")
    credit(home, "2025-09", "279.16")
    bill(home, "2025-09")
    assert [taxes(home, month) for month in MONTHS[:3]] == [["-13.67"], ["13.67"], ["-55.83"]]


@pytest.mark.parametrize("style", ["replacement", "adjustment"])
def test_an_invoice_corrected_between_its_credits_returns_the_vat_of_what_stands(home: Home, style: str) -> None:
    """The fourth charge was 75.00, not 85.00: 269.16 and 53.83. Credits go on naming the number that the customer has;
    what is left for the last one is 53.83 less 13.67, 13.67 and 11.50."""
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", f'[sellers.uk]\ncorrection_style = "{style}"\n'))
    credit(home, "2025-07", "68.33")
    bill(home, "2025-07")
    charge(home, "mended", ("C4", "2025-05-20", "75.00"))
    corrected(home, "2025-06", "ANN", today="2025-07-20")
    for month, amount in zip(MONTHS[1:], ("68.33", "57.50", "75.00"), strict=True):
        credit(home, month, amount)
        bill(home, month)
    assert [taxes(home, month) for month in MONTHS] == [["-13.67"], ["-13.67"], ["-11.50"], ["-14.99"]]


def test_a_part_that_is_corrected_leaves_the_others_as_they_were(home: Home) -> None:
    """The second credit was 60.00, not 68.33: it is recomputed beside what the other three returned."""
    for month, amount in zip(MONTHS, CHARGED, strict=True):
        credit(home, month, amount)
        bill(home, month)
    taken = {"kind": "credit", "product_code": "set_up", "invoice_number": INVOICE}
    charge(home, "mended", ("CR-2025-08-set_up-68.33", "2025-08-01", "60.00"), **taken)
    corrected(home, "2025-08", "ANN", today="2025-10-20")
    assert [taxes(home, month) for month in MONTHS] == [["-13.67"], ["-12.00"], ["-11.50"], ["-16.99"]]


def stops(home: Home, month: str) -> list[tuple[str, str, str]]:
    with Store(home) as store:
        return [(stop.code, stop.subject, stop.detail) for stop in month_stops(store, load_settings(home), month).stops]


def test_more_than_the_invoice_stops_the_approval_until_somebody_says_why(home: Home) -> None:
    credit(home, "2025-07", "400.00")
    run(home, "2025-07")
    told = ("over_credited", "ANN", f"400.00 of 279.16 GBP net credited of {INVOICE}")
    assert stops(home, "2025-07") == [told]
    with pytest.raises(Refused, match=r"over_credited ANN: 400\.00 of 279\.16 GBP"), no_pdfs():
        approve(asked(home, "2025-07", by="ben"), None, None, None, None)
    with Store(home) as store:
        shown = review(store, load_settings(home), "2025-07").as_json()["stops"]
    assert [(row["code"], row["reason"]) for row in shown] == [("over_credited", None)]
    issue(home, "2025-07")
    assert taxes(home, "2025-07") == ["-55.83"]
    credit(home, "2025-08", "1.00")
    run(home, "2025-08")
    assert stops(home, "2025-08") == [("over_credited", "ANN", f"401.00 of 279.16 GBP net credited of {INVOICE}")]


def test_parts_stop_the_approval_with_the_one_that_is_too_much(home: Home) -> None:
    credit(home, "2025-07", "279.00")
    bill(home, "2025-07")
    credit(home, "2025-08", "0.16")
    run(home, "2025-08")
    assert stops(home, "2025-08") == []
    credit(home, "2025-08", "0.01")
    run(home, "2025-08")
    assert stops(home, "2025-08") == [("over_credited", "ANN", f"279.17 of 279.16 GBP net credited of {INVOICE}")]


@pytest.mark.parametrize("style", ["replacement", "adjustment"])
def test_what_a_correction_left_of_an_invoice_is_what_may_be_credited(home: Home, style: str) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", f'[sellers.uk]\ncorrection_style = "{style}"\n'))
    charge(home, "mended", ("C4", "2025-05-20", "75.00"))
    corrected(home, "2025-06", "ANN", today="2025-06-20")
    credit(home, "2025-07", "279.16")
    run(home, "2025-07")
    ((code, _, detail),) = stops(home, "2025-07")
    assert (code, detail[:33]) == ("over_credited", "279.16 of 269.16 GBP net credited")


@pytest.mark.parametrize(("day", "is_late"), [("2025-06-16", False), ("2025-06-17", True)])
def test_a_credit_after_the_days_to_dispute_stops_the_approval(home: Home, day: str, is_late: bool) -> None:
    """Issued on 1 June, 15 days: the 16th is the last one."""
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", "[sellers.uk]\ndispute_days = 15\n"))
    credit(home, "2025-07", "10.00", charge_date=day)
    run(home, "2025-07")
    told = f"10.00 GBP of {INVOICE}, issued on 2025-06-01, credited on 2025-06-17: after its 15 days"
    assert stops(home, "2025-07") == [("late_credit", "ANN", told)] * is_late


@pytest.mark.parametrize("of_whom", ["nobody", "another account"])
def test_a_credit_for_an_invoice_that_is_not_the_accounts_parks_it_and_names_the_number(
    home: Home, of_whom: str
) -> None:
    add_file(home, "accounts", "bob", [{"account_id": "BOB"}])
    number = "UK-2025-000099" if of_whom == "nobody" else INVOICE
    credit(home, "2025-07", "20.00", invoice=number, account_id="BOB")
    report = run(home, "2025-07")
    reason = f"credit CR-2025-07-set_up-20.00 names invoice {number}, which is none of the account's"
    assert report.parked == [("BOB", reason)]
    assert report.parked_codes == {"BOB": "credit_invoice"}
    assert "feed charges" in remedy("credit_invoice", "2025-07", "BOB")


def test_a_fee_that_names_an_invoice_gives_nothing_back(home: Home) -> None:
    """A late fee of July is taxed as of July, whatever it is for."""
    charge(home, "fee", ("F1", "2025-07-01", "5.00"), kind="fee", invoice_number=INVOICE)
    bill(home, "2025-07")
    lines = rows(home, "select amount, reverses, tax_date from invoice_lines where resource_id = 'F1'")
    assert lines == [(Decimal(5), None, None)]
