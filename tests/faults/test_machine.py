"""Faults of the machine and of its people: no room, a damaged database, another program version, an open umask."""

import hashlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.bill_run import run_direct
from flows.books import runs
from flows.books.context import Request
from flows.home.init import init_home
from flows.home.settings import Home, RunSettings
from flows.home.store import Store
from flows.ingest import reading
from flows.issue.approve import approve
from schemas.errors import Refused
from tests.faults.killing import killed_at
from tests.flows.inbox import CALLS, call, opened
from tests.forked import tollbook
from tests.scenarios.month.home import add_file, make_home

NOW = datetime(2025, 6, 2, tzinfo=UTC)
RUN = ("--by", "anna", "run", "2025-06", "--direct")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
    add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
    return home


def _tollbook(home: Home, *command: str, largest_file_bytes: int | None = None) -> tuple[int, str]:
    """Exit code and stderr of a command in a process of its own."""
    done = tollbook("--home", str(home.root), *command, largest_file_bytes=largest_file_bytes)
    return done.returncode, done.stderr


def _request(home: Home, by: str = "anna") -> Request:
    return Request(str(home.root), "2025-06", by, NOW)


def _bytes_of(home: Home) -> dict[str, str]:
    return {
        path.relative_to(home.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file()
    }


def test_a_full_disk_stops_the_run_which_then_goes_on(home: Home) -> None:
    code, told = _tollbook(home, *RUN, largest_file_bytes=400_000)
    assert code != 0
    assert told.strip()
    assert run_direct(_request(home)).accounts == {"billed": 1}


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_database_bills_nothing_and_says_so(home: Home, damage: str) -> None:
    run_direct(_request(home))
    content = bytearray(home.database.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        for place in range(12_000, len(content), 4096):
            content[place] ^= 0xFF
    home.database.write_bytes(content)
    code, told = _tollbook(home, "--by", "ben", "approve", "2025-06")
    assert (code, "restore a back-up" in told) == (4, True), told
    assert not list(home.out("2025-06").glob("invoices/*"))


@pytest.mark.parametrize("damage", ["deleted", "cut", "flipped"])
def test_a_log_lost_after_a_kill_is_work_done_again_and_a_damaged_one_is_told(home: Home, damage: str) -> None:
    """The write-ahead log (.wal) holds what a killed process committed last; closing the database folds it in."""
    killed_at("flows.ingest.take_in:_load after 1", home.root, *RUN)
    log = home.database.with_name(home.database.name + ".wal")
    content = bytearray(log.read_bytes())
    if damage == "deleted":
        log.unlink()
    elif damage == "cut":
        log.write_bytes(content[: len(content) // 2])
    else:
        for place in range(len(content) // 3, len(content), 97):
            content[place] ^= 0xFF
        log.write_bytes(content)
    code, told = _tollbook(home, *RUN)
    if damage == "flipped":
        assert (code, "restore a back-up" in told) == (4, True), told
        return
    assert code == 0, told
    undisturbed = Home(home.root.with_name("undisturbed"))
    shutil.copytree(home.root, undisturbed.root, ignore=shutil.ignore_patterns("tollbook.duckdb*", "out", "store"))
    run_direct(_request(undisturbed))
    manifests = [(one.out("2025-06") / "manifest.json").read_bytes() for one in (home, undisturbed)]
    assert manifests[0] == manifests[1]


def test_a_memory_limit_too_small_to_bill_is_refused() -> None:
    with pytest.raises(ValidationError, match="256"):
        RunSettings(memory_limit_mb=200)


def test_another_program_version_voids_the_approval_and_another_schema_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_direct(_request(home))
    with monkeypatch.context() as patch:
        patch.setattr(runs, "PROGRAM_VERSION", "99.0")
        with pytest.raises(Refused, match=r"the program, from version .* to 99\.0"):
            approve(_request(home, "ben"), None, None, None, None)
    with Store(home) as store:
        store.con.execute("update schema_version set version = 99")
    with pytest.raises(Refused, match="schema version 99"):
        Store(home).__enter__()


def test_files_are_nobody_elses_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        init_home(tmp_path / "new", sample=False)
        home = make_home(tmp_path / "home")
        add_file(home, "accounts", "accounts", [{"account_id": "ANN"}])
        add_file(home, "devices", "devices", [{"device_id": "A", "account_id": "ANN", "product_code": "ata"}])
        run_direct(_request(home))
        approve(_request(home, "ben"), None, None, None, None)
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o007 == 0, "nobody else gets into a home"
    written = [*home.root.glob("out/**/*.*"), *home.store.rglob("objects/*/*"), home.published, home.database]
    assert len(written) > 10
    assert [path for path in written if path.is_file() and path.stat().st_mode & 0o007] == []


def test_a_dry_run_leaves_no_trace(home: Home) -> None:
    assert _tollbook(home, "ingest")[0] == 0
    add_file(home, "devices", "more", [{"device_id": "B", "account_id": "ANN", "product_code": "ata"}])
    before = _bytes_of(home)
    code, _ = _tollbook(home, "--by", "anna", "run", "2025-06", "--direct", "--dry-run")
    assert code == 0
    assert _bytes_of(home) == before


def test_a_file_that_goes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as inbox:
        file = inbox.put("calls/a.csv", CALLS + call(1))
        billable = reading.billable

        def gone(*arguments: object) -> object:
            file.unlink()
            return billable(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr("flows.ingest.take_in.billable", gone)
        (result,) = inbox.ingest().files
        assert (result.state, inbox.rows("select count(*) from feed_calls")) == ("refused", [(0,)])
