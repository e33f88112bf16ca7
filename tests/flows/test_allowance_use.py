"""What a plan includes, from its name to the meter on the document."""

from decimal import Decimal
from pathlib import Path

import pytest

from schemas.document import Document
from tests.flows.issuing import issue, rows, run
from tests.scenarios.month.home import CATALOG, add_file, make_home


@pytest.mark.parametrize("plan", ["eu:office", "office:minutes", ":"])
def test_a_plans_name_may_hold_a_colon(tmp_path: Path, plan: str) -> None:
    home = make_home(tmp_path / "home")
    named = CATALOG.replace("\n  office:\n", f'\n  "{plan}":\n')
    assert named != CATALOG
    (home.catalog / "catalog.yaml").write_text(named, encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "A", "plan": plan}])
    add_file(home, "devices", "devices", [{"device_id": "D", "account_id": "A", "extension": "101"}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460101", "account_id": "A"}])
    call = {
        "call_id": "1",
        "started_at": "2025-05-07T10:00:00+01:00",
        "from_number": "+442079460101",
        "to_number": "+442079460999",
        "duration_s": "720",
    }
    add_file(home, "calls", "calls", [call])
    assert run(home, "2025-06").accounts == {"billed": 1}
    issue(home, "2025-06")
    ((text,),) = rows(home, "select document_json from issued_documents")
    (use,) = Document.model_validate_json(text).allowances
    assert (use.allowance_id, use.name, use.unit, use.granted, use.used, use.over) == (
        "minutes", "Minutes", "minute", Decimal(10), Decimal(10), Decimal(2),
    )  # fmt: skip
    assert rows(home, "select distinct allowance_id from line_usage where allowance_id is not null") == [
        (f"{plan}:minutes",)
    ]
