"""Homes of the sample that many tests start from: each made once in a session, whatever the number of workers.

They are for reading; who changes one works on a copy.
"""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.home.settings import Home
from tests.flows.sample import bill, request, sample_home

Sample = Callable[[str], Home]


def _billed(folder: Path) -> None:
    """`may`: May billed, approved and sent; `june`: June too."""
    home = sample_home(folder / "now")
    for month, name in (("2026-05", "may"), ("2026-06", "june")):
        bill(home, month)
        shutil.copytree(home.root, folder / name)


def _drafted(folder: Path) -> None:
    """`june_drafted`: a fresh sample whose June is drafted, and May with it."""
    run_direct(request(sample_home(folder / "june_drafted"), "2026-06"))


_MADE_BY = {"may": _billed, "june": _billed, "june_drafted": _drafted}


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """sample("may"), sample("june") and sample("june_drafted")."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def made(name: str) -> Home:
        make = _MADE_BY[name]
        folder = root / f"sample{make.__name__}"
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                unfinished = folder.with_suffix(".unfinished")
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(folder)
        return Home(folder / name)

    return made
