"""What was charged is given back as it stands on the issued document, whatever became of its table or engine since."""

import csv
import json
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from flows.ask.explain import explain, find
from flows.bill_run import run_direct
from flows.home.settings import Home
from flows.home.store import Store
from schemas.document import Document, Tax
from tests.flows.sample import bill_without_paper, request, sample_home

pytestmark = pytest.mark.usefixtures("without_reviews")

ENGINE = """
import csv, decimal, json, pathlib, sys
folder = pathlib.Path(sys.argv[-1])
read = lambda name: list(csv.DictReader((folder / "request" / name).open(encoding="utf-8")))
(folder / "answer").mkdir()
names = ("draft_id tax_code kind jurisdiction tax_date gross_base taxable_percent base_amount exempt_amount "
         "rate_percent amount certificate_number note name text reference lines").split()
with (folder / "answer" / "taxes.csv").open("w", newline="") as file:
    writer = csv.DictWriter(file, names)
    writer.writeheader()
    for document in read("documents.csv"):
        phones = [l for l in read("lines.csv")
            if l["draft_id"] == document["draft_id"] and l["product_code"] == "phone"]
        if not phones:
            continue
        base = sum(decimal.Decimal(l["amount"]) for l in phones)
        writer.writerow({"draft_id": document["draft_id"], "tax_code": "SALES", "kind": "tax",
            "jurisdiction": "AU-SA-55", "tax_date": document["invoice_date"], "gross_base": base,
            "taxable_percent": 100, "base_amount": base, "exempt_amount": 0, "rate_percent": RATE,
            "amount": round(base * RATE / 100, 2) + decimal.Decimal("0.03"),
            "name": "Local tax", "text": "As the engine says.", "reference": "engine 7",
            "lines": " ".join(l["line_no"] for l in phones)})
with (folder / "answer" / "documents.csv").open("w", newline="") as file:
    csv.writer(file).writerows([["draft_id", "state", "reason"]]
        + [[document["draft_id"], "taxed", ""] for document in read("documents.csv")])
request = json.loads((folder / "request" / "request.json").read_text())["request"]
(folder / "answer" / "answer.json").write_text(json.dumps({"request": request}))
"""

OWN_TABLE = """
code: SALES
kind: tax
name: {en: Harbour tax}
text: {en: A tax of the harbour.}
jurisdiction: US-MA
unit: percent_of_base
base: {share: full, tax_classes: all, also_on: [RRF]}
date_basis: invoice_date
values: {2022-01-01: "6.25"}
exempt_by: []
references: [{title: "Harbour ordinance 7", read: 2026-01-01}]
status: sourced
"""


@pytest.fixture(scope="module")
def june(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """May issued with a table of the operator's own and an engine; then both changed, and phones of May given back."""
    folder = tmp_path_factory.mktemp("given_back")
    home = sample_home(folder / "home")
    engine = folder / "engine.py"
    engine.write_text(ENGINE.replace("RATE", "5"), encoding="utf-8")
    told = f'[tax_engine]\nsellers = ["corvane-au"]\ncommand = {json.dumps([sys.executable, str(engine)])}\n\n[billing]'
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace("[billing]", told, 1), encoding="utf-8")
    (home.taxes / "us" / "ma").mkdir(parents=True)
    (home.taxes / "us" / "ma" / "sales.yaml").write_text(OWN_TABLE, encoding="utf-8")
    bill_without_paper(home, "2026-05")

    engine.write_text(ENGINE.replace("RATE", "20"), encoding="utf-8")
    (home.taxes / "us" / "ma" / "sales.yaml").unlink()
    shipped = Path(__file__).parents[2] / "data" / "reference" / "taxes" / "us" / "rrf.yaml"
    edited = shipped.read_text(encoding="utf-8").replace('"3.25"', '"9"').replace("share: full", "share: telecom")
    edited = edited.replace("tax_classes: all", "tax_classes: all, sections: [service_fees]")
    (home.taxes / "us" / "rrf.yaml").write_text(edited, encoding="utf-8")
    devices = home.inbox / "devices"
    header = (devices / "devices.csv").read_text(encoding="utf-8").splitlines()[0]
    ended = [
        "D-1001-103,US-1001,phone,phone,103,,,false,false,2025-02-01,2026-04-30",
        *(f"D-7001-{n},AU-7001,phone,phone,{n},,,false,false,2025-06-01,2026-04-30" for n in (101, 102, 103, 104)),
    ]
    (devices / "later.csv").write_text("\n".join([header, *ended, ""]), encoding="utf-8")
    run_direct(request(home, "2026-06"))
    return home


