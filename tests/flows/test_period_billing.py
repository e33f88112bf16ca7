"""The peers' cases of subject `price`, written into a catalogue, billed by `run` and read from invoice_lines."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import yaml

from flows.ask.check_files import Case, read_cases
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.store import Store
from schemas.money import rounded
from tests.scenarios.month.home import add_file, make_home

FACTS = {
    "section": "service_fees", "billed_from": "subscriptions", "tax_class": "telephony", "telecom_percent": "100",
    "interstate": "none",
}  # fmt: skip


def _product(case: Case) -> dict[str, object]:
    pricing = {key: value for key, value in case.given.items() if key != "quantity"}
    return {"name": case.name, **FACTS, "pricing": {"GBP": pricing}}


def test_every_model_of_the_check_language_bills_a_month(shared: Path, tmp_path: Path) -> None:
    cases = {
        f"case-{number:02d}": case
        for number, case in enumerate(read_cases(shared / "checks" / "prices.yaml", "prices.yaml"))
        # What a period was billed before is what its issued documents hold; tests/scenarios/month/pricing.yaml has it.
        if not {"already_billed", "period_closes"} & set(case.given)
    }
    assert {case.given["model"] for case in cases.values()} >= {"standard", "package", "volume", "graduated"}
    home = make_home(tmp_path / "home")
    products = {"products": {code: _product(case) for code, case in cases.items()}}
    (home.catalog / "cases.yaml").write_text(yaml.safe_dump(products), encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "CASES"}])
    add_file(
        home,
        "subscriptions",
        "subscriptions",
        [
            {"account_id": "CASES", "subscription_id": code, "product_code": code, "quantity": case.given["quantity"]}
            for code, case in cases.items()
        ],
    )
    run_direct(Request(str(home.root), "2025-06", "anna", datetime(2025, 6, 2, tzinfo=UTC)))
    with Store(home) as store:
        found = dict(store.rows("select resource_id, amount from invoice_lines"))
    assert found == {code: rounded(Fraction(case.expected or ""), 2) for code, case in cases.items()}
    assert sum(found.values()) > Decimal(10000)
