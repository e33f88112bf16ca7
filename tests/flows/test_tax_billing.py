"""Taxes through whole months of the sample: measured share, reversals, late certificates, wrong postal codes, an
outside engine, and `explain`."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from flows.ask.explain import explain, find
from flows.bill_run import RunReport, run_direct
from flows.books.publish import publish
from flows.home.settings import Home
from flows.home.store import Store
from flows.month.taxing.traffic import report
from schemas.document import Document
from schemas.errors import Refused, WrongUsage
from tests.flows.issuing import corrected
from tests.flows.sample import request

pytestmark = pytest.mark.usefixtures("without_reviews")


@pytest.fixture(scope="module")
def may(sample: Callable[[str], Home]) -> Home:
    """The sample with May billed; tests work on copies of it."""
    return sample("may")


@pytest.fixture
def home(may: Home, tmp_path: Path) -> Home:
    shutil.copytree(may.root, tmp_path / "home")
    return Home(tmp_path / "home")


def _run(home: Home, month: str = "2026-06") -> RunReport:
    return run_direct(request(home, month))


def _draft(home: Home, account: str) -> Document:
    with Store(home) as store:
        return find(store, f"DRAFT-2026-06-{account}").document


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _add(home: Home, feed: str, rows: str) -> None:
    """A file with the header of the sample's own, and these rows."""
    header = (home.inbox / feed / f"{feed}.csv").read_text(encoding="utf-8").splitlines()[0]
    (home.inbox / feed / "later.csv").write_text(f"{header}\n{rows}\n", encoding="utf-8")


def test_one_method_measures_the_mixed_service_of_a_seller(home: Home) -> None:
    _edit(home.settings_file, 'series = "US"', 'series = "US"\nusf_method = { "2026-04-01" = "measured" }')
    _run(home)
    with Store(home) as store:
        study, told = report(store, "2026-06")
        snapshot = publish(store)
    share = {row["account_id"]: row["share_percent"] for row in study}
    assert told[0] == "rated calls of the usage months 2026-03 to 2026-05:"
    with duckdb.connect(snapshot, read_only=True) as con:
        seen = con.execute("select account_id, share_percent from traffic_studies where invoice_month = '2026-06'")
        assert dict(seen.fetchall()) == share
    row = next(row for row in study if row["account_id"] == "US-1004")
    known = row["interstate_s"] + row["international_s"] + row["intrastate_s"]
    exact = Decimal(row["interstate_s"] + row["international_s"]) * 100 / known
    assert exact - Decimal("0.0001") < row["share_percent"] <= exact
    usf = next(tax for tax in _draft(home, "US-1004").taxes if tax.tax_code == "USF")
    found = {(part.interstate, part.interstate_share) for part in usf.parts}
    assert found == {("measured", share["US-1004"].normalize()), ("all", Decimal(100))}
    whole = next(row for row in study if row["account_id"] == "US-1002")
    assert (whole["calls"], whole["measured_on"]) == (0, "seller")
    usf = next(tax for tax in _draft(home, "US-1002").taxes if tax.tax_code == "USF")
    assert {part.interstate_share for part in usf.parts} == {whole["share_percent"].normalize()}


def test_a_phone_removed_before_the_month_returns_exactly_what_it_was_taxed(home: Home) -> None:
    """Keyed in late: the whole of May comes back, with the 9-1-1 surcharge of its line, as of May."""
    _add(home, "devices", "D-1001-103,US-1001,phone,phone,103,,,false,false,2025-02-01,2026-04-30")
    _run(home)
    document = _draft(home, "US-1001")
    back = next(line for line in document.lines if line.reverses and line.product_code == "phone")
    assert (back.amount, back.line_count, back.reverses) == (Decimal("-23.95"), Decimal(-1), "US-2026-000001")
    of_may = {tax.tax_code: tax for tax in document.taxes if str(tax.tax_date) == "2026-05-01"}
    assert of_may["E911"].amount == Decimal("-1.00")
    assert of_may["RRF"].amount == Decimal("-0.89")  # of 23.95 and of 3.53 for an adapter given back on 20 May
    assert of_may["USF"].amount == Decimal("-6.59")
    assert {tax.line_count for tax in document.taxes if tax.tax_code == "E911"} == {-1, 8}


def test_a_certificate_that_arrives_after_issue_is_a_proposal(home: Home) -> None:
    _add(home, "certificates", "US-1003,CO-77,SALES,,G,2026-05-20,2026-01-01,")
    found = _run(home)
    details = [detail for account, kind, detail in found.findings if kind == "certificate_after_issue"]
    told = "certificate CO-77, received 2026-05-20, exempts SALES on US-2026-000003 of 2026-05-01, where 6.62 USD was"
    assert details == [f"{told} charged: a correction may be due, nothing is credited by itself"]
    sales = [tax for tax in _draft(home, "US-1003").taxes if tax.tax_code == "SALES"]
    assert [(tax.amount, tax.certificate_number, tax.exempt_reason) for tax in sales] == [
        (Decimal("0.00"), "CO-77", "resale (SST reason G)")
    ]


