"""Books rebuilt from store and journal: documents, numbers and mails again, and nothing is billed a second time."""

import shutil
from pathlib import Path

import pytest

from flows.home.settings import Home
from tests.faults.lives import NEXT, SEND, live, say
from tests.flows.issuing import rows


@pytest.fixture
def home(lives: dict[str, Home], tmp_path: Path) -> Home:
    """The home after its month was sent, without its database."""
    home = Home(shutil.copytree(lives["sent"].root, tmp_path / "home"))
    home.database.unlink()
    return home


def test_documents_numbers_and_mails_are_there_again_and_the_next_month_bills_what_is_new(
    home: Home, lives: dict[str, Home]
) -> None:
    asked = "select invoice_number, document_sha256, sequence, due_date from issued_documents order by all"
    ended = say(home, "restore", "--from-store")
    assert ended.returncode == 3, ended.stderr
    assert "3 issued documents, 3 PDFs and 3 mails (unknown)" in ended.stdout
    assert f'first_invoice_month = "{NEXT}"' in ended.stdout
    assert rows(home, asked) == rows(lives["sent"], asked)
    assert "3 unknown" in say(home, *SEND, by="ben").stdout
    refused = say(home, "run", NEXT, "--direct", today=f"{NEXT}-02")
    assert refused.returncode == 4
    assert f'set first_invoice_month = "{NEXT}"' in refused.stderr
    settings = home.settings_file.read_text(encoding="utf-8")
    first = next(line for line in settings.splitlines() if line.startswith("first_invoice_month"))
    home.settings_file.write_text(settings.replace(first, f'first_invoice_month = "{NEXT}"'), encoding="utf-8")
    live(home, ("run", NEXT, "--direct"), ("approve", NEXT, "--override", "a test"), today=f"{NEXT}-02")
    found = rows(
        home,
        "select invoice_number, l.period_start::varchar, l.amount from invoice_lines l join issued_documents i "
        f"using (run_id, draft_id) where i.invoice_month = '{NEXT}' order by all",
    )
    assert {number for number, *_ in found} == {f"UK-2025-00000{n}" for n in (4, 5, 6)}
    assert {start for _, start, _ in found} == {f"{NEXT}-01"}
    assert say(home, "doctor").returncode == 0, say(home, "doctor").stdout


def test_a_document_that_lies_nowhere_is_named_and_its_number_is_not_given_again(home: Home) -> None:
    shutil.rmtree(home.store / "objects")
    ended = say(home, "restore", "--from-store")
    assert ended.returncode == 3, ended.stderr
    assert "3 numbers have no document any more and are never given again: UK-2025-000001" in ended.stdout
    assert rows(home, "select count(*) from lost_numbers") == [(3,)]


def test_books_that_are_there_are_not_rebuilt(home: Home, lives: dict[str, Home]) -> None:
    shutil.copy(lives["sent"].database, home.database)
    ended = say(home, "restore", "--from-store")
    assert ended.returncode == 4
    assert "tollbook.duckdb is there" in ended.stderr
    assert say(home, "restore").returncode == 2
