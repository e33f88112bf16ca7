"""Back-ups: the whole home in one file, restored whole or not at all, never over newer books without a word (R7)."""

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.books.backup import Opened
from flows.home.settings import Home
from schemas.errors import Refused
from tests.faults.lives import APPROVE, NEXT, SEND, live, make_lives, say
from tests.flows.issuing import rows

NEXT_MONTH = (("run", NEXT, "--direct"), ("approve", NEXT, "--override", "a test"), ("send", NEXT))


@pytest.fixture(scope="module")
def backups(lives: dict[str, Home], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the back-up of each of them."""
    folder = tmp_path_factory.mktemp("backups")
    for name, home in lives.items():
        copy = Home(shutil.copytree(home.root, folder / "home"))
        assert say(copy, "backup", str(folder / f"{name}.backup"), "--inbox").returncode == 0
        shutil.rmtree(copy.root)
    return folder


@pytest.fixture
def home(lives: dict[str, Home], backups: Path, tmp_path: Path) -> Home:
    """The home after its month was sent, with the back-ups beside it."""
    for file in backups.iterdir():
        shutil.copy(file, tmp_path)
    return Home(shutil.copytree(lives["sent"].root, tmp_path / "home"))


def _bytes(folder: Path, *, of: str = "out/*/*/*") -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob(of))
        if path.is_file() and path.name != "lock.now"
    }


def _burn(home: Home) -> None:
    for part in (home.database, home.journal, home.published):
        part.unlink()
    shutil.rmtree(home.store)
    shutil.rmtree(home.root / "out")


DAMAGES: dict[str, Callable[[Home], object]] = {
    "everything": lambda home: shutil.rmtree(home.root),
    "all but the settings": _burn,
    "the database": lambda home: home.database.unlink(),
    "a block of the database": lambda home: _flip(home.database),
    "the settings": lambda home: home.settings_file.unlink(),
}


def _flip(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * at)] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_a_loss_the_next_month_is_as_if_nothing_had_happened(home: Home, tmp_path: Path, damage: str) -> None:
    undisturbed = Home(shutil.copytree(home.root, tmp_path / "undisturbed"))
    live(undisturbed, *NEXT_MONTH, today=f"{NEXT}-02")
    DAMAGES[damage](home)
    restored = say(home, "restore", str(tmp_path / "sent.backup"))
    assert restored.returncode == 0, restored.stderr
    live(home, *NEXT_MONTH, today=f"{NEXT}-02")
    assert _bytes(home.root) == _bytes(undisturbed.root)
    assert say(home, "doctor").returncode == 0


def test_an_older_back_up_needs_a_word_and_gives_no_number_twice(home: Home, tmp_path: Path) -> None:
    before = _bytes(home.root, of="**/*")
    refused = say(home, "restore", str(tmp_path / "drafted.backup"))
    assert refused.returncode == 4
    assert "this home has gone on to entry" in refused.stderr
    assert "they do not know UK-2025-000003 and 2 more" in refused.stderr
    assert _bytes(home.root, of="**/*") == before
    accepted = say(home, "--accept-loss", "the disk burnt", "restore", str(tmp_path / "drafted.backup"))
    assert accepted.returncode == 3, accepted.stderr
    assert len(list(tmp_path.glob("home.before-restore-1/out/*/invoices/*.pdf"))) == 3
    live(home, APPROVE, SEND)
    assert rows(home, "select min(invoice_number) from issued_documents") == [("UK-2025-000004",)]


def test_a_back_up_that_goes_on_from_another_holds_what_is_new_alone(home: Home, tmp_path: Path) -> None:
    live(home, ("park", "ANN", "--reason", "a test"))
    later = say(home, "--json", "backup", str(tmp_path / "later"), "--since", str(tmp_path / "sent.backup"))
    assert later.returncode == 0, later.stderr
    with zipfile.ZipFile(tmp_path / "later") as archive:
        kept = json.loads(archive.read("manifest.json"))["files"]
    assert json.loads(later.stdout)["contents"] < 4 < len(kept)
    new = Home(tmp_path / "elsewhere")
    assert say(new, "restore", str(tmp_path / "later")).returncode == 0
    assert rows(new, "select account_id from account_holds") == [("ANN",)]
    (tmp_path / "sent.backup").unlink()
    alone = say(Home(tmp_path / "third"), "restore", str(tmp_path / "later"))
    assert alone.returncode == 4
    assert "goes on from sent.backup, which is not beside it" in alone.stderr


def test_a_back_up_of_another_home_is_refused(home: Home, tmp_path: Path) -> None:
    other = make_lives(tmp_path / "other")["issued"]
    assert say(other, "backup", str(tmp_path / "other.backup")).returncode == 0
    ended = say(home, "restore", str(tmp_path / "other.backup"))
    assert ended.returncode == 4
    assert "of another home" in ended.stderr


def _is_noticed(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        Opened(path).check()
    except Refused as error:
        return "damaged" in str(error)
    return False


def _contents(back_up: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(back_up)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_every_damaged_byte_is_noticed_and_the_home_is_left_alone(home: Home, tmp_path: Path) -> None:
    whole = (tmp_path / "sent.backup").read_bytes()
    before = _bytes(home.root, of="**/*")
    damaged = tmp_path / "damaged"
    tried = {f"cut at {n}": whole[: len(whole) * n // 10] for n in range(10)}
    for n in range(40):
        at = len(whole) * n // 40
        tried[f"flipped at {at}"] = whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
    # A flipped bit in a field of a ZIP that nobody reads (a time, the copy of a name), or one that packs the same
    # content in other words, leaves every content as it was.
    harmless = {what: content for what, content in tried.items() if not _is_noticed(damaged, content)}
    assert len(harmless) < len(tried) // 10, list(harmless)
    for what, content in harmless.items():
        assert _contents(content) == _contents(whole), what
    damaged.write_bytes(whole[:-100])
    ended = say(home, "restore", str(damaged))
    assert (ended.returncode, _bytes(home.root, of="**/*")) == (4, before), ended.stderr


def test_a_file_is_never_written_over(home: Home, tmp_path: Path) -> None:
    ended = say(home, "backup", str(tmp_path / "sent.backup"))
    assert ended.returncode == 4
    assert "exists already" in ended.stderr
    assert not list(tmp_path.glob(".partial-*"))


def test_a_back_up_comes_before_a_month_and_back_to_it(home: Home, tmp_path: Path) -> None:
    """A month half drafted goes on."""
    new = Home(tmp_path / "new")
    assert say(new, "restore", str(tmp_path / "drafted.backup")).returncode == 0
    live(new, APPROVE, SEND)
    assert _bytes(new.root) == _bytes(home.root)
    assert rows(new, "select count(*) from issued_documents") == [(3,)]
