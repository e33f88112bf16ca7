"""Whatever one account breaks, in any stage, it alone is set aside with the reason, and the others are billed."""

import errno
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rating.charges
import templates.render
from flows.bill_run import RunReport, run_direct
from flows.books.context import Request
from flows.books.holds import park, unpark
from flows.home.audit import verify
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue import approve as approval
from flows.issue import printing
from flows.issue.approve import Approval, approve
from flows.month import built, charge, draft, tax
from flows.review.page import review
from schemas.errors import NothingToDo, Refused, WrongUsage
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

NOW = datetime(2025, 9, 1, tzinfo=UTC)
ACCOUNTS = ["ANN", "BOB", "CAT", "DAN", "EVE"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": account} for account in ACCOUNTS])
    add_file(
        home, "devices", "devices",
        [{"device_id": account, "account_id": account, "product_code": "ata"} for account in ACCOUNTS],
    )  # fmt: skip
    return home


def _run(home: Home) -> RunReport:
    return run_direct(Request(str(home.root), "2025-06", "anna", NOW))


def _approve(home: Home) -> Approval:
    return approve(Request(str(home.root), "2025-06", "ben", NOW), None, None, None, None)


def _breaks(function: Callable[..., Any], holds: Callable[..., set[str]], broken: set[str]) -> Callable[..., Any]:
    """`function`, failing whenever what it is given holds one of the `broken` accounts."""

    def failing(*arguments: Any) -> Any:
        if holds(*arguments) & broken:
            raise ZeroDivisionError("a price of zero\nand more")
        return function(*arguments)

    return failing


STAGES: dict[str, tuple[Any, str, Callable[..., set[str]]]] = {
    "charging": (charge, "recurring_charges", lambda parts, *_: set(parts["account_id"])),
    "taxing": (tax, "tax_documents", lambda question, *_: set(question.lines["account_id"])),
    "drafting": (built, "build_documents", lambda *args: {heading.bill_to.account_id for heading in args[3]}),
    "drafting, its meters": (draft, "meters", lambda _, accounts, *__: set(accounts["account_id"])),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_of_some_accounts_leaves_the_others_billed(
    home: Home, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    module, name, holds = STAGES[stage]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, _breaks(getattr(module, name), holds, {"BOB", "EVE"}))
        report = _run(home)
    assert report.accounts == {"billed": 3, "parked": 2}
    told = f"{stage.partition(',')[0]} failed: ZeroDivisionError: a price of zero"
    assert report.parked == [("BOB", told), ("EVE", told)]
    assert report.parked_codes == {"BOB": "stage_failed", "EVE": "stage_failed"}
    assert report.incomplete
    add_file(home, "accounts", "mended", [{"account_id": "BOB", "city": "York"}])
    assert _run(home).accounts == {"billed": 5}, "what is mended is billed by the next run"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        MemoryError(),
        duckdb.OutOfMemoryException("failed to allocate"),
    ],
    ids=["disk", "memory", "database's memory"],
)
@pytest.mark.parametrize("stage", ["charging", "drafting"])
def test_what_the_machine_fails_with_is_no_accounts_failure(
    home: Home, monkeypatch: pytest.MonkeyPatch, stage: str, error: Exception
) -> None:
    def failing(*_: Any) -> Any:
        raise error

    module, name, _ = STAGES[stage]
    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing)
        with pytest.raises(type(error)):
            _run(home)
    assert _run(home).accounts == {"billed": 5}


@pytest.mark.parametrize("broken", [set(ACCOUNTS), set()], ids=["more than a few", "none alone"])
def test_a_failure_that_is_no_accounts_is_raised(home: Home, monkeypatch: pytest.MonkeyPatch, broken: set[str]) -> None:
    monkeypatch.setattr("flows.month.isolate.MOST", 3)
    calls: list[int] = []

    def failing(parts: Any, *_: Any) -> Any:
        calls.append(parts.height)
        if set(parts["account_id"]) & broken or (not broken and parts.height == len(ACCOUNTS)):
            raise ZeroDivisionError
        return real(parts, *_)

    real = rating.charges.recurring_charges
    monkeypatch.setattr(charge, "recurring_charges", failing)
    with pytest.raises(ZeroDivisionError):
        _run(home)
    assert len(calls) < 12


