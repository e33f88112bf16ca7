"""The review as a workbook: read back, its numbers are the books' and its texts stay texts."""

import io
import json
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.review.masking import masked
from flows.review.page import review
from flows.review.report import Review
from flows.review.tables import TABLES
from flows.review.workbook import workbook_of
from tests import forked

MONTH = "2026-06"


@pytest.fixture(scope="module")
def sent(sample: Callable[[str], Home], tmp_path_factory: pytest.TempPathFactory) -> Review:
    """The sample's June, issued and sent."""
    home = Home(shutil.copytree(sample("june").root, tmp_path_factory.mktemp("workbook") / "home"))
    with Store(home) as store:
        return review(store, load_settings(home), MONTH)


def _sheet(content: bytes, name: str) -> pl.DataFrame:
    frame: pl.DataFrame = fastexcel.read_excel(content).load_sheet_by_name(name).to_polars()
    return frame


def _part(content: bytes, name: str) -> str:
    """The XML of a sheet, or of another part of the workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if not name.endswith(".xml"):
            place = fastexcel.read_excel(content).sheet_names.index(name) + 1
            name = f"xl/worksheets/sheet{place}.xml"
        return archive.read(name).decode()


def _cents(values: Any, digits: int = 2) -> list[Decimal]:
    """What a reader sees of floating-point numbers."""
    return [Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits)) for value in values]


def test_the_sheets_and_their_rows(sent: Review) -> None:
    book = fastexcel.read_excel(sent.workbook.read_bytes())
    for name in (
        "Summary", "Parked & stopped", "Documents", "Sections", "Movers", "Taxes", "Bridge", "Credit notes",
        "Suspended", "Suspended numbers", "Rejected lines", "Totals", "New accounts", "Usage", "Files",
    ):  # fmt: skip
        assert name in book.sheet_names
    shown = [(spec, rows) for name, spec in TABLES.items() if (rows := sent.tables[name]) and spec.sheet]
    for spec, rows in shown:
        sheet = _sheet(sent.workbook.read_bytes(), spec.sheet)
        assert sheet.height == len(rows), spec.sheet
        assert len(sheet.columns) == len(spec.columns)
    assert len(shown) > 12
    assert not {spec.sheet for name, spec in TABLES.items() if spec.is_quiet and not sent.tables[name]} & {
        *book.sheet_names
    }


def test_every_document_is_there_with_the_numbers_of_the_books(sent: Review) -> None:
    sheet = _sheet(sent.workbook.read_bytes(), "Documents")
    home = Home(sent.html.parents[2])
    with Store(home) as store:
        texts = store.rows("select document_json from issued_documents where invoice_month = $1", [MONTH])
    books = {document["invoice_number"]: document for document in (json.loads(text) for (text,) in texts)}
    assert sheet.schema["Total"] == pl.Float64
    assert sheet.schema["Due"] in (pl.Date, pl.Datetime("ms"))
    assert sheet.height == len(books) == 28
    for row in sheet.iter_rows(named=True):
        document = books[row["Document"]]
        amounts = [Decimal(document[name]) for name in ("subtotal", "tax_total", "total")]
        assert _cents([row["Net"], row["Taxes and fees"], row["Total"]]) == amounts
        assert str(row["Due"])[:10] == document["due_date"]
        assert row["Currency"] == document["currency"]


def test_its_sums_are_the_totals_of_the_review(sent: Review) -> None:
    content = sent.workbook.read_bytes()
    documents, sections, taxes = (_sheet(content, name) for name in ("Documents", "Sections", "Taxes"))
    for total in sent.tables["totals"]:
        of = (pl.col("Seller") == total["seller"]) & (pl.col("Currency") == total["currency"])
        assert sum(_cents(documents.filter(of)["Total"])) == total["total"]
        assert sum(_cents(sections.filter(of)["This month"])) == total["net"]
        assert sum(_cents(taxes.filter(of)["Amount"])) == total["taxes"] + total["recovery_fees"]
    for sheet, table in (("Totals", "totals"), ("Bridge", "bridge"), ("Movers", "changes")):
        frame = _sheet(content, sheet)
        for column in (it for it in TABLES[table].columns if it.kind in ("money", "change")):
            written = [row[column.name].quantize(Decimal("0.01")) for row in sent.tables[table]]
            assert _cents(frame[column.heading]) == written, (sheet, column.heading)


def test_heads_stay_in_sight_and_can_be_filtered(sent: Review) -> None:
    content = sent.workbook.read_bytes()
    for name in fastexcel.read_excel(content).sheet_names[1:]:
        xml = _part(content, name)
        assert '<pane ySplit="1" topLeftCell="A2"' in xml, name
        assert "<autoFilter ref=" in xml, name
        assert 'orientation="landscape"' in xml, name
        assert "<cols>" in xml, name
    assert 'fitToHeight="0"' in _part(content, "Documents")
    assert "_xlnm.Print_Titles" in _part(content, "xl/workbook.xml")


ODD = ("=1+1", "+44 20 7946 0101", "-2", "@SUM(A1)", '=HYPERLINK("http://x","y")', "\tx", "<b>&amp;</b>")


def test_what_begins_like_a_formula_stays_text(sent: Review) -> None:
    (first, *_) = sent.tables["documents"]
    rows = [{**first, "name": text, "account_id": text} for text in ODD]
    content = workbook_of(replace(sent, tables={**sent.tables, "documents": rows}))
    sheet = _sheet(content, "Documents")
    assert sheet["Customer"].to_list() == list(ODD)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
        styles = archive.read("xl/styles.xml").decode()
    assert not any("<f>" in xml for xml in sheets)
    assert 'quotePrefix="1"' in styles, "who edits such a cell does not make a formula of it either"


def test_amounts_have_their_currencys_decimals(sent: Review) -> None:
    """Yen have none, dinars three; what is finer is rounded half up, as everywhere."""
    (first, *_) = sent.tables["totals"]
    amounts = {"JPY": ("1234.5", 1235), "KWD": ("1.2345", 1.235), "USD": ("-0.005", -0.01)}
    rows = [{**first, "currency": currency, "total": Decimal(of)} for currency, (of, _) in amounts.items()]
    content = workbook_of(replace(sent, tables={**sent.tables, "totals": rows}))
    assert _sheet(content, "Totals")["Total"].to_list() == [number for _, number in amounts.values()]
    styles = _part(content, "xl/styles.xml")
    assert all(f'formatCode="{code}"' in styles for code in ("#,##0.000", "+#,##0.00;-#,##0.00;#,##0.00"))


def test_what_is_parked_or_stopped_says_what_to_do(sent: Review) -> None:
    sheet = _sheet(sent.workbook.read_bytes(), "Parked & stopped")
    parked = sheet.filter(pl.col("What") == "parked")
    assert parked["About"].to_list() == [row["account_id"] for row in sent.tables["parked"]] == ["US-1009"]
    assert parked["What to do"].to_list()[0].endswith("Then tollbook run 2026-06 bills US-1009.")
    assert sheet.height == len(sent.tables["parked"]) + len(sent.tables["stops"])


def test_the_same_review_gives_the_same_bytes(sent: Review, tmp_path: Path) -> None:
    content = sent.workbook.read_bytes()
    assert workbook_of(sent) == content
    copy = Home(shutil.copytree(sent.html.parents[2], tmp_path / "home"))
    with Store(copy) as store:
        assert review(store, load_settings(copy), MONTH).workbook.read_bytes() == content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
    assert "2026-06-01T00:00:00Z" in _part(content, "docProps/core.xml")


def test_links_lead_to_the_files_beside_it(sent: Review) -> None:
    with zipfile.ZipFile(io.BytesIO(sent.workbook.read_bytes())) as archive:
        rels = [archive.read(name).decode() for name in archive.namelist() if "worksheets/_rels" in name]
    targets = [file for xml in rels for file in re.findall(r'Target="([^"]+)" TargetMode="External"', xml)]
    files = [file.replace("\\", "/") for file in targets]  # written as Excel writes them
    assert Counter(file.partition("/")[0] for file in files)["invoices"] == 28
    assert all((sent.workbook.parent / file).is_file() for file in files)


def test_numbers_in_texts_are_hidden_where_the_settings_ask(sent: Review, tmp_path: Path) -> None:
    assert masked("found '+442079460998'; no rate for 33123456789") == "found '+44207946XXXX'; no rate for 3312345XXXX"
    assert masked("line 956 of 2026-05") == "line 956 of 2026-05"
    home = Home(shutil.copytree(sent.html.parents[2], tmp_path / "home"))
    number = sent.tables["suspended_numbers"][0]["number"]
    assert number.encode() in _texts(sent.workbook.read_bytes())
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write("\n[review]\nmask_numbers = true\n")
    with Store(home) as store:
        found = review(store, load_settings(home), MONTH)
    for content in (_texts(found.workbook.read_bytes()), found.html.read_bytes(), found.json.read_bytes()):
        assert number.encode() not in content
        assert number[:-4].encode() + b"XXXX" in content


def _texts(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read("xl/sharedStrings.xml")


def test_the_command_that_exports_it(sent: Review) -> None:
    home = Home(sent.html.parents[2])

    def ended(*words: str) -> forked.Ended:
        return forked.tollbook("--home", str(home.root), "--today", "2026-06-02", *words)

    sent.workbook.unlink()
    done = ended("export", "review", MONTH)
    assert (done.returncode, done.stdout.strip()) == (0, str(sent.workbook))
    assert _sheet(sent.workbook.read_bytes(), "Documents").height == 28
    told = json.loads(ended("--json", "export", "review", MONTH, "--format", "xlsx").stdout)
    assert told == {"what": "review", "invoice_month": MONTH, "format": "xlsx", "file": str(sent.workbook)}
    for words, says in (
        (("export", "review", MONTH, "--format", "pdf"), "review is written as xlsx"),
        (("export", "everything", MONTH), "found 'everything'; expected review"),
        (("export", "review", "June"), "June"),
    ):
        refused = ended(*words)
        assert (refused.returncode, says in refused.stderr) == (2, True), refused.stderr
    assert ended("export", "review", "2026-09").returncode == 4


def test_dates_are_dates(sent: Review) -> None:
    days = _sheet(sent.workbook.read_bytes(), "Documents")["Due"].cast(pl.Date)
    assert days.min() == date(2026, 6, 15)