def _document(home: Home, name: str) -> Document:
    with Store(home) as store:
        return find(store, name).document


def _given_back(document: Document) -> dict[str, Tax]:
    return {tax.tax_code: tax for tax in document.taxes if str(tax.tax_date) == "2026-05-01"}


def test_a_table_that_was_deleted_or_edited_since_gives_back_what_it_charged(june: Home) -> None:
    may, document = _document(june, "US-2026-000001"), _document(june, "DRAFT-2026-06-US-1001")
    charged, back = {tax.tax_code: tax for tax in may.taxes}, _given_back(document)
    base = sum(line.amount for line in document.lines if line.reverses)
    assert base == Decimal("-27.48")
    assert set(back) == set(charged) == {"USF", "RRF", "SLRRF", "E911", "SALES"}
    # 3.25 % of all lines, as of May; today's table says 9 % of other lines.
    assert (back["RRF"].base_amount, back["RRF"].rate_percent, back["RRF"].amount) == (
        base,
        Decimal("3.25"),
        Decimal("-0.89"),
    )
    # 6.25 % of -27.48 and of the -0.89 that is given back on it; no table knows the tax today.
    assert (back["SALES"].base_amount, back["SALES"].amount) == (Decimal("-28.37"), Decimal("-1.77"))
    same = ("name", "text", "reference", "table", "status", "valid_from", "kind", "jurisdiction")
    assert all(getattr(back[code], name) == getattr(charged[code], name) for code in back for name in same)
    assert not any(tax.tax_code == "SALES" for tax in document.taxes if tax is not back["SALES"])


def test_an_engine_is_not_asked_about_what_it_charged_and_all_of_it_comes_back(june: Home) -> None:
    may, document = _document(june, "AU-2026-000001"), _document(june, "DRAFT-2026-06-AU-7001")
    (charged,) = may.taxes
    assert (charged.base_amount, charged.amount, charged.rounding) == (Decimal("131.6"), Decimal("6.61"), None)
    assert [part.lines for part in charged.parts] == [[1]]
    back = _given_back(document)["SALES"]
    assert (back.base_amount, back.rate_percent, back.amount) == (Decimal("-131.6"), Decimal(5), Decimal("-6.61"))
    assert (back.table, back.reference, back.jurisdiction) == (charged.table, "engine 7", "AU-SA-55")
    requests = sorted((june.root / "tax_engine").iterdir(), key=lambda path: path.stat().st_mtime)
    with (requests[-1] / "request" / "lines.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert any(line["draft_id"].endswith("AU-7001") for line in lines)
    assert not any(line["tax_date"] or line["reverses"] for line in lines)


def test_explain_says_why_the_amount_is_what_was_charged(june: Home) -> None:
    document = _document(june, "DRAFT-2026-06-AU-7001")
    with Store(june) as store:
        told = explain(store, document.invoice_number, f"tax:{_given_back(document)['SALES'].tax_no}").lines()
        by_engine = explain(store, "AU-2026-000001", "tax:1").lines()
    assert "given back: all of what that row was charged on, so exactly what it charged" in told
    assert any("of AU-2026-000001, which is given back" in line for line in told)
    assert "worked out and rounded by the engine" in by_engine
