"""A full disk, a read-only one: said by the reason the system gave, and gone on with once there is room (R3)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.ask.doctor import doctor
from flows.home.settings import Home
from tests.faults.lives import APPROVE, NEXT, SEND, live, say

BILL_NEXT = ("run", NEXT, "--direct")
TODAY = f"{NEXT}-02"


def _mount(*words: str) -> None:
    subprocess.run(["/bin/mount", *words], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 MB of its own; skipped where this user may mount none."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts")
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this machine lets nobody mount")
    yield folder
    subprocess.run(["/bin/umount", "-l", str(folder)], check=True)


def _fill(folder: Path, leave_kb: int) -> Path:
    """A file that takes all but so much of the room."""
    full = folder / "full"
    free_kb = shutil.disk_usage(folder).free // 1024
    full.write_bytes(b"x" * (free_kb - leave_kb) * 1024)
    return full


@pytest.mark.parametrize("leave_kb", [0, 300, 1500, 4000])
def test_a_month_on_a_full_disk_says_so_and_goes_on_with_room(
    disk: Path, lives: dict[str, Home], leave_kb: int
) -> None:
    home = Home(shutil.copytree(lives["sent"].root, disk / "home"))
    full = _fill(disk, leave_kb)
    stopped = say(home, *BILL_NEXT, today=TODAY)
    if stopped.returncode not in (0, 3):
        assert stopped.returncode == 4, stopped.stderr
        assert "no room left on the disk" in stopped.stderr
        assert "MB are free" in stopped.stderr
        assert "damaged" not in stopped.stderr
        assert "Traceback" not in stopped.stderr
    elif leave_kb < 1000:
        pytest.fail("a month was billed without room")
    full.unlink()
    # What was drafted before the disk was full stands: then there is nothing to do but to publish it.
    assert say(home, *BILL_NEXT, today=TODAY).returncode in (0, 3, 5)
    live(home, ("approve", NEXT, "--override", "a test"), today=TODAY)
    assert not [check for check in doctor(home, deep=True).checks if check.state == "fail"]


def test_approving_and_sending_on_a_full_disk_give_no_number_and_no_mail_twice(
    disk: Path, lives: dict[str, Home]
) -> None:
    home = Home(shutil.copytree(lives["drafted"].root, disk / "home"))
    for act in (APPROVE, SEND):
        for leave_kb in (0, 40, 200, 800):
            full = _fill(disk, leave_kb)
            stopped = say(home, *act, by="ben")
            assert stopped.returncode in (0, 3, 4, 5), stopped.stderr
            full.unlink()
        say(home, *act, by="ben")
    out = {path.name: path.read_bytes() for path in home.root.glob("out/*/*/*") if path.is_file()}
    undisturbed = {p.name: p.read_bytes() for p in lives["sent"].root.glob("out/*/*/*") if p.is_file()}
    assert out == undisturbed
    assert not [check for check in doctor(home, deep=True).checks if check.state == "fail"]


def test_a_disk_mounted_read_only_is_called_so(disk: Path, lives: dict[str, Home]) -> None:
    home = Home(shutil.copytree(lives["sent"].root, disk / "home"))
    _mount("-o", "remount,ro", str(disk))
    try:
        stopped = say(home, *BILL_NEXT, today=TODAY)
    finally:
        _mount("-o", "remount,rw", str(disk))
    assert stopped.returncode == 4, stopped.stderr
    assert "mounted read-only" in stopped.stderr
    live(home, BILL_NEXT, today=TODAY)
