"""source try: a sample of usage nobody has declared yet, as ingest would read it, and the settings to paste."""

import gzip
import json
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.ask.source_try import SourceTrial, try_source
from flows.home.file_settings import SourceSettings
from flows.ingest.files import InboxFile
from flows.ingest.layouts import layout_of
from flows.ingest.take_in import kind_of, read_sample
from schemas.errors import WrongUsage
from schemas.feeds import FEEDS
from tests import forked
from tests.flows.test_preset_files import OURS
from tests.scenarios.month.home import make_home

NOW = datetime(2026, 6, 2, tzinfo=UTC)

HEAD = "call_id,started_at,direction,from_number,to_number,duration_s,disposition,account_id,their_note\n"
CALLS = (
    HEAD
    + "c1,2026-05-04T10:00:00Z,outbound,+16175550101,+442079460001,60,ANSWERED,,x\n"
    + "c2,2026-05-04T10:10:00Z,inbound,+442079460001,+16175550102,25,NO ANSWER,,x\n"
    + "c3,2026-05-04T10:20:00Z,internal,101,102,30,ANSWERED,A1,x\n"
    + "c4,2026-05-04T10:30:00Z,sideways,+16175550101,+442079460001,5,ANSWERED,,x\n"
)
ASTERISK = "".join(
    f'"","{src}","{dst}","{context}","","SIP/a-1","SIP/b-1","Dial","","2026-05-04 10:0{n}:00","2026-05-04 10:0{n}:05",'
    f'"2026-05-04 10:0{n}:35",35,30,"ANSWERED","DOCUMENTATION","170000000{n}.1"\n'
    for n, (src, dst, context) in enumerate(
        [("6175550101", "011442079460001", "from-internal"), ("6175550199", "6175550101", "ext-did-0001")]
    )
)


def tried(folder: Path, content: str | bytes, name: str = "cdr.csv", **options: Any) -> SourceTrial:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return try_source(path, NOW, **options)


def pasted(trial: SourceTrial) -> SourceSettings:
    """The block with its questions answered as they stand; those without a suggestion stay comments."""
    block = trial.as_json()["settings"]
    lines = [re.sub(r"^# (\w+ = )", r"\1", line) if " = …" not in line else line for line in block.splitlines()]
    (table,) = tomllib.loads("\n".join(lines))["sources"].values()
    return SourceSettings.model_validate(table)


def read_as_pasted(path: Path, trial: SourceTrial) -> int:
    """Records that ingest reads from a file by the pasted block."""
    source = pasted(trial)
    file = InboxFile(path, path.name, source.feed, "pasted", source, named=True)
    layout = layout_of(FEEDS[source.feed], "pasted", source, str(kind_of(file)))
    return sum(parsed.rows.height for _, parsed in read_sample(file, layout, NOW))


def test_our_own_columns_map_themselves_and_records_are_shown_as_understood(tmp_path: Path) -> None:
    trial = tried(tmp_path, CALLS)
    told = trial.as_json()
    assert (told["layout"], told["feed"], told["records"], told["read"], told["rejected"]) == ("csv", "calls", 4, 3, 1)
    assert {*told["asked"]} == {"directions"}, "a word for a direction that nobody knows"
    one, two, three = told["understood"]
    assert (one["started_at"], one["time_zone"], one["answered"], one["seconds"]) == (
        "2026-05-04 10:00:00", "UTC", True, 60,
    )  # fmt: skip
    assert (one["from_number"], one["to_number"], one["who_pays"]) == (
        "+16175550101", "+442079460001", "the owner of +16175550101",
    )  # fmt: skip
    assert (two["answered"], two["who_pays"]) == (False, "the owner of +16175550102")
    assert three["who_pays"] == "account A1, if it owns extension 101"
    assert told["columns_not_read"] == ["their_note"]
    assert {row["value"]: row["meaning"] for row in told["values"]["direction"]} == {
        "outbound": "is outbound", "inbound": "is inbound", "internal": "is internal",
        "sideways": "in rejected records only",
    }  # fmt: skip
    assert told["values"]["disposition"][1]["meaning"] == "is not answered"
    assert ["line 5, column direction" in line for line in told["rejects"]] == [True]
    assert trial.incomplete, "a record was rejected"
    assert read_as_pasted(tmp_path / "cdr.csv", trial) == 3
    said = "\n".join(trial.lines())
    for words in ("fits csv: 3 of 4 records", "columns not read: their_note", "rejected: ", "[sources.cdr]"):
        assert words in said


