"""A file that was refused is something left open, though there was nothing else to do (CONTRACT, section 3)."""

from pathlib import Path

import pytest

import flows.scheduled  # noqa: F401 it speaks before Prefect is imported

# isort: split
from flows.home.settings import Home
from flows.scheduled.states import NOTHING_TO_DO, OPEN_ITEMS, REFUSED, _of
from schemas.errors import LeftOpen, NothingToDo, Refused
from tests.flows.issuing import bill, corrected, issue, run
from tests.forked import Ended, tollbook
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_pdfs", "without_reviews")

MONTH = "2025-06"
BAD = "inbox/calls/bad.csv"
TOLD = rf"\nrefused file {BAD}; see `tollbook ingest {BAD}`$"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    return home


def bad_file(home: Home) -> None:
    (home.inbox / "calls").mkdir(exist_ok=True)
    (home.root / BAD).write_text("no,columns,of,ours\n1,2,3,4\n", encoding="utf-8")


def ended(home: Home, *command: str) -> Ended:
    return tollbook("--home", str(home.root), "--today", f"{MONTH}-02", "--by", "anna", *command)


def test_the_same_month_again_with_a_refused_file(home: Home) -> None:
    run(home, MONTH)
    with pytest.raises(NothingToDo, match="nothing has changed since") as before:
        run(home, MONTH)
    assert before.value.exit_code == 5
    bad_file(home)
    for _ in range(2):  # it is refused again each time, for as long as it lies there
        with pytest.raises(LeftOpen, match="nothing has changed since(?s:.*)" + TOLD) as after:
            run(home, MONTH)
        assert after.value.exit_code == 3
    done = ended(home, "run", MONTH, "--direct")
    assert (done.returncode, f"refused file {BAD}" in done.stderr) == (3, True)
    (home.root / BAD).unlink()
    assert ended(home, "run", MONTH, "--direct").returncode == 5


def test_a_file_that_is_passed_over_is_left_open_too(home: Home) -> None:
    run(home, MONTH)
    (home.inbox / "notes.txt").write_text("x\n", encoding="utf-8")
    with pytest.raises(LeftOpen, match=r"inbox/notes\.txt: found a name that ends in \.txt"):
        run(home, MONTH)


def test_a_month_in_which_nothing_is_owed(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home")
    later = {"account_id": "EVE", "service_start_date": "2026-01-01", "billing_start_date": "2026-01-01"}
    add_file(home, "accounts", "accounts", [later])
    bad_file(home)
    with pytest.raises(LeftOpen, match=r"nothing is owed, so no run was opened\. .*" + TOLD):
        run(home, MONTH)


def test_what_is_refused_stays_refused_and_names_the_file_as_well(home: Home, tmp_path: Path) -> None:
    bill(home, MONTH)
    bad_file(home)
    with pytest.raises(Refused, match="is issued and nothing has changed since(?s:.*)" + TOLD):
        run(home, MONTH)
    empty = make_home(tmp_path / "empty")
    (empty.inbox / "accounts").mkdir(parents=True)
    (empty.inbox / "accounts" / "accounts.csv").write_text("name\nAnn\n", encoding="utf-8")
    with pytest.raises(Refused, match=r"no account is known yet: .*\nrefused file inbox/accounts/accounts\.csv;"):
        run(empty, MONTH)


def test_corrections_and_replays_end_so_too(home: Home) -> None:
    run(home, MONTH)
    issue(home, MONTH)
    with pytest.raises(NothingToDo, match=f"{MONTH}: nothing differs"):
        corrected(home, MONTH)
    assert ended(home, "replay").returncode == 5
    bad_file(home)
    with pytest.raises(LeftOpen, match=f"{MONTH}: nothing differs.*" + TOLD):
        corrected(home, MONTH)
    done = ended(home, "replay")
    assert (done.returncode, f"refused file {BAD}" in done.stderr) == (3, True)


def test_a_flow_of_it_is_completed_with_open_items() -> None:
    states = [_of(error("said")) for error in (LeftOpen, NothingToDo, Refused)]
    assert [state.name for state in states] == [OPEN_ITEMS, NOTHING_TO_DO, REFUSED]
    assert [state.type.value for state in states] == ["COMPLETED", "COMPLETED", "FAILED"]
