"""The engines: the same bytes whoever does the work, and what becomes of a unit whose worker dies."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.engine import engine
from flows.engine.place import Place, place_of
from flows.home.engine_settings import EngineKind, EngineSettings
from flows.home.settings import Home
from flows.issue import printing
from flows.month import built
from flows.month.usage import pieces
from schemas.errors import Refused
from tests.flows import engine_units as units
from tests.flows.sample import bill, request, sample_home

_ENDED_WITHIN_S = 300
"""Ray's agents look only now and then whether they are needed."""


@pytest.fixture(scope="module", params=["processes", "dask", "ray"])
def kind(request: pytest.FixtureRequest) -> Iterator[EngineKind]:
    """One engine after the other; each is started once for all tests of it."""
    yield request.param
    engine.close_engines()


def _engine(kind: EngineKind) -> engine.Engine:
    found = engine.engine_of(EngineSettings(kind=kind))
    assert found is not None
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with place_of(Home(tmp_path), EngineSettings(path=str(tmp_path / "shared")), "test") as place:
        yield place


def test_results_come_in_the_order_of_the_units_from_other_processes(kind: EngineKind, place: Place) -> None:
    asked = [units.Unit(place, number) for number in range(30)]
    assert list(_engine(kind).map("square", units.square, asked)) == [number**2 for number in range(30)]
    assert list(_engine(kind).map("slow", units.slow_first, asked)) == list(range(30))
    workers = list(_engine(kind).map("who", units.who, asked))
    assert os.getpid() not in {process for process, _ in workers}
    assert {threads for _, threads in workers} == {str(max(1, (os.cpu_count() or 1) // 2))}


def test_a_unit_whose_worker_is_killed_is_done_again_and_counts_once(
    kind: EngineKind, place: Place, tmp_path: Path
) -> None:
    asked = [units.Unit(place, number, str(tmp_path)) for number in range(8)]
    assert list(_engine(kind).map("killed", units.killed_once, asked)) == list(range(8))
    assert (tmp_path / "began-3").exists()
    assert [place.read(str(number)) for number in range(8)] == [f"unit {number}".encode() for number in range(8)]


def test_a_unit_that_kills_every_worker_is_refused(kind: EngineKind, place: Place) -> None:
    with pytest.raises(Refused, match=r"always-000000 was ended from outside.*workers.*worker_memory_mb"):
        list(_engine(kind).map("always", units.always_killed, [units.Unit(place, 0)]))
    # The engine is as good as before.
    assert list(_engine(kind).map("square", units.square, [units.Unit(place, 5)])) == [25]


def test_an_error_comes_back_as_what_it_was(kind: EngineKind, place: Place, capfd: pytest.CaptureFixture[str]) -> None:
    asked = [units.Unit(place, number) for number in range(5)]
    with pytest.raises(Refused, match=r"^draft of account A-17: it says who$") as raised:
        list(_engine(kind).map("refused", units.refused, asked))
    assert not hasattr(raised.value, "__notes__")
    with pytest.raises(ZeroDivisionError) as broken:
        list(_engine(kind).map("faulty", units.faulty, asked))
    assert "engine_units.py" in broken.value.__notes__[0]
    told = capfd.readouterr()
    assert "A-17" not in told.out + told.err


def test_nothing_listens_to_other_machines(kind: EngineKind, place: Place) -> None:
    list(_engine(kind).map("square", units.square, [units.Unit(place, 1)]))
    hosts = _listening()
    assert bool(hosts) == (kind != "processes")
    assert {host for host in hosts if not host.startswith(("127.", "::1", "::ffff:127."))} == set()


def _listening() -> list[str]:
    """Addresses at which this process and those that it started listen."""
    import psutil

    own = psutil.Process()
    return [
        connection.laddr.ip
        for process in (own, *own.children(recursive=True))
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]


_WAITS = """
import sys, time
from flows.engine.engine import engine_of
from flows.home.engine_settings import EngineSettings
from tests.flows import engine_units as units

list(engine_of(EngineSettings(kind=sys.argv[1])).map("square", units.square, [units.Unit(None, 1)]))
print("begun", flush=True)
time.sleep(600)
"""


def test_workers_end_with_a_command_that_is_killed(kind: EngineKind) -> None:
    import psutil

    command = [sys.executable, "-c", _WAITS, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(workers) >= 2
    _, left = psutil.wait_procs(workers, timeout=_ENDED_WITHIN_S)
    for worker in left:
        worker.kill()
    assert left == []


UNITS = ((pieces, "classed"), (pieces, "priced"), (built, "build"), (printing, "fault"), (printing, "pdf_of_json"))
"""What workers do with a unit of each kind."""


def test_the_month_has_the_same_bytes_as_without_an_engine_whoever_is_killed(
    kind: EngineKind, tmp_path: Path, sample: Callable[[str], Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sample_home(tmp_path / "home")
    with home.settings_file.open("a") as file:
        file.write(f'\n[engine]\nkind = "{kind}"\n')
    without = _files(sample("may"))
    assert {path.partition("/")[0] for path in without} == {"manifest.json", "invoices", "usage", "mail"}
    # So little a month is one unit of everything: in smaller ones it is cut as a large month is.
    monkeypatch.setattr(printing, "TRIED_HERE", 0)
    monkeypatch.setattr(pieces, "ROWS_PER_MB", 0.05)
    for module, name in UNITS:
        killed = partial(units.killed_first, str(tmp_path / name), module.__name__, name)
        monkeypatch.setattr(module, name, killed)
    bill(home, "2026-05")
    assert {path.name for path in tmp_path.iterdir()} == {"home", *(name for _, name in UNITS)}
    assert _files(home) == without
    assert not list((home.store / "work" / "engine").glob("*"))


def test_a_run_whose_workers_are_killed_again_and_again_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sample_home(tmp_path / "home")
    with home.settings_file.open("a") as file:
        file.write('\n[engine]\nkind = "processes"\n')
    # Many pieces, so that one is being read while another one fails.
    monkeypatch.setattr(pieces, "ROWS_PER_MB", 0.02)
    with monkeypatch.context() as patch:
        patch.setattr(pieces, "classed", units.always_killed)
        with pytest.raises(Refused, match=r"class-000000 was ended from outside 3 times"):
            run_direct(request(home, "2026-05"))
    assert run_direct(request(home, "2026-05")).accounts["billed"] > 20
    engine.close_engines()


def _files(home: Home) -> dict[str, bytes]:
    """All that a month leaves for people."""
    out = home.out("2026-05")
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for part in ("manifest.json", "invoices/*", "usage/*", "mail/*")
        for path in out.glob(part)
    }
