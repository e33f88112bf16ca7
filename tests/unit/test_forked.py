"""The helper that starts `tollbook` for other tests: what it starts is a process like any other."""

import os
import signal
from pathlib import Path

from tests.forked import tollbook


def test_exit_code_words_environment_and_folder_are_its_own(tmp_path: Path) -> None:
    named = tollbook("status", environment={"TOLLBOOK_HOME": "nowhere"}, folder=tmp_path)
    assert (named.returncode, named.stdout) == (2, "")
    assert "nowhere" in named.stderr
    assert "TOLLBOOK_HOME" not in os.environ
    plain = tollbook("--version")
    assert (plain.returncode, plain.stdout[:9], plain.stderr) == (0, "tollbook ", "")
    assert plain.pid not in {named.pid, os.getpid()}


def test_the_signal_that_ended_it_shows() -> None:
    assert tollbook("--version", kill=("flows.cli.main:main", "before", 1)).returncode == -signal.SIGKILL


def test_what_is_computed_before_the_fork_does_not_hold_up_what_comes_after(tmp_path: Path) -> None:
    """Each opens a database and computes frames, with thread pools of its own."""
    assert tollbook("init", "--sample", str(tmp_path / "home")).returncode == 0
    for _ in range(5):
        assert tollbook("--home", str(tmp_path / "home"), "status").returncode in {0, 3, 5}