def test_a_document_that_cannot_be_printed_takes_no_number(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(home)
    with monkeypatch.context() as patch:
        broken = _breaks(templates.render.try_page, lambda document: {document.bill_to.account_id}, {"BOB"})
        patch.setattr(printing, "try_page", broken)
        done = _approve(home)
    assert [number[-2:] for number in done.issued] == ["01", "02", "03", "04"]
    assert done.parked == [("BOB", "printing failed: ZeroDivisionError: a price of zero")]
    assert done.parked_codes == {"BOB": "printing_failed"}
    assert done.incomplete
    with Store(home) as store:
        found = review(store, load_settings(home), "2025-06")
        assert found.books_balance
        assert [row["account_id"] for row in found.tables["parked"]] == ["BOB"]
    assert _run(home).kind == "supplementary"
    done = _approve(home)
    assert [number[-2:] for number in done.issued] == ["05"]
    with pytest.raises(Refused, match="nothing has changed"):
        _run(home)


def test_a_pdf_that_fails_after_its_number_is_made_by_the_next_approval(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run(home)
    with monkeypatch.context() as patch:
        patch.setattr(approval, "render", printing.render)
        patch.setattr(printing, "pdf_of_json", _not_the_second)
        done = _approve(home)
    ((number, reason),) = done.unprinted
    assert (number[-1], reason, done.rendered, done.incomplete) == ("2", "printing failed: OSError: no room", 4, True)
    assert len(list((home.out("2025-06") / "invoices").glob("*.pdf"))) == 4
    monkeypatch.setattr(approval, "render", printing.render)
    assert (_approve(home).rendered, len(list((home.out("2025-06") / "invoices").glob("*.pdf")))) == (1, 5)


def _not_the_second(text: bytes) -> bytes:
    """Top-level: a spawned process is handed it."""
    if b"-000002" in text:
        raise OSError("no room")
    return b"%PDF-1.7\n"


def test_an_account_set_aside_by_hand_waits_until_it_is_let_go(home: Home) -> None:
    _run(home)
    with Store(home) as store:
        with pytest.raises(WrongUsage, match="'ZOE'"):
            park(store, "ZOE", "typo", "anna", NOW)
        park(store, "BOB", "in dispute", "anna", NOW)
        with pytest.raises(NothingToDo, match="set aside by anna: in dispute"):
            park(store, "BOB", "again", "anna", NOW)
    with pytest.raises(Refused, match="the accounts set aside by hand"):
        _approve(home)
    report = _run(home)
    assert report.parked == [("BOB", "set aside by anna: in dispute; `tollbook unpark BOB`")]
    with Store(home) as store:
        unpark(store, "BOB", "settled", "ben", NOW)
        with pytest.raises(NothingToDo, match="BOB is not parked"):
            unpark(store, "BOB", None, "ben", NOW)
        assert store.rows(
            "select act, subject, reason from audit_log where act in ('park', 'unpark') order by seq"
        ) == [
            ("park", "BOB", "in dispute"),
            ("unpark", "BOB", "settled"),
        ]
        assert verify(store) == []
    assert _run(home).accounts == {"billed": 5}
    add_file(home, "accounts", "wrong", [{"account_id": "CAT", "plan": "unheard_of"}])
    _run(home)
    told = r"CAT was not set aside by hand. The run parked it: plan unheard_of .* Then `tollbook run 2025-06` bills CAT"
    with Store(home) as store, pytest.raises(NothingToDo, match=told):
        unpark(store, "CAT", None, "ben", NOW)
