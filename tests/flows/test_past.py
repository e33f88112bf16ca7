"""What a draft says of the months before it, against a slow twin that parses everything that was ever issued."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from flows.home.settings import Home, TaxEngineSettings
from flows.home.store import Store
from flows.month.past import Past, holders_of, past_of, previous_totals
from flows.month.tax import _looked_up
from flows.month.taxing.memory import issued_taxes
from invoicing.adjustments import with_adjustment
from schemas.document import Document, HistoryPoint
from schemas.periods import shift_month
from tests.flows.booked import book, document, draft, insert, run, settings

MONTH = "2026-08"
MONTHS = [shift_month(MONTH, -back) for back in range(15, 0, -1)]


def _issued(store: Store, made: Document, number: str, sequence: int) -> None:
    """The document drafted and issued, without its files."""
    draft(store, made)
    for name in ("corrects", "correction"):
        store.con.execute(
            f"update documents set {name} = $1 where run_id = $2 and draft_id = $3",
            [getattr(made, name), made.run_id, made.draft_id],
        )
    insert(
        store, "issued_documents", draft_id=made.draft_id, run_id=made.run_id, invoice_number=number, series="US",
        sequence=sequence, account_id=made.bill_to.account_id, invoice_month=made.invoice_month,
        issue_date=made.issue_date, document_json=made.model_copy(update={"invoice_number": number}).model_dump_json(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Fifteen months of two accounts; a third ceased long ago, and a fourth holds a document of the month already.

    One document of A-1's last month was taken back whole and issued anew, and both accounts have adjustments.
    """
    made: list[Document] = []
    for place, month in enumerate(MONTHS):
        made.append(document("A-1", month, f"{100 + place}.00", "2.40"))
        if month != MONTHS[4]:
            made.append(document("A-2", month, "20.00", f"{place}.10"))
    made += [document("A-3", MONTHS[1], "50.00", "0.00"), document("A-5", MONTH, "9.00", "0.00")]
    last = {one.bill_to.account_id: number for number, one in enumerate(made, 1)}
    extra = [
        ("A-1", "reversal", f"US-{last['A-1']}", MONTHS[-1], "-114.00"),
        ("A-1", "replacement", f"US-{last['A-1']}", MONTHS[-1], "99.00"),
        ("A-1", "adjustment", f"US-{len(made) + 2}", MONTHS[-1], "-3.00"),
        ("A-1", "adjustment", f"US-{len(made) + 2}", MONTHS[-1], "1.50"),
        ("A-2", "adjustment", "US-2", MONTHS[0], "5.00"),
        ("A-3", "adjustment", f"US-{last['A-3']}", MONTHS[1], "-4.00"),
    ]
    for place, (account, correction, corrects, month, fee) in enumerate(extra):
        one = document(account, month, fee, "0.00")
        more = {"correction": correction, "corrects": corrects, "draft_id": f"{one.draft_id}-{place}"}
        made.append(one.model_copy(update=more))
    with Store(Home(tmp_path_factory.mktemp("past"))) as store:
        for month in [*MONTHS, MONTH]:
            run(store, f"run-{month}", 1, month, "open", "drafted", "approved")
        for number, one in enumerate(made, 1):
            _issued(store, one, f"US-{number}", number)
        yield store


def _slowly(store: Store) -> tuple[Past, dict[str, Decimal]]:
    """Every issued document parsed, one after the other."""
    taken_back = {row[0] for row in store.rows("select corrects from documents where correction = 'reversal'")}
    documents = [
        (number, sequence, Document.model_validate_json(text))
        for number, sequence, text in store.rows("select invoice_number, sequence, document_json from issued_documents")
        if number not in taken_back
    ]
    documents = [one for one in documents if one[2].correction != "reversal" and one[2].invoice_month < MONTH]
    documents.sort(key=lambda one: (one[2].invoice_month, one[2].correction == "adjustment", one[1]))
    previous: dict[str, Document] = {}
    months: dict[str, dict[str, Decimal]] = {}
    for _, _, one in documents:
        account = one.bill_to.account_id
        adds = one.correction == "adjustment" and account in previous
        previous[account] = with_adjustment(previous[account], one) if adds else one
        totals = months.setdefault(account, {})
        totals[one.invoice_month] = totals.get(one.invoice_month, Decimal(0)) + one.total
    history = {
        account: [HistoryPoint(invoice_month=month, total=total) for month, total in sorted(totals.items())][-12:]
        for account, totals in months.items()
    }
    return Past(previous, history), {account: one.total for account, one in previous.items()}


def test_the_past_is_what_reading_every_document_says(store: Store) -> None:
    expected, totals = _slowly(store)
    found = past_of(store, MONTH, ["A-1", "A-2", "A-3"])
    assert found.previous == expected.previous
    as_printed = {
        account: [point.model_dump_json() for point in points] for account, points in expected.history.items()
    }
    assert {
        account: [point.model_dump_json() for point in points] for account, points in found.history.items()
    } == as_printed
    assert [len(points) for points in found.history.values()] == [12, 12, 1]
    assert found.history["A-2"][0].invoice_month < found.history["A-1"][1].invoice_month
    assert previous_totals(store, MONTH) == totals
    assert holders_of(store, MONTH) == {"A-5"}


def test_only_the_last_documents_of_who_is_drafted_for_are_parsed(store: Store) -> None:
    """Of 37 documents: A-1's last one with two adjustments, and A-2's last one."""
    assert store.rows("select count(*) from issued_documents") == [(37,)]
    with patch.object(Document, "model_validate_json", wraps=Document.model_validate_json) as parsed:
        past_of(store, MONTH, ["A-1", "A-2"])
        previous_totals(store, MONTH)
    assert parsed.call_count == 4


def test_an_account_without_a_past_has_none(store: Store) -> None:
    found = past_of(store, MONTHS[0], ["A-1", "A-4"])
    assert (found.previous, found.history) == ({}, {})


def test_issued_tax_rows_are_read_only_for_whom_they_are_looked_up(tmp_path: Path) -> None:
    """Who is given something back, and who filed a certificate; for an outside engine whoever it is asked about."""
    lines = pl.DataFrame(
        [("PLAIN", None, None), ("BACK", date(2026, 4, 1), None), ("NAMED", None, "US-1")],
        schema={"account_id": pl.String, "tax_date": pl.Date, "reverses": pl.String}, orient="row",
    )  # fmt: skip
    certificates = pl.DataFrame({"account_id": ["CERTIFIED", "BACK"]})
    own = settings()
    assert _looked_up(lines, certificates, own) == ["BACK", "CERTIFIED", "NAMED"]
    asking = own.model_copy(update={"tax_engine": TaxEngineSettings(sellers=["us"], folder="engine")})
    assert _looked_up(lines, certificates, asking) == ["BACK", "CERTIFIED", "NAMED", "PLAIN"]
    with Store(Home(tmp_path)) as store:
        book(store)
        assert issued_taxes(store, ["A-3", "A-4"])["invoice_number"].to_list() == ["US-2026-000002"] * 2
        assert issued_taxes(store, ["A-1", "A-3"]).height == 4