@pytest.mark.parametrize("style", ["replacement", "adjustment"])
def test_a_late_certificate_that_a_correction_followed_proposes_nothing_more(home: Home, style: str) -> None:
    _edit(home.settings_file, 'series = "US"', f'series = "US"\ncorrection_style = "{style}"')
    _add(home, "certificates", "US-1003,CO-77,SALES,,G,2026-05-20,2026-01-01,")
    (found,) = corrected(home, "2026-05", "US-1003", today="2026-05-21").differences
    assert found.after - found.before == Decimal("-6.62")
    details = [detail for _, kind, detail in _run(home).findings if kind == "certificate_after_issue"]
    assert details == []


def test_a_postal_code_of_another_state_parks_the_account(home: Home) -> None:
    row = (home.inbox / "accounts" / "accounts.csv").read_text(encoding="utf-8").splitlines()[1]
    assert row.startswith("US-1001,,")
    _add(home, "accounts", row.replace("US-1001,,", "US-1001,2026-05-02,").replace(",02108,", ",75201,"))
    reasons = dict(_run(home).parked)
    assert reasons["US-1001"] == "billing address: postal code 75201 lies in TX, not in MA; correct one of the two"


def test_a_quarter_nobody_knows_parks_with_its_name(home: Home) -> None:
    tables = home.taxes / "us"
    tables.mkdir(parents=True)
    shipped = Path(__file__).parents[2] / "data" / "reference" / "taxes" / "us" / "usf.yaml"
    text = shipped.read_text(encoding="utf-8").replace('  2026-04-01: "37.0"', "  2026-04-01: null")
    (tables / "usf.yaml").write_text(text, encoding="utf-8")
    reasons = dict(_run(home).parked)
    assert reasons["US-1001"] == "USF has no factor for 2026Q2 (table us/usf.yaml)"
    assert "CA-2001" not in reasons


