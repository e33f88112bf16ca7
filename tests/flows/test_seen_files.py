"""Files of the inbox that nobody has touched are not read again; who has, is."""

import json
import os
from pathlib import Path

import pytest

from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest import reading, seen
from flows.ingest.files import InboxFile, Physical, fingerprint
from flows.ingest.report import IngestReport
from flows.ingest.take_in import ingest
from tests.flows.issuing import NOW, calls
from tests.scenarios.month.home import make_home

FILE = "inbox/calls/may.csv"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A file of calls, taken in; however small, and however short it has lain there, it may be noted."""
    monkeypatch.setattr(seen, "SMALL", 0)
    monkeypatch.setattr(seen, "STILL_NS", 0)
    home = make_home(tmp_path / "home")
    calls(home, "may", ("may", "2025-05-05T10:00:00Z", "+33123456789", 100))
    _take_in(home)
    return home


@pytest.fixture
def was_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Files of calls whose bytes were hashed."""
    names: list[str] = []

    def noting(file: InboxFile) -> Physical:
        if file.feed_name == "calls":
            names.append(file.name)
        return fingerprint(file)

    monkeypatch.setattr(reading, "fingerprint", noting)
    return names


def _take_in(home: Home) -> IngestReport:
    with Store(home) as store:
        return ingest(store, load_settings(home), None, now=NOW)


def _states(report: IngestReport) -> dict[str, str]:
    return {file.source_file: file.state for file in report.files if file.feed == "calls"}


def test_a_file_that_nobody_touched_is_known_without_being_read(home: Home, was_read: list[str]) -> None:
    assert _states(_take_in(home)) == {FILE: "known"}
    assert was_read == []


def test_other_content_of_the_same_length_and_time_is_read_and_refused(home: Home, was_read: list[str]) -> None:
    path = home.root / FILE
    before = path.stat()
    path.write_bytes(path.read_bytes().replace(b"33123456789", b"33123456780"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    (refused,) = _take_in(home).refused
    assert was_read == [FILE]
    assert "other content than the file of this name already loaded" in str(refused.faults[0])


def test_what_came_just_before_it_was_read_is_read_again(
    home: Home, was_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change in the same moment could have left the file with the same time."""
    monkeypatch.setattr(seen, "STILL_NS", 3600 * 10**9)
    calls(home, "june", ("june", "2025-05-06T10:00:00Z", "+33123456789", 100))
    _take_in(home)
    was_read.clear()
    assert _states(_take_in(home)) == {FILE: "known", "inbox/calls/june.csv": "known"}
    assert was_read == ["inbox/calls/june.csv"]


@pytest.mark.parametrize("note", [b"", b"[]", b'{"a": 1}', b'{"a": {"stands": []}}', b"\xff"])
def test_a_note_that_is_none_costs_a_reading_and_nothing_else(home: Home, was_read: list[str], note: bytes) -> None:
    (home.store / "inbox.json").write_bytes(note)
    assert _states(_take_in(home)) == {FILE: "known"}
    assert was_read == [FILE]
    assert FILE in json.loads((home.store / "inbox.json").read_bytes())


def test_a_file_that_went_is_noted_no_more(home: Home) -> None:
    (home.root / FILE).unlink()
    _take_in(home)
    assert FILE not in json.loads((home.store / "inbox.json").read_bytes())
