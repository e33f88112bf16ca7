"""A long command says what it does: bars on a terminal, plain lines elsewhere, nothing where a program reads."""

import io
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows.home import progress
from tests.scenarios.month.home import add_file, make_home

MONTH = "2025-06"
RUN = ("--today", "2025-06-02", "--by", "anna", "run", MONTH, "--direct")
STAGES = ("ingest", "open", "rate", "charge", "tax", "draft", "report")
BAR = "━"

_AT_ONCE = """
import functools, sys
from flows.home import progress

progress.heard = functools.partial(progress.heard, first_after_s=0, line_every_s=0.01)
from flows.cli.main import main
main()
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """`tollbook` on a tiny home, in a process of its own that says at once what it does."""
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", "email": "ann@example.org"}])
    add_file(home, "numbers", "numbers", [{"number": "+442079460100", "account_id": "ANN"}])
    call = {"started_at": "2025-05-10T12:00:00Z", "from_number": "+442079460100", "to_number": "+33123456789"}
    add_file(home, "calls", "calls", [{**call, "call_id": str(n), "duration_s": n} for n in range(1, 9)])
    return [sys.executable, "-c", _AT_ONCE, "--home", str(home.root)]


def _on_a_terminal(command: list[str]) -> tuple[str, str]:
    """Standard output, and what a terminal was sent that standard error goes to."""
    terminal, end_of_child = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=end_of_child, env=environment, text=True) as child:
        os.close(end_of_child)
        sent = b""
        while True:
            try:
                sent += os.read(terminal, 4096)
            except OSError:  # the child has closed its end
                break
        assert child.stdout is not None
        told = child.stdout.read()
    os.close(terminal)
    assert child.returncode == 0, sent
    return told, sent.decode()


def test_bars_on_a_terminal_and_gone_at_the_end(command: list[str]) -> None:
    told, sent = _on_a_terminal([*command, *RUN])
    assert "accounts: 1 billed" in told
    assert BAR not in told
    frames, _, after = sent.partition("review: out/")
    drawn = [stage for stage in STAGES if any(stage in line and BAR in line for line in frames.splitlines())]
    assert drawn
    assert "\x1b[2K" in frames.rpartition(BAR)[2], "the last bar is wiped off"
    assert BAR not in after
    assert sent.rfind("\x1b[?25h") > sent.rfind("\x1b[?25l"), "the cursor is there"


def test_no_bar_where_a_program_reads(command: list[str]) -> None:
    told, sent = _on_a_terminal([*command, "--json", *RUN])
    assert told.startswith("{")
    assert BAR not in sent
    assert not any(stage in line for line in sent.splitlines() for stage in STAGES if not line.startswith("review:"))


def test_plain_lines_in_a_pipe_and_none_with_json(command: list[str]) -> None:
    first = subprocess.run([*command, *RUN], check=True, capture_output=True, text=True)
    lines = first.stderr.splitlines()
    assert {line.split(" > ")[0] for line in lines} & set(STAGES)
    assert "\x1b" not in first.stderr
    assert not any(line.split(" > ")[0] in STAGES for line in first.stdout.splitlines())
    add_file_again = [*command, "--json", "--today", "2025-06-02", "--by", "ben", "approve", MONTH]
    silent = subprocess.run(add_file_again, check=True, capture_output=True, text=True)
    assert silent.stderr == ""


def test_a_command_that_is_soon_done_says_nothing() -> None:
    stream = io.StringIO()
    with progress.heard(stream), progress.stage("rate", 10) as tick:
        tick(10)
    assert stream.getvalue() == ""


def _heard(stream: io.StringIO, wanted: str) -> None:
    """Waits until it is said."""
    until = time.monotonic() + 600
    while wanted not in stream.getvalue() and time.monotonic() < until:
        time.sleep(0.01)


def test_count_and_share_of_stages_in_one_another_from_any_thread() -> None:
    stream = io.StringIO()
    with progress.heard(stream, first_after_s=0, line_every_s=0.01), progress.stage("rate"):
        with progress.stage("price", 2000, "records") as tick:
            worker = threading.Thread(target=tick, args=(1500,))
            worker.start()
            worker.join()
            _heard(stream, "rate > price: 1,500 of 2,000 records (75 %)\n")
        with progress.stage("calls.csv", units="records") as tick:
            tick(7)
            _heard(stream, "calls.csv")
    lines = stream.getvalue().splitlines()
    assert "rate > price: 1,500 of 2,000 records (75 %)" in lines
    assert "rate > calls.csv: 7 records" in lines
    assert len(lines) == len(set(lines)), "what has not changed is not said again"


def test_nobody_hears_a_stage_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    threads = threading.active_count()
    with progress.stage("rate", 10) as tick:
        tick(5)
        assert threading.active_count() == threads
    assert capfd.readouterr() == ("", "")
