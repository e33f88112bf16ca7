"""What the review counts is what it lists: rejected records, refused files, excluded usage; and what it compares."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastexcel
import pytest

from flows.home.settings import Home, ReviewSettings
from flows.home.store import Store
from flows.review.charts import section_drawings
from flows.review.html import page_of
from flows.review.page import review
from flows.review.report import Review
from flows.review.sellers import seller_names
from rating.outcomes import EXCLUDED
from tests.flows import booked
from tests.flows.review_page import Page, read_page

MAY = "inbox/calls/may.csv"


@pytest.fixture
def store(tmp_path: Path):
    with Store(Home(tmp_path)) as opened:
        booked.book(opened)
        yield opened


def reviewed(store: Store, month: str = "2026-06") -> tuple[Review, Page]:
    found = review(store, booked.settings(), month)
    return found, read_page(found.html)


def contents(found: Review) -> dict[str, str]:
    """Table -> what the contents say of it, without its title; blank where they count nothing."""
    page = found.html.read_text(encoding="utf-8")
    return dict(re.findall(r'<a href="#(\w+)">[^<]*(?:<b>([\d, of]+)</b>)?</a>', page))


def file(store: Store, seq: int, name: str, state: str, day: int, **more: Any) -> None:
    """A file of calls in the books, taken in or refused on a day of June."""
    counts = {"records": 25, "loaded": 0, "rejected": 25, "duplicate": 0, "sha256": f"hash-{seq}"}
    booked.insert(
        store, "source_files", file_seq=seq, source_file=name, feed="calls", state=state,
        ingested_at=datetime(2026, 6, day, tzinfo=UTC), **{"detail": "no header", **counts, **more},
    )  # fmt: skip


def lie(store: Store, name: str) -> None:
    """Puts a file there."""
    path = store.home.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x", encoding="utf-8")


def test_rejected_records_are_those_of_the_table(store: Store) -> None:
    """One record of a loaded file with two columns at fault; 25 of a file that was refused whole are told there."""
    booked.insert(
        store, "rejected_records", source_line=8, column_name="started_at", reason="no time", raw_line="a,b,x"
    )
    file(store, 3, "inbox/calls/bad.csv", "refused", 3)
    file(store, 4, "inbox/calls/back.csv", "rolled_back", 3, loaded=20, rejected=5)
    for line in range(2, 27):
        booked.insert(
            store, "rejected_records", source_file="inbox/calls/back.csv", sha256="hash-4", source_line=line,
            column_name="duration_s", reason="no number", raw_line="x",
        )  # fmt: skip
    found, page = reviewed(store)
    assert [(row["File"], row["Column"], row["Records"]) for row in page.tables["rejected"]] == [
        (MAY, "duration_s", "1"), (MAY, "started_at", "1"),
    ]  # fmt: skip
    assert "Rejected records: 1" in found.lines()
    assert contents(found)["rejected"] == "1"
    (calls,) = [row for row in page.tables["files"] if row["Feed"] == "calls"]
    names = ("Files", "Records", "Loaded", "Rejected", "Duplicate", "Files refused", "Files rolled back")
    assert [calls[name] for name in names] == ["1", "8", "6", "1", "1", "1", "1"]


def test_every_rejected_line_of_many_files_is_listed(store: Store) -> None:
    for seq in range(3, 83):
        file(store, seq, f"inbox/calls/{seq}.csv", "loaded", 3, loaded=24, rejected=1)
        booked.insert(
            store, "rejected_records", source_file=f"inbox/calls/{seq}.csv", sha256=f"hash-{seq}", source_line=2,
            column_name="duration_s", reason="no number", raw_line="x",
        )  # fmt: skip
    found, page = reviewed(store)
    assert sum(int(row["Records"]) for row in page.tables["rejected"]) == 81
    assert "Rejected records: 81" in found.lines()
    assert contents(found)["rejected"] == "81"


def test_a_refused_file_is_listed_while_it_lies_there_and_nothing_took_its_place(store: Store) -> None:
    for seq, name in enumerate(("still", "mended", "gone", "renamed"), start=3):
        file(store, seq, f"inbox/calls/{name}.csv", "refused", 3)
        if name != "gone":
            lie(store, f"inbox/calls/{name}.csv")
    file(store, 10, "inbox/calls/mended.csv", "loaded", 4, loaded=25, rejected=0)
    file(store, 11, "inbox/calls/other-name.csv", "loaded", 4, loaded=25, rejected=0, sha256="hash-6")
    file(store, 12, "inbox/calls/still.csv", "refused", 9)
    found, page = reviewed(store)
    assert [(row["File"], row["Since"]) for row in page.tables["refused_files"]] == [
        ("inbox/calls/still.csv", "2026-06-03")
    ]
    assert contents(found)["refused_files"] == "1"
    (store.home.root / "inbox/calls/still.csv").unlink()
    assert reviewed(store)[0].tables["refused_files"] == []


def test_numbers_in_what_was_found_in_a_refused_file_are_hidden_where_asked(store: Store) -> None:
    file(store, 3, "inbox/calls/x.csv", "refused", 3, detail="line 1: found '+442079460101'; expected a header")
    lie(store, "inbox/calls/x.csv")
    hidden = booked.settings().model_copy(update={"review": ReviewSettings(mask_numbers=True)})
    found = review(store, hidden, "2026-06")
    (refused,) = found.tables["refused_files"]
    (stop,) = [row for row in found.tables["stops"] if row["code"] == "not_taken_in"]
    for page in (found.html.read_text("utf-8"), found.json.read_text("utf-8"), refused["detail"], stop["detail"]):
        assert "+44207946XXXX" in page
        assert "+442079460101" not in page


def test_a_file_that_was_good_once_is_refused_since_it_is_bad(store: Store) -> None:
    file(store, 3, "inbox/calls/daily.csv", "refused", 1)
    file(store, 4, "inbox/calls/daily.csv", "loaded", 2, loaded=25, rejected=0)
    file(store, 5, "inbox/calls/daily.csv", "refused", 7)
    lie(store, "inbox/calls/daily.csv")
    assert [row["Since"] for row in reviewed(store)[1].tables["refused_files"]] == ["2026-06-07"]


def test_a_file_named_from_elsewhere_is_listed_while_it_is_there(store: Store, tmp_path: Path) -> None:
    file(store, 3, str(tmp_path / "elsewhere.csv"), "refused", 3)
    assert reviewed(store)[0].tables["refused_files"] == []
    (tmp_path / "elsewhere.csv").write_text("x", encoding="utf-8")
    assert [row["source_file"] for row in reviewed(store)[0].tables["refused_files"]] == [
        str(tmp_path / "elsewhere.csv")
    ]


def test_excluded_usage_is_told_by_reason(store: Store) -> None:
    for number, reason in enumerate(("before_billing_start", "before_billing_start", "other_leg"), start=10):
        booked.insert(
            store, "feed_calls", usage_id=f"u{number}", call_id=str(number), source_line=number, duration_s=61,
            started_at=datetime(2026, 5, 1, number, tzinfo=UTC),
        )  # fmt: skip
        booked.insert(
            store, "excluded_usage", run_id="run-2026-06", usage_id=f"u{number}", source_line=number, duration_s=61,
            reason=reason,
        )  # fmt: skip
    found, page = reviewed(store)
    assert [
        (row["Feed"], row["Reason"], row["Records"], row["Answered time"], row["What it means"])
        for row in page.tables["excluded"]
    ] == [
        ("calls", "before billing start", "2", "0:02:02", EXCLUDED["before_billing_start"]),
        ("calls", "other leg", "1", "0:01:01", EXCLUDED["other_leg"]),
        ("calls", "unanswered", "1", "0:00:00", EXCLUDED["unanswered"]),
    ]
    assert contents(found)["excluded"] == "4"
    told = json.loads(found.json.read_bytes())["excluded"]
    assert {row["reason"]: (row["records"], row["seconds"]) for row in told} == {
        "before_billing_start": (2, 122), "other_leg": (1, 61), "unanswered": (1, 0),
    }  # fmt: skip
    sheet = fastexcel.read_excel(found.workbook.read_bytes()).load_sheet_by_name("Excluded").to_polars()
    assert sheet["Records"].to_list() == [2, 1, 1]
    assert "Excluded calls: 2 before billing start, 1 other leg, 1 unanswered" in found.lines()


def test_the_contents_count_things_not_rows(store: Store) -> None:
    """Two suspended calls of one reason are two; a statement is no list; what is cut says of how many."""
    found, _ = reviewed(store)
    said = contents(found)
    assert (said["suspended"], said["documents"], said["parked"], said["missing"]) == ("2", "2", "1", "1")
    assert {name for name in ("totals", "sections", "bridge", "taxes", "usage") if said[name]} == set()
    (row,) = found.tables["changes"]
    many = replace(found, tables={**found.tables, "changes": [row] * 50}, in_all={**found.in_all, "changes": 1234})
    found.html.write_text(page_of(many), encoding="utf-8")
    assert contents(many)["changes"] == "50 of 1,234"
    assert "The first 50 of 1,234." in read_page(many.html).text


def test_a_first_month_is_compared_with_none(store: Store) -> None:
    found, page = reviewed(store, "2026-05")
    assert found.nothing_to_compare == "no earlier month"
    assert page.text.count("Compared with nothing: no earlier month.") == 3, "movers, new accounts, no longer billed"
    for table in ("changes", "new_accounts", "ceased_accounts"):
        assert table not in page.tables
    for table in ("totals", "sections"):
        assert not {"Last month", "Difference"} & page.tables[table][0].keys()
    assert any(line.endswith("total 167.00 USD (no earlier month)") for line in found.lines())
    assert "on 2026-04" not in page.text
    assert {contents(found)[table] for table in ("changes", "new_accounts", "ceased_accounts")} == {""}
    assert "Last month" not in page.tables["parked"][0]
    assert "No bound was held against another month: no earlier month" in found.lines()
    assert json.loads(found.json.read_bytes())["compared_with"] is None
    book = fastexcel.read_excel(found.workbook.read_bytes())
    assert "Last month" not in book.load_sheet_by_name("Totals").to_polars().columns
    again, page = reviewed(store)
    assert again.nothing_to_compare is None
    assert {"Last month", "Difference"} <= page.tables["sections"][0].keys()


def test_after_a_month_without_documents_it_says_so_and_still_names_who_is_new(store: Store) -> None:
    booked.run(store, "run-2026-08", 9, "2026-08", "open", "drafted")
    booked.draft(store, booked.document("A-4", "2026-08", "10.00", "0.00"))
    found, page = reviewed(store, "2026-08")
    assert found.nothing_to_compare == "nothing was billed in 2026-07"
    assert [row["Account"] for row in page.tables["new_accounts"]] == ["A-4"]


def test_sellers_are_called_by_their_names_everywhere(store: Store) -> None:
    found, page = reviewed(store)
    shown = {row["Seller"] for rows in page.tables.values() for row in rows if "Seller" in row}
    assert shown == {"Tollbooth US", "Tollbooth AU"}
    book = fastexcel.read_excel(found.workbook.read_bytes())
    for name in book.sheet_names[1:]:
        sheet = book.load_sheet_by_name(name).to_polars()
        if "Seller" in sheet.columns:
            assert set(sheet["Seller"].drop_nulls()) <= shown, name


def test_what_stops_says_whose_it_is_by_name(store: Store) -> None:
    """Of a total that is far off the seller stands beside it, so that it is about a currency."""
    store.con.execute("update documents set total = total * 10 where invoice_month = '2026-06' and seller_id = 'us'")
    _, page = reviewed(store)
    (far,) = [row for row in page.tables["stops"] if row["What"] == "total far"]
    assert (far["About"], far["Seller"]) == ("USD", "Tollbooth US")


def test_two_sellers_of_one_name_are_told_apart() -> None:
    settings = booked.settings()
    us, au = settings.sellers["us"], settings.sellers["au"]
    alike = settings.model_copy(update={"sellers": {"us": us, "au": au, "us-2": us.model_copy()}})
    assert seller_names(alike) == {
        "us": "Tollbooth US (us)", "au": "Tollbooth AU", "us-2": "Tollbooth US (us-2)",
    }  # fmt: skip


def test_sections_that_give_back_are_drawn_to_the_left_of_zero() -> None:
    rows = [
        {"currency": "USD", "section": section, "total": Decimal(now), "previous_total": Decimal(then)}
        for section, now, then in (("service_fees", "300", "200"), ("adjustments", "-100", "0"))
    ]
    (drawing,) = section_drawings(rows, is_compared=True)
    fees, before, credit, nothing = drawing.bars
    assert (fees.x, before.x, nothing.x) == (drawing.baseline,) * 3
    assert credit.x + credit.width == drawing.baseline
    assert credit.width * 3 == fees.width
    assert credit.value == "−100.00"
    (alone,) = section_drawings(rows, is_compared=False)
    assert [bar.told for bar in alone.bars] == [
        "service fees, this month: 300.00 USD",
        "adjustments, this month: −100.00 USD",
    ]


def test_a_fee_of_an_amount_per_line_has_no_rate_in_percent(store: Store) -> None:
    store.con.execute(
        "update invoice_taxes set unit = 'amount_per_line', line_count = 2, rate_amount = 0.5 where tax_code = 'RRF'"
    )
    found, page = reviewed(store)
    told = {(row["Code"], row["Rate %"], row["Per line"]) for row in page.tables["taxes"]}
    assert told == {("RRF", "–", "0.5"), ("SALES", "10", "–"), ("GST", "10", "–")}
    assert {row["rate_percent"] for row in found.tables["taxes"] if row["tax_code"] == "RRF"} == {None}
