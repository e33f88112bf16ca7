"""An account of a seller that tollbook.toml does not declare: parked until it is; taken back where that is a slip."""

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


def haunted(home: Home) -> None:
    """A home with an account whose seller is not declared."""
    assert take(home, "accounts", {"account_id": "ANN"}, {"account_id": "BOB", "seller_id": "ghost"}).loaded == 2


def test_a_run_says_why_lines_were_rejected_though_it_has_nothing_to_draft(home: Home) -> None:
    later = {"service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    (home.inbox / "devices" / "devices.csv").unlink()
    add_file(
        home, "accounts", "accounts", [{"account_id": "ANN", **later}, {"account_id": "EVE", "currency": "pounds"}]
    )
    done = tollbook("--home", str(home.root), "--today", "2025-06-02", "run", MONTH, "--direct")
    assert done.returncode == 5, "rejected lines alone leave nothing open"
    assert f"rejected: {ACCOUNTS}, line 3, column currency: found 'pounds'" in done.stderr


def test_it_is_parked_and_billed_once_its_seller_is_declared(home: Home) -> None:
    haunted(home)
    report = run(home, MONTH)
    assert report.parked == [("BOB", "seller ghost is not in tollbook.toml")]
    assert "tollbook.toml as [sellers.<id>], with the very id" in remedy("unknown_seller", MONTH, "BOB")
    later = {"account_id": "BOB", "seller_id": "ghost", "effective_from": "2025-08-01"}
    assert take(home, "later", later).loaded == 1, "who is stored stays what it is"
    assert take(home, "other", later | {"seller_id": "uk", "effective_from": "2025-09-01"}).state == "refused"
    home.settings_file.write_text(home.settings_file.read_text(encoding="utf-8") + GHOST, encoding="utf-8")
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
