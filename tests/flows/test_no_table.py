"""A region that no tax table names is told with accounts and net, unless a table says that there is none to know."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.catalog.load import load_taxes
from flows.catalog.set_rate import Rate, set_rate
from flows.cli.main import make_app
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.page import review
from flows.review.report import Review
from schemas.errors import WrongUsage
from taxes.tables import load_tables
from tests.flows.issuing import NOW, run
from tests.scenarios.month.home import add_file, make_home

CATALOG = """
products:
  line:
    name: Line
    section: service_fees
    billed_from: subscriptions
    per: resource
    tax_class: telephony
    telecom_percent: "100"
    interstate: none
    prices: {USD: "24.95", CAD: "24.95"}
"""
US = {"country": "US", "currency": "USD", "plan": "", "locale": "en_US", "time_zone": "America/New_York"}
NONE = """
jurisdiction: US-NY
none: no tax of the state on these services, as of our counsel's letter
references: [{title: "Letter of 2 May", read: 2025-05-02}]
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann in New York, which no table names; Tex in Texas, which one does."""
    home = make_home(tmp_path / "home")
    (home.catalog / "line.yaml").write_text(CATALOG, encoding="utf-8")
    ann = {"account_id": "ANN", **US, "region": "NY", "city": "New York", "postal_code": "10001"}
    tex = {"account_id": "TEX", **US, "region": "TX", "city": "Dallas", "postal_code": "75201"}
    add_file(home, "accounts", "accounts", [ann, tex])
    lines = [{"account_id": who, "subscription_id": f"S-{who}", "product_code": "line"} for who in ("ANN", "TEX")]
    add_file(home, "subscriptions", "lines", lines)
    return home


def reviewed(home: Home) -> Review:
    run(home, "2025-06")
    with Store(home) as store:
        return review(store, load_settings(home), "2025-06")


def coverage(home: Home, capsys: Any, *options: str) -> str:
    command = typer.main.get_command(make_app())
    arguments = ["--home", str(home.root), "--today", "2025-06-02", *options, "taxes", "coverage", "--country", "US"]
    capsys.readouterr()
    command.main(arguments, standalone_mode=False)
    return str(capsys.readouterr().out)


def declare(home: Home, text: str) -> None:
    (home.taxes / "us").mkdir(parents=True, exist_ok=True)
    (home.taxes / "us" / "ny.yaml").write_text(text, encoding="utf-8")


def test_review_and_coverage_say_that_no_table_names_the_region(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    found = reviewed(home)
    row = {"jurisdiction": "US-NY", "accounts": 1, "currency": "USD", "net": Decimal("24.95")}
    assert found.tables["no_table"] == [row]
    assert "Taxes: US-NY: no table; 1 account, 24.95 USD net" in found.lines()
    assert json.loads(found.json.read_text(encoding="utf-8"))["no_table"] == [{**row, "net": "24.95"}]
    assert "Regions without a tax table" in found.html.read_text(encoding="utf-8")
    assert "US-NY: no table; 1 account, 24.95 USD net in 2025-06" in coverage(home, capsys).splitlines()
    rows = json.loads(coverage(home, capsys, "--json"))
    assert [row for row in rows if row["status"] == "no table"] == [
        {"table": None, "status": "no table", **row, "net": "24.95", "invoice_month": "2025-06"}
    ]


def test_a_rate_that_is_a_sample_is_told_until_somebody_has_looked_it_up(home: Home) -> None:
    """The recovery fees of a US account are samples; Texas's sales tax has its sources."""
    found = reviewed(home)
    taxed = {row["tax_code"] for row in found.tables["taxes"]}
    samples = {(row["tax_code"], row["jurisdiction"]) for row in found.tables["sample_rates"]}
    assert "SALES" in taxed - {code for code, _ in samples}
    assert ("RRF", "US") in samples
    (told,) = (line for line in found.lines() if "sample rates, read nowhere: " in line)
    assert "RRF of US" in told
    day = date(2025, 6, 1)
    with Store(home) as store:
        for table in load_taxes(home).tables:
            if (table.code, table.jurisdiction) in samples:
                rate = Rate(table.code, day, str(table.percent(day)), "the authority's page", table.jurisdiction)
                set_rate(store, rate, by="anna", now=NOW, today=day)
    assert reviewed(home).tables["sample_rates"] == []


def test_a_region_that_is_said_to_have_none_is_not_told(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    declare(home, NONE)
    found = reviewed(home)
    assert found.tables["no_table"] == []
    told = coverage(home, capsys)
    assert "US-NY: none to know (no tax of the state on these services, as of our counsel's letter; us/ny.yaml)" in told
    assert "no table" not in told


def test_a_country_that_is_said_to_have_none_does_not_park(home: Home) -> None:
    place = {"country": "AR", "region": "", "city": "Rosario", "postal_code": "2000"}
    add_file(home, "accounts", "more", [{"account_id": "ARG", **US, **place}])
    add_file(home, "subscriptions", "more", [{"account_id": "ARG", "subscription_id": "SA", "product_code": "line"}])
    assert run(home, "2025-06").parked_codes == {"ARG": "no_tax_table"}
    declare(home, NONE.replace("US-NY", "AR"))
    assert run(home, "2025-06").parked_codes == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (NONE.replace("US-NY", "US-TX"), "us/ny.yaml: none: US-TX has a table, us/tx/"),
        (NONE + "rate: 4\n", "us/ny.yaml, line 5: rate: unknown key"),
        (NONE.replace("US-NY", "New York"), "us/ny.yaml, line 2: jurisdiction: "),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, told: str) -> None:
    shipped = Path(__file__).parents[2] / "data" / "reference" / "taxes"
    files = {path.relative_to(shipped).as_posix(): path.read_text("utf-8") for path in shipped.rglob("*.yaml")}
    with pytest.raises(WrongUsage) as error:
        load_tables({**files, "us/ny.yaml": text})
    assert str(error.value).startswith(told)
