"""After issue: a month recomputed, a credit note and a new document for who differs, and nothing else touched."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from flows.ask.status import status
from flows.books.laws import broken
from flows.books.publish import publish, read
from flows.correct.month import correct
from flows.correct.note import note_of
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.page import review
from flows.undo.rollback import rollback
from schemas.document import Document
from schemas.errors import NothingToDo, Refused, WrongUsage
from templates.page import page_of as page
from tests.flows.issuing import NOW, asked, bill, corrected, issue, issued_total, published, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NUMBER = "+442079460101"
FRANCE = "+33123456789"
LATER = "2025-09-15"


@pytest.fixture(scope="module")
def issued_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Ann and Bob have ten seats each; Ann has called France for a minute in May. June is issued."""
    home = make_home(tmp_path_factory.mktemp("issued") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    seats = [{"subscription_id": f"S-{one}", "account_id": one, "quantity": "10"} for one in ("ANN", "BOB")]
    add_file(home, "subscriptions", "first", seats)
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    call(home, "a", "2025-05-20T10:00:00Z", 60)
    bill(home, "2025-06")
    return home


@pytest.fixture
def home(issued_home: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(issued_home.root, tmp_path / "home"))


def call(home: Home, name: str, at: str, seconds: int) -> None:
    row = {"call_id": name, "started_at": at, "from_number": NUMBER, "to_number": FRANCE, "duration_s": seconds}
    add_file(home, "calls", name, [row])


def seats(home: Home, name: str, account: str, quantity: str, since: str = "2024-01-01") -> None:
    row = {"subscription_id": f"S-{account}", "account_id": account, "quantity": quantity, "start_date": since}
    add_file(home, "subscriptions", name, [row])


def documents(home: Home, month: str = "2025-06") -> list[tuple[object, ...]]:
    found = published(
        home,
        "select invoice_number, account_id, kind, total, issue_date::varchar, corrects, replaced_by, correction "
        f"from invoices where invoice_month = '{month}' order by account_id, issue_date, invoice_number desc",
    )
    return [(number, account, kind, Decimal(total).normalize(), *rest) for number, account, kind, total, *rest in found]


def adjusting(home: Home) -> Home:
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", '[sellers.uk]\ncorrection_style = "adjustment"\n'))
    return home


def lines_of(home: Home, number: str) -> list[tuple[object, ...]]:
    found = published(
        home,
        "select description, quantity, unit_price, amount from invoice_lines "
        f"where invoice_number = '{number}' order by line_no",
    )
    return [(text, *(value if value is None else Decimal(value).normalize() for value in row)) for text, *row in found]


def test_a_credit_note_of_the_old_document_and_a_new_one_in_its_place(home: Home) -> None:
    before = dict(rows(home, "select invoice_number, document_json from issued_documents"))
    seats(home, "backdated", "ANN", "12")
    found = correct(asked(home, "2025-06", today=LATER), "12 seats since January")
    (ann,) = found.differences
    assert (ann.account_id, ann.documents, ann.before, ann.after) == (
        "ANN", ["UK-2025-000001"], Decimal("375.97"), Decimal("450.37"),
    )  # fmt: skip
    assert [(one.what, one.before, one.after) for one in ann.changes] == [
        ("line", Decimal("310.00"), Decimal("372.00")),
        ("tax", Decimal("62.66"), Decimal("75.06")),
    ]
    issue(home, "2025-06", "correction", LATER)
    assert documents(home) == [
        ("UK-2025-000001", "ANN", "invoice", Decimal("375.97"), "2025-06-01", None, "UK-2025-000003", None),
        (
            "UKCN-2025-000001",
            "ANN",
            "credit_note",
            Decimal("-375.97"),
            "2025-09-01",
            "UK-2025-000001",
            None,
            "reversal",
        ),
        ("UK-2025-000003", "ANN", "invoice", Decimal("450.37"), "2025-09-01", "UK-2025-000001", None, "replacement"),
        ("UK-2025-000002", "BOB", "invoice", Decimal(372), "2025-06-01", None, None, None),
    ]
    after = dict(rows(home, "select invoice_number, document_json from issued_documents"))
    assert {number: after[number] for number in before} == before
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        assert broken(con) == {}


def test_an_approval_says_which_documents_correct_others_and_which_day_they_bear(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    correct(asked(home, "2025-06", today=LATER), "12 seats since January")
    done = issue(home, "2025-06", today=LATER)
    assert done.corrections == dict.fromkeys(("UK-2025-000003", "UKCN-2025-000001"), date(2025, 9, 1))
    assert "of a correction, dated 2025-09-01: 2 documents" in done.lines()


def test_a_month_drafted_before_the_one_before_it_was_issued_is_void_and_breaks_no_law(home: Home) -> None:
    """Five minutes of June at 0.2093 are 1.05 on July's document and on August's draft, which together are no sum."""
    call(home, "b", "2025-06-20T10:00:00Z", 300)
    run(home, "2025-07")
    august = run(home, "2025-08").run_id
    done = issue(home, "2025-07")
    assert done.void == [(august, "regular", "2025-08")]
    assert (
        f"void: the drafts of run {august}, made before this was issued; `tollbook run 2025-08` again" in done.lines()
    )
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        assert broken(con) == {}
    with pytest.raises(Refused, match="other documents were issued"):
        issue(home, "2025-08")
    with Store(home) as store:
        newest = status(store, load_settings(home), None, today=date(2025, 8, 2)).months[0]
        told = review(store, load_settings(home), "2025-08").lines()
    assert [run["state"] for run in newest["runs"]] == ["void"]
    assert told[0] == "Invoice month 2025-08: regular run void"
    assert f"the drafts of run {august} rest on what was owed before" in told[2]


def _document(home: Home, number: str) -> Document:
    ((text,),) = rows(home, "select document_json from issued_documents where invoice_number = $1", number)
    return Document.model_validate_json(text)


def test_reversal_and_replacement_name_each_other_and_say_why_in_the_customers_words(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    corrected(home, "2025-06", note={"de": "Zwei Plätze fehlten.", "en": "Two seats were missing."})
    note, replacement = _document(home, "UKCN-2025-000001"), _document(home, "UK-2025-000003")
    assert (note.replacement, note.reversed_by) == ("UK-2025-000003", [])
    assert (replacement.replacement, replacement.reversed_by) == (None, ["UKCN-2025-000001"])
    # The operator's reason is for the audit log alone.
    assert (note.note, replacement.note) == ("Two seats were missing.", "Two seats were missing.")
    assert "a test" not in note.notes
    assert page(note).notes.banners == [
        "This document takes back UK-2025-000001 in full; UK-2025-000003 stands in its place.",
        "Two seats were missing.",
        "Negative amounts are credits to you.",
    ]
    assert page(replacement).notes.banners == [
        "This document stands in place of UK-2025-000001, which UKCN-2025-000001 takes back.",
        "That one came to £375.97: you owe £74.40 more.",
        "Two seats were missing.",
    ]

    seats(home, "again", "ANN", "13")
    corrected(home, "2025-06")
    second = _document(home, "UKCN-2025-000002")
    assert (second.corrects, second.replacement, second.reversed_by) == ("UK-2025-000003", "UK-2025-000004", [])
    assert _document(home, "UK-2025-000004").reversed_by == ["UKCN-2025-000002"]


def test_an_adjustment_says_why_in_the_customers_words(home: Home) -> None:
    seats(adjusting(home), "backdated", "ANN", "12")
    corrected(home, "2025-06", note={"en": "Two seats were missing."})
    assert _document(home, "UK-2025-000003").note == "Two seats were missing."
    seats(home, "again", "ANN", "13")
    corrected(home, "2025-06")
    assert _document(home, "UK-2025-000004").note is None


@pytest.mark.parametrize("texts", [("de=",), (" ",), ("one", "two"), ("fr=un", "fr=deux")])
def test_a_note_that_says_nothing_or_two_things_is_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(WrongUsage, match="--note: found"):
        note_of(texts)


def test_the_reversal_has_the_taxes_of_the_original_and_its_date(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    corrected(home, "2025-06")
    taxes = "select invoice_number, tax_date::varchar, rate_percent, base_amount, amount from invoice_taxes "
    found = published(home, taxes + "where invoice_number in ('UK-2025-000001', 'UKCN-2025-000001') order by 1")
    (_, day, rate, base, amount), (_, back_day, back_rate, back_base, back) = found
    assert (back_day, back_rate, back_base, back) == (day, rate, -base, -amount)


def test_nothing_differs_and_a_second_correction_finds_nothing(home: Home) -> None:
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "a look")
    seats(home, "backdated", "ANN", "12")
    corrected(home, "2025-06")
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "again")


def test_a_correction_is_corrected(home: Home) -> None:
    for name, quantity in (("one", "12"), ("two", "11"), ("three", "10")):
        seats(home, name, "ANN", quantity)
        corrected(home, "2025-06", "ANN")
    totals = published(home, "select sum(total) from invoices where account_id = 'ANN'")
    assert totals == [(Decimal("375.97"),)]
    standing = published(
        home, "select corrects, total from invoices where correction = 'replacement' and replaced_by is null"
    )
    assert [(number, total.normalize()) for number, total in standing] == [("UK-2025-000004", Decimal("375.97"))]


def test_the_next_run_bills_nothing_of_what_was_corrected(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    corrected(home, "2025-06", today="2025-06-20")
    report = run(home, "2025-07")
    lines = "select section, quantity::integer, amount from invoice_lines where run_id = $1 and account_id = 'ANN'"
    found = rows(home, lines, report.run_id)
    assert [(section, quantity, amount.normalize()) for section, quantity, amount in found] == [
        ("service_fees", 12, Decimal(372)),
        ("phone_numbers", 1, Decimal("3.1")),
    ]


def test_a_correction_of_an_old_month_leaves_what_a_later_document_billed(home: Home) -> None:
    seats(home, "in-may", "ANN", "12", "2025-05-15")
    bill(home, "2025-07")
    # May's part and June came on the July invoice: nothing of it is June's to correct.
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "a look")
    seats(home, "in-may-again", "ANN", "11", "2025-05-15")
    # The July invoice billed too much: 16/31 of May, June and July for one seat, and VAT.
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "a look")
    (ann,) = corrected(home, "2025-07").differences
    assert ann.after - ann.before == Decimal("-93.60")
    assert issued_total(home, "ANN") == Decimal("375.97") + ann.after


def test_late_usage_that_waits_comes_with_the_correction(home: Home) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[sellers.uk]\n", '[sellers.uk]\nlate_usage = "correction"\n'))
    call(home, "late", "2025-05-21T10:00:00Z", 60)
    assert run(home, "2025-07").usage == {"suspended": 1}
    (ann,) = corrected(home, "2025-06").differences
    # 2 x 0.2093 is 0.42 where 0.21 was billed; and VAT.
    assert (ann.before, ann.after) == (Decimal("375.97"), Decimal("376.22"))
    usage = published(
        home, "select split_part(usage_id, ':', 2), billed_as, invoice_number from rated_usage order by 1"
    )
    assert usage == [("a", "correction", "UK-2025-000003"), ("late", "correction", "UK-2025-000003")]
    assert published(home, "select count(*) from suspended_usage") == [(0,)]


def test_a_correction_that_is_not_issued_changes_no_figure_of_what_is(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    before = published(home, "select usage_id, invoice_number, billed_as from rated_usage")
    correct(asked(home, "2025-06", today=LATER), "drafted only")
    assert published(home, "select usage_id, invoice_number, billed_as from rated_usage") == before


def test_a_month_below_zero_is_a_credit_note_and_never_more_than_was_billed(home: Home) -> None:
    def credit(name: str, amount: str) -> None:
        row = {"charge_id": "G", "account_id": "BOB", "product_code": "goodwill", "kind": "credit", "amount": amount}
        add_file(home, "charges", name, [{**row, "charge_date": "2025-05-20"}])

    bill(home, "2025-07")
    credit("too-much", "1000.00")
    with pytest.raises(Refused, match=r"BOB: 744.00 GBP billed in all, 1200.00 to credit"):
        correct(asked(home, "2025-06", today=LATER), "a promise")
    credit("enough", "400.00")
    corrected(home, "2025-06")
    assert documents(home)[-2:] == [
        ("UKCN-2025-000002", "BOB", "credit_note", Decimal(-372), "2025-09-01", "UK-2025-000002", None, "reversal"),
        ("UKCN-2025-000001", "BOB", "credit_note", Decimal(-108), "2025-09-01", "UK-2025-000002", None, "replacement"),
    ]
    # The credit lowers VAT by as much as it would have raised it: 20 % of 310.00 less 400.00.
    taxes = published(home, "select amount from invoice_taxes where invoice_number = 'UKCN-2025-000001'")
    assert taxes == [(Decimal(-18),)]
    assert issued_total(home, "BOB") == 2 * 372 - 480
    # Nothing is left to correct, so nothing is credited twice.
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "again")
    with pytest.raises(NothingToDo, match="no draft"):
        issue(home, "2025-06", "correction", LATER)


def test_refusals(home: Home) -> None:
    with pytest.raises(WrongUsage, match="--reason"):
        correct(asked(home, "2025-06"), " ")
    with pytest.raises(WrongUsage, match="EVE"):
        correct(asked(home, "2025-06", "EVE"), "who")
    with pytest.raises(Refused, match="no issued document"):
        correct(asked(home, "2025-07"), "too early")
    with pytest.raises(WrongUsage, match="--as-known-at"):
        correct(asked(home, "2025-06"), "when", "2025-06-R-nothing")


def test_with_what_a_run_knew(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    first = rows(home, "select run_id from runs where invoice_month = '2025-06'")[0][0]
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "as it was", first)
    catalog = home.catalog / "catalog.yaml"
    catalog.write_text(catalog.read_text(encoding="utf-8").replace('"31.00"', '"29.00"'), encoding="utf-8")
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "as it was", first)
    assert [one.account_id for one in correct(asked(home, "2025-06", today=LATER), "now").differences] == ["ANN", "BOB"]


