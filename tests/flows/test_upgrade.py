"""`tollbook upgrade`: homes that earlier programs really made, brought to today, with a copy of what they were (R7)."""

import json
import tarfile
from pathlib import Path

import duckdb
import pytest

from flows.home.schema import SCHEMA_VERSION
from flows.home.settings import Home
from flows.home.store import version_of
from tests.flows.issuing import rows
from tests.forked import tollbook

HOMES = Path(__file__).parents[1] / "homes"


@pytest.fixture(params=[5, 9])
def version(request: pytest.FixtureRequest) -> int:
    found: int = request.param
    return found


@pytest.fixture
def home(tmp_path: Path, version: int) -> Home:
    with tarfile.open(HOMES / f"schema_{version}" / "home.tar.xz") as archive:
        archive.extractall(tmp_path / "home", filter="data")
    return Home(tmp_path / "home")


def _say(home: Home, *words: str, by: str = "anna") -> tuple[int, str, str]:
    ended = tollbook("--home", str(home.root), "--today", "2025-07-02", "--by", by, *words)
    return ended.returncode, ended.stdout, ended.stderr


def test_a_home_is_brought_to_today_and_its_month_half_drafted_goes_on(home: Home, version: int) -> None:
    before = home.database.read_bytes()
    code, said, told = _say(home, "upgrade")
    assert code == 0, told
    assert f"from schema version {version} to {SCHEMA_VERSION}" in said
    assert version_of(home) == SCHEMA_VERSION
    assert home.before_upgrade(version).read_bytes() == before
    assert _say(home, "upgrade")[0] == 5
    code, _, told = _say(home, "approve", "2025-07", "--override", "a test", by="ben")
    assert code in (0, 3), told
    assert _say(home, "send", "2025-07", by="ben")[0] in (0, 3)
    assert _say(home, "doctor")[0] == 0, _say(home, "doctor")[1]


def test_the_journal_begins_with_all_that_had_left_the_house(home: Home) -> None:
    _say(home, "upgrade")
    lines = [json.loads(line) for line in home.journal.read_text(encoding="utf-8").splitlines()]
    numbers = {number for line in lines for number, _ in line.get("documents", [])}
    assert numbers == {number for (number,) in rows(home, "select invoice_number from issued_documents")}
    mails = {line["key"] for line in lines if line["kind"] == "mail"}
    assert mails == {key for (key,) in rows(home, "select distinct message_id from delivery_events")}
    assert len(mails) > 1


def test_the_copy_of_before_is_no_way_round_the_journal(home: Home, version: int) -> None:
    _say(home, "upgrade")
    kept = home.before_upgrade(version).read_bytes()
    assert _say(home, "run", "2025-08", "--direct")[0] in (0, 3)
    home.database.write_bytes(kept)
    code, _, told = _say(home, "run", "2025-08", "--direct")
    assert code == 4
    assert "the books end at audit entry" in told
    with duckdb.connect(str(home.before_upgrade(version)), read_only=True) as con:
        assert con.execute("select max(version) from schema_version").fetchall() == [(version,)]
