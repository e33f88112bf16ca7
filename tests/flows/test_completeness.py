"""Declared days, sequences and control totals against what came (RULES 28)."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.home.file_settings import SourceSettings
from flows.home.settings import BillingSettings, Settings
from flows.review.completeness import missing
from flows.review.stops import Stop
from flows.undo.rollback import rollback
from tests.flows.inbox import CALLS, NOW, Inbox, call, opened

MONTH = "2026-06"


@pytest.fixture
def inbox(tmp_path: Path):
    with opened(tmp_path) as inbox:
        yield inbox


def _declare(inbox: Inbox, **more: str) -> None:
    inbox.sources["pbx"] = SourceSettings(feed="calls", path="inbox/calls/pbx/*", **more)


def _settings(inbox: Inbox) -> Settings:
    return Settings(billing=BillingSettings(first_invoice_month="2026-05"), sellers={}, sources=inbox.sources)


def _missing(inbox: Inbox) -> list[Stop]:
    return missing(inbox.store, _settings(inbox), MONTH)


def _day(number: int, zone: str = "Z", hour: int = 10) -> str:
    return call(number, started_at=f"2026-05-{number:02d}T{hour:02d}:00:00{zone}")


def test_a_daily_source_without_a_day(inbox: Inbox) -> None:
    _declare(inbox, expect="daily", time_zone="America/New_York")
    # Two in the morning in London on the 10th is still the 9th in New York.
    lines = [_day(n) for n in range(1, 32) if n not in (9, 10, 20, 21)] + [_day(10, hour=2)]
    inbox.put("calls/pbx/may.csv", CALLS + "".join(lines))
    inbox.put("calls/pbx/calls-2026-05-20.csv", CALLS)
    inbox.ingest()
    (stop,) = _missing(inbox)
    assert (stop.code, stop.subject) == ("missing_days", "pbx")
    assert stop.detail == "expected daily; nothing for 2026-05-10, 2026-05-21"
    inbox.put("usage_totals/t.csv", "source,local_date,records,seconds\npbx,2026-05-10,0,0\npbx,2026-05-21,0,0\n")
    inbox.ingest()
    assert _missing(inbox) == []


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ([1, 2, 4], "0003"),
        ([9998, 9999, 0, 1], None),
        ([9997, 9999, 1], "9998, 0000"),
        ([5], None),
        ([3, 1, 8], "0002, 0004, 0005, 0006, 0007"),
    ],
)
def test_a_gap_in_the_sequence(inbox: Inbox, numbers: list[int], told: str | None) -> None:
    _declare(inbox, sequence="cdr-*-####.csv")
    for position, number in enumerate(numbers, start=1):
        inbox.put(f"calls/pbx/cdr-x{position}-{number:04d}.csv", CALLS + _day(position))
    inbox.put("calls/pbx/another.csv", CALLS + _day(20))
    inbox.ingest()
    found = [stop.detail for stop in _missing(inbox)]
    assert found == ([f"sequence cdr-*-####.csv lacks {told}"] if told else [])


def test_a_refused_or_rolled_back_file_is_missing(inbox: Inbox) -> None:
    _declare(inbox, sequence="cdr_##.csv")
    for number in (1, 2, 3, 4, 5):
        inbox.put(f"calls/pbx/cdr_{number:02d}.csv", CALLS + _day(number) if number != 2 else "nonsense\n1\n")
    inbox.ingest()
    inbox.home.settings_file.write_text(
        '[billing]\nfirst_invoice_month = "2026-05"\n[sellers]\n[sources.pbx]\nfeed = "calls"\n'
        'path = "inbox/calls/pbx/*"\nsequence = "cdr_##.csv"\n'
    )
    inbox.home.catalog.mkdir()
    (inbox.home.catalog / "catalog.yaml").write_text("products: {}\nplans: {}\n")
    rollback(inbox.store, _settings(inbox), "inbox/calls/pbx/cdr_04.csv", by="ben", now=NOW)
    (stop,) = _missing(inbox)
    assert (
        "lacks 02, 04; inbox/calls/pbx/cdr_02.csv is refused; inbox/calls/pbx/cdr_04.csv is rolled back" in stop.detail
    )


def test_last_years_lap_does_not_hide_a_gap(inbox: Inbox) -> None:
    _declare(inbox, sequence="cdr_##.csv")
    inbox.put("calls/pbx/cdr_02.csv", CALLS + call(1, started_at="2025-02-01T10:00:00Z"))
    for number in (1, 3):
        inbox.put(f"calls/pbx/cdr_{number:02d}.csv", CALLS + _day(number))
    inbox.ingest()
    assert [stop.detail for stop in _missing(inbox)] == ["sequence cdr_##.csv lacks 02"]


def test_control_totals_in_records_and_seconds(inbox: Inbox) -> None:
    _declare(inbox, time_zone="America/New_York")
    inbox.put("calls/pbx/a.csv", CALLS + _day(4) + _day(5, hour=3) + call(6, duration_s="x"))
    inbox.put(
        "usage_totals/t.csv",
        "source,local_date,records,seconds\npbx,2026-05-04,2,120\npbx,2026-05-05,1,60\npbx,2026-04-01,9,9\n",
    )
    inbox.ingest()
    (stop,) = _missing(inbox)
    assert stop.subject == "pbx 2026-05-05"
    assert stop.detail == "the switch wrote 1 record and 60 seconds, loaded are 0 and 0"
    inbox.put("usage_totals/mended.csv", "source,local_date,records,seconds\npbx,2026-05-05,0,0\n")
    inbox.ingest()
    assert _missing(inbox) == []


@pytest.mark.parametrize("sequence", ["cdr.csv", "cdr_##_##.csv", "a/b_##.csv"])
def test_a_sequence_that_cannot_be_meant(sequence: str) -> None:
    with pytest.raises(ValidationError, match="one run of #"):
        SourceSettings(feed="calls", path="inbox/calls/*", sequence=sequence)
