"""Bad input through ingest and run: rated, suspended or excluded with its reason, rejected, or refused."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from schemas.errors import WrongUsage
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

OURS, FAR = "+442079460101", "+441632960199"
TO: dict[str, tuple[str, str]] = {
    # number called: what becomes of the call
    "tel:+44-1632-960199": ("rated", "0.06"),
    "sip:+441632960199@pbx.example;user=phone": ("rated", "0.06"),
    "00441632960199": ("rated", "0.06"),
    "+33 (0)1 55 55 01 00": ("rated", "0.2093"),
    "sip:alice@pbx.example": ("suspended", "bad_number"),
    "01632 960199": ("suspended", "bad_number"),
    "441632960199": ("suspended", "bad_number"),
    "*72": ("suspended", "bad_number"),
    "*67+441632960199": ("suspended", "bad_number"),
    "#31#441632960199": ("suspended", "bad_number"),
    "+441632960199,,12#": ("suspended", "bad_number"),
    "999": ("suspended", "bad_number"),
    "118500": ("suspended", "bad_number"),
    "101": ("suspended", "bad_number"),
    "anonymous": ("suspended", "bad_number"),
    "": ("suspended", "bad_number"),
    "-": ("suspended", "bad_number"),
    "+": ("suspended", "bad_number"),
    "+44": ("suspended", "bad_number"),
    "+4416329601991234": ("suspended", "bad_number"),
    "+441632O60199": ("suspended", "bad_number"),
    "+٤٤١٦٣٢٩٦٠١٩٩": ("suspended", "bad_number"),
    "\uff0b441632960199": ("rated", "0.06"),
    "+44\u200b1632960199": ("rated", "0.06"),
    "+4416329601XX": ("rated", "0.06"),  # masked: by the digits that it shows
    "+44163****": ("suspended", "bad_number"),  # too few of them
    "+441632960199.0": ("suspended", "bad_number"),
    "441632960199.0": ("rejected", "to_number"),  # went through a spreadsheet, and has no + to say whose it is
    "4.41632E+11": ("suspended", "bad_number"),
    "+0441632960199": ("suspended", "bad_number"),
    "+21012345678": ("suspended", "no_rate"),
    "+12115550100": ("suspended", "no_rate"),
    "x" * 10_001: ("rejected", "to_number"),
}
FROM: dict[str, tuple[str, str]] = {
    # number that calls out: whose it is nobody can say
    "anonymous": ("suspended", "no_owner"),
    "": ("suspended", "no_owner"),
    "sip:anonymous@anonymous.invalid": ("suspended", "no_owner"),
    "101": ("suspended", "no_owner"),
    "02079460101": ("suspended", "no_owner"),
    "+٤٤٢٠٧٩٤٦٠١٠١": ("suspended", "no_owner"),
    "+4420794601XX": ("suspended", "no_owner"),  # what is masked owns nothing
}
CALLER: dict[str, tuple[str, str]] = {
    # who calls in: it is our number that counts
    "anonymous": ("rated", "0"),
    "Restricted": ("rated", "0"),
    "": ("rated", "0"),
    "sip:bob@pbx.example": ("rated", "0"),
    "+٤٤١٦٣٢٩٦٠١٩٩": ("rated", "0"),
    "+999999999999999999": ("rated", "0"),
}
SECONDS: dict[str, tuple[str, str]] = {
    "0": ("excluded", "unanswered"),
    "0.000000": ("excluded", "unanswered"),
    "60.000000": ("rated", "0.06"),
    "86401": ("rated", "86.401"),  # a day and a second
    "999999999": ("rated", "999999.999"),  # thirty-one years: absurd, and seen in the review
    "-1": ("rejected", "duration_s"),
    "-0.5": ("rejected", "duration_s"),
    "59.5": ("rejected", "duration_s"),
    "1e3": ("rejected", "duration_s"),
    "00:01:00": ("rejected", "duration_s"),
    "1000000000": ("rejected", "duration_s"),
    "1" + 24 * "0": ("rejected", "duration_s"),
    "NaN": ("rejected", "duration_s"),
    "٦٠": ("rejected", "duration_s"),
    "": ("rejected", "duration_s"),
}
STARTED: dict[str, tuple[str, str]] = {
    "2025-06-30T22:59:59Z": ("rated", "0.06"),
    "2025-06-30T23:00:00Z": ("excluded", "month_open"),  # July begins in London
    "2025-07-03T00:00:01Z": ("rejected", "started_at"),  # more than a day after the clock
    "2150-01-01T00:00:00Z": ("rejected", "started_at"),
    "9999-12-31T23:59:59Z": ("rejected", "started_at"),
    "1999-12-31T23:59:59Z": ("rejected", "started_at"),
    "1970-01-01T00:00:00Z": ("rejected", "started_at"),
    "0001-01-01T00:00:00Z": ("rejected", "started_at"),
    "2000-01-01T00:00:00Z": ("suspended", "no_owner"),
    "2025-06-10": ("rejected", "started_at"),
    "1749556800": ("rejected", "started_at"),
    "2025-02-30T10:00:00Z": ("rejected", "started_at"),
}
CASES = {
    **{f"to {n}": ({"to_number": number}, ends) for n, (number, ends) in enumerate(TO.items())},
    **{f"from {n}": ({"from_number": number}, ends) for n, (number, ends) in enumerate(FROM.items())},
    **{
        f"caller {n}": ({"direction": "inbound", "from_number": number, "to_number": OURS}, ends)
        for n, (number, ends) in enumerate(CALLER.items())
    },
    **{f"seconds {n}": ({"duration_s": cell}, ends) for n, (cell, ends) in enumerate(SECONDS.items())},
    **{f"started {n}": ({"started_at": cell}, ends) for n, (cell, ends) in enumerate(STARTED.items())},
}
CALL = {"started_at": "2025-06-10T10:00:00Z", "from_number": OURS, "to_number": FAR, "duration_s": "60"}


@dataclass(frozen=True)
class Billed:
    ends: dict[str, tuple[str, str | Decimal]]
    """call_id -> (rated, amount), (suspended or excluded, reason) or (rejected, column)."""
    twins: list[tuple[int, int]]
    """(included, charged) of calls of one instant."""
    balanced: tuple[int, int]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = make_home(tmp_path_factory.mktemp("bad") / "home")
    settings = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(
        settings.replace("[billing]", "[billing]\nmax_reject_percent = 100"), encoding="utf-8"
    )
    add_file(home, "accounts", "accounts", [{"account_id": "ODD"}, {"account_id": "TWIN"}])
    add_file(home, "devices", "devices", [{"device_id": "T", "account_id": "TWIN", "extension": "101"}])
    numbers = [{"number": OURS, "account_id": "ODD"}, {"number": "+442079460102", "account_id": "TWIN"}]
    add_file(home, "numbers", "numbers", numbers)
    add_file(home, "calls", "odd", [{**CALL, "call_id": name, **cells} for name, (cells, _) in CASES.items()])
    twin = {**CALL, "from_number": "+442079460102", "duration_s": "240"}
    add_file(home, "calls", "twins", [{**twin, "call_id": f"twin {n}"} for n in range(4)])
    return home


def _run(home: Home) -> None:
    run_direct(Request(str(home.root), "2025-07", "anna", datetime(2025, 7, 2, tzinfo=UTC)))


@pytest.fixture(scope="module")
def billed(home: Home) -> Billed:
    _run(home)
    with Store(home) as store:
        rows: list[tuple[str, str, str | Decimal]] = []
        rows += store.rows("select usage_id, 'rated', amount from rated_usage where account_id = 'ODD'")
        for outcome in ("suspended", "excluded"):
            rows += store.rows(f"select usage_id, '{outcome}', reason from {outcome}_usage")
        rejected = store.rows("select raw_line, column_name from rejected_records where feed = 'calls'")
        twins = store.rows(
            "select included_units, charged_units from rated_usage where account_id = 'TWIN' order by all"
        )
        balanced = store.rows("select sum(records), sum(loaded + rejected + duplicate) from source_files")[0]
    ends = {usage_id.split(":")[1]: (outcome, what) for usage_id, outcome, what in rows}
    ends |= {line.split(",")[1]: ("rejected", column) for line, column in rejected}
    return Billed(ends, twins, balanced)


@pytest.mark.parametrize("name", CASES)
def test_every_odd_call_ends_where_it_can_be_seen(billed: Billed, name: str) -> None:
    cells, (outcome, what) = CASES[name]
    found = billed.ends[name]
    assert found[0] == outcome, (cells, found)
    assert found[1] == (Decimal(what) if outcome == "rated" else what), (cells, found)


def test_nothing_is_lost(billed: Billed) -> None:
    assert billed.ends.keys() == CASES.keys()
    assert billed.balanced[0] == billed.balanced[1]


def test_calls_of_one_instant_share_what_is_left(billed: Billed) -> None:
    """Ten minutes for four calls of four: whichever comes first, two and a half of them are included."""
    assert sorted(billed.twins) == [(0, 240), (120, 120), (240, 0), (240, 0)]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("34,Spain,0.1234567890123,60,1,0,0,", "12 decimals"),
        (f"34,Spain,1{24 * '0'},60,1,0,0,", "below"),
        ("34,Spain,-0.01,60,1,0,0,", "not negative"),
        ("34,Spain,,60,1,0,0,", "price"),
        ("34,Spain,free,60,1,0,0,", "price"),
        ("34,Spain,0.01,60,0,0,0,", "increment_s"),
        ("34,Spain,0.01,0,1,0,0,", "per_s"),
        ("34,Spain,0.01,60,1,0.5,0,", "minimum_s"),
        ("٣٤,Spain,0.01,60,1,0,0,", "prefix"),
        ("1234567890123456,Spain,0.01,60,1,0,0,", "prefix"),
        ("33,France again,0.01,60,1,0,0,", "line 4"),
        ("Total,,,,,,,", "expected a rate"),
    ],
)
def test_a_deck_with_a_row_that_is_none_stops_the_run(home: Home, row: str, says: str) -> None:
    deck = home.rates / "world.csv"
    before = deck.read_text(encoding="utf-8")
    deck.write_text(f"{before}{row}\n", encoding="utf-8")
    try:
        with pytest.raises(WrongUsage, match=r"world\.csv") as refused:
            _run(home)
    finally:
        deck.write_text(before, encoding="utf-8")
    assert says in str(refused.value)
    assert f"line {before.count(chr(10)) + 1}" in str(refused.value)


def test_a_price_of_twelve_decimals_is_charged_to_the_last(tmp_path: Path) -> None:
    """333,333,333 seconds at 0.333333333333 a minute: 1851851.848… exactly, rounded once on the line."""
    home = make_home(tmp_path / "home")
    (home.rates / "world.csv").write_text("prefix,destination,price,increment_s\n44,Home,0.333333333333,1\n", "utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "FINE"}])
    add_file(home, "numbers", "numbers", [{"number": OURS, "account_id": "FINE"}])
    add_file(home, "calls", "calls", [{**CALL, "call_id": "fine", "duration_s": "333333333"}])
    _run(home)
    with Store(home) as store:
        exact = store.rows("select amount_num, amount_den from rated_usage")
        printed = store.rows("select amount from invoice_lines where charge_type = 'usage'")
    assert exact == [(Decimal("0.333333333333") * 333_333_333, 60)]
    assert printed == [(Decimal("1851851.85"),)]
