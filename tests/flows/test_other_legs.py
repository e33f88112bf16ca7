"""Both legs of a call written, and one of them names the other: it is billed once, whatever file brings which leg."""

from itertools import permutations
from pathlib import Path

import pytest

from flows.books.runs import read_feeds
from flows.home.file_sums import forget_file_sums
from flows.home.settings import Home
from flows.home.store import Store
from tests.flows.issuing import bill, rows, run
from tests.flows.test_parts_and_payers import ANN, BOB, DECK, FRANCE, declare, outcomes, put
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    (home.rates / "world.csv").write_text(DECK + "44,Home,0.06,60,1,0,0\n", encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    add_file(home, "numbers", "numbers", [{"number": ANN, "account_id": "ANN"}, {"number": BOB, "account_id": "BOB"}])
    return home


def leg(uuid: str, other: str = "", time: str = "10:00:00", caller: str = ANN) -> str:
    """A row of FreeSWITCH's template "example" of a minute answered."""
    end = time[:3] + "01" + time[5:]
    stamps = [f"2025-05-04 {stamp}" for stamp in (time, time, end)]
    cells = ["", caller, FRANCE, "default", *stamps, "60", "60", "NORMAL_CLEARING", uuid, other, "", "PCMU", "PCMU"]
    return ",".join(f'"{cell}"' for cell in cells) + "\n"


RATED, OTHER = "rated", "other_leg"


def told(home: Home, run_id: str) -> dict[str, str]:
    return {call: outcome for call, (outcome, *_) in outcomes(home, run_id).items()}


@pytest.mark.parametrize("files", [["ab"], ["ba"], ["a", "b"], ["b", "a"]])
def test_the_leg_that_another_row_names_does_not_bill(home: Home, files: list[str]) -> None:
    declare(home, 'format = "freeswitch"')
    lines = {"a": leg("aaaa", "bbbb"), "b": leg("bbbb")}
    for number, legs in enumerate(files):
        put(home, f"Master.csv.{number}", "".join(lines[name] for name in legs))
    assert told(home, run(home, "2025-06").run_id) == {"aaaa": RATED, "bbbb": OTHER}


def test_legs_that_name_each_other_are_the_call_of_the_first_one(home: Home) -> None:
    declare(home, 'format = "freeswitch"')
    put(home, "1.csv", leg("late", "early", time="10:00:01") + leg("early", "late"))
    put(home, "2.csv", leg("p", "o", time="11:00:00") + leg("o", "p", time="11:00:00"))
    found = told(home, run(home, "2025-06").run_id)
    assert found == {"early": RATED, "late": OTHER, "o": RATED, "p": OTHER}, "of one instant the lower id"


def test_who_names_itself_a_record_of_another_switch_or_nobody_is_a_call(home: Home) -> None:
    declare(home, 'format = "freeswitch"')
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(
            '\n[sources.fs2]\nfeed = "calls"\nformat = "freeswitch"\npath = "inbox/calls/fs2/*"\ntime_zone = "UTC"\n'
        )
    put(home, "1.csv", leg("self", "self") + leg("one", "two", time="11:00:00") + leg("three", time="12:00:00"))
    other = home.inbox / "calls" / "fs2" / "1.csv"
    other.parent.mkdir()
    other.write_text(leg("two", "nobody", time="11:00:00"), encoding="utf-8")
    assert {*told(home, run(home, "2025-06").run_id).values()} == {RATED}


def test_a_declared_leg_goes_before_what_the_records_name(home: Home) -> None:
    """Where leg b is declared to bill, leg a is the other one, though it names leg b so."""
    declare(home, 'format = "freeswitch"\ncolumns = ["leg"]\nleg = "b"')
    rows_of_both = leg("aaaa", "bbbb").rstrip("\n") + ',"a"\n' + leg("bbbb").rstrip("\n") + ',"b"\n'
    put(home, "1.csv", rows_of_both)
    found = outcomes(home, run(home, "2025-06").run_id)
    assert {call: outcome for call, (outcome, *_) in found.items()} == {"aaaa/a": OTHER, "bbbb/b": RATED}


def test_a_chain_of_legs_is_one_call(home: Home) -> None:
    declare(home, 'format = "freeswitch"')
    chain = [leg("a", "b"), leg("b", "c"), leg("c")]
    for number, lines in enumerate(permutations(chain)):
        put(home, f"{number}.csv", "".join(lines))
    assert told(home, run(home, "2025-06").run_id) == {"a": RATED, "b": OTHER, "c": OTHER}


def test_a_leg_that_comes_when_its_call_is_on_an_invoice_does_not_bill(home: Home) -> None:
    declare(home, 'format = "freeswitch"')
    put(home, "1.csv", leg("aaaa", "bbbb"))
    bill(home, "2025-06")
    put(home, "2.csv", leg("bbbb"))
    later = run(home, "2025-07")
    assert rows(home, "select reason from excluded_usage where run_id = $1", later.run_id) == [(OTHER,)]
    assert rows(home, "select reason from suspended_usage where run_id = $1", later.run_id) == []


def test_a_record_without_the_leg_that_it_names_now_is_the_same_record(home: Home) -> None:
    """The switch's file grew over an upgrade: what was read before `other_leg_id` comes again, and is no other call."""
    declare(home, 'format = "freeswitch"')
    put(home, "1.csv", leg("aaaa", ""))
    assert told(home, run(home, "2025-06").run_id) == {"aaaa": RATED}
    put(home, "2.csv", leg("aaaa", "bbbb") + leg("cccc", "dddd", time="11:00:00"))
    assert told(home, run(home, "2025-06").run_id) == {"aaaa": RATED, "cccc": RATED}
    assert rows(home, "select source_line from duplicate_records") == [(1,)]


def test_what_a_run_knew_says_which_legs_were_named(home: Home) -> None:
    declare(home, 'format = "csv"\ncolumns = { other_leg_id = "peer" }')
    head = "call_id,started_at,direction,from_number,to_number,duration_s,peer\n"
    call = "{},2025-05-04T10:00:00Z,outbound,{},{},60,{}\n"
    put(home, "1.csv", head + call.format("a", ANN, FRANCE, "b") + call.format("b", ANN, FRANCE, ""))
    assert told(home, run(home, "2025-06").run_id) == {"a": RATED, "b": OTHER}
    with Store(home) as store:
        with_legs = read_feeds(store)["calls"]
        store.con.execute("update feed_calls set other_leg_id = null")
        forget_file_sums(store)
        without = read_feeds(store)["calls"]
    assert with_legs.pop("other_legs")
    assert with_legs == without
