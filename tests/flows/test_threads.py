"""How many threads work on a run, and in how many pieces, changes no byte of what it says."""

import os
import subprocess
import sys
from pathlib import Path

from tests.flows.sample import sample_home

_RUN = """
from pathlib import Path
import flows.month.usage.pieces
from flows.bill_run import run_direct
from flows.home.settings import Home
from tests.flows.issuing import no_reviews
from tests.flows.sample import request

flows.month.usage.pieces.ROWS_PER_MB = {rows} / 4096
with no_reviews():
    run_direct(request(Home(Path({root!r})), "2026-05"))
"""


def _manifest(root: Path, threads: int, rows: int) -> bytes:
    home = sample_home(root)
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads)}
    subprocess.run([sys.executable, "-c", _RUN.format(rows=rows, root=str(root))], env=environment, check=True)
    return (home.out("2026-05") / "manifest.json").read_bytes()


def test_one_thread_and_many_pieces_say_the_same_as_several_and_one(tmp_path: Path) -> None:
    one = _manifest(tmp_path / "one", threads=1, rows=37)
    assert one == _manifest(tmp_path / "several", threads=4, rows=1_000_000)
    assert b"DRAFT-2026-05" in one
