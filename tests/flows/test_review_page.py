"""The review's page as finance closes a month: every document, what moved and why, what to do; on a screen, a phone."""

import hashlib
import json
import os
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from flows.books.publish import read
from flows.books.remedies import STOP_REMEDIES, stop_remedy
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.issue.preview import preview
from flows.review.charts import month_drawings, short
from flows.review.html import MOST_ROWS, page_of
from flows.review.page import review
from flows.review.report import Review
from schemas.codes import STOP_CODES
from tests import forked
from tests.flows.review_page import Page, read_page
from tests.flows.sample import request
from tests.scenarios.month.home import add_file, make_home

MONTH = "2026-06"
PREVIEWED = ("US-1001", "DE-5001")
SOLD_BY = ("Corvane Voice Deutschland GmbH", "Corvane Voice UK Ltd")


def _reviewed(home: Home) -> Review:
    with Store(home) as store:
        return review(store, load_settings(home), MONTH)


@pytest.fixture(scope="module")
def sent(sample: Callable[[str], Home], tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Review, Page]:
    """The sample's June, issued and sent."""
    home = Home(shutil.copytree(sample("june").root, tmp_path_factory.mktemp("sent") / "home"))
    found = _reviewed(home)
    return home, found, read_page(found.html)


@pytest.fixture(scope="module")
def drafted(sample: Callable[[str], Home], tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Review, Page]:
    """The sample's June as drafts, two of which have a preview."""
    home = Home(shutil.copytree(sample("june_drafted").root, tmp_path_factory.mktemp("drafted") / "home"))
    with Store(home) as store:
        preview(store, replace(request(home, MONTH), accounts=PREVIEWED), load_settings(home))
    found = _reviewed(home)
    return home, found, read_page(found.html)


def _documents(home: Home) -> list[dict[str, Any]]:
    """What the books say of the issued documents of the month."""
    with Store(home) as store:
        texts = store.rows("select document_json from issued_documents where invoice_month = $1 order by 1", [MONTH])
    return [json.loads(text) for (text,) in texts]


def test_every_document_is_listed_as_the_books_have_it(sent: tuple[Home, Review, Page]) -> None:
    home, _, page = sent
    listed = {row["Document"]: row for row in page.tables["documents"]}
    books = {document["invoice_number"]: document for document in _documents(home)}
    assert len(books) == 28
    assert listed.keys() == books.keys()
    for number, document in books.items():
        row = listed[number]
        digits = document["minor_digits"]
        amounts = [f"{Decimal(document[name]):,.{digits}f}" for name in ("subtotal", "tax_total", "total")]
        assert [row[name] for name in ("Net", "Taxes and fees", "Total")] == amounts
        assert (row["Account"], row["Customer"]) == (document["bill_to"]["account_id"], document["bill_to"]["name"])
        assert (row["Currency"], row["Due"], row["State"]) == (document["currency"], document["due_date"], "sent")


def test_totals_sections_and_taxes_add_up_to_the_documents(sent: tuple[Home, Review, Page]) -> None:
    home, found, _ = sent
    books: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for document in _documents(home):
        sums = books[document["seller"]["seller_id"], document["currency"]]
        sums.update({name: Decimal(document[name]) for name in ("subtotal", "tax_total", "total")})
    tables = found.tables
    totals = {(row["seller_id"], row["currency"]): row for row in tables["totals"]}
    assert totals.keys() == books.keys()
    for key, sums in books.items():
        of = [row for row in tables["sections"] if (row["seller_id"], row["currency"]) == key]
        taxes = [row["amount"] for row in tables["taxes"] if (row["seller_id"], row["currency"]) == key]
        assert sum(row["total"] for row in of) == sums["subtotal"] == totals[key]["net"]
        assert sum(taxes) == sums["tax_total"] == totals[key]["taxes"] + totals[key]["recovery_fees"]
        assert totals[key]["total"] == sums["total"]
    assert {row["invoice_month"] for row in found.history} == {"2026-05", "2026-06"}


