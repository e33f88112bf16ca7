"""What every test relies on: no network but loopback, no settings of the person who runs it, and one clock zone."""

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
_PREFECT_HOME = tempfile.mkdtemp(prefix="tollbook-prefect-")


def _clean_environment() -> None:
    """Before anything of ours or Prefect's is imported: settings are read once, at import."""
    for name in list(os.environ):
        if name.startswith(("TOLLBOOK_", "PREFECT_API_")):
            del os.environ[name]
    os.environ["PREFECT_HOME"] = _PREFECT_HOME
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] = "180"
    os.environ["AIOSMTPD_CONTROLLER_TIMEOUT"] = "600"  # its own 5 s are too few on a busy machine
    # No account of any test lives here, so a day or a time taken from the machine's zone shows.
    os.environ["TZ"] = "Pacific/Chatham"
    time.tzset()


def _is_loopback(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name in {None, "", "localhost", "::1", "0.0.0.0", "::"} or str(name).startswith("127.")  # noqa: S104 compared


def _forbid_network() -> None:
    """Names are looked up and connections made on loopback only; anything else fails the test."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def connect_here(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            raise RuntimeError(f"a test tried to reach {address}")
        connect(self, address)

    def look_up_here(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not _is_loopback(host):
            raise RuntimeError(f"a test tried to look up {host!r}")
        return look_up(host, *args, **kwargs)

    socket.socket.connect = connect_here  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = look_up_here


_clean_environment()
_forbid_network()

# ci: the same examples every time, so that a red run is red again. explore: new ones, and many.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, max_examples=100)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="accept what is made now as tests/golden/")


def pytest_unconfigure() -> None:
    from tests import forked

    forked.stop()
    shutil.rmtree(_PREFECT_HOME, ignore_errors=True)


@pytest.fixture(scope="module")
def without_pdfs() -> Iterator[None]:
    """For tests that read no PDF: `pytestmark = pytest.mark.usefixtures("without_pdfs")`."""
    from tests.flows.issuing import no_pdfs

    with no_pdfs():
        yield


@pytest.fixture(scope="module")
def without_reviews() -> Iterator[None]:
    """For tests that read neither the review nor the snapshot of a run."""
    from tests.flows.issuing import no_reviews

    with no_reviews():
        yield


@pytest.fixture(scope="session", autouse=True)
def tables_read_once() -> Iterator[None]:
    """Every home reads the same shipped tax tables; the same texts are parsed once per process."""
    from taxes.tables import TaxTables, load_tables

    known: dict[tuple[tuple[tuple[str, str], ...], ...], TaxTables] = {}

    def loaded(*files: dict[str, str]) -> TaxTables:
        key = tuple(tuple(sorted(part.items())) for part in files)
        if key not in known:
            known[key] = load_tables(*files)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flows.catalog.load.load_tables", loaded)
        yield


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether the person who runs this wants expected output rewritten rather than compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of check cases and real files beside the checkout; tests that need it are skipped without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside the checkout")
    return folder
