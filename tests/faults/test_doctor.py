"""`doctor` names what is damaged in a home, and `--mend` puts back what the home holds elsewhere too (R5, R6)."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.ask.doctor import doctor
from flows.books.publish import is_owed
from flows.home.settings import Home
from flows.home.store import Store
from flows.issue.mend import mend
from schemas.errors import Refused
from tests.faults.killing import killed_at
from tests.faults.lives import APPROVE, MONTH, NEXT, live, say

NOW = datetime(2025, 6, 3, tzinfo=UTC)


@pytest.fixture
def home(lives: dict[str, Home], tmp_path: Path) -> Home:
    """The home after its month was sent."""
    return Home(shutil.copytree(lives["sent"].root, tmp_path / "home"))


def _fails(home: Home, *, deep: bool = False) -> dict[str, str]:
    """What does not stand as it should, by name. The machine's own checks are left out."""
    machine = ("python", "packages", "prefect", "pango", "harfbuzz-subset", "fonts", "time zones", "disk")
    return {
        check.name: check.detail
        for check in doctor(home, deep=deep).checks
        if check.state != "ok" and check.name not in machine
    }


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)


def _pdf(home: Home) -> Path:
    return next(home.out(MONTH).glob("invoices/*.pdf"))


def _object(home: Home) -> Path:
    """The kept content of a PDF."""
    return next(path for path in (home.store / "objects").glob("??/*") if path.read_bytes().startswith(b"%PDF"))


def _renumber(home: Home) -> None:
    home.journal.write_text(home.journal.read_text().replace("UK-2025-000002", "UK-2025-000009"))


MENDED: dict[str, tuple[str, bool, Callable[[Home], object]]] = {
    "a PDF that is gone": ("issued documents", False, lambda home: _pdf(home).unlink()),
    "a PDF that was changed": ("issued documents", False, lambda home: _flip(_pdf(home))),
    "all kept contents": ("kept contents", False, lambda home: shutil.rmtree(home.store / "objects")),
    "a kept content that was changed": ("kept contents", True, lambda home: _flip(_object(home))),
    "a snapshot that is gone": ("snapshot", False, lambda home: home.published.unlink()),
    "a snapshot that is no database": ("snapshot", False, lambda home: home.published.write_bytes(b"x" * 9000)),
    "a journal that is gone": ("journal", False, lambda home: home.journal.unlink()),
    "a journal that was changed": (
        "journal", False, _renumber,
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", MENDED)
def test_what_is_damaged_is_named_and_mended(home: Home, damage: str) -> None:
    assert _fails(home, deep=True) == {}
    name, deep, spoil = MENDED[damage]
    spoil(home)
    assert name in _fails(home, deep=deep)
    with Store(home, whatever_is_left=True) as store:
        assert mend(store, "carla", NOW)
    found = _fails(home, deep=True)
    if damage == "all kept contents":
        # What a run was made of, and files that are no longer in the inbox, lie nowhere else.
        assert found.keys() <= {"kept contents"}
    else:
        assert found == {}
    # The home goes on.
    live(home, ("run", NEXT, "--direct"), today=f"{NEXT}-02")


def test_a_number_that_only_a_damaged_journal_knows_is_not_given_again(home: Home) -> None:
    home.journal.write_text(home.journal.read_text().replace("UK-2025-000003", "UK-2025-000004"))
    with Store(home, whatever_is_left=True) as store:
        mend(store, "carla", NOW)
        assert store.rows("select invoice_number from lost_numbers") == [("UK-2025-000004",)]


def test_older_books_are_not_mended_into_the_newest(home: Home, lives: dict[str, Home]) -> None:
    shutil.copy(lives["drafted"].database, home.database)
    home.journal.unlink()
    with Store(home, whatever_is_left=True) as store, pytest.raises(Refused, match="does not know UK-2025-000003"):
        mend(store, "carla", NOW)


def test_a_bit_that_turned_in_a_block_of_the_database_is_found(home: Home) -> None:
    whole = home.database.read_bytes()
    unnoticed = []
    for n in range(12):
        at = len(whole) * (2 * n + 1) // 24
        home.database.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
        if not _fails(home, deep=True):
            unnoticed.append(at)
    # A block that is free holds nothing, and one behind the end of what a block holds is no part of it.
    assert len(unnoticed) < 12
    home.database.write_bytes(whole)
    assert _fails(home, deep=True) == {}


def test_killed_between_the_act_and_the_snapshot_the_same_command_publishes(
    lives: dict[str, Home], tmp_path: Path
) -> None:
    home = Home(shutil.copytree(lives["drafted"].root, tmp_path / "home"))
    killed_at("flows.books.publish:_fill before 1", home.root, "--today", "2025-06-02", "--by", "ben", *APPROVE)
    with Store(home) as store:
        assert is_owed(store)
    assert _fails(home)["snapshot"] == "older than the books"
    again = say(home, *APPROVE, by="ben")
    assert again.returncode == 5
    assert "The snapshot was owed and is published" in again.stderr
    assert _fails(home) == {}


def test_mending_waits_for_a_home_at_work(home: Home) -> None:
    from flows.home.lock import locked

    with locked(home, "run", "anna", NOW):
        ended = say(home, "doctor", "--mend")
        assert ended.returncode == 4
        assert "nothing was mended" in ended.stderr
        looked = say(home, "doctor")
        assert looked.returncode == 0, looked.stdout
        assert "another Tollbook is at work" in looked.stderr