@pytest.mark.parametrize("name", ["cdr.jsonl", "cdr.json", "cdr.parquet", "cdr.csv.gz", "Master.csv.1", "cdr.txt"])
def test_our_own_columns_map_themselves_in_every_kind_of_file(name: str, tmp_path: Path) -> None:
    frame = pl.read_csv(CALLS.encode(), infer_schema=False).head(3)
    if name.endswith("jsonl"):
        content: str | bytes = frame.write_ndjson()
    elif name.endswith("json"):
        content = json.dumps(frame.to_dicts())
    elif name.endswith("gz"):
        content = gzip.compress(frame.write_csv().encode())
    else:
        content = frame.write_csv()
    if name.endswith("parquet"):
        frame.write_parquet(tmp_path / name)
        trial = try_source(tmp_path / name, NOW)
    else:
        trial = tried(tmp_path, content, name)
    told = trial.as_json()
    assert (told["read"], told["rejected"], told["asked"], trial.incomplete) == (3, 0, {}, False)
    assert told["columns_not_read"] == ["their_note"]
    assert read_as_pasted(tmp_path / name, trial) == 3


def test_a_switch_s_own_layout_is_found_and_what_it_cannot_know_is_asked_with_the_values_found(tmp_path: Path) -> None:
    trial = tried(tmp_path, ASTERISK, "Master.csv")
    told = trial.as_json()
    assert (told["layout"], told["read"]) == ("asterisk", 2)
    assert {*told["asked"]} == {"columns", "time_zone", "country", "directions"}
    assert "011442079460001" in told["asked"]["country"]
    block = told["settings"]
    assert '# columns = ["uniqueid"]' in block
    assert '# directions = { from-internal = "outbound", ext-did-0001 = "inbound" }' in block
    assert pasted(trial).time_zone == "America/New_York"
    assert read_as_pasted(tmp_path / "Master.csv", trial) == 2
    only = tried(tmp_path, ASTERISK, "Master.csv", like="asterisk").as_json()
    assert {*only["tried"]} == {"asterisk"}
    other = tried(tmp_path, ASTERISK, "Master.csv", like="freeswitch")
    assert (other.as_json()["layout"], other.incomplete) == (None, True)


@pytest.mark.parametrize(
    ("unit", "duration", "answered_at"),
    [("seconds", 30, "2026-05-04T10:00:05.000Z"), ("milliseconds", 30000, "2026-05-04T10:00:05.000Z")],
)
def test_a_choice_that_a_layout_asks_for_is_tried(unit: str, duration: int, answered_at: str, tmp_path: Path) -> None:
    call = {
        "legId": "l1", "startTime": "2026-05-04T10:00:00.000Z", "answerTime": answered_at,
        "endTime": "2026-05-04T10:00:35.000Z", "duration": duration, "direction": "OUTBOUND",
        "caller": {"number": "+16175550101"}, "callee": {"number": "+442079460001"},
    }  # fmt: skip
    told = tried(tmp_path, json.dumps({"items": [call]}), "page.json", like="goto_history").as_json()
    assert told["read"] == 1, told["rejects"]
    assert f'# duration_unit = "{unit}"' in told["settings"]


def test_columns_that_look_like_ours_are_proposed_and_asked_about(tmp_path: Path) -> None:
    text = "Date;Time;Call Type;Caller;Dialled;Talk time;Result\n"
    text += "04.05.2026;10:00:00;Outgoing;+16175550101;+442079460001;0:01:00;Answered\n"
    text += "04.05.2026;10:10:00;Incoming;+442079460001;+16175550101;0:00:00;Missed\n"
    trial = tried(tmp_path, text.encode("utf-16"))
    told = trial.as_json()
    assert told["read"] == 2, told["rejects"]
    source = pasted(trial)
    assert (source.encoding, source.delimiter, source.duration_unit) == ("utf-16", ";", "hms")
    assert source.time_format == "%d.%m.%Y %H:%M:%S"
    assert source.directions == {"Outgoing": "outbound", "Incoming": "inbound"}
    assert [record["answered"] for record in told["understood"]] == [True, False]
    assert {"columns", "directions", "call_id_from", "time_zone"} <= {*told["asked"]}
    assert read_as_pasted(tmp_path / "cdr.csv", trial) == 2