def test_drafts_are_void_when_something_moves(home: Home) -> None:
    seats(home, "backdated", "ANN", "12")
    correct(asked(home, "2025-06", today=LATER), "first")
    seats(home, "more", "ANN", "13")
    run(home, "2025-07")
    with pytest.raises(Refused, match="feed subscriptions"):
        issue(home, "2025-06", "correction", LATER)
    assert issued_total(home, "ANN") == Decimal("375.97")


def test_a_seller_may_correct_by_the_lines_that_differ(home: Home) -> None:
    adjusting(home)
    seats(home, "backdated", "ANN", "12")
    corrected(home, "2025-06")
    assert documents(home) == [
        ("UK-2025-000001", "ANN", "invoice", Decimal("375.97"), "2025-06-01", None, None, None),
        ("UK-2025-000003", "ANN", "invoice", Decimal("74.4"), "2025-09-01", "UK-2025-000001", None, "adjustment"),
        ("UK-2025-000002", "BOB", "invoice", Decimal(372), "2025-06-01", None, None, None),
    ]
    assert lines_of(home, "UK-2025-000003") == [("Seat (corrected)", Decimal(2), Decimal(31), Decimal(62))]
    taxes = "select tax_date::varchar, rate_percent, base_amount, amount from invoice_taxes "
    (tax,) = published(home, taxes + "where invoice_number = 'UK-2025-000003'")
    assert tax == ("2025-06-01", Decimal(20), Decimal(62), Decimal("12.4"))
    # The call of May is not moved: it stays with the document that billed it.
    usage = published(home, "select billed_as, invoice_number from rated_usage")
    assert usage == [("current", "UK-2025-000001")]
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        assert broken(con) == {}
    # And the next run bills July alone.
    report = run(home, "2025-07")
    sections = "select section, amount from invoice_lines where run_id = $1 and account_id = 'ANN'"
    assert [(name, amount.normalize()) for name, amount in rows(home, sections, report.run_id)] == [
        ("service_fees", Decimal(372)),
        ("phone_numbers", Decimal("3.1")),
    ]
    previous = "select document_json ->> '$.comparison.previous_total' from documents where run_id = $1 order by 1"
    assert rows(home, previous, report.run_id) == [("372.00",), ("450.37",)]