def test_taxes_are_told_by_whom_they_are_owed_where_and_at_which_rate(sent: tuple[Home, Review, Page]) -> None:
    _, found, page = sent
    told = [(row["Seller"], row["Jurisdiction"], row["Code"], row["Rate %"], row["Base"], row["Amount"])
            for row in page.tables["taxes"] if row["Seller"] in SOLD_BY]  # fmt: skip
    assert told == [
        ("Corvane Voice Deutschland GmbH", "DE", "VAT", "19", "186.53", "35.44"),
        ("Corvane Voice UK Ltd", "GB", "VAT", "20", "274.35", "54.87"),
    ]
    assert all(row["rate_percent"] is None or row["entries"] for row in found.tables["taxes"])


def test_every_link_leads_to_a_file_and_every_anchor_to_a_place(
    sent: tuple[Home, Review, Page], drafted: tuple[Home, Review, Page]
) -> None:
    for home, found, page in (sent, drafted):
        places = {href[1:] for _, href in page.links if href.startswith("#")} - {""}
        assert places <= page.ids
        assert len(places) > 20, "the contents"
        files = [unquote(href) for _, href in page.links if not href.startswith("#")]
        assert "review.xlsx" in files
        assert all((found.html.parent / file).is_file() for file in files), home.root
        assert not any(file.startswith(("/", "http", "file:")) for file in files)


def test_a_number_leads_to_the_pdf_as_issued_and_to_its_calls(sent: tuple[Home, Review, Page]) -> None:
    home, found, page = sent
    with Store(home) as store:
        issued = {
            Path(pdf).name: (sha256, usage and Path(usage).name)
            for pdf, sha256, usage in store.rows(
                "select pdf_file, pdf_sha256, usage_csv_file from rendered_documents "
                "join issued_documents using (invoice_number) where invoice_month = $1", [MONTH],
            )
        }  # fmt: skip
    pdfs = [href for label, href in page.links if label == "Document"]
    usage = [href for label, href in page.links if label == "Calls"]
    assert Counter(pdfs) == Counter(href for label, href in page.links if label == "PDF")
    assert {Path(href).name for href in pdfs} == issued.keys()
    assert {Path(href).name for href in usage} == {name for _, name in issued.values() if name}
    for href in pdfs:
        content = (found.html.parent / href).read_bytes()
        assert hashlib.sha256(content).hexdigest() == issued[Path(href).name][0]


def test_drafts_lead_to_their_previews_where_there_are_some(drafted: tuple[Home, Review, Page]) -> None:
    _, found, page = drafted
    assert {row["State"] for row in page.tables["documents"]} == {"draft"}
    shown = {row["account_id"]: row["pdf"] for row in found.tables["documents"] if row["pdf"]}
    assert shown.keys() == set(PREVIEWED)
    assert all(pdf.startswith(f"preview/DRAFT-2026-06-{account}-") for account, pdf in shown.items())
    assert "tollbook preview 2026-06" in page.text


def test_movers_say_what_moved_them(sent: tuple[Home, Review, Page]) -> None:
    """A yearly line paid in May, one that comes in June, fewer of a product, another price, more time called."""
    why = {row["Account"]: row["Why"] for row in sent[2].tables["changes"]}
    assert why["DE-5001"] == (
        "not due: line annual −1,752.00; taxes and fees −332.72; minutes international 0:12:24 → 0:32:12 +0.84"
    )
    assert (
        why["US-1015"] == "new: line annual +1,194.00; taxes and fees +379.84; phone at 23.95 → 24.95 +2.00; and 1 more"
    )
    assert why["US-1004"].startswith("contact center seat 12 → 10 −62.00; prorated: contact center seat −32.00")
    assert all(sent[1].tables["changes"][n]["reasons"] for n in range(len(why)))


def test_reasons_add_up_to_the_change(sent: tuple[Home, Review, Page]) -> None:
    for row in sent[1].tables["changes"]:
        assert sum(part["difference"] for part in row["sections"]) == row["difference"]
        if "more" not in row["reasons"]:
            moved = [part.rpartition(" ")[2] for part in row["reasons"].split("; ")]
            assert sum(Decimal(it.replace("−", "-").replace(",", "")) for it in moved) == row["difference"]