def test_columns_with_words_that_nobody_knows_are_proposed_by_what_stands_in_them(tmp_path: Path) -> None:
    text = (
        "wann;wer;wen;lang;weg\n2026-05-04 10:00:00;+442079460101;+33123456789;61;hinaus\n"
        "2026-05-04 11:00:00;0442079460101;101;5;herein\n"
    )
    trial = tried(tmp_path, text)
    assert pasted(trial).columns == {
        "started_at": "wann", "from_number": "wer", "to_number": "wen", "duration_s": "lang", "direction": "weg",
    }  # fmt: skip
    assert pasted(trial).directions == {"hinaus": "outbound", "herein": "inbound"}
    assert trial.as_json()["read"] == read_as_pasted(tmp_path / "cdr.csv", trial) == 2
    assert "do these columns hold" in trial.as_json()["asked"]["columns"]


def test_of_records_the_first_of_each_kind_are_shown(tmp_path: Path) -> None:
    """Sixty calls go out before one comes in."""
    out = [f"c{n},2026-05-04T10:00:00Z,outbound,+16175550101,+442079460001,60,ANSWERED,,x\n" for n in range(60)]
    late = "in,2026-05-04T10:10:00Z,inbound,0442079460001,+16175550102,25,ANSWERED,,x\n"
    shown = tried(tmp_path, HEAD + "".join(out) + late).as_json()["understood"]
    assert [row["line"] for row in shown] == [2, 3, 4, 5, 62]


def test_a_page_of_json_and_a_csv_without_header(tmp_path: Path) -> None:
    records = [dict(zip(HEAD.strip().split(","), line.split(","), strict=True)) for line in CALLS.splitlines()[1:4]]
    page = tried(tmp_path, json.dumps({"next": None, "calls": records}), "page.json").as_json()
    assert page["read"] == 3
    assert 'items = "calls"' in page["settings"]
    bare = tried(tmp_path, "1777888800|30.4|+16175550101|+442079460001|x\n1777888900|9|+16175550101|+442079460001|y\n")
    assert bare.as_json()["read"] == 2
    assert pasted(bare).columns == ["started_at", "duration_s", "from_number", "to_number", "column 5"]
    assert [record["seconds"] for record in bare.as_json()["understood"]] == [30, 9]


def test_a_large_file_is_tried_by_its_beginning(tmp_path: Path) -> None:
    line = CALLS.splitlines()[1] + "\n"
    many = HEAD + "".join(line.replace("c1", f"c{number}", 1) for number in range(60_000))
    told = tried(tmp_path, many, like="csv").as_json()
    assert told["only_the_beginning"]
    assert 0 < told["read"] == told["records"] < 60_000


def test_what_nothing_reads_says_why_and_what_is_no_sample_is_refused(tmp_path: Path) -> None:
    trial = tried(tmp_path, "Dear customer,\nthe calls follow by post.\n")
    assert trial.incomplete
    assert "comes nearest to csv: 0 of" in trial.lines()[0]
    cut = tried(tmp_path, CALLS.rstrip("\n"))
    assert any("a last line without line end" in line for line in cut.as_json()["rejects"])
    (tmp_path / "empty.csv").touch()
    for path in (tmp_path / "empty.csv", tmp_path / "nothing.csv", tmp_path):
        with pytest.raises(WrongUsage):
            try_source(path, NOW)
    with pytest.raises(WrongUsage, match="--like: found 'no'"):
        tried(tmp_path, CALLS, like="no")


def test_the_command_needs_no_home_and_leaves_nothing_behind(tmp_path: Path) -> None:
    sample = tmp_path / "cdr.csv"
    sample.write_text(CALLS, encoding="utf-8")
    home = tmp_path / "none"
    done = forked.tollbook("--home", str(home), "--today", "2026-06-02", "--json", "source", "try", str(sample))
    assert (done.returncode, json.loads(done.stdout)["read"]) == (3, 3)
    assert not home.exists()
    made = make_home(tmp_path / "home")
    declared = '\n[sources.pbx]\nfeed = "calls"\npath = "inbox/calls/*.csv"\naccount_id = "A9"\n'
    made.settings_file.write_text(made.settings_file.read_text(encoding="utf-8") + declared, encoding="utf-8")
    before = sorted(path for path in made.root.rglob("*"))
    asked = ["--home", str(made.root), "source", "try", str(sample)]
    done = forked.tollbook(*asked, "--like", "pbx")
    assert "# as declared: sources.pbx" in done.stdout, done.stderr
    assert "pays: account A9, if it owns +16175550101" in done.stdout
    assert sorted(path for path in made.root.rglob("*")) == before, "no database, no lock, nothing kept"
    made.settings_file.write_text("no settings", encoding="utf-8")
    assert forked.tollbook(*asked, "--like", "pbx").returncode == 2
    left_aside = forked.tollbook(*asked)
    assert "left aside" in left_aside.stderr
    assert "3 of 4 records" in left_aside.stdout