def test_an_adjustment_below_zero_is_a_credit_note_of_what_differs(home: Home) -> None:
    adjusting(home)
    seats(home, "backdated", "ANN", "8")
    corrected(home, "2025-06")
    (note,) = [row for row in documents(home) if row[-1] == "adjustment"]
    assert note == (
        "UKCN-2025-000001", "ANN", "credit_note", Decimal("-74.4"), "2025-09-01", "UK-2025-000001", None, "adjustment",
    )  # fmt: skip
    assert lines_of(home, "UKCN-2025-000001") == [("Seat (corrected)", Decimal(-2), Decimal(31), Decimal(-62))]


def test_another_price_is_the_old_one_taken_back_and_the_new_one(home: Home) -> None:
    adjusting(home)
    catalog = home.catalog / "catalog.yaml"
    catalog.write_text(catalog.read_text(encoding="utf-8").replace('"31.00"', '"29.00"'), encoding="utf-8")
    corrected(home, "2025-06", "BOB")
    assert lines_of(home, "UKCN-2025-000001") == [
        ("Seat (corrected)", Decimal(-10), Decimal(31), Decimal(-310)),
        ("Seat (corrected)", Decimal(10), Decimal(29), Decimal(290)),
    ]


def test_an_adjustment_is_adjusted(home: Home) -> None:
    adjusting(home)
    for name, quantity in (("one", "12"), ("two", "11"), ("three", "10")):
        seats(home, name, "ANN", quantity)
        corrected(home, "2025-06", "ANN")
    notes = [(number, total, corrects) for number, _, _, total, _, corrects, *_ in documents(home) if corrects]
    assert sorted(notes) == [
        ("UK-2025-000003", Decimal("74.4"), "UK-2025-000001"),
        ("UKCN-2025-000001", Decimal("-37.2"), "UK-2025-000001"),
        ("UKCN-2025-000002", Decimal("-37.2"), "UK-2025-000001"),
    ]
    assert issued_total(home, "ANN") == Decimal("375.97")
    with pytest.raises(NothingToDo, match="nothing differs"):
        correct(asked(home, "2025-06", today=LATER), "again")
    with Store(home) as store:
        path = publish(store)
    with read(path) as con:
        assert broken(con) == {}


