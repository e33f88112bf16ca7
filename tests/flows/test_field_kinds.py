"""More inputs of the kinds that the field reported, each wrong or unread before."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from flows.home.file_settings import SourceSettings
from flows.ingest.durations import as_seconds
from rating.dispositions import is_cause, is_unknown, says_unanswered
from tests.flows.inbox import Inbox, call, opened

HEAD = "call_id,started_at,direction,from_number,to_number,duration_s,disposition\n"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


@pytest.mark.parametrize(
    "word",
    [
        "No User Responding", "No answer from user (user alerted)", "User alerting, no answer", "NO-ANSWER-TIMEOUT",
        "Unallocated (unassigned) number", "No route to destination", "No circuit/channel available",
        "Switching equipment congestion", "Temporary failure", "Does Not Exist Anywhere", "user_not_available",
        "Call Not Connected",
    ],
)  # fmt: skip
def test_a_phrase_of_q850_or_sip_says_that_nobody_answered(word: str) -> None:
    rows = pl.DataFrame({"word": [word]})
    told = rows.select(
        no=says_unanswered(pl.col("word")) | is_cause(pl.col("word")), unknown=is_unknown(pl.col("word"))
    )
    assert told.row(0) == (True, False)


@pytest.mark.parametrize(("cell", "seconds"), [(".5", "1"), (".49", "0"), ("0.5", "1"), ("60", "60"), ("60.", None)])
def test_decimal_seconds_without_a_leading_zero(cell: str, seconds: str | None) -> None:
    told = pl.DataFrame({"cell": [cell, "", "."]}).select(told=as_seconds(pl.col("cell"), "decimal_seconds"))["told"]
    assert told.to_list() == [seconds or f"{cell} (no seconds)", " (no seconds)", ". (no seconds)"]


def test_decimal_seconds_that_are_none_say_what_is_right(inbox: Inbox) -> None:
    inbox.sources["pbx"] = SourceSettings(
        feed="calls", path="inbox/calls/pbx/*", time_zone="UTC", duration_unit="decimal_seconds"
    )
    result = inbox.take("calls/pbx/a.csv", HEAD + call(1).strip() + ",\n" + call(2, duration_s="1e2").strip() + ",\n")
    (fault,) = [fault for fault in result.faults if fault.line == 3]
    assert (fault.column, fault.expected) == ("duration_s", "seconds with a decimal point, as 29.517")


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\v", "\x1e"])
def test_a_header_that_holds_the_records_too_is_no_file_without_records(end: str, inbox: Inbox) -> None:
    text = HEAD.strip() + end + call(1).strip() + ",ANSWERED\n"
    result = inbox.take("calls/a.csv", text)
    assert (result.state, result.records) == ("refused", 0)
    assert "other ends of lines" in str(result.faults[0])
