"""Account ids that only look alike (R10): outer blanks are cut, unseen marks refused, the rest is told."""

from pathlib import Path

from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from tests.flows.issuing import NOW, rows, run
from tests.scenarios.month.home import add_file, make_home


def _taken_in(tmp_path: Path, *ids: str) -> Home:
    home = make_home(tmp_path / "home")
    for n, account in enumerate(ids):
        add_file(home, "accounts", f"a{n}", [{"account_id": account}])
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=NOW)
    return home


def test_blanks_around_an_id_are_no_part_of_it(tmp_path: Path) -> None:
    home = _taken_in(tmp_path, "ACME", " ACME\u00a0")
    assert rows(home, "select distinct account_id from feed_accounts") == [("ACME",)]


def test_marks_that_nobody_sees_and_letters_in_pieces_are_refused(tmp_path: Path) -> None:
    home = _taken_in(tmp_path, "AC\u200bME", "\u202eACME", "ACME\u2069", "Cafe\u0301", "   ")
    assert rows(home, "select count(*) from feed_accounts") == [(0,)]
    reasons = [reason for (reason,) in rows(home, "select reason from rejected_records order by source_file")]
    assert sum("marks that nobody sees" in reason for reason in reasons) == 3
    assert sum("composed letters" in reason for reason in reasons) == 1
    assert sum("expected a name, not blanks" in reason or "expected a value" in reason for reason in reasons) == 1


def test_ids_that_differ_in_case_alone_are_told(tmp_path: Path) -> None:
    home = _taken_in(tmp_path, "ACME", "Acme", "OTHER")
    report = run(home, "2025-06")
    told = [(account, detail) for account, code, detail in report.findings if code == "near_equal_id"]
    assert told == [("Acme", "its id looks like that of account ACME: one customer, entered twice?")]