def test_what_stops_is_parked_or_suspended_says_what_to_do(drafted: tuple[Home, Review, Page]) -> None:
    _, found, page = drafted
    assert all("tollbook" in row["What to do"] for row in page.tables["parked"])
    assert all(row["remedy"] for row in found.tables["suspended"])
    assert [row["remedy"] for row in found.tables["stops"] if row["reason"] is None] == [
        stop_remedy(row["code"], MONTH, row["subject"]) for row in found.stops
    ]


def test_every_stop_has_a_remedy() -> None:
    assert STOP_REMEDIES.keys() == STOP_CODES.keys()
    for code in STOP_CODES:
        told = stop_remedy(code, "2026-06", "{odd}")
        assert told.endswith(".")
        assert "{month}" not in told
        assert "{subject}" not in told


def test_a_refused_file_is_told_with_the_command(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    (home.inbox / "calls").mkdir(parents=True)
    (home.inbox / "calls" / "bad.csv").write_text("what,is\nthis,?\n", encoding="utf-8")
    assert _tollbook(home, "run", "2025-06", "--direct", by="anna") == 3
    (row,) = read_page(home.out("2025-06") / "review.html").tables["refused_files"]
    assert (row["File"], row["What to do"]) == (
        "inbox/calls/bad.csv", "Mend it, then tollbook ingest inbox/calls/bad.csv.",
    )  # fmt: skip


def _tollbook(home: Home, *words: str, by: str = "ben") -> int:
    return forked.tollbook("--home", str(home.root), "--today", "2025-06-02", "--by", by, *words).returncode


def test_the_page_is_written_anew_at_run_approve_send_and_correct(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "email": "ann@example.org"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])

    def states() -> list[tuple[str, str, str]]:
        out = home.out("2025-06")
        rows = json.loads((out / "review.json").read_bytes())["documents"]
        page = read_page(out / "review.html").tables["documents"]
        assert [row["invoice_number"] for row in rows] == [row["Document"] for row in page]
        return [(row["invoice_number"], row["status"], row["total"]) for row in rows]

    assert _tollbook(home, "run", "2025-06", "--direct", by="anna") == 0
    assert states() == [("DRAFT-2025-06-ANN", "draft", "37.2")]
    assert _tollbook(home, "approve", "2025-06") == 0
    assert states() == [("UK-2025-000001", "issued", "37.2")]
    assert _tollbook(home, "send", "2025-06") == 0
    assert states() == [("UK-2025-000001", "sent", "37.2")]
    add_file(home, "devices", "another", [{"device_id": "B", "account_id": "ANN", "product_code": "ata"}])
    assert _tollbook(home, "correct", "2025-06", "--reason", "a second adapter", by="anna") == 0
    assert states() == [
        ("DRAFT-2025-06-ANN-C1", "draft", "74.4"),
        ("DRAFT-2025-06-ANN-R1", "draft", "-37.2"),
        ("UK-2025-000001", "sent", "37.2"),
    ]


