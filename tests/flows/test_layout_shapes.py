"""What a layout may leave to its owner or find inside a record: columns by choice, records in records, parts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.books.runs import billing_settings
from flows.home.call_parts import sources_in_parts
from flows.home.file_settings import SourceSettings
from flows.home.settings import BillingSettings, Settings
from schemas.errors import WrongUsage
from tests.flows.inbox import Inbox, counts, opened

TOLD = "select call_id, from_number, to_number, duration_s from feed_calls order by source_line"


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    with opened(tmp_path) as it:
        yield it


def declare(inbox: Inbox, source_format: str, **options: Any) -> None:
    options = {"path": "inbox/calls/own/*", "time_zone": "UTC", **options}
    inbox.sources["own"] = SourceSettings(format=source_format, feed="calls", **options)


# ---- columns by choice ----

CHOSEN = ["time-start", "callid", "from-no", "to-no", "time-answered", "duration"]
LINE = "2026/05/04 10:00:00,7_1,Ext.1001,+442079460012,2026/05/04 10:00:05,00:01:00\n"


def test_a_line_has_the_columns_that_its_owner_chose_in_his_order(inbox: Inbox) -> None:
    declare(inbox, "threecx_v16", columns=CHOSEN)
    assert counts(inbox.take("calls/own/cdr.log", LINE)) == (1, 1, 0, 0)
    assert inbox.rows(TOLD) == [("7_1", "1001", "+442079460012", 60)]


def test_without_a_choice_it_has_the_usual_ones(inbox: Inbox) -> None:
    declare(inbox, "threecx_v16")
    assert counts(inbox.take("calls/own/cdr.log", LINE)) == (1, 0, 1, 0)
    assert inbox.rows("select reason from rejected_records") == [("found 6 columns; expected 27",)]


def test_our_own_name_may_stand_for_a_column(inbox: Inbox) -> None:
    declare(inbox, "threecx_v16", columns=[*CHOSEN, "account_id"])
    inbox.take("calls/own/cdr.log", LINE.replace("\n", ",A1\n"))
    assert inbox.rows("select account_id from feed_calls") == [("A1",)]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ([*CHOSEN, "duratoin"], "found duratoin"),
        ([*CHOSEN, "callid"], "each once"),
        ([name for name in CHOSEN if name != "time-answered"], "the column time-answered$"),
        ([name for name in CHOSEN if name != "duration"], "the column duration$"),
    ],
)
def test_a_choice_that_cannot_be_meant_is_refused(inbox: Inbox, columns: list[str], told: str) -> None:
    declare(inbox, "threecx_v16", columns=columns)
    with pytest.raises(WrongUsage, match=told):
        inbox.take("calls/own/cdr.log", LINE)


def test_a_zone_that_the_layout_cannot_know_is_asked_for(inbox: Inbox) -> None:
    inbox.sources["own"] = SourceSettings(format="avaya_smdr", feed="calls", path="inbox/calls/own/*")
    with pytest.raises(WrongUsage, match="declare time_zone: IP Office writes its own local time"):
        inbox.take("calls/own/smdr.csv", "")


# ---- records in records ----


def ucm(number: int, **more: str) -> dict[str, Any]:
    start, answer = "2026-05-04 10:00:00", "2026-05-04 10:00:05"
    ends = {"src": "1001", "dst": f"+44207946001{number}", "userfield": "Outbound"}
    told = {"AcctId": str(number), "uniqueid": f"u{number}", "start": start, "answer": answer, "billsec": "60"}
    return {**told, **ends, "disposition": "ANSWERED", **more}


def test_the_records_that_a_record_holds_stand_in_its_place(inbox: Inbox) -> None:
    group = {"cdr": "session", "main_cdr": ucm(9), "sub_cdr_1": ucm(1), "sub_cdr_2": ucm(2)}
    alone = {"cdr": "session", "main_cdr": ucm(3)}
    declare(inbox, "grandstream_ucm")
    page = json.dumps({"cdr_root": [group, alone, ucm(4), 5]}, indent=1)
    assert counts(inbox.take("calls/own/page.json", page)) == (5, 4, 1, 0)
    assert [to for _, _, to, _ in inbox.rows(TOLD)] == [f"+44207946001{number}" for number in (1, 2, 3, 4)]
    # What is kept of a record is its own text.
    assert inbox.rows("select raw_line from rejected_records") == [("5",)]


def test_a_broken_record_in_a_record_is_named_by_its_own_text(inbox: Inbox) -> None:
    declare(inbox, "grandstream_ucm")
    group = {"main_cdr": ucm(9), "sub_cdr_1": ucm(1), "sub_cdr_2": ucm(2, billsec="long")}
    inbox.take("calls/own/page.json", json.dumps({"cdr_root": [group]}))
    ((line, column, raw),) = inbox.rows("select source_line, column_name, raw_line from rejected_records")
    assert (line, column, json.loads(raw)["AcctId"]) == (2, "billsec", "2")


def test_another_layout_does_not_look_inside(inbox: Inbox) -> None:
    declare(inbox, "json", columns={"call_id": "uniqueid"})
    assert counts(inbox.take("calls/own/page.json", json.dumps([{"sub_cdr_1": ucm(1)}]))) == (1, 0, 1, 0)


# ---- calls in parts ----


def settings(**source: Any) -> Settings:
    own = SourceSettings(feed="calls", path="inbox/calls/own/*", **source)
    return Settings(billing=BillingSettings(first_invoice_month="2026-05"), sellers={}, sources={"own": own})


@pytest.mark.parametrize(
    ("source", "in_parts"),
    [
        ({"format": "avaya_smdr"}, True),
        ({"format": "avaya_smdr", "parts": False}, False),
        ({"format": "asterisk"}, False),
        ({"format": "csv", "parts": True}, True),
    ],
)
def test_a_layout_may_say_that_its_records_are_parts(source: dict[str, Any], in_parts: bool) -> None:
    found = settings(**source)
    assert sources_in_parts(found) == ["own"] * in_parts
    assert billing_settings(found).get("parts", []) == ["own"] * in_parts


@pytest.mark.parametrize(
    ("source_format", "name", "content"),
    [
        (
            "avaya_smdr",
            "smdr.csv",
            "2026/05/04 10:00:00,00:00:10,5,1001,O,+33155550100,+33155550100,,0,," + "," * 19 + "\n",
        ),
        ("threecx_v20", "cdr.json", json.dumps({"cdr_id": "1", "cdr_started_at": "2026-05-04 14:00:00+00"})),
        ("grandstream_ucm", "cdr.json", json.dumps(ucm(1, uniqueid=""))),
    ],
)
def test_a_record_without_an_id_is_no_part_of_others(inbox: Inbox, source_format: str, name: str, content: str) -> None:
    declare(inbox, source_format)
    assert counts(inbox.take(f"calls/own/{name}", content)) == (1, 0, 1, 0)
    assert inbox.rows("select reason from rejected_records") == [("found nothing; expected a value",)]
