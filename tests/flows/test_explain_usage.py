"""`tollbook explain` of lines of usage: the records shown add up to the line, whatever came late or was corrected."""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from flows.ask.explain import explain
from flows.home.settings import Home
from flows.home.store import Store
from schemas.document import Document, Line
from schemas.money import rounded
from tests.flows.issuing import NUMBER, bill, calls, corrected, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

AT_HOME, FRANCE, GERMANY = "+442079460999", "+33123456789", "+493012345678"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """May is billed with 61 seconds abroad, and three times more of it came late, each a fraction of a penny."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "D", "account_id": "ANN"}])
    add_file(home, "numbers", "numbers", [{"number": NUMBER, "account_id": "ANN"}])
    calls(home, "may", ("a", "2025-05-20T10:00:00Z", AT_HOME, 300), ("b", "2025-05-21T10:00:00Z", FRANCE, 61))
    bill(home, "2025-06")
    calls(home, "late", ("c", "2025-05-03T10:00:00Z", AT_HOME, 400), ("d", "2025-05-04T10:00:00Z", FRANCE, 7))
    bill(home, "2025-07")
    calls(home, "later", ("e", "2025-05-05T10:00:00Z", FRANCE, 9), ("f", "2025-06-05T10:00:00Z", FRANCE, 9))
    bill(home, "2025-08")
    return home


def usage_lines(store: Store) -> list[tuple[str, Document, Line]]:
    """Every line of usage, of what is issued and of the drafts in the newest run, that is priced call by call."""
    texts = store.rows(
        "select invoice_number, document_json from issued_documents union all "
        "select draft_id, document_json from documents where run_id = (select arg_max(run_id, run_seq) from runs) "
        "and (run_id, draft_id) not in (select (run_id, draft_id) from issued_documents)"
    )
    documents = [(name, Document.model_validate_json(text)) for name, text in texts]
    return [
        (name, document, line)
        for name, document in documents
        for line in document.lines
        if line.charge_type == "usage" and line.price_model is None
    ]


def of_parts(rows: list[dict[str, Any]]) -> Fraction:
    return sum((Fraction(row["amount_num"]) / row["amount_den"] for row in rows), Fraction(0))


def adds_up(document: Document, line: Line, said: Any) -> None:
    """From the records: together with what was billed before they come to the line; and the text's last sum says so."""
    told, others = said.as_json(), said.as_json().get("other_lines", [])
    assert told["usage"], "a line of usage without records"
    sums = [text for text in said.lines() if re.match("sum of|billed before|also on|together", text)]
    assert sums[-1].endswith(f" {line.list_amount} {document.currency}"), sums
    if document.correction == "reversal":
        return
    whole = rounded(of_parts([*told["usage"], *others]), document.minor_digits)
    assert whole - sum(Decimal(row["list_amount"]) for row in others) == line.list_amount, sums


def all_add_up(home: Home) -> list[tuple[str, Document, Line]]:
    with Store(home) as store:
        lines = usage_lines(store)
        for name, document, line in lines:
            adds_up(document, line, explain(store, name, str(line.line_no)))
    return lines


@pytest.mark.parametrize("month", ["may", "june"])
def test_every_usage_line_of_the_sample_is_the_sum_of_its_records(sample: Callable[[str], Home], month: str) -> None:
    assert len(all_add_up(sample(month))) > 30


def test_a_late_line_is_told_with_what_was_billed_before(home: Home) -> None:
    """61 seconds are 0.2128, printed 0.21; with 7 more 0.2372, printed 0.24: so 0.03, though 7 seconds are 0.0244."""
    with Store(home) as store:
        (number, line) = store.rows(
            "select invoice_number, line_no from invoice_lines join issued_documents using (run_id, draft_id) "
            "where invoice_month = '2025-07' and section = 'international_minutes'"
        )[0]
        said = explain(store, number, str(line))
    assert said.lines()[-4:] == [
        "sum of 1 part: about 0.024418333333",
        "billed before on UK-2025-000001 line 4: parts about 0.212788333333, printed 0.21 GBP",
        "together: about 0.237206666667, less 0.21 printed there, rounded once, half up: 0.03 GBP",
        "of tax:1 VAT GB: 0.01 GBP falls on this line",
    ]
    assert [(row["invoice_number"], row["line_no"]) for row in said.as_json()["other_lines"]] == [("UK-2025-000001", 4)]


def test_late_lines_add_up_on_every_document(home: Home) -> None:
    lines = all_add_up(home)
    assert [(name, line.list_amount) for name, _, line in lines if line.country == "FR"] == [
        ("UK-2025-000001", Decimal("0.21")),
        ("UK-2025-000002", Decimal("0.03")),
        ("UK-2025-000003", Decimal("0.03")),
        ("UK-2025-000003", Decimal("0.03")),
    ]


@pytest.mark.parametrize("style", ["replacement", "adjustment"])
def test_so_do_lines_of_corrections_and_what_comes_late_after_them(home: Home, style: str) -> None:
    """A price falls after the fact: the line mixes what is given back with what is charged anew."""
    text = home.settings_file.read_text(encoding="utf-8")
    kept = '[sellers.uk]\nlate_usage = "correction"\n' + f'correction_style = "{style}"\n'
    home.settings_file.write_text(text.replace("[sellers.uk]\n", kept), encoding="utf-8")
    calls(home, "once-more", ("g", "2025-05-06T10:00:00Z", FRANCE, 8), ("h", "2025-05-06T11:00:00Z", AT_HOME, 31))
    corrected(home, "2025-06")
    assert {document.correction for _, document, _ in all_add_up(home)} > {style}
    calls(home, "and-more", ("i", "2025-05-07T10:00:00Z", FRANCE, 11), ("j", "2025-06-07T10:00:00Z", FRANCE, 11))
    corrected(home, "2025-06")
    corrected(home, "2025-07")
    run(home, "2025-09")
    assert len({name for name, *_ in all_add_up(home)}) > 5
