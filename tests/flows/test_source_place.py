"""source try in a home: whose the file is, a path that takes it where it lies, and what ingest says before that."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flows.ask.source_try import SourceTrial, try_source
from flows.home.settings import Home, load_settings
from tests import forked
from tests.flows.test_source_try import ASTERISK, CALLS
from tests.scenarios.month.home import make_home

NOW = datetime(2026, 6, 2, tzinfo=UTC)
OLD = """
[sources.old]
feed = "calls"
format = "asterisk"
path = "inbox/calls/old/*.csv"
time_zone = "America/New_York"
columns = ["uniqueid"]
"""
ANSWERS = {"time_zone": '"America/New_York"', "country": '"US"'}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


def declare(home: Home, block: str) -> None:
    with home.settings_file.open("a", encoding="utf-8") as settings:
        settings.write(f"\n{block}\n")


def put(home: Home, path: str, content: str = ASTERISK) -> Path:
    file = home.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content, encoding="utf-8")
    return file


def tried(home: Home, file: Path, like: str | None = None) -> SourceTrial:
    return try_source(file, NOW, like=like, declared=load_settings(home).sources, home=home.root)


def block_of(trial: SourceTrial) -> str:
    return str(trial.as_json()["settings"])


def path_in(trial: SourceTrial) -> str:
    found = re.search(r'^path = "(.*)"$', block_of(trial), re.MULTILINE)
    assert found, block_of(trial)
    return found[1]


def answered(block: str) -> str:
    """The block with its questions answered as they stand, or by ANSWERS."""
    lines = [re.sub(r"^# (\w+ = )", r"\1", line) for line in block.splitlines() if "account_id = " not in line]
    kept = [line for line in lines if line.split(" = ")[0] not in ANSWERS]
    return "\n".join([*kept, *(f"{key} = {value}" for key, value in ANSWERS.items())])


def ingested(home: Home, *paths: str) -> tuple[int, dict[str, Any], str]:
    done = forked.tollbook("--home", str(home.root), "--today", "2026-06-02", "--json", "ingest", *paths)
    return done.returncode, {row["file"]: row for row in json.loads(done.stdout or "[]")}, done.stderr


def test_a_source_is_the_answer_only_where_its_path_takes_the_file(home: Home, tmp_path: Path) -> None:
    declare(home, OLD)
    own = tried(home, put(home, "inbox/calls/old/Master.csv"))
    assert (own.as_json()["layout"], block_of(own)) == ("sources.old", "# as declared: sources.old")
    for elsewhere in (put(home, "inbox/calls/new/Master.csv"), put(Home(tmp_path), "Master.csv")):
        trial = tried(home, elsewhere)
        assert trial.as_json()["layout"] == "asterisk"
        assert "[sources.master]" in block_of(trial)
        told = "[sources.old] reads 2 of 2 too; its path inbox/calls/old/*.csv does not take this file"
        assert told in trial.as_json()["others"]
        assert f"  {told}" in trial.lines()


def test_a_source_that_is_asked_for_is_the_answer_and_says_where_its_files_lie(home: Home, tmp_path: Path) -> None:
    declare(home, OLD)
    outside = tried(home, put(Home(tmp_path), "Master.csv"), like="old")
    assert outside.as_json()["layout"] == "sources.old"
    assert block_of(outside).splitlines() == [
        "# as declared: sources.old",
        "# the file lies outside of the inbox: put it into inbox/calls/old/ of the home",
    ]
    inside = tried(home, put(home, "inbox/calls/new/Master.csv"), like="old")
    assert "does not take the file where it lies: move it into inbox/calls/old/ of the home" in block_of(inside)


def test_a_source_of_another_path_is_shown_where_nothing_else_reads_the_file(home: Home) -> None:
    own = "Nr;Wann;Wer;Wohin;Lang\n" + "".join(
        f"{n};2026-05-04T10:0{n}:00Z;+16175550101;+442079460001;{n}\n" for n in range(1, 9)
    )
    columns = '{ call_id = "Nr", started_at = "Wann", from_number = "Wer", to_number = "Wohin", duration_s = "Lang" }'
    declare(
        home,
        f'[sources.own]\nfeed = "calls"\npath = "inbox/calls/own/*.csv"\ndelimiter = ";"\n'
        f'direction = "outbound"\ncolumns = {columns}\n',
    )
    trial = tried(home, put(home, "inbox/calls/x.csv", own))
    assert (trial.as_json()["layout"], trial.as_json()["read"]) == ("sources.own", 8)
    assert "move it into inbox/calls/own/ of the home" in block_of(trial)


@pytest.mark.parametrize("where", ["inbox/calls/cdr-20260504.csv", "inbox/calls/pbx/Master.csv", "inbox/cdr.csv"])
def test_a_file_in_the_inbox_is_refused_with_what_helps_and_the_pasted_block_takes_it(home: Home, where: str) -> None:
    file = put(home, where)
    code, told, said = ingested(home)
    assert (code, told[where]["state"]) == (3, "refused")
    if where != "inbox/cdr.csv":  # which is of no feed either, and says so
        assert f"No [sources.x] path takes this file; `tollbook source try {where}` proposes one." in said
    done = forked.tollbook("--home", str(home.root), "source", "try", where)
    assert "fits asterisk: 2 of 2 records" in done.stdout, done.stderr
    trial = tried(home, file)
    assert "of the home" not in block_of(trial), "it lies where it is taken"
    declare(home, answered(block_of(trial)))
    code, told, said = ingested(home)
    assert (code, told[where]["state"], told[where]["loaded"]) == (0, "loaded", 2), said


def test_a_file_outside_of_the_inbox_is_told_where_to_lie_and_is_taken_there(home: Home, tmp_path: Path) -> None:
    trial = tried(home, put(Home(tmp_path), "Master.csv"))
    assert "# the file lies outside of the inbox: put it into inbox/calls/master/ of the home" in trial.lines()
    declare(home, answered(block_of(trial)))
    put(home, "inbox/calls/master/Master.csv")
    code, told, said = ingested(home)
    assert (code, told["inbox/calls/master/Master.csv"]["loaded"]) == (0, 2), said


def test_a_path_takes_no_files_that_are_named_otherwise(home: Home) -> None:
    put(home, "inbox/calls/canonical.csv", CALLS)
    file = put(home, "inbox/calls/cdr-01.csv")
    put(home, "inbox/calls/cdr-02.csv")
    assert path_in(tried(home, file)) == "inbox/calls/cdr-*.csv"
    put(home, "inbox/calls/cdr-old.csv", CALLS)
    assert path_in(tried(home, file)) == "inbox/calls/cdr-01.csv"
    assert path_in(tried(home, put(home, "inbox/calls/a[1]/Master.csv"))) == "inbox/calls/a[[]1]/*.csv"


def test_no_name_and_no_file_is_given_to_two_sources(home: Home, tmp_path: Path) -> None:
    declare(home, OLD.replace("sources.old", "sources.master").replace("calls/old/*.csv", "calls/**"))
    trial = tried(home, put(Home(tmp_path), "Master.csv"))
    assert "[sources.master_2]" in block_of(trial)
    assert path_in(trial) == "inbox/master_2/*.csv"
    taken = tried(home, put(home, "inbox/calls/Master.csv"), like="asterisk")
    assert block_of(taken).startswith("# in the place of [sources.master], which takes this file\n[sources.master]\n")
    assert path_in(taken) == "inbox/calls/**"
    declare(home, OLD)
    both = tried(home, put(home, "inbox/calls/old/Master.csv"))
    assert "# [sources.master], [sources.old] take this file: it is refused until only one does" in block_of(both)


def test_the_home_is_the_one_that_the_file_lies_in(home: Home, tmp_path: Path) -> None:
    declare(home, OLD)
    asked = ["--home", str(tmp_path / "none"), "source", "try"]
    own = forked.tollbook(*asked, str(put(home, "inbox/calls/old/Master.csv")))
    assert "# as declared: sources.old" in own.stdout, own.stderr
    free = forked.tollbook(*asked, str(put(home, "inbox/calls/new/Master.csv")))
    assert 'path = "inbox/calls/new/*.csv"' in free.stdout, free.stderr


ENDINGS = {"asterisk": ("ANSWERED", "NO ANSWER"), "freeswitch_asterisk": ("NORMAL_CLEARING", "NO_USER_RESPONSE")}


@pytest.mark.parametrize("layout", ENDINGS)
def test_of_two_systems_with_the_same_columns_the_one_whose_words_end_the_calls(layout: str, tmp_path: Path) -> None:
    answered, missed = ENDINGS[layout]
    lines = [
        f'"","6175550101","+442079460001","from-internal","","SIP/a","SIP/b","Dial","","2026-05-04 10:0{n}:00",{stamp},'
        f'"2026-05-04 10:0{n}:35",35,{30 if stamp != chr(34) * 2 else 0},"{word}","DOCUMENTATION","1{n}.1","note"\n'
        for n, (stamp, word) in enumerate([('"2026-05-04 10:00:05"', answered), ('""', missed)])
    ]
    file = put(Home(tmp_path), "Master.csv", "".join(lines))
    trial = try_source(file, NOW)
    (other,) = {*ENDINGS} - {layout}
    assert trial.as_json()["layout"] == layout
    assert f"  fits as well: {other}; take that of your system with --like" in trial.lines()
