"""An account of a seller that tollbook.toml does not declare: refused before it is stored, mended where it is."""

from pathlib import Path

import pytest

from flows.books.remedies import remedy
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.report import FileResult
from flows.ingest.take_in import ingest
from flows.undo.rollback import rollback
from tests.flows.issuing import NOW, rows, run
from tests.forked import tollbook
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs", "without_reviews")

MONTH = "2025-06"
ACCOUNTS = "inbox/accounts/accounts.csv"
GHOST = """
[sellers.ghost]
name = "Ghost Telephone Ltd"
address_lines = ["2 Example Street", "London"]
country = "GB"
tax_id = "GB999990021"
time_zone = "Europe/London"
email = "ghost@example.com"
series = "GH"
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "devices", "devices", [{"device_id": "B", "account_id": "BOB", "product_code": "ata"}])
    return home


def take(home: Home, name: str, *accounts: dict[str, str], path: Path | None = None) -> FileResult:
    """Ingests a file of accounts: the whole inbox, or the file by its path."""
    add_file(home, "accounts", name, [*accounts])
    with Store(home) as store:
        report = ingest(store, load_settings(home), [path] if path else None, now=NOW)
    return next(file for file in report.files if file.source_file == f"inbox/accounts/{name}.csv")


def sellers(home: Home) -> dict[str, str]:
    return dict(rows(home, "select distinct account_id, seller_id from feed_accounts"))


def declare(home: Home) -> str:
    """Adds [sellers.ghost]; returns the settings as they were."""
    before = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(before + GHOST, encoding="utf-8")
    return before


def haunted(home: Home) -> None:
    """A home that holds an account whose seller is no longer declared."""
    before = declare(home)
    assert take(home, "accounts", {"account_id": "ANN"}, {"account_id": "BOB", "seller_id": "ghost"}).loaded == 2
    home.settings_file.write_text(before, encoding="utf-8")


def test_its_row_is_rejected_with_a_sentence_that_helps_and_the_others_are_taken_in(home: Home) -> None:
    later = {"account_id": "BOB", "effective_from": "2025-07-01"}
    result = take(home, "accounts", {"account_id": "ANN"}, {"account_id": "BOB", "seller_id": "ghost"}, later)
    assert (result.loaded, result.rejected) == (2, 1), "the version of the right seller stands"
    said = (
        f"{ACCOUNTS}, line 3, column seller_id: found 'ghost'; expected a seller of tollbook.toml (uk). Correct "
        "seller_id, or first add [sellers.ghost] there, and send the row in a new file: an account keeps its seller "
        "for good"
    )
    assert [str(fault) for fault in result.faults] == [said]
    assert rows(home, "select source_line, column_name from rejected_records") == [(3, "seller_id")]
    assert sellers(home) == {"ANN": "uk", "BOB": "uk"}


def test_a_run_says_so_too_though_it_has_nothing_to_draft(home: Home) -> None:
    later = {"service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    (home.inbox / "devices" / "devices.csv").unlink()
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", **later}, {"account_id": "EVE", "seller_id": "uk2"}])
    done = tollbook("--home", str(home.root), "--today", "2025-06-02", "run", MONTH, "--direct")
    assert done.returncode == 5, "rejected lines alone leave nothing open"
    assert f"rejected: {ACCOUNTS}, line 3, column seller_id: found 'uk2'" in done.stderr


def test_a_row_sent_again_after_its_seller_is_declared_is_billed(home: Home) -> None:
    ghosts = [{"account_id": "BOB", "seller_id": "ghost"}]
    take(home, "accounts", {"account_id": "ANN"}, *ghosts)
    declare(home)
    assert take(home, "bob", *ghosts).loaded == 1
    assert run(home, MONTH).accounts["billed"] == 1


def test_an_account_that_is_stored_already_is_mended_by_declaring_its_seller(home: Home) -> None:
    haunted(home)
    report = run(home, MONTH)
    assert report.parked == [("BOB", "seller ghost is not in tollbook.toml")]
    assert "tollbook.toml as [sellers.<id>], with the very id" in remedy("unknown_seller", MONTH, "BOB")
    later = {"account_id": "BOB", "seller_id": "ghost", "effective_from": "2025-08-01"}
    assert take(home, "later", later).loaded == 1, "who is stored stays what it is"
    assert take(home, "other", later | {"seller_id": "uk", "effective_from": "2025-09-01"}).state == "refused"
    declare(home)
    mended = run(home, MONTH)
    assert (mended.parked, mended.accounts["billed"]) == ([], 1)


def test_a_slip_of_the_pen_is_mended_by_taking_its_file_back_out(home: Home) -> None:
    haunted(home)
    run(home, MONTH)
    with Store(home) as store:
        rollback(store, load_settings(home), ACCOUNTS, by="anna", now=NOW)
    path = home.root / ACCOUNTS
    assert take(home, "accounts", {"account_id": "ANN"}, {"account_id": "BOB"}, path=path).loaded == 2
    assert sellers(home) == {"ANN": "uk", "BOB": "uk"}
    assert run(home, MONTH).accounts["billed"] == 1


def test_a_file_that_is_settled_again_keeps_what_it_brought_and_what_it_did_not(home: Home) -> None:
    take(home, "first", {"account_id": "ANN"})
    before = declare(home)
    bob, eve = {"account_id": "BOB", "seller_id": "ghost"}, {"account_id": "EVE", "seller_id": "nobody"}
    assert take(home, "second", {"account_id": "ANN"}, bob, eve).rejected == 1
    home.settings_file.write_text(before, encoding="utf-8")
    with Store(home) as store:
        done = rollback(store, load_settings(home), "inbox/accounts/first.csv", by="anna", now=NOW)
    assert done.reloaded == {"inbox/accounts/second.csv": 1}, "what was a duplicate"
    assert sellers(home) == {"ANN": "uk", "BOB": "ghost"}
