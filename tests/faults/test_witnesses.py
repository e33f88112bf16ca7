"""What else tells that something left the house, where the journal is gone, cut off, damaged or another one: nothing of
it is given or sent again, and there is always a way on."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

import flows.books.restore
import flows.home.stand
from flows.books.backup import Opened, back_up
from flows.books.publish import publish
from flows.books.restore import Restored, restore
from flows.home.journal import Journal
from flows.home.loss import accept_loss
from flows.home.settings import Home
from flows.home.stand import cut_off, faults, mark
from flows.home.store import Store, version_of
from flows.issue.mend import mend
from flows.undo.rebuild import rebuild
from schemas.errors import Refused, WrongUsage
from tests.faults.lives import SEND, say
from tests.scenarios.month.home import add_file

NOW = datetime(2025, 6, 3, tzinfo=UTC)


@pytest.fixture
def home(lives: dict[str, Home], tmp_path: Path) -> Home:
    """The home after its month was sent."""
    return Home(shutil.copytree(lives["sent"].root, tmp_path / "home"))


def _backed_up(lives: dict[str, Home], state: str, folder: Path) -> Path:
    copy = Home(shutil.copytree(lives[state].root, folder / "copy"))
    file = folder / f"{state}.backup"
    back_up(copy, file, inbox=True, since=None)
    shutil.rmtree(copy.root)
    return file


def _restored(home: Home, file: Path, reason: str | None = None) -> Restored:
    return restore(home, file, reason=reason, by="ben", now=NOW)


def _mended(home: Home) -> list[str]:
    with Store(home, whatever_is_left=True) as store:
        return mend(store, "ben", NOW)


def _asked(home: Home, query: str) -> list[tuple[object, ...]]:
    with Store(home) as store:
        return store.rows(query)


def _spoil(home: Home) -> None:
    """A byte of its first line."""
    content = bytearray(home.journal.read_bytes())
    content[12] ^= 0x01
    home.journal.write_bytes(content)


def _write_anew(home: Home) -> None:
    home.journal.unlink()
    _mended(home)


def _cut(home: Home, lines: int = 4) -> None:
    home.journal.write_bytes(b"".join(home.journal.read_bytes().splitlines(keepends=True)[:-lines]))


def _unlink(*paths: Path, spoilt: Home | None = None) -> None:
    for path in paths:
        path.unlink()
    if spoilt:
        _spoil(spoilt)


JOURNALS: dict[str, Callable[[Home], object]] = {
    "gone": lambda home: home.journal.unlink(),
    "gone, and the books": lambda home: _unlink(home.journal, home.database),
    "damaged": _spoil,
    "damaged, and the books": lambda home: _unlink(home.database, spoilt=home),
    "written anew": _write_anew,
    "cut off": lambda home: _cut(home, 100),
}


@pytest.mark.parametrize("journal", JOURNALS)
def test_a_back_up_never_passes_for_the_newest(
    home: Home, lives: dict[str, Home], tmp_path: Path, journal: str
) -> None:
    file = _backed_up(lives, "drafted", tmp_path)
    JOURNALS[journal](home)
    with pytest.raises(Refused, match="--accept-loss REASON"):
        _restored(home, file)
    assert "they do not know UK-2025-000003 and 2 more" in _restored(home, file, "it burnt").lost
    assert _asked(home, "select count(*) from lost_numbers") == [(3,)]
    # The journal of the restored home knows it too: should its books be lost again, no number is given a third time.
    home.database.unlink()
    with pytest.raises(Refused, match="3 documents were issued, last UK-2025-000003"), Store(home):
        pass


@pytest.mark.parametrize("journal", ["gone", "damaged", "written anew"])
def test_a_mail_that_only_the_snapshot_knows_does_not_go_again(
    home: Home, lives: dict[str, Home], tmp_path: Path, journal: str
) -> None:
    file = _backed_up(lives, "issued", tmp_path)
    JOURNALS[journal](home)
    with pytest.raises(Refused, match="--accept-loss REASON"):
        _restored(home, file)
    assert _restored(home, file, "it burnt").lost
    assert _asked(home, "select distinct state from mail_states") == [("unknown",)]


def test_the_newest_back_up_comes_back_over_a_damaged_home_with_a_word(
    home: Home, lives: dict[str, Home], tmp_path: Path
) -> None:
    file = _backed_up(lives, "sent", tmp_path)
    home.journal.unlink()
    home.database.unlink()
    assert _restored(home, file).lost == ""
    _spoil(home)
    with pytest.raises(Refused, match="of another home, or of this one before its journal was damaged"):
        _restored(home, file)
    _restored(home, file, "the disk is old")
    with Store(home, whatever_is_left=True) as store:
        assert faults(store) == []


@pytest.mark.parametrize("state", ["drafted", "issued"])
@pytest.mark.parametrize("journal", ["whole", "gone", "damaged"])
def test_older_books_are_never_mended(home: Home, lives: dict[str, Home], state: str, journal: str) -> None:
    shutil.copy(lives[state].database, home.database)
    if journal != "whole":
        JOURNALS[journal](home)
    before = home.published.read_bytes()
    with pytest.raises(Refused, match="--accept-loss REASON"):
        _mended(home)
    assert home.published.read_bytes() == before
    # The word is a way on, whatever became of the journal.
    with Store(home, whatever_is_left=True) as store:
        assert accept_loss(store, "it burnt", "ben", NOW)
    with Store(home, whatever_is_left=True) as store:
        assert faults(store) == []


def test_lost_books_are_not_made_by_mending(home: Home) -> None:
    home.database.unlink()
    ended = say(home, "doctor", "--mend")
    assert ended.returncode == 4
    assert "the books are gone" in ended.stderr
    assert not home.database.exists()


def test_a_journal_that_was_cut_off_is_found_and_written_anew(home: Home) -> None:
    with Store(home, whatever_is_left=True) as store:
        assert faults(store) == []
        _cut(home)
        assert "the last lines of journal.jsonl were cut off: it lacks 0 numbers and 3 mails" in faults(store)[0]
    assert "journal.jsonl written anew from the books; what was there lies in journal.jsonl.damaged-1" in _mended(home)
    with Store(home) as store:
        assert cut_off(store) == ""


def test_cut_off_in_the_first_moment_the_home_opens_again(tmp_path: Path) -> None:
    """Between the journal's first lines and the books' note of them nothing is done yet."""
    home = Home(tmp_path)
    with Store(home) as store:
        store.con.execute("delete from journal_mark")
    with Store(home):
        pass
    home.database.unlink()
    with Store(home) as store:
        assert store.journal is not None


def test_a_mail_cut_off_after_the_books_have_followed_the_journal_is_in_doubt(home: Home) -> None:
    """It was refused once, which stands before the mark; handed over again, of which the books lost their note."""
    with Store(home) as store:
        key, number = store.rows("select message_id, invoice_number from mail_states limit 1")[0]
        store.con.execute(
            "insert into delivery_events by name select * replace ('refused' as state) from delivery_events "
            "where message_id = $1 order by rowid desc limit 1",
            [key],
        )
        assert store.journal is not None
        mark(store, store.journal)
        store.journal.append([{"kind": "mail", "key": key, "number": number, "times": 2}])
    assert _asked(home, f"select state from mail_states where message_id = '{key}'") == [("sending",)]


def test_a_long_journal_is_followed_and_not_read_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows.home.stand, "MARK_AFTER", 1)
    with Store(home) as store:
        before = store.rows("select start from journal_mark")[0][0]
        accept = "insert into audit_log select seq + 1, 'test', '', '', null, null, now(), sha256, 'x' from audit_log"
        store.con.execute(f"{accept} order by seq desc limit 1")
        store.keep_head()
        assert store.rows("select start from journal_mark")[0][0] > before
    with Store(home) as store:
        assert store.journal is not None
        assert list(Journal(home.journal).read(*store.rows("select * from journal_mark")[0])) == []
        assert json.loads(home.journal.read_bytes().splitlines()[-1])["audit"][1] == "x"


def test_a_part_of_the_home_behind_a_link_is_backed_up(home: Home, tmp_path: Path) -> None:
    whole = back_up(home, tmp_path / "whole", inbox=False, since=None)
    (home.store / "objects").rename(tmp_path / "disk")
    (home.store / "objects").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "round").symlink_to(home.store)
    assert back_up(home, tmp_path / "linked", inbox=False, since=None).files >= whole.files


def test_a_back_up_lies_outside_the_home_and_in_a_folder_that_is_there(home: Home, tmp_path: Path) -> None:
    for file, said in ((home.root / "out" / "x", "in the home that it backs up"), (tmp_path / "no" / "x", "no folder")):
        with pytest.raises(WrongUsage, match=said):
            back_up(home, file, inbox=False, since=None)


def test_what_is_lost_or_damaged_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    content = home.database.read_bytes()
    spoilt = bytearray(content)
    for at in range(3 * 4096 + 256 * 1024, len(spoilt), 50_000):
        spoilt[at] ^= 0x10
    home.database.write_bytes(spoilt)
    ended = say(home, "backup", str(tmp_path / "x"))
    assert (ended.returncode, "is damaged" in ended.stderr) == (4, True), ended.stderr
    home.database.unlink()
    ended = say(home, "backup", str(tmp_path / "x"))
    assert (ended.returncode, "the books are gone" in ended.stderr) == (4, True), ended.stderr
    assert not (tmp_path / "x").exists()
    # One of an earlier version of the program may hold such a database.
    home.database.write_bytes(spoilt)
    back_up(home, tmp_path / "damaged", inbox=False, since=None)
    for reason in (None, "it burnt"):
        with pytest.raises(Refused, match=r"was damaged when it was backed up.*restore an earlier back-up"):
            _restored(home, tmp_path / "damaged", reason)


def test_an_open_database_is_not_called_damaged(home: Home) -> None:
    with duckdb.connect(str(home.database)):
        ended = say(home, "upgrade")
    assert ended.returncode == 4
    assert "held open by" in ended.stderr
    home.database.unlink()
    assert version_of(home) is None


def test_a_mail_that_is_unknown_goes_to_an_address_that_is_new_once(home: Home, lives: dict[str, Home]) -> None:
    """The books that are left do not know to which address it went."""
    shutil.copy(lives["issued"].database, home.database)
    with Store(home, whatever_is_left=True) as store:
        accept_loss(store, "it burnt", "ben", NOW)
    add_file(home, "accounts", "later", [{"account_id": "ANN", "email": "new@example.org"}])
    assert say(home, "ingest").returncode == 0
    ended = say(home, *SEND, "--resend-unknown", by="ben")
    assert (ended.returncode, "3 written" in ended.stdout) == (0, True), ended.stderr + ended.stdout
    assert say(home, *SEND, by="ben").returncode == 5


def test_what_was_erased_since_the_back_up_is_told_when_it_comes_back(home: Home, tmp_path: Path) -> None:
    back_up(home, tmp_path / "before", inbox=False, since=None)
    with Store(home) as store:
        store.con.execute("insert into erased values ('ANN', '2025-04', 'ben', $1, 'asked for', true)", [NOW])
        publish(store)
    back_up(home, tmp_path / "after", inbox=False, since=None)
    assert _restored(home, tmp_path / "after").back_again == []
    restored = _restored(home, tmp_path / "before", "it burnt")
    assert restored.incomplete
    assert "`tollbook erase ANN --until 2025-04 --reason TEXT` again" in restored.lines()[-2]


def test_a_chain_of_back_ups_has_an_end(home: Home, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    back_up(home, first, inbox=False, since=None)
    back_up(home, second, inbox=False, since=first)
    back_up(home, third, inbox=False, since=second)
    assert _restored(Home(tmp_path / "new"), third).files == len(Opened(first).contents)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(WrongUsage, match="second must lie beside it"):
        back_up(home, tmp_path / "elsewhere" / "x", inbox=False, since=second)
    shutil.copy(third, first)
    with pytest.raises(Refused, match="first is not the back-up that the later one goes on from"):
        _restored(Home(tmp_path / "newer"), third)


def test_a_rebuilding_that_was_cut_off_is_done_again(home: Home) -> None:
    home.database.unlink()
    with Store(home, whatever_is_left=True):
        pass
    assert rebuild(home, by="ben", now=NOW).documents == 3
    with pytest.raises(Refused, match="is there: what it holds is more"):
        rebuild(home, by="ben", now=NOW)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_former_home_lies_beside_and_who_stands_in_it_is_told(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, at_once: bool
) -> None:
    back_up(home, tmp_path / "b", inbox=False, since=None)
    (home.root / "note").touch()
    if not at_once:
        monkeypatch.setattr(flows.books.restore, "_exchange", lambda *_: False)
    monkeypatch.chdir(home.root)
    restored = _restored(Home(Path()), tmp_path / "b")
    assert restored.lines()[-1] == f"this shell still stands in the former home: cd {home.root}"
    assert not (home.root / "note").exists()
    assert (tmp_path / "home.before-restore-1" / "note").exists()
    assert not list(tmp_path.glob(".restore-*"))


def test_a_word_where_nothing_is_changed_is_wrong_usage(home: Home) -> None:
    ended = say(home, "--accept-loss", "it burnt", "doctor")
    assert ended.returncode == 2
    assert "tollbook --accept-loss REASON publish" in ended.stderr
    assert say(home, *SEND, by="ben").returncode == 5