SUMS = (
    """select account_id, section, product_code, period_start, sum(amount), sum(quantity) from invoice_lines
    group by all having sum(amount) <> 0 order by all""",
    """select account_id, tax_code, tax_date, sum(base_amount), sum(amount) from invoice_taxes
    group by all order by all""",
)


def test_both_styles_come_to_the_same(home: Home, tmp_path: Path) -> None:
    """Fewer seats and a late call, then more seats and a file taken back: each time both have billed the same."""
    both = (home, adjusting(Home(shutil.copytree(home.root, tmp_path / "adjusting"))))
    for one in both:
        seats(one, "fewer", "ANN", "9")
        call(one, "late", "2025-05-21T10:00:00Z", 61)
        corrected(one, "2025-06")
    for query in SUMS:
        assert published(both[0], query) == published(both[1], query)
    for one in both:
        with Store(one) as store:
            rollback(store, load_settings(one), "inbox/calls/a.csv", by="ben", now=NOW)
        for account in ("ANN", "BOB"):
            seats(one, f"more-{account}", account, "11")
        corrected(one, "2025-06")
    for query in SUMS:
        assert published(both[0], query) == published(both[1], query)
    assert issued_total(both[0]) == issued_total(both[1])
    with read(both[1].published) as con:
        assert broken(con) == {}


def test_a_name_and_calls_of_somebody_else_are_not_adjusted_but_replaced(home: Home) -> None:
    adjusting(home)
    renamed = {"account_id": "BOB", "name": "Bob and Sons", "effective_from": "2025-05-01"}
    add_file(home, "accounts", "renamed", [renamed])
    (bob,) = corrected(home, "2025-06", "BOB").differences
    assert bob.details
    # The number was Bob's all along: Ann's document, which bills its calls, gives way to one that does not.
    add_file(home, "numbers", "bobs", [{"number": NUMBER, "account_id": "BOB"}])
    corrected(home, "2025-06", "ANN")
    corrected(home, "2025-06", "BOB")
    how = published(home, "select account_id, correction from invoices where correction is not null order by all")
    assert how == [
        ("ANN", "replacement"), ("ANN", "reversal"), ("BOB", "adjustment"), ("BOB", "replacement"), ("BOB", "reversal"),
    ]  # fmt: skip
    usage = published(home, "select account_id, amount from rated_usage")
    assert usage == [("BOB", Decimal("0.2093"))]
