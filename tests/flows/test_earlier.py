"""Feed `billed_until`: what it may name, and what nobody bills. Amounts: tests/scenarios/month/corners.yaml."""

import pytest

from flows.bill_run import RunReport
from tests.flows.issuing import run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs", "without_reviews")

BILLED = {"billed_until": "2025-05-31", "amount": "31.00"}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> RunReport:
    """Each account's row names something else; its id says what."""
    home = make_home(tmp_path_factory.mktemp("earlier") / "home")
    names = ["STRANGE", "OF-ANOTHER", "TWICE", "BILLS-NOTHING", "SILENT", "BY-EXTENSION", "GAP"]
    add_file(home, "accounts", "accounts", [{"account_id": name} for name in names])
    add_file(home, "devices", "devices", [
        *({"account_id": name, "device_id": f"D-{name}", "product_code": "ata"} for name in names),
        {"account_id": "TWICE", "device_id": "S-TWICE", "product_code": "ata"},
        {"account_id": "BILLS-NOTHING", "device_id": "D-SEAT", "product_code": "seat"},
        {"account_id": "SILENT", "device_id": "D-SILENT-SEAT", "product_code": "seat"},
        {"account_id": "BY-EXTENSION", "device_id": "D-EXT", "extension": "104"},
    ])  # fmt: skip
    add_file(home, "subscriptions", "seats", [{"account_id": "TWICE", "subscription_id": "S-TWICE"}])
    add_file(home, "billed_until", "earlier", [
        {"account_id": "STRANGE", "resource_id": "D-NOBODY", **BILLED},
        {"account_id": "OF-ANOTHER", "resource_id": "D-STRANGE", **BILLED},
        {"account_id": "TWICE", "resource_id": "S-TWICE", **BILLED},
        {"account_id": "BILLS-NOTHING", "resource_id": "D-SEAT", **BILLED},
        {"account_id": "SILENT", "resource_id": "D-SILENT-SEAT", "billed_until": "2025-05-31"},
        {"account_id": "BY-EXTENSION", "resource_id": "ext:104", **BILLED},
        {"account_id": "GAP", "resource_id": "D-GAP", "billed_until": "2025-04-20"},
        {"account_id": "NOT-KNOWN", "resource_id": "D-GAP", **BILLED},
    ])  # fmt: skip
    return run(home, "2025-06")


@pytest.mark.parametrize(
    ("account", "word"),
    [
        ("STRANGE", "D-NOBODY, which is no subscription, device or number of the account"),
        ("OF-ANOTHER", "D-STRANGE, which is no subscription, device or number of the account"),
        ("TWICE", "S-TWICE, which is the id of more than one thing of the account"),
        ("BILLS-NOTHING", "D-SEAT, which is of a product that is billed from another feed"),
    ],
)
def test_a_row_that_fits_nothing_parks_its_account(report: RunReport, account: str, word: str) -> None:
    assert report.parked_codes[account] == "billed_until_misfit"
    assert dict(report.parked)[account].startswith(f"feed billed_until names {word}")


def test_nobody_else_is_parked(report: RunReport) -> None:
    assert set(report.parked_codes) == {"STRANGE", "OF-ANOTHER", "TWICE", "BILLS-NOTHING"}


def test_days_that_nobody_bills_and_accounts_that_nobody_knows_are_told(report: RunReport) -> None:
    gap = "devices D-GAP was billed up to the day before 2025-04-21, and a run bills from 2025-05-01 on: "
    unknown = "billed_until has 1 records of this account, which feed accounts does not know"
    assert report.findings == [
        ("GAP", "unbilled_days", gap + "nobody bills the days between"),
        ("NOT-KNOWN", "unknown_account", unknown),
    ]