def test_a_table_of_the_home_is_named_by_its_own_path(home: Home) -> None:
    (home.taxes / "us").mkdir(parents=True)
    (home.taxes / "us" / "rrf.yaml").write_text("code: RRF\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"^catalog/taxes/us/rrf\.yaml: kind: missing"):
        _run(home)


def test_a_seller_without_vat_number_issues_nothing_with_vat(home: Home) -> None:
    _edit(home.settings_file, 'tax_id = "DE999900112"\n', "")
    _edit(home.settings_file, '{ label = "USt-IdNr.", number = "DE999900112", country = "DE" },', "")
    reasons = dict(_run(home).parked)
    assert reasons["DE-5001"] == "the document lacks EU, article 226: the seller's VAT number"


ENGINE = """
import csv, json, pathlib, sys
folder = pathlib.Path(sys.argv[-1])
request = json.loads((folder / "request" / "request.json").read_text())
read = lambda name: list(csv.DictReader((folder / "request" / name).open(encoding="utf-8")))
answer = folder / "answer"
answer.mkdir()
columns = ("draft_id tax_code kind jurisdiction tax_date gross_base taxable_percent base_amount exempt_amount "
           "rate_percent amount certificate_number note name text reference").split()
with (answer / "taxes.csv").open("w", newline="") as file:
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    for document in read("documents.csv"):
        cents = sum(round(float(l["amount"]) * 100) for l in read("lines.csv") if l["draft_id"] == document["draft_id"])
        writer.writerow({"draft_id": document["draft_id"], "tax_code": "GST", "kind": "tax", "jurisdiction": "AU",
            "tax_date": document["invoice_date"], "gross_base": cents / 100, "taxable_percent": 100,
            "base_amount": cents / 100, "exempt_amount": 0, "rate_percent": 12.5, "amount": DIGITS % (cents * 0.00125),
            "name": "GST", "text": "As the engine says.", "reference": "engine 7"})
with (answer / "documents.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["draft_id", "state", "reason"])
    for document in read("documents.csv"):
        writer.writerow([document["draft_id"], "taxed", ""])
(answer / "answer.json").write_text(json.dumps({"request": request["request"]}))
"""


def _with_engine(home: Home, command: list[str]) -> None:
    text = home.settings_file.read_text(encoding="utf-8")
    told = f'[tax_engine]\nsellers = ["corvane-au"]\ncommand = {json.dumps(command)}\n\n[billing]'
    home.settings_file.write_text(text.replace("[billing]", told, 1), encoding="utf-8")


def test_an_outside_engine_taxes_its_sellers_through_files(home: Home, tmp_path: Path) -> None:
    script = tmp_path / "engine.py"
    script.write_text(ENGINE.replace("DIGITS", '"%.2f"'), encoding="utf-8")
    _with_engine(home, [sys.executable, str(script)])
    _run(home)
    tax = _draft(home, "AU-7001").taxes
    assert [(row.tax_code, row.rate_percent, row.reference, row.text) for row in tax] == [
        ("GST", Decimal("12.5"), "engine 7", "As the engine says.")
    ]
    assert tax[0].table is not None
    assert tax[0].table.startswith("engine answer ")
    assert {row.tax_code for row in _draft(home, "DE-5001").taxes} == {"VAT"}
    requests = [path.name for path in (home.root / "tax_engine").iterdir()]
    assert len(requests) == 1


def test_a_document_that_the_engine_parks_is_parked_with_its_reason(home: Home, tmp_path: Path) -> None:
    script = tmp_path / "engine.py"
    first = 'for document in read("documents.csv"):'
    parking = ENGINE.replace("DIGITS", '"%.2f"').replace('"taxed", ""', '"parked", "no licence to tax there"')
    script.write_text(parking.replace(first, "for document in ():", 1), encoding="utf-8")
    _with_engine(home, [sys.executable, str(script)])
    report = _run(home)
    assert dict(report.parked)["AU-7001"] == "no licence to tax there"
    assert report.parked_codes["AU-7001"] == "tax_engine"


def test_an_engine_that_has_not_answered_or_answers_nonsense_stops_the_run(home: Home, tmp_path: Path) -> None:
    _with_engine(home, [])
    with pytest.raises(Refused, match="has not answered yet"):
        _run(home)
    script = tmp_path / "engine.py"
    nonsense = ENGINE.replace("DIGITS", '"%.3f1"').replace('text reference"', 'text reference lines"')
    nonsense = nonsense.replace('"engine 7"', '"engine 7", "lines": "1 99"')
    script.write_text(nonsense, encoding="utf-8")
    _edit(home.settings_file, "command = []", f"command = {json.dumps([sys.executable, str(script)])}")
    told = (
        "an amount has more decimals than its currency; taxes.csv: DRAFT-2026-06-AU-7001 has no line 99 in the request"
    )
    with pytest.raises(Refused, match=told):
        _run(home)


def test_explain_goes_from_the_document_to_line_and_tax(may: Home) -> None:
    with Store(may) as store:
        whole = explain(store, "US-2026-000004", None)
        usf = explain(store, "US-2026-000004", "tax:1")
        usage = next(
            line.line_no
            for line in find(store, "US-2026-000004").document.lines
            if line.product_code == "minutes_international"
        )
        line = explain(store, "US-2026-000004", str(usage))
        document = find(store, "US-2026-000004").document
        with pytest.raises(WrongUsage, match="found tax:99; US-2026-000004 has tax:1 to tax:8"):
            explain(store, "US-2026-000004", "tax:99")
        with pytest.raises(WrongUsage, match="expected the number of an issued document"):
            explain(store, "US-2026-999999", None)
    assert whole.lines()[-1] == f"total: {document.total} USD"
    told = "\n".join(usf.lines())
    assert "% interstate and international (safe harbour)" in told
    assert "rate: 37 %, since 2026-04-01" in told
    assert "rounding: once, to 2 decimals, down, towards zero: a legal cap" in told
    assert f"amount: {document.taxes[0].amount} USD" in told
    assert "47 CFR 54.712(a)" in usf.lines()[-1]
    printed = document.lines[usage - 1]
    assert any(text.endswith(f"rounded once, half up: {printed.amount} USD") for text in line.lines())
    assert len(line.data["usage"]) == sum(" x " in text and " per " in text for text in line.lines()[2:])
    # Behind a line stand its calls: when, both ends, where to, how long.
    call = re.compile(r"; 2026-04-\d\dT\d\d:\d\d:\d\dZ \S+ -> \+\d+, .+, \d+ s$")
    assert sum(bool(call.search(text)) for text in line.lines()) == len(line.data["usage"]) > 0


def test_what_falls_on_each_line_makes_the_tax(may: Home) -> None:
    """Cents told apart by largest remainder: over the lines they are the row again."""
    from flows.ask.explain_tax import tax_of_line

    with Store(may) as store:
        document = find(store, "US-2026-000004").document
    sums: dict[int, Decimal] = {}
    for line in document.lines:
        for tax, amount in tax_of_line(document, line):
            sums[tax.tax_no] = sums.get(tax.tax_no, Decimal(0)) + amount
    assert sums == {tax.tax_no: tax.amount for tax in document.taxes}