def test_times_stand_as_written_until_their_zone_is_declared(tmp_path: Path) -> None:
    trial = tried(tmp_path, ASTERISK)
    assert trial.as_json()["understood"][0]["time_zone"] is None
    assert trial.lines()[1].startswith("  line 1: 2026-05-04 10:00:00 in a zone to be declared, ")
    known = SourceSettings(
        feed="calls", format="asterisk", path="x", time_zone="America/New_York", columns=["uniqueid"]
    )
    declared = try_source(tmp_path / "cdr.csv", NOW, like="pbx", declared={"pbx": known})
    assert declared.lines()[1].startswith("  line 1: 2026-05-04 10:00:00 America/New_York, ")


INSIDE = (
    HEAD
    + "c1,2026-05-04T10:00:00Z,outbound,101,+442079460001,60,ANSWERED,,x\n"
    + "c2,2026-05-04T10:10:00Z,inbound,+442079460001,102,25,ANSWERED,,x\n"
    + "c3,2026-05-04T10:20:00Z,outbound,+16175550101,+442079460001,25,ANSWERED,,x\n"
)


def test_an_extension_without_an_account_is_asked_whose_it_is(tmp_path: Path) -> None:
    trial = tried(tmp_path, INSIDE)
    told = trial.as_json()
    assert [record["who_pays"] for record in told["understood"]] == [
        "nobody yet: whose extension 101 is, no account says (account_id)",
        "nobody yet: whose extension 102 is, no account says (account_id)",
        "the owner of +16175550101",
    ]
    assert told["asked"]["account_id"].startswith("2 of 3 records have an extension or nothing at our end")
    assert "feed devices" in told["asked"]["account_id"]
    assert '# account_id = "ACCOUNT"  # 2 of 3 records' in told["settings"]
    assert read_as_pasted(tmp_path / "cdr.csv", trial) == 3
    stated = tried(tmp_path, INSIDE.replace("ANSWERED,,", "ANSWERED,A1,")).as_json()
    assert not stated["asked"].keys() & {"account_id", "values"}


def test_what_a_system_calls_its_customers_is_asked_about(tmp_path: Path) -> None:
    folder = Path(__file__).parents[1] / "presets" / "fusionpbx_xml_cdr"
    trial = try_source(next(folder.glob("cdr_a1*")), NOW)
    told = trial.as_json()
    met = {row["value"]: row["meaning"] for row in told["values"]["account_id"]}
    assert met == {"A1": "is A1", "a1.pbx.example": "is a1.pbx.example", "B1": "is B1"}
    assert told["asked"]["values"] == "what does feed accounts call these? They stand in accountcode"
    assert 'values = { account_id = { A1 = "A1", "a1.pbx.example" = "a1.pbx.example", B1 = "B1" } }' in told["settings"]
    assert "account_id: 'A1' (" in "\n".join(trial.lines())
    assert pasted(trial).values["account_id"]["B1"] == "B1"


def test_a_path_without_a_file_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="found no such file; expected a sample of usage"):
        try_source(tmp_path / "nothing.csv", NOW)
    with pytest.raises(WrongUsage, match="found a folder; expected a sample of usage"):
        try_source(tmp_path, NOW)


def _preset_files() -> list[Path]:
    """A file of each layout that has one, the longest: the others are the same in another kind, or without records."""
    folders = [path.parent for path in sorted((Path(__file__).parents[1] / "presets").glob("*/expected.csv"))]
    files = ([path for path in folder.iterdir() if path.name not in OURS] for folder in folders)
    return [max(own, key=lambda path: path.stat().st_size) for own in files]


@pytest.mark.parametrize("path", _preset_files(), ids=lambda path: path.parent.name)
def test_the_layout_of_a_systems_own_file_is_told(path: Path) -> None:
    assert try_source(path, NOW).as_json()["layout"] == path.parent.name
