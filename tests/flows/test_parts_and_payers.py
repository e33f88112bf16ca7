"""Records that are parts of one call, forwarded calls and who pays for them, endings, calls within an account."""

from decimal import Decimal
from pathlib import Path

import pytest

from flows.home.settings import Home
from flows.home.store import Store
from flows.review.endings import unknown_endings
from tests.flows.issuing import bill, rows, run
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

ANN, BOB = "+442079460101", "+442079460202"
FRANCE = "+33155550100"
DECK = "prefix,destination,price,per_s,increment_s,minimum_s,connect_fee\n33,France,0.30,60,60,0,0.05\n"
OUTCOMES = (
    "select split_part(usage_id, ':', 2), split_part(split_part(usage_id, ':', 3), '~', 1), 'rated', account_id, "
    "amount::varchar from rated_usage where run_id = $1 union all "
    "select split_part(usage_id, ':', 2), split_part(split_part(usage_id, ':', 3), '~', 1), reason, account_id, null "
    "from suspended_usage where run_id = $1 union all "
    "select split_part(usage_id, ':', 2), split_part(split_part(usage_id, ':', 3), '~', 1), reason, account_id, null "
    "from excluded_usage where run_id = $1 order by 1, 2"
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Ann and Bob have a number each; Ann has extensions 101 and 102, Bob 201."""
    home = make_home(tmp_path / "home")
    (home.rates / "world.csv").write_text(DECK + "44,Home,0.06,60,1,0,0\n", encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN"}, {"account_id": "BOB"}])
    add_file(
        home, "devices", "devices",
        [{"device_id": f"D{extension}", "account_id": account, "extension": extension}
         for account, extension in (("ANN", "101"), ("ANN", "102"), ("BOB", "201"))],
    )  # fmt: skip
    add_file(home, "numbers", "numbers", [{"number": ANN, "account_id": "ANN"}, {"number": BOB, "account_id": "BOB"}])
    return home


def declare(home: Home, more: str) -> None:
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'\n[sources.pbx]\nfeed = "calls"\npath = "inbox/calls/pbx/*"\ntime_zone = "UTC"\n{more}\n')


def put(home: Home, name: str, text: str) -> None:
    path = home.inbox / "calls" / "pbx" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def outcomes(home: Home, run_id: str) -> dict[str, tuple[str, str | None, Decimal | None]]:
    """call_id (and leg) -> outcome or reason, account, amount."""
    return {
        call if leg == "-" else f"{call}/{leg}": (outcome, account, amount and Decimal(amount).normalize())
        for call, leg, outcome, account, amount in rows(home, OUTCOMES, run_id)
    }


PARTS = "call_id,leg,started_at,direction,from_number,to_number,duration_s,disposition\n"


def part(call: str, leg: str, start: str, seconds: int, word: str = "") -> str:
    return f"{call},{leg},{start},outbound,{ANN},{FRANCE},{seconds},{word}\n"


def test_parts_are_one_call_with_one_fee_whatever_file_they_come_in(home: Home) -> None:
    declare(home, "parts = true")
    put(home, "a.csv", PARTS + part("x", "10", "2025-05-20T10:00:40Z", 5) + part("x", "1", "2025-05-20T10:00:00Z", 30))
    ringing = part("y", "1", "2025-05-20T11:00:00Z", 25, "No Answer")
    put(
        home,
        "b.csv",
        PARTS + part("x", "2", "2025-05-20T10:00:30Z", 10) + ringing + part("z", "1", "2025-05-20T12:00:00Z", 61),
    )
    put(home, "c.csv", PARTS + part("y", "2", "2025-05-20T11:00:30Z", 20) + part("y", "3", "2025-05-20T11:01:00Z", 45))
    report = run(home, "2025-06")
    one_minute, two = Decimal("0.35"), Decimal("0.65")
    assert outcomes(home, report.run_id) == {
        "x/1": ("rated", "ANN", one_minute),
        "x/2": ("rated", "ANN", Decimal(0)),
        "x/10": ("rated", "ANN", Decimal(0)),
        "y/1": ("unanswered", "ANN", None),
        "y/2": ("rated", "ANN", two),
        "y/3": ("rated", "ANN", Decimal(0)),
        "z/1": ("rated", "ANN", two),
    }
    starts = "select distinct strftime(started_at, '%H:%M:%S') from rated_usage where usage_id like '%:y:%'"
    assert rows(home, starts) == [("11:00:00",)]
    ends = "(select duration_s from rated_usage union all select duration_s from excluded_usage)"
    told = f"select sum(duration_s)::bigint, count(*) from {ends}"
    assert rows(home, told) == rows(home, "select sum(duration_s)::bigint, count(*) from feed_calls") == [(196, 7)]


def test_the_same_records_without_the_declaration_are_calls_of_their_own(home: Home) -> None:
    declare(home, "")
    put(home, "a.csv", PARTS + part("x", "1", "2025-05-20T10:00:00Z", 30) + part("x", "2", "2025-05-20T10:00:30Z", 20))
    found = outcomes(home, run(home, "2025-06").run_id)
    assert [amount for *_, amount in found.values()] == [Decimal("0.35")] * 2


def test_a_part_that_comes_after_its_call_is_issued_is_late_usage_of_that_call(home: Home) -> None:
    declare(home, "parts = true")
    put(home, "may.csv", PARTS + part("x", "1", "2025-05-31T22:30:00Z", 50))
    bill(home, "2025-06")
    # Ten seconds more are covered by the first minute; the others by a second one. None begins a call of June.
    put(
        home, "june.csv", PARTS + part("x", "2", "2025-06-02T00:00:50Z", 10) + part("x", "3", "2025-06-02T00:01:00Z", 5)
    )
    late = bill(home, "2025-07")
    line = (
        "select strftime(period_start, '%Y-%m'), amount::varchar from invoice_lines "
        "where run_id = $1 and charge_type = 'usage'"
    )
    assert [(month, Decimal(amount)) for month, amount in rows(home, line, late.run_id)] == [
        ("2025-05", Decimal("0.30"))
    ]
    billed = "select distinct billed_as, usage_month from rated_usage where run_id = $1"
    assert rows(home, billed, late.run_id) == [("prior_period", "2025-05")]


FORWARD = "call_id,started_at,direction,from_number,to_number,duration_s,account_id,extension,diverted\n"


def leg(call: str, caller: str, called: str, account: str = "", extension: str = "", diverted: str = "") -> str:
    return f"{call},2025-05-20T10:00:00Z,outbound,{caller},{called},60,{account},{extension},{diverted}\n"


OUTSIDE = "+12025550143"
LEGS = FORWARD + "".join(
    (
        leg("states", OUTSIDE, FRANCE, "ANN"),
        leg("diverts", OUTSIDE, FRANCE, diverted=ANN),
        leg("both", BOB, FRANCE, "ANN", diverted=ANN),
        leg("against", BOB, FRANCE, "ANN"),
        leg("nobody", BOB, FRANCE, diverted=OUTSIDE),
        leg("withheld", BOB, FRANCE, diverted="anonymous"),
        leg("ext", OUTSIDE, FRANCE, "ANN", diverted="101"),
        leg("unknown", OUTSIDE, FRANCE, "EVE"),
        leg("desk", BOB, FRANCE, "ANN", "102"),
    )
)
FEE = Decimal("0.35")


def test_who_pays_for_a_forwarded_call(home: Home) -> None:
    declare(home, 'columns = { charged_number = "diverted" }')
    put(home, "a.csv", LEGS)
    report = run(home, "2025-06")
    assert outcomes(home, report.run_id) == {
        "states": ("owner_conflict", "ANN", None),
        "diverts": ("rated", "ANN", FEE),
        "both": ("rated", "ANN", FEE),
        "against": ("owner_conflict", "ANN", None),
        "nobody": ("no_owner", None, None),
        "withheld": ("rated", "BOB", FEE),
        "ext": ("rated", "ANN", FEE),
        "unknown": ("unknown_account", "EVE", None),
        "desk": ("rated", "ANN", FEE),
    }
    printed = "select from_number from rated_usage where usage_id like '%:diverts:%'"
    assert rows(home, printed) == [(OUTSIDE,)], "the call is shown as it was made"
    noticed = [(account, kind) for account, kind, _ in report.findings]
    assert noticed == [("ANN", "others_number")]
    assert f"{BOB} is a number of BOB" in report.findings[0][2]


def test_a_trusted_source_states_who_pays(home: Home) -> None:
    declare(home, "trusted = true")
    put(home, "a.csv", LEGS)
    report = run(home, "2025-06")
    found = outcomes(home, report.run_id)
    for call in ("states", "against", "both", "ext", "desk"):
        assert found[call] == ("rated", "ANN", FEE), call
    assert found["unknown"] == ("unknown_account", "EVE", None)
    assert found["diverts"] == ("no_owner", None, None)
    assert report.findings == []


def test_a_call_to_an_extension_of_the_callers_account_is_internal(home: Home) -> None:
    declare(
        home, 'format = "asterisk"\naccount_id = "ANN"\ncolumns = ["uniqueid"]\n'
        'directions = { "from-internal" = "outbound", "from-trunk" = "inbound" }',
    )  # fmt: skip
    row = ',"{src}","{dst}","{context}",,"SIP/x",,,,"2025-05-04 10:00:00","2025-05-04 10:00:05","2025-05-04 10:01:05",'
    row += '65,60,"ANSWERED","DOCUMENTATION","{id}"\n'
    made = (
        ("101", "102", "from-internal"), (ANN, "102", "from-internal"), ("101", "201", "from-internal"),
        ("101", "102", "from-trunk"),
    )  # fmt: skip
    put(home, "Master.csv", "".join(
        row.format(src=src, dst=dst, context=context, id=f"u{n}") for n, (src, dst, context) in enumerate(made)
    ))  # fmt: skip
    report = run(home, "2025-06")
    found = outcomes(home, report.run_id)
    assert [found[f"u{n}"][0] for n in range(4)] == ["rated", "rated", "bad_number", "rated"]
    category = "select split_part(usage_id, ':', 2), category from rated_usage order by 1"
    assert rows(home, category) == [(f"u{n}", "internal") for n in (0, 1, 3)]


WORDS = {
    "no-answer": "unanswered", "NO_ANSWER": "unanswered", "Not Answered": "unanswered", "canceled": "unanswered",
    "CANCELLED": "unanswered", "Rejected": "unanswered", "Call Cancel": "unanswered", "call.missed": "unanswered",
    "NO USER RESPONSE": "unanswered", "ORIGINATOR_CANCEL": "unanswered", "SIP 487": "unanswered",
    "486 Busy Here": "unanswered", "answered": "rated", "NORMAL_CLEARING": "rated", "Voicemail": "rated",
    "Besetzt": "unanswered", "Sans réponse": "unanswered", "No contesta": "unanswered", "Dial timeout": "unanswered",
    "Q.850;cause=17": "unanswered", "SIP/2.0 603 Decline": "unanswered", "Q.850;cause=16": "rated",
    "200 OK": "rated", "Call connected": "rated", "Vanished": "rated", "": "rated",
}  # fmt: skip


def test_words_of_endings_and_those_that_nobody_knows(home: Home) -> None:
    declare(home, "")
    head = "call_id,started_at,answered_at,direction,from_number,to_number,duration_s,disposition\n"
    ring = "".join(
        f"w{n},2025-05-20T10:00:00Z,,outbound,{ANN},{FRANCE},25,{word}\n" for n, word in enumerate(WORDS)
    ).replace("Z,,out", "Z,out")
    put(home, "a.csv", head.replace("answered_at,", "") + ring)
    stamped = "{},2025-05-20T10:00:00Z,2025-05-20T10:00:00Z,outbound,{},{},25,{}\n"
    put(
        home,
        "b.csv",
        head + stamped.format("cause", ANN, FRANCE, "User_Busy") + stamped.format("no", ANN, FRANCE, "Busy"),
    )
    found = outcomes(home, run(home, "2025-06").run_id)
    assert {word: found[f"w{n}"][0] for n, word in enumerate(WORDS)} == WORDS
    assert (found["cause"][0], found["no"][0]) == ("rated", "unanswered")
    with Store(home) as store:
        assert unknown_endings(store, "2025-06") == [{"source": "pbx", "word": "Vanished", "records": 1, "seconds": 25}]
