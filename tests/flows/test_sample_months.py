"""The sample provider end to end: what the issue promises about `make demo`, as assertions."""

import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from email import message_from_bytes, policy
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from flows.bill_run import run_direct
from flows.books.laws import broken
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.approve import approve
from schemas.document import Document
from schemas.errors import NothingToDo, Refused
from schemas.money import rounded
from schemas.product import SECTIONS
from taxes.tables import TAX_CODES
from tests.flows.issuing import no_pdfs, no_reviews
from tests.flows.sample import (
    FAR,
    MONTHS,
    bill,
    deliver,
    files_of,
    mend,
    request,
    sample_home,
    split_and_shuffle,
    tables_of,
)


@pytest.fixture(scope="module")
def home(sample: Callable[[str], Home], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Both months billed, approved and sent; then refused, mended and billed again, as the tests below check."""
    return Home(shutil.copytree(sample("june").root, tmp_path_factory.mktemp("sample") / "home"))


@pytest.fixture
def drafted(sample: Callable[[str], Home], tmp_path: Path) -> Home:
    """June drafted, with May in it."""
    return Home(shutil.copytree(sample("june_drafted").root, tmp_path / "home"))


@pytest.fixture(scope="module")
def snapshot(home: Home) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(home.published), read_only=True)


def _documents(home: Home) -> list[Document]:
    with Store(home) as store:
        rows = store.rows("select document_json from issued_documents order by invoice_number")
    return [Document.model_validate_json(text) for (text,) in rows]


def test_every_billed_account_has_its_pdf(home: Home, snapshot: duckdb.DuckDBPyConnection) -> None:
    for month in MONTHS:
        billed = snapshot.execute(
            "select count(*) from run_accounts a join bill_runs r using (run_id) "
            "where a.outcome = 'billed' and r.invoice_month = $1",
            [month],
        ).fetchall()[0][0]
        pdfs = sorted((home.out(month) / "invoices").glob("*.pdf"))
        assert len(pdfs) == billed
        assert billed >= 24
        assert all(pdf.read_bytes().startswith(b"%PDF-") for pdf in pdfs)


def test_every_recipient_has_a_mail_with_the_invoice(home: Home) -> None:
    expected = sorted((d.invoice_number, e) for d in _documents(home) for e in d.bill_to.emails)
    found, bare = [], []
    for month in MONTHS:
        for path in (home.out(month) / "mail").glob("*.eml"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            pdfs = [part for part in mail.iter_attachments() if part.get_content_type() == "application/pdf"]
            found += [(Path(pdf.get_filename() or "").stem, str(mail["To"])) for pdf in pdfs]
            if not pdfs:
                bare.append(f"{month} {str(mail['Subject']).strip()}")
    assert sorted(found) == expected
    assert len(expected) > len(_documents(home))
    # What carries no document confirms a cancellation.
    assert sorted(bare) == [
        "2026-05 Corvane Voice: Call recording is cancelled, billed until May 31, 2026",
        "2026-05 Corvane Voice: Contact center seat is cancelled, billed until June 30, 2027",
        "2026-05 Corvane Voice: account US-1006 is cancelled, billed until May 31, 2026",
    ]


def test_every_section_and_every_tax_occurs(snapshot: duckdb.DuckDBPyConnection) -> None:
    sections = {row[0] for row in snapshot.execute("select distinct section from invoice_lines").fetchall()}
    assert sections == set(SECTIONS) - {"broadband"}
    codes = snapshot.execute("select distinct tax_code, jurisdiction from invoice_taxes").fetchall()
    assert {code for code, _ in codes} == set(TAX_CODES)
    assert {("GST", "CA"), ("GST", "AU"), ("VAT", "DE"), ("VAT", "GB"), ("VAT", "IE"), ("VAT", "FR")} <= set(codes)


def test_the_laws_hold_over_the_snapshot(snapshot: duckdb.DuckDBPyConnection) -> None:
    assert broken(snapshot) == {}


def test_documents_add_up_on_paper(home: Home) -> None:
    for document in _documents(home):
        assert sum((line.amount for line in document.lines), Decimal(0)) == document.subtotal
        assert document.subtotal + sum((tax.amount for tax in document.taxes), Decimal(0)) == document.total


def test_a_usage_line_is_the_exact_sum_of_its_usage_rounded_once(home: Home) -> None:
    with Store(home) as store:
        sums: dict[tuple[str, str, int], Fraction] = {}
        for run, draft, line, num, den in store.rows(
            "select run_id, draft_id, line_no, amount_num, amount_den from line_usage"
        ):
            sums[run, draft, line] = sums.get((run, draft, line), Fraction(0)) + Fraction(num) / den
        lines = store.rows("select run_id, draft_id, line_no, amount from invoice_lines where charge_type = 'usage'")
    assert len(lines) > 200
    assert {tuple(key): amount for *key, amount in lines} == {key: rounded(exact, 2) for key, exact in sums.items()}


def test_usage_on_purpose_suspended_excluded_rejected_and_duplicate(snapshot: duckdb.DuckDBPyConnection) -> None:
    def reasons(view: str) -> set[str]:
        return {row[0] for row in snapshot.execute(f"select distinct reason from {view}").fetchall()}

    assert {"no_owner", "no_rate", "account_closed", "owner_conflict", "conflict", "sms_not_offered"} == reasons(
        "suspended_usage"
    )
    assert {"unanswered", "before_billing_start"} == reasons("excluded_usage")
    assert snapshot.execute("select count(*) from rejected_records").fetchall() == [(2,)]
    assert snapshot.execute("select count(*) from duplicate_records").fetchall() == [(12,)]


ANALYSTS = (Path(__file__).parents[2] / "docs" / "analysts" / "index.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^-- .*?;$", ANALYSTS, re.MULTILINE | re.DOTALL)


def test_the_page_for_analysts_has_its_queries() -> None:
    assert len(QUERIES) >= 5


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.splitlines()[0][3:])
def test_the_queries_of_the_page_for_analysts_answer(snapshot: duckdb.DuckDBPyConnection, query: str) -> None:
    assert snapshot.execute(query).fetchall()


def test_nothing_is_run_or_approved_twice(home: Home) -> None:
    with pytest.raises(Refused, match="nothing has changed since"):
        run_direct(request(home, "2026-06"))
    with pytest.raises(NothingToDo):
        approve(request(home, "2026-06", "ben"), None, None, None, None, override=FAR)
    with pytest.raises(NothingToDo):
        deliver(home, "2026-06")


def test_a_draft_of_the_same_inputs_is_not_made_twice_and_its_runner_may_not_approve(drafted: Home) -> None:
    home = drafted
    with pytest.raises(NothingToDo, match="already drafted"):
        run_direct(request(home, "2026-06"))
    with pytest.raises(Refused, match="may not approve"):
        approve(request(home, "2026-06", "anna"), None, None, None, None)
    mend(home)
    again = run_direct(request(home, "2026-06"))
    assert again.kind == "regular"
    assert again.parked == []


def test_the_mended_account_is_billed_alone(home: Home) -> None:
    before = _documents(home)
    mend(home)
    report = run_direct(request(home, "2026-06"))
    assert report.kind == "supplementary"
    assert report.accounts["billed"] == 1
    assert report.accounts["excluded"] == len([d for d in before if d.invoice_month == "2026-06"])
    approval = approve(request(home, "2026-06", "ben"), None, None, None, None, override=FAR)
    assert len(approval.issued) == 1
    assert not approval.parked
    after = _documents(home)
    assert [d for d in after if d.invoice_number not in approval.issued] == before
    new = next(d for d in after if d.invoice_number == approval.issued[0])
    assert new.bill_to.account_id == "US-1009"
    with pytest.raises(Refused):
        run_direct(request(home, "2026-06"))


def test_split_and_shuffled_files_make_the_same_bytes(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so does rating them in pieces of a hundred records."""
    monkeypatch.setattr("flows.month.usage.pieces.ROWS_PER_MB", 100 / 4096)
    other = sample_home(tmp_path / "home")
    split_and_shuffle(other, seed=11)
    for month in MONTHS:
        bill(other, month)
    mend(other)
    run_direct(request(other, "2026-06"))
    approve(request(other, "2026-06", "ben"), None, None, None, None, override=FAR)
    deliver(home, "2026-06")
    deliver(other, "2026-06")
    assert files_of(other) == files_of(home)
    assert len(files_of(home)) > 150
    assert tables_of(other) == tables_of(home)


def test_a_draft_that_others_overtook_is_not_issued(tmp_path: Path) -> None:
    """June's draft carries May, which nobody had issued; once June is out, May's old draft would bill it twice."""
    home = sample_home(tmp_path / "home")
    with no_reviews():
        run_direct(request(home, "2026-05"))
        run_direct(request(home, "2026-06"))
    with no_pdfs():
        approve(request(home, "2026-06", "ben"), None, None, None, None, override=FAR)
    with pytest.raises(Refused, match="other documents were issued"):
        approve(request(home, "2026-05", "ben"), None, None, None, None, override=FAR)
    with pytest.raises(Refused, match="already issued"):
        run_direct(request(home, "2026-05"))


def test_sellers_are_approved_one_by_one(drafted: Home) -> None:
    with no_pdfs():
        first = approve(request(drafted, "2026-06", "ben"), None, "corvane-fr", None, None, override=FAR)
        rest = approve(request(drafted, "2026-06", "ben"), None, None, None, None, override=FAR)
    assert [number[:2] for number in first.issued] == ["FR"]
    assert len(rest.issued) == 27
    assert not {number for number in rest.issued if number.startswith("FR")}
