"""Every command's help ends with an example that runs, and says what decides the day where a clock matters."""

import inspect
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli.examples import BY_THE_CLOCK, EXAMPLES, commands_of
from flows.cli.main import make_app
from tests.flows.conftest import Sample
from tests.forked import tollbook

AWAITED = {"preview", "serve", "export"}
"""Commands that have an example and are still to come; one that has come may stand here."""
COMMANDS = dict(commands_of(make_app()))
ENDS: dict[str, int] = {
    "ingest": 5, "rate": 3, "run": 3, "approve": 3, "send": 5, "rollback": 3, "replay": 3, "correct": 5, "rerate": 5,
    "upgrade": 5,
}  # fmt: skip
"""Exit codes other than 0 on the sample's home: nothing new, nothing owed, or somebody parked."""
STARTS = {"run": "may", "approve": "june_drafted", "preview": "june_drafted"}
"""Where a command does not start from both months billed."""


def _carrier(folder: Path) -> None:
    deck = (folder / "demo" / "catalog" / "rates" / "world_usd.csv").read_text(encoding="utf-8")
    (folder / "carrier.csv").write_text(deck.replace("0.01", "0.02"), encoding="utf-8")


def _backed_up(folder: Path) -> None:
    assert tollbook(*_words("backup"), folder=folder).returncode == 0


def _parked(folder: Path) -> None:
    assert tollbook(*_words("park"), folder=folder).returncode == 0


STAYS = {"serve"}
"""Runs until it is stopped; tests/flows has a test of its own for it."""

BEFORE: dict[str, Callable[[Path], None]] = {
    "deck diff": _carrier, "deck try": _carrier, "restore": _backed_up, "unpark": _parked,
}  # fmt: skip


def _words(command: str) -> list[str]:
    return shlex.split(EXAMPLES[command])[1:]


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert set(EXAMPLES) == set(COMMANDS) | AWAITED
    for words, command in COMMANDS.items():
        assert f"Example: {EXAMPLES[words]}" in (command.epilog or "")
        assert f" {words} " in f"{EXAMPLES[words]} "


def test_the_example_is_seen_in_the_help(tmp_path: Path) -> None:
    told = tollbook("deck", "check", "--help", folder=tmp_path, environment={"COLUMNS": "200"}).stdout
    assert EXAMPLES["deck check"] in told


def test_where_a_clock_matters_the_help_says_what_stands_for_it() -> None:
    asks = re.compile(r"shared\.(day|today)\b|= (replace\()?shared\.request")
    of_the_clock = {
        words
        for words, command in COMMANDS.items()
        if command.callback is not None and asks.search(inspect.getsource(command.callback))
    }
    assert of_the_clock <= BY_THE_CLOCK
    assert set(COMMANDS) | AWAITED >= BY_THE_CLOCK
    for words, command in COMMANDS.items():
        assert ("$TOLLBOOK_TODAY" in (command.epilog or "")) == (words in BY_THE_CLOCK), words


@pytest.mark.parametrize("command", sorted({*COMMANDS} - STAYS))
def test_the_example_runs(command: str, sample: Sample, tmp_path: Path) -> None:
    shutil.copytree(sample(STARTS.get(command, "june")).root, tmp_path / "demo")
    BEFORE.get(command, lambda _: None)(tmp_path)
    ended = tollbook(*_words(command), folder=tmp_path, blank_pdfs=True)
    assert ended.returncode == ENDS.get(command, 0), ended.stdout + ended.stderr
    assert ended.stdout or ended.stderr
