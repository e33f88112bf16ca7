"""A document says that calls between extensions count where its account's plans count them, and nowhere else."""

import pytest

from flows.home.settings import Home
from schemas.document import Document
from templates.page import page_of
from tests.flows.issuing import bill, corrected, rows
from tests.scenarios.month.home import add_file, make_home

COUNTED = ["included_minutes", "outbound_overage"]
PLANS = {
    "COUNTS": ["office"],  # minutes of the plan, then 0.06 each
    "NO-RULE": ["guarded"],
    "CHARGED": ["least"],  # no allowance: every minute is charged
    "CHANGED": ["office", "guarded"],
    "CHANGED-BACK": ["guarded", "office"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("internal") / "home")
    days = ["", "2025-06-16"]
    accounts = [
        {"account_id": id_, "plan": plan, "effective_from": day}
        for id_, plans in PLANS.items()
        for plan, day in zip(plans, days, strict=False)
    ]
    add_file(home, "accounts", "a", accounts)
    numbers = [{"number": f"+44163296250{n}", "account_id": id_} for n, id_ in enumerate(PLANS)]
    add_file(home, "numbers", "a", numbers)
    calls = [
        {"call_id": f"c{n}", "started_at": "2025-06-20T10:00:00Z", "from_number": f"+44163296250{n}",
         "to_number": "+441632960302", "duration_s": 60}
        for n in range(len(PLANS))
    ]  # fmt: skip
    add_file(home, "calls", "a", calls)
    bill(home, "2025-07")
    return home


def _sections(home: Home) -> dict[str, list[str]]:
    found = rows(home, "select document_json from issued_documents order by issued_at, rowid")
    documents = [Document.model_validate_json(text) for (text,) in found]
    return {document.bill_to.account_id: list(document.internal_sections) for document in documents}


def test_each_account_by_the_plans_of_its_usage_month(home: Home) -> None:
    assert _sections(home) == {
        "COUNTS": COUNTED,
        "NO-RULE": [],
        "CHARGED": ["outbound_overage"],
        "CHANGED": [],
        "CHANGED-BACK": [],
    }


def test_a_month_later_the_plan_of_today_counts_and_so_does_a_correction(home: Home) -> None:
    bill(home, "2025-08")
    assert _sections(home)["CHANGED-BACK"] == COUNTED
    add_file(home, "numbers", "b", [{"number": "+441632962509", "account_id": "COUNTS", "active_from": "2025-07-02"}])
    corrected(home, "2025-08", "COUNTS")
    assert _sections(home)["COUNTS"] == COUNTED


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en_GB", "Calls between extensions count too."),
        ("fr_FR", "Appels entre postes compris."),
        ("de_DE", "Auch Anrufe zwischen Nebenstellen zählen."),
    ],
)
def test_it_is_printed_beside_the_section_in_each_language(home: Home, locale: str, sentence: str) -> None:
    hints = {}
    for (text,) in rows(home, "select document_json from issued_documents where invoice_month = '2025-07'"):
        document = Document.model_validate_json(text).model_copy(update={"locale": locale})
        for section in page_of(document).sections:
            hints[document.bill_to.account_id, section.key] = section.hint
    told = {key for key, hint in hints.items() if sentence in hint}
    assert told == {("CHARGED", "outbound_overage")} | {
        key for key in hints if key[0] == "COUNTS" and key[1] in COUNTED
    }
    assert len(told) > 1