def test_mails_that_went_are_no_failure_where_the_review_cannot_be_made(tmp_path: Path) -> None:
    """Somebody is at work in the catalogue: the mails go and the snapshot says so, the review waits."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "email": "ann@example.org"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    assert _tollbook(home, "run", "2025-06", "--direct", by="anna") == 0
    assert _tollbook(home, "approve", "2025-06") == 0
    with (home.catalog / "catalog.yaml").open("a", encoding="utf-8") as file:
        file.write("\nhalf a: [line")
    assert _tollbook(home, "send", "2025-06") == 0
    with read(home.published) as con:
        assert con.execute("select invoice_number, status from invoices").fetchall() == [("UK-2025-000001", "sent")]
    assert _tollbook(home, "review", "2025-06") == 2


def test_of_thousands_of_documents_the_page_shows_the_biggest_and_says_where_the_others_are(
    sent: tuple[Home, Review, Page], tmp_path: Path
) -> None:
    found = sent[1]
    (first, *_) = found.tables["documents"]
    many = [
        {**first, "invoice_number": f"AU-{n:06}", "total": Decimal(n), "pdf": None, "usage_csv": None}
        for n in range(1, 5001)
    ]
    large = replace(found, tables={**found.tables, "documents": many})
    file = tmp_path / "review.html"
    file.write_text(page_of(large), encoding="utf-8")
    page = read_page(file)
    assert len(page.tables["documents"]) == MOST_ROWS == 500
    assert {row["Document"] for row in page.tables["documents"]} == {f"AU-{n:06}" for n in range(4501, 5001)}
    assert "500 of 5,000 stand here, the biggest; all of them in review.xlsx, sheet Documents." in page.text
    assert file.stat().st_size < 1_500_000
    assert len(large.as_json()["documents"]) == 5000


def test_bars_say_what_they_stand_for() -> None:
    history = [
        {"seller_id": "us", "currency": "USD", "invoice_month": f"2026-{month:02}", "total": Decimal(total)}
        for month, total in enumerate(("100.00", "-50.00", "200.00"), start=1)
    ]
    (drawing,) = month_drawings(history, {"us": "Toll US"}, "2026-03")
    assert [(bar.label, bar.value, bar.is_now) for bar in drawing.bars] == [
        ("Jan 26", "100", False), ("Feb", "−50", False), ("Mar", "200", True),
    ]  # fmt: skip
    heights = [bar.height for bar in drawing.bars]
    assert (heights[0] * 2, heights[1] * 4) == (heights[2], heights[2])
    assert drawing.bars[1].y == drawing.baseline, "a credit hangs below zero"
    assert [short(Decimal(it)) for it in ("540.2", "9999.4", "12345", "999600", "-1234567")] == [
        "540", "9,999", "12k", "1.0m", "−1.2m",
    ]  # fmt: skip


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_MEASURE = """<!doctype html>
<body style="margin:0">
<iframe id="page" src="{src}" style="width:{width}px;height:900px;border:0"></iframe>
<script>
onload = () => {{
  const root = document.getElementById("page").contentDocument.documentElement;
  document.title = root.scrollWidth + " " + root.clientWidth;
}}
</script>
</body>"""


def _measured(page: Path, width: int, folder: Path) -> tuple[int, int]:
    """Width of what the page holds, and of the window that shows it."""
    assert CHROMIUM is not None
    frame = folder / f"frame-{width}.html"
    frame.write_text(_MEASURE.format(src=page.resolve().as_uri(), width=width), encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"),
        *("--virtual-time-budget=20000", f"--user-data-dir={folder / 'profile'}", f"--window-size={width + 40},900"),
        *("--dump-dom", frame.as_uri()),
    ]
    environment = {**os.environ, "HOME": str(folder)}
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, env=environment).stdout
    holds, shows = told.partition("<title>")[2].partition("</title>")[0].split()
    return int(holds), int(shows)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to lay the page out")
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_stands_out_at_the_side(drafted: tuple[Home, Review, Page], tmp_path: Path, width: int) -> None:
    """On a desk and on a phone; with names as long as a name may be, too."""
    found = drafted[1]
    holds, shows = _measured(found.html, width, tmp_path)
    assert shows in range(width - 20, width + 1)
    assert holds <= shows
    long = {"name": "W" * 120, "account_id": "A" * 60, "invoice_number": f"DRAFT-2026-06-{'A' * 60}"}
    rows = [{**row, **long, "total": Decimal("123456789012.34")} for row in found.tables["documents"]]
    moved = [{**row, "reasons": "x" * 300} for row in found.tables["changes"]]
    file = tmp_path / "review.html"
    file.write_text(page_of(replace(found, tables={**found.tables, "documents": rows, "changes": moved})), "utf-8")
    holds, shows = _measured(file, width, tmp_path)
    assert holds <= shows


def test_dates_are_dates_and_the_day_is_the_documents(sent: tuple[Home, Review, Page]) -> None:
    assert {row["issue_date"] for row in sent[1].tables["documents"]} == {date(2026, 6, 1)}
