"""Every law of the books notices its breach, and the act that would have broken it is undone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.bill_run import publish_snapshot, run_direct
from flows.books import published_months
from flows.books.context import Request
from flows.books.ledger import LAWS, balance_books, balance_issue, balance_mails
from flows.books.publish import publish
from flows.books.views import blocks
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest import record
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from flows.post.send import send
from schemas.errors import Refused, TollbookError
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

NOW = datetime(2025, 6, 2, tzinfo=UTC)


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), "2025-06", by, NOW, NOW.date())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two accounts with calls, issued and mailed."""
    home = make_home(tmp_path_factory.mktemp("ledger") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB", "email": "a@b.example"}])
    add_file(
        home, "numbers", "numbers",
        [{"number": "+442079460101", "account_id": "ANN"}, {"number": "+442079460102", "account_id": "BOB"}],
    )  # fmt: skip
    call = {"started_at": "2025-05-10T12:00:00Z", "to_number": "+33123456789", "duration_s": "61"}
    add_file(
        home, "calls", "calls",
        [{**call, "call_id": str(n), "from_number": f"+44207946010{n % 2 + 1}"} for n in range(5)],
    )  # fmt: skip
    run_direct(_request(home))
    approve(_request(home, "ben"), None, None, None, None)
    with Store(home) as store:
        send(store, load_settings(home), "2025-06", today=NOW.date(), now=NOW, by="ben")
    return home


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    """The database in a transaction that is undone."""
    with Store(home) as store:
        store.con.execute("begin transaction")
        yield store
        store.con.execute("rollback")


BOOKS = {
    "update invoice_lines set amount = amount + 1 where line_no = 1": "lines of every document add up",
    "update invoice_taxes set amount = amount + 1": "subtotal and tax rows",
    "update line_usage set amount_num = amount_num * 3": "exact sum of its usage",
    "update line_usage set amount = amount * 3": "the rated usage of every document",
    "update invoice_lines set discount_amount = 1": "list amount less discount",
    "insert into line_discounts select run_id, draft_id, account_id, line_no, 'D', 'D', 10, 1 from invoice_lines": (
        "every discount stands on the line"
    ),
    "delete from run_accounts where account_id = 'ANN'": "exactly one outcome",
    "update run_accounts set outcome = 'closed' where account_id = 'ANN'": "every billed account has a document",
    "insert into excluded_usage by name select * exclude (reason), 'unanswered' as reason from "
    "(select run_id, usage_no, usage_id, account_id, duration_s, null as reason from rated_usage)": (
        "one outcome in this run"
    ),
    "delete from rated where usage_no in (select usage_no from feed_calls where usage_id like '%:1:%')": (
        "every loaded record is rated"
    ),
    "insert into rated by name select 5 as usage_no, * exclude (usage_no) from rated limit 1": (
        "every rated record is the call or message of a file"
    ),
    "insert into excluded_usage by name select run_id, usage_no, usage_id, account_id, 60 as duration_s, "
    "'unanswered' as reason from rated_usage where usage_id like '%:1:%'; "
    "delete from rated where usage_no in (select usage_no from excluded_usage)": "the seconds its file gave it",
    "update invoice_taxes set rate_percent = rate_percent / 2": "every tax of our tables is its base times its rate",
    "update documents set total = total + 1": "every document says on paper",
    "delete from feed_calls where call_id = '2'": "every call and message of a loaded file is stored",
    "update source_files set rejected = 1": "line by line",
}


@pytest.mark.parametrize("change", BOOKS)
def test_a_breach_of_the_runs_books_is_named(store: Store, change: str) -> None:
    (run_id,) = store.rows("select run_id from runs")[0]
    balance_books(store, run_id)
    store.con.execute(change)
    with pytest.raises(Refused, match=BOOKS[change]):
        balance_books(store, run_id)


TAX_LAW = "every tax of our tables is its base times its rate, rounded once as its row says"
PERCENT = "unit = 'percent_of_base', rate_percent = 10, gross_base = {0}, taxable_percent = 100, base_amount = {0}"
PER_LINE = "unit = 'amount_per_line', base_amount = 0, rate_percent = 0, line_count = {}, rate_amount = 1.00"
THIRD = (
    "unit = 'percent_of_base', rate_percent = 30, gross_base = {0}3, taxable_percent = 33.333333333333, "
    "base_amount = {0}1"
)


def _taxed(store: Store, row: str, amount: str, rounding: str) -> int:
    """How many rows break the law when every tax row of the run says this."""
    (run_id,) = store.rows("select run_id from runs")[0]
    store.con.execute(f"update invoice_taxes set {row}, amount = {amount}")
    store.con.execute(
        "update documents set document_json = regexp_replace(document_json, $1, $2, 'g')",
        ['"rounding":("[^"]*"|null)', f'"rounding":"{rounding}"'],
    )
    return len(store.rows(LAWS[TAX_LAW], {"run": run_id}))


@pytest.mark.parametrize(
    ("row", "rounding", "right", "wrong"),
    [
        (PERCENT.format("100"), "half_up", "10", ("10.01", "9.99", "-10")),
        (PERCENT.format("-100"), "half_up", "-10", ("-10.01", "-9.99", "10")),
        (PERCENT.format("100.05"), "half_up", "10.01", ("10.00", "10.02")),
        (PERCENT.format("-100.05"), "half_up", "-10.01", ("-10.00", "-10.02")),
        (PERCENT.format("100"), "down", "10", ("9.99", "10.01")),
        (PERCENT.format("100.09"), "down", "10", ("10.01", "9.99")),
        (PERCENT.format("-100.09"), "down", "-10", ("-10.01", "-9.99")),
        (PER_LINE.format("3"), "half_up", "3", ("5", "3.01", "2.99", "0")),
        (PER_LINE.format("-3"), "half_up", "-3", ("-5", "-3.01", "3")),
        # A third of 3.00 at twelve decimals is 0.999999999999 99, and printed 1.000000000000.
        (THIRD.format(""), "down", "0.29", ("0.28", "0.31")),
        (THIRD.format("-"), "down", "-0.29", ("-0.28", "-0.31")),
        (PERCENT.format("100"), "as_charged", "10.01", ("10.02", "9.98")),
    ],
)
def test_a_tax_is_what_its_own_rounding_makes_of_it_to_the_last_cent(
    store: Store, row: str, rounding: str, right: str, wrong: tuple[str, ...]
) -> None:
    assert _taxed(store, row, right, rounding) == 0
    assert [_taxed(store, row, amount, rounding) for amount in wrong] == [2] * len(wrong)


def test_taxes_that_nobody_pays_and_those_of_an_outside_engine_keep_the_law(store: Store) -> None:
    levy = PER_LINE.format("3")
    assert _taxed(store, f"{levy}, certificate_number = 'C-1'", "0", "half_up") == 0
    assert _taxed(store, f"{levy}, certificate_number = 'C-1'", "3", "half_up") == 2
    assert _taxed(store, f"{levy}, certificate_number = null", "0", "half_up") == 2
    assert _taxed(store, PERCENT.format("100"), "12.34", "half_up") == 2
    by_engine = f"{PERCENT.format('100')}, computed_by = 'engine'"
    assert _taxed(store, by_engine, "12.34", "half_up") == 0


def test_what_an_adjustment_adds_up_was_rounded_twice(store: Store) -> None:
    row = PERCENT.format("100")
    store.con.execute("update documents set correction = 'adjustment'")
    assert [_taxed(store, row, amount, "half_up") for amount in ("9.99", "10.01", "10.02")] == [0, 0, 2]


ISSUED = {
    "update documents set total = total + 0.01": "is its draft, to the cent",
    "update issued_documents set sequence = 3, invoice_number = 'UK-2025-000003' where sequence = 2": "without a gap",
    "update issued_documents set sequence = 1": "none twice",
    "update issued_documents set invoice_number = 'UK-2025-000001'": "every number names one document",
    "update issued_documents set invoice_number = 'UK-2026-000001' where sequence = 1": "its series, year and place",
    "delete from issued_documents where sequence = 2": "holds its document",
}


@pytest.mark.parametrize("change", ISSUED)
def test_a_breach_of_what_is_issued_is_named(store: Store, change: str) -> None:
    (run_id,) = store.rows("select run_id from runs")[0]
    balance_issue(store, run_id)
    store.con.execute(change)
    with pytest.raises(Refused, match=ISSUED[change]):
        balance_issue(store, run_id)


MAILS = {
    "insert into delivery_events select * from delivery_events where state = 'written'": "no mail went out twice",
    "update delivery_events set message_id = message_id || state": "more mails than recipients",
    "update delivery_events set invoice_number = 'UK-2025-000009'": "carries an issued document",
}


@pytest.mark.parametrize("change", MAILS)
def test_a_breach_of_the_outbox_is_named(store: Store, change: str) -> None:
    balance_mails(store, "2025-06", "nothing was sent")
    store.con.execute(change)
    with pytest.raises(Refused, match=MAILS[change]):
        balance_mails(store, "2025-06", "nothing was sent")


def test_a_snapshot_that_lacks_something_is_not_published(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_snapshot(_request(home))
    before = home.published.read_bytes()
    steps = blocks(published_months.MONTHS)
    short = {**steps, "rated_usage": f"{steps['rated_usage']} limit 1"}
    monkeypatch.setattr(published_months, "blocks", lambda _: short)
    with (
        Store(home) as store,
        pytest.raises(TollbookError, match=r"rated usage and its seconds: .*5, 305.* here, .*1, 61"),
    ):
        publish(store, whole=True)
    assert home.published.read_bytes() == before


def test_a_file_whose_seconds_do_not_add_up_is_refused(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = add_file(
        home, "calls", "more",
        [{"call_id": "more", "started_at": "2025-05-10T12:00:00Z", "to_number": "+33123456789", "duration_s": "61"}],
    )  # fmt: skip
    write = record.write_staged

    def careless(store: Store, *arguments: object) -> int:
        inserted = write(store, *arguments)  # type: ignore[arg-type]
        store.con.execute("update feed_calls set duration_s = 60 where call_id = 'more'")
        return inserted

    monkeypatch.setattr(record, "write_staged", careless)
    with Store(home) as store:
        (result,) = ingest(store, load_settings(home), [path], now=NOW).files
        assert (result.state, store.rows("select count(*) from feed_calls where call_id = 'more'")) == (
            "refused",
            [(0,)],
        )


def test_a_law_over_many_lines_holds_no_document_beside_each(tmp_path: Path) -> None:
    """R8: thirty thousand lines of forty large documents, in the memory of a small machine."""
    law = "every usage line is, with what documents hold of it, at list price the exact sum of its usage, rounded once"
    with Store(Home(tmp_path), memory_limit_mb=600) as store:
        store.con.execute(
            "insert into documents (run_id, draft_id, account_id, kind, document_json) select 'R', 'D' || i, 'A' || i, "
            """'invoice', '{"minor_digits": 2, "x": "' || repeat('x', 400000) || '"}' from range(40) t(i)"""
        )
        store.con.execute(
            "insert into invoice_lines (run_id, draft_id, account_id, line_no, charge_type, charge_key, list_amount) "
            "select 'R', 'D' || (i % 40), 'A' || (i % 40), i, 'usage', 'k' || i, 1 from range(30000) t(i)"
        )
        store.con.execute(
            "insert into line_usage (run_id, draft_id, line_no, usage_id, amount_num, amount_den) "
            "select 'R', 'D' || (i % 40), i, 'u' || i, case i when 7 then 61 else 60 end, 60 from range(30000) t(i)"
        )
        assert [row[:2] for row in store.rows(LAWS[law], {"run": "R"})] == [("D7", 7)]
