"""What the shell offers: commands, and of a home its months, accounts, documents, files, decks and sellers."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.home.init import init_home
from tests.flows.conftest import Sample
from tests.forked import tollbook
from tests.unit.test_start import HEAVY


def offered(*words: str, folder: Path, environment: dict[str, str] | None = None) -> list[str]:
    """What bash is told of a line whose last word is being typed."""
    asked = {"_TOLLBOOK_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("tollbook", *words)),
             "COMP_CWORD": str(len(words))}  # fmt: skip
    ended = tollbook(folder=folder, environment={**asked, **(environment or {})})
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.split()


@pytest.fixture(scope="module")
def june(sample: Sample) -> Path:
    return sample("june").root


def test_a_command_is_completed_behind_the_options_before_it(tmp_path: Path) -> None:
    assert offered("--home", "X", "rev", folder=tmp_path) == ["review"]
    assert offered("--home", "X", "--today", "2026-06-02", "appr", folder=tmp_path) == ["approve"]
    assert offered("deck", "", folder=tmp_path) == ["check", "diff", "try"]


@pytest.mark.parametrize("command", ["run", "review", "approve", "send", "status", "correct", "rerate"])
def test_months_of_the_home_are_offered_and_the_next_one_first(june: Path, command: str) -> None:
    assert offered("--home", str(june), command, "2026-", folder=june.parent) == ["2026-07", "2026-06", "2026-05"]


@pytest.mark.parametrize(
    ("words", "some", "fitting"),
    [
        (("run", "2026-06", "--account", "DE"), "DE-5001", "DE-"),
        (("park", "US-100"), "US-1009", "US-100"),
        (("explain", "US-2026-00000"), "US-2026-000004", "US-2026-"),
        (("rollback", "inbox/calls/pbx"), "inbox/calls/pbx_berlin/Master.csv", "inbox/calls/pbx"),
        (("approve", "2026-06", "--seller", "corvane-"), "corvane-de", "corvane-"),
        (("deck", "diff", "world_usd", "world_"), "world_gbp", "world_"),
        (("taxes", "show", "us/us"), "us/usf", "us/us"),
        (("schema", "ca"), "calls", "ca"),
    ],
)
def test_words_of_the_home_are_offered(june: Path, words: tuple[str, ...], some: str, fitting: str) -> None:
    told = offered("--home", str(june), *words, folder=june.parent)
    assert some in told
    assert all(word.startswith(fitting) for word in told)


def test_the_home_may_come_from_the_environment_and_may_be_this_folder(june: Path) -> None:
    assert "2026-05" in offered("review", "2026-0", folder=june)
    assert "2026-05" in offered("review", "2026-0", folder=june.parent, environment={"TOLLBOOK_HOME": str(june)})


def test_a_home_that_cannot_be_read_offers_nothing_and_says_nothing(tmp_path: Path) -> None:
    init_home(tmp_path / "home", sample=False)
    (tmp_path / "home" / "tollbook.toml").write_text("[decks\n", encoding="utf-8")
    folder = tmp_path / "home" / "inbox" / "accounts"
    (folder / "accounts.csv").write_bytes(b"account_id\n\xff\xfe\n")
    for words in (("deck", "check", ""), ("park", ""), ("review", ""), ("explain", "")):
        assert offered("--home", str(tmp_path / "home"), *words, folder=tmp_path) == []


def test_nothing_heavy_is_imported_while_somebody_waits(june: Path) -> None:
    code = (
        "import atexit, sys; from flows.cli.main import main; "
        "atexit.register(lambda: print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)); "
        "sys.argv[0] = 'tollbook'; main()"
    )
    environment = {"_TOLLBOOK_COMPLETE": "complete_bash", "COMP_CWORD": "4"}
    for words in ("run 2026-", "park US", "explain US", "rollback in", "schema c", "approve 2026-06"):
        asked = {**environment, "COMP_WORDS": f"tollbook --home {june} {words}"}
        ended = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True)
        assert ended.stdout, words
        assert set(ended.stderr.split()) & HEAVY == set(), words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_is_told_how_to_ask(shell: str, tmp_path: Path) -> None:
    ended = tollbook(
        "--show-completion", shell, folder=tmp_path, environment={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    )
    assert ended.returncode == 0, ended.stderr
    assert "_TOLLBOOK_COMPLETE" in ended.stdout
