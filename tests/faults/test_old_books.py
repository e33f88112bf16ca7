"""Books that are gone, or older than what has left the house, are refused: no number and no mail twice (R1 to R4)."""

import json
import shutil
from pathlib import Path

import pytest

from flows.home.settings import Home
from flows.home.store import Store
from tests.faults.lives import APPROVE, MONTH, RUN, SEND, live, say
from tests.flows.issuing import rows


@pytest.fixture
def home(lives: dict[str, Home], tmp_path: Path) -> Home:
    """The home after its month was sent."""
    return Home(shutil.copytree(lives["sent"].root, tmp_path / "home"))


def _put_back(home: Home, older: Home) -> None:
    """What our messages never advise again: the database of an older copy, under everything newer."""
    shutil.copy(older.database, home.database)


def test_lost_books_are_not_begun_anew(home: Home) -> None:
    home.database.unlink()
    for act in (RUN, APPROVE, SEND, ("ingest",)):
        ended = say(home, *act)
        assert ended.returncode == 4, ended.stderr
        assert "the books are gone" in ended.stderr
        assert "3 documents were issued, last UK-2025-000003" in ended.stderr
        assert "restore FILE" in ended.stderr
        assert "--accept-loss REASON" in ended.stderr
    assert not home.database.exists()
    assert say(home, "doctor").returncode == 3
    assert "the books are gone" in say(home, "doctor").stdout


@pytest.mark.parametrize("witness", ["journal", "snapshot", "PDFs"])
def test_lost_books_are_missed_whatever_is_left(home: Home, witness: str) -> None:
    home.database.unlink()
    if witness != "journal":
        (home.root / "journal.jsonl").unlink()
    if witness != "snapshot":
        home.published.unlink()
    if witness != "PDFs":
        shutil.rmtree(home.out(MONTH))
    ended = say(home, *RUN)
    assert ended.returncode == 4
    assert "3 documents were issued, last UK-2025-000003" in ended.stderr


def test_after_an_accepted_loss_no_number_is_given_again(home: Home) -> None:
    home.database.unlink()
    accepted = say(home, "--accept-loss", "the disk burnt", *RUN)
    assert accepted.returncode in (0, 3), accepted.stderr
    assert "they do not know UK-2025-000003 and 2 more" in accepted.stderr
    live(home, APPROVE)
    found = rows(home, "select invoice_number from issued_documents order by 1")
    assert found == [("UK-2025-000004",), ("UK-2025-000005",), ("UK-2025-000006",)]
    assert rows(home, "select reason from audit_log where act = 'accept loss'") == [("the disk burnt",)]
    # Lost a second time, with the books of after the loss: what was lost before is not given again either.
    home.database.unlink()
    live(home, ("--accept-loss", "again", *RUN), APPROVE)
    assert rows(home, "select min(invoice_number) from issued_documents") == [("UK-2025-000007",)]


@pytest.mark.parametrize("state", ["drafted", "issued"])
def test_older_books_are_refused_by_every_writing_act(home: Home, lives: dict[str, Home], state: str) -> None:
    _put_back(home, lives[state])
    before = home.database.read_bytes()
    for act in (RUN, APPROVE, SEND, ("ingest",), ("publish",), ("park", "ANN", "--reason", "x")):
        ended = say(home, *act)
        assert ended.returncode == 4, (act, ended.stderr)
        assert "the books end at audit entry" in ended.stderr
        assert "this home has gone on to entry" in ended.stderr
    assert home.database.read_bytes() == before
    assert say(home, "doctor").returncode == 3


def test_older_books_that_are_accepted_give_no_number_and_send_no_mail_again(
    home: Home, lives: dict[str, Home]
) -> None:
    _put_back(home, lives["drafted"])
    live(home, ("--accept-loss", "the disk burnt", *APPROVE))
    assert rows(home, "select min(invoice_number), max(invoice_number) from issued_documents") == [
        ("UK-2025-000004", "UK-2025-000006")
    ]


def test_mails_of_the_time_that_is_gone_are_unknown(home: Home, lives: dict[str, Home]) -> None:
    _put_back(home, lives["issued"])
    ended = say(home, "--accept-loss", "the disk burnt", *SEND)
    assert ended.returncode == 3, ended.stderr
    assert "3 unknown" in ended.stdout
    assert rows(home, "select distinct state from mail_states") == [("unknown",)]


def test_an_older_journal_beside_older_books_does_not_hide_what_was_published(
    home: Home, lives: dict[str, Home]
) -> None:
    _put_back(home, lives["issued"])
    shutil.copy(lives["issued"].journal, home.journal)
    ended = say(home, *SEND)
    assert ended.returncode == 4
    assert "this home has gone on to entry" in ended.stderr


def test_the_journal_itself_is_missed(home: Home) -> None:
    (home.root / "journal.jsonl").unlink()
    ended = say(home, *RUN)
    assert ended.returncode == 4
    assert "journal.jsonl is gone" in ended.stderr


def test_a_journal_that_was_changed_is_noticed(home: Home) -> None:
    path = home.root / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    numbers = next(n for n, line in enumerate(lines) if json.loads(line)["kind"] == "numbers")
    path.write_text("".join([*lines[:numbers], *lines[numbers + 1 :]]))
    ended = say(home, *RUN)
    assert ended.returncode == 4
    assert "journal.jsonl is not as it was written" in ended.stderr


def test_a_torn_last_line_is_none(home: Home) -> None:
    with (home.root / "journal.jsonl").open("a") as file:
        file.write('{"kind": "numbers", "docum')
    assert say(home, "publish").returncode == 0
    with Store(home):
        pass
    for line in (home.root / "journal.jsonl").read_text().splitlines():
        json.loads(line)
