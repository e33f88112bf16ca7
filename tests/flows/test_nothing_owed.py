"""A month that is issued: approving it again says so, and a run for which nothing is owed leaves nothing behind."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.approve import approve
from flows.review.page import review
from schemas.errors import NothingToDo, Refused
from tests.flows.issuing import NOW, asked, bill, no_pdfs, rows, run
from tests.scenarios.month.home import add_file, make_home

MONTH = "2025-06"
RUN_TABLES = (
    "runs", "run_events", "run_knowledge", "run_accounts", "run_findings", "rated", "rated_for", "suspended_usage",
    "excluded_usage", "traffic_studies", "documents", "audit_log",
)  # fmt: skip


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """June issued to Ann. Bob is parked, because nobody knows his plan; his number was called once in vain."""
    home = make_home(tmp_path_factory.mktemp("issued") / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB", "plan": "unheard_of"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460102", "account_id": "BOB"}])
    call = {"call_id": "c", "started_at": "2025-05-20T10:00:00Z", "from_number": "+442079460102",
            "to_number": "+33123456789", "duration_s": 60}  # fmt: skip
    add_file(home, "calls", "may", [call])
    bill(home, MONTH)
    return home


@pytest.fixture
def home(issued: Home, tmp_path: Path) -> Home:
    return Home(shutil.copytree(issued.root, tmp_path / "home"))


def _left(home: Home) -> dict[str, tuple[object, ...]]:
    return {table: rows(home, f"select count(*), bit_xor(hash(t)) from {table} t")[0] for table in RUN_TABLES}


def _approved(home: Home, run_id: str | None = None, kind: str | None = None) -> None:
    with no_pdfs():
        approve(asked(home, MONTH, by="ben"), run_id, None, kind, None)


def test_approving_an_issued_month_says_that_it_is_issued_by_whom_and_when(home: Home) -> None:
    told = (
        r"^2025-06 is issued: 1 document by ben on 2026-09-01\. No draft waits; to change what is issued: "
        r"`tollbook correct 2025-06 --reason TEXT`\. Not sent yet: 1; `tollbook send 2025-06`\.$"
    )
    with pytest.raises(NothingToDo, match=told):
        _approved(home)
    ((run_id,),) = rows(home, "select run_id from runs")
    with pytest.raises(NothingToDo, match=f"^run {run_id} is issued: 1 document by ben on 2026-09-01"):
        _approved(home, run_id)
    with pytest.raises(
        NothingToDo, match=r"^2025-06 has no draft of kind correction to approve\. Issued of 2025-06: 1 doc"
    ):
        _approved(home, kind="correction")


def test_approving_a_month_that_nobody_ran_says_how_it_is_drafted(home: Home) -> None:
    with pytest.raises(NothingToDo, match=r"^2025-07 has no draft to approve\. Run `tollbook run 2025-07` first\.$"):
        approve(asked(home, "2025-07", by="ben"), None, None, None, None)


def test_approving_one_kind_names_the_other_drafts_that_wait(home: Home) -> None:
    others = rf"Other drafts of 2025-07 wait: regular run {run(home, '2025-07').run_id}\."
    with pytest.raises(NothingToDo, match=rf"^2025-07 has no draft of kind correction to approve\. {others}$"):
        approve(asked(home, "2025-07", by="ben"), None, None, "correction", None)


def test_the_very_same_month_again_names_who_is_parked(home: Home) -> None:
    before = _left(home)
    with pytest.raises(Refused, match=r"^2025-06 is issued and nothing has changed since\. Parked: BOB; mend and run"):
        run(home, MONTH)
    assert _left(home) == before


def test_a_run_for_an_account_that_is_still_parked_opens_nothing(home: Home) -> None:
    before = _left(home)
    told = r"nothing is owed beyond the 1 document .* no run was opened.*\nstill parked: BOB: plan unheard_of"
    with pytest.raises(NothingToDo, match=told):
        run(home, MONTH, "BOB")
    assert _left(home) == before
    assert not (home.store / "work").exists() or not any("-S-" in path.name for path in (home.store / "work").iterdir())


def test_new_inputs_that_bill_nobody_open_nothing(home: Home) -> None:
    """Other settings, and an account that begins next year."""
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[billing]", "[billing]\nlookback_months = 5"), encoding="utf-8")
    before = _left(home)
    with pytest.raises(NothingToDo, match="nothing is owed"):
        run(home, MONTH)
    assert _left(home) == before
    later = {"account_id": "EVE", "service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    add_file(home, "accounts", "later", [later])
    a_day_later = replace(asked(home, MONTH), now=NOW + timedelta(days=1))
    with pytest.raises(NothingToDo, match="Accounts: 1 not started, 1 parked"):
        run_direct(a_day_later)
    after = _left(home)
    assert {name for name in RUN_TABLES if after[name] != before[name]} == {"audit_log"}, "the file was taken in"
    with Store(home) as store:
        found = review(store, load_settings(home), MONTH)
    assert [(row["kind"], row["state"]) for row in found.runs] == [("regular", "approved")]
    assert found.books_balance


def test_an_account_newly_parked_is_news(home: Home) -> None:
    add_file(home, "accounts", "eve", [{"account_id": "EVE", "plan": "nor_this"}])
    report = run(home, MONTH)
    assert (report.kind, [account for account, _ in report.parked]) == ("supplementary", ["BOB", "EVE"])


def test_usage_that_nobody_had_an_outcome_for_is_news(home: Home) -> None:
    call = {"call_id": "d", "started_at": "2025-05-21T10:00:00Z", "from_number": "+442079460109",
            "to_number": "+33123456789", "duration_s": 60}  # fmt: skip
    add_file(home, "calls", "more", [call])
    report = run(home, MONTH)
    assert report.usage["suspended"] >= 1
    assert rows(home, "select count(*) from suspended_usage where run_id = $1 and reason = 'no_owner'", report.run_id)


def test_a_mended_account_is_billed_after_runs_that_left_nothing(home: Home) -> None:
    with pytest.raises(NothingToDo):
        run(home, MONTH, "BOB")
    add_file(home, "accounts", "mended", [{"account_id": "BOB"}])
    report = run(home, MONTH)
    assert (report.kind, report.accounts) == ("supplementary", {"billed": 1, "excluded": 1})


def test_drafts_for_which_nothing_is_owed_any_more_give_way(home: Home) -> None:
    """What was drafted for Bob must not stay to be approved when he is parked again: that run stands."""
    add_file(home, "accounts", "mended", [{"account_id": "BOB"}])
    first = run(home, MONTH)
    later = {"account_id": "EVE", "service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    add_file(home, "accounts", "spoilt", [{"account_id": "BOB", "plan": "unheard_of"}, later])
    second = run(home, MONTH)
    assert second.replaced == [first.run_id]
    assert second.accounts == {"excluded": 1, "not_started": 1, "parked": 1}


def test_a_month_in_which_nobody_begins_leaves_no_run_to_approve(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    later = {"account_id": "EVE", "service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    add_file(home, "accounts", "accounts", [later])
    with pytest.raises(
        NothingToDo, match=r"^2025-06: nothing is owed, so no run was opened\. Accounts: 1 not started\.$"
    ):
        run(home, MONTH)
    assert rows(home, "select count(*) from runs") == [(0,)]
    with Store(home) as store, pytest.raises(Refused, match="no run of 2025-06 stands"):
        review(store, load_settings(home), MONTH)
