"""Prices of calls that a clerk can check: by the check language, and the same calls through a run to their lines.

Beside our own cases those of the trade's open suites, where the folder that holds them is there.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.ask.check_files import Case, read_cases
from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from rating.checks.call import SUBJECTS
from schemas.money import rounded
from schemas.periods import local_instant
from tests.scenarios.month.home import ACCOUNT, SETTINGS, add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

MONTH = "2025-11"
FIRST_DAY = date(2025, 10, 6)
"""A Monday: calls of other years are billed as of this week."""
ROOT = Path(__file__).parents[3]


OURS = read_cases(Path(__file__).with_name("calls.yaml"), "calls.yaml")
THEIRS = [
    case
    for name in ("calls.yaml", "sms.yaml")
    for path in [ROOT.parent / "shared" / "checks" / name]
    if path.exists()
    for case in read_cases(path, name)
]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in [*OURS, *THEIRS]])
def test_check(case: Case):
    found = SUBJECTS[case.subject](case.given)[case.result]
    assert found == (case.expected if case.expected is None or case.result == "rate_id" else Fraction(case.expected))


def test_the_suites_of_the_trade_are_there_when_their_folder_is(shared: Path):
    assert len(THEIRS) > 40


# ---- the same through a run ----

BILLED = [case for case in [*OURS, *THEIRS] if case.subject == "call" and case.given["seconds"] != "0"]
PLAN = {"name": "Case", "currency": "GBP", "domestic": ["GB"]}


def _rate(call: dict[str, Any]) -> dict[str, Any]:
    """The case as an operator writes it under a plan. The check language always rounds a call, a catalogue never."""
    ours = {"minimum_s": "minimum", "grace_s": "grace", "from_s": "from", "per_s": "per", "increment_s": "increment"}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(one) for one in value]
        return {ours.get(k, k): renamed(v) for k, v in value.items()} if isinstance(value, dict) else value

    rate = renamed({k: v for k, v in call.items() if k not in ("seconds", "started_at", "time_zone")})
    return {"rounding": {}, **rate}


def _started(call: dict[str, Any]) -> str:
    """The call's instant; one of another month moves to the same weekday and time."""
    local = datetime.fromisoformat(call.get("started_at", "2025-10-08T12:00:00"))
    if (local.year, local.month) != (2025, 10):
        local = datetime.combine(FIRST_DAY + timedelta(days=local.weekday()), local.time())
    return local_instant(local, call.get("time_zone", "Europe/London")).isoformat()


STEPPED = """
currency: GBP
domestic: [GB]
name: Steps, an allowance and a deck
holidays: [2025-10-17]
allowances: {minutes: {name: Minutes, unit: minute, units: 1, per: account}}
usage:
  domestic:
    allowance: minutes
    included: included
    charged: overage
    rate:
      connect_fee: "1"
      steps:
        - {price: "0.30", per: 60, increment: 60}
        - {from: 120, price: {2020-01-01: "0.06", 2025-10-15: "0.12"}, per: 60, increment: 6}
  inbound:
    charged: toll_free
    rate:
      bands:
        - {to: "18:00", steps: [{price: "0.60"}]}
        - {from: "18:00", steps: [{price: "0.06"}]}
        - {days: [holiday], steps: [{price: "0.03"}]}
  international: {deck: capped, charged: abroad}
"""
CAPPED = """prefix,destination,price,per_s,increment_s,minimum_s,connect_fee,max_charge,round_digits,round_mode
33,France,0.0105,1,1,0,0.20,2.50,2,half_even
336,France mobile,0.30,60,6,30,0,,,
"""


def _home(root: Path, plans: dict[str, Any]) -> Home:
    home = make_home(root)
    settings = SETTINGS.replace("2025-06", MONTH) + '\n[decks.capped]\nfile = "capped.csv"\ncurrency = "GBP"\n'
    home.settings_file.write_text(settings, encoding="utf-8")
    (home.rates / "capped.csv").write_text(CAPPED, encoding="utf-8")
    (home.catalog / "cases.yaml").write_text(yaml.safe_dump({"plans": plans}), encoding="utf-8")
    return home


def _number(account: str) -> str:
    """Of a range that is kept for drama."""
    return f"+44207946{int(account[1:]):04d}"


def _add_account(home: Home, account: str, plan: str, calls: list[dict[str, str]], **facts: str) -> None:
    """An account with one number and calls (started_at, duration_s; to a number at home unless they say otherwise)."""
    number = _number(account)
    add_file(home, "accounts", account, [{**ACCOUNT, "account_id": account, "plan": plan, **facts}])
    add_file(home, "numbers", account, [{"number": number, "account_id": account}])
    own = {"from_number": number, "to_number": "+442079460999"}
    add_file(home, "calls", account, [{"call_id": f"{account}-{n}", **own, **call} for n, call in enumerate(calls)])


def _bill(home: Home) -> None:
    run_direct(Request(str(home.root), MONTH, "anna", datetime(2025, 11, 2, tzinfo=UTC), date(2025, 11, 2)))


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    plans = {
        f"case{n}": {**PLAN, "usage": {"domestic": {"rate": _rate(case.given), "charged": "overage"}}}
        for n, case in enumerate(BILLED)
    }
    plans["stepped"] = yaml.safe_load(STEPPED)
    home = _home(tmp_path_factory.mktemp("calls") / "home", plans)
    for n, case in enumerate(BILLED):
        call = case.given
        zone = call.get("time_zone", "Europe/London")
        _add_account(
            home, f"c{n}", f"case{n}", [{"started_at": _started(call), "duration_s": call["seconds"]}], time_zone=zone
        )
    _add_account(
        home,
        "c900",
        "stepped",
        [
            {"started_at": "2025-10-06T09:00:00+01:00", "duration_s": "200"},
            {"started_at": "2025-10-20T09:00:00+01:00", "duration_s": "130"},
        ],
    )
    abroad = [("1", "+33199000000"), ("3", "+33199000000"), ("300", "+33199000000"), ("20", "+33639980000")]
    _add_account(
        home,
        "c901",
        "stepped",
        [{"started_at": "2025-10-06T09:00:00Z", "duration_s": seconds, "to_number": to} for seconds, to in abroad],
    )
    received = {"direction": "inbound", "from_number": "+442079460998", "to_number": _number("c902")}
    _add_account(
        home,
        "c902",
        "stepped",
        [
            {**received, "started_at": "2025-10-16T17:59:30+01:00", "duration_s": "60"},
            {**received, "started_at": "2025-10-17T17:59:30+01:00", "duration_s": "60"},
        ],
    )
    _bill(home)
    with Store(home) as store:
        yield store


@pytest.mark.parametrize(("n", "case"), [pytest.param(n, case, id=case.name) for n, case in enumerate(BILLED)])
def test_billed(billed: Store, n: int, case: Case):
    expected = Fraction(case.expected or 0)
    query = "select usage_id, amount_num, amount_den from rated_usage where account_id = $1"
    [(usage_id, num, den)] = billed.rows(query, [f"c{n}"])
    assert Fraction(num) / den == expected
    parts = billed.rows("select amount_num, amount_den from line_usage where usage_id = $1", [usage_id])
    assert sum((Fraction(num) / den for num, den in parts), Fraction(0)) == expected
    query = "select amount from invoice_lines where account_id = $1 and section = 'outbound_overage'"
    lines = [amount for (amount,) in billed.rows(query, [f"c{n}"])]
    assert lines == ([rounded(expected, 2)] if parts else [])


def _lines(billed: Store, account: str) -> list[tuple[str, str, str | None]]:
    query = """
        select section, quantity::decimal(18, 0)::varchar, amount::decimal(18, 2)::varchar
        from invoice_lines where account_id = $1 and charge_type = 'usage' order by line_no"""
    return [tuple(row) for row in billed.rows(query, [account])]


def _parts(billed: Store, account: str) -> dict[str, list[tuple[str, int, str, int]]]:
    query = """
        select u.usage_id, u.component, u.units, u.price, u.per from line_usage u join rated_usage r using (usage_id)
        where account_id = $1 order by r.duration_s, u.amount, u.units"""
    found: dict[str, list[tuple[str, int, str, int]]] = {}
    for usage_id, component, units, price, per in billed.rows(query, [account]):
        found.setdefault(usage_id.split(":")[1].split("-")[1], []).append(
            (component, units, f"{price:f}".rstrip("0"), per)
        )
    return found


def test_an_allowance_covers_the_beginning_and_the_rest_stays_in_its_step(billed: Store):
    """200 s are 2 x 60 s and 14 x 6 s. The minute included is the first; no fee, for the call began as included.

    130 s a fortnight later, with nothing left: the fee, 120 s at 0.30 and 12 s at the price since the 15th, 0.12.
    """
    assert _parts(billed, "c900") == {
        "0": [("included", 60, "0.", 1), ("charged", 84, "0.06", 60), ("charged", 60, "0.3", 60)],
        "1": [("charged", 12, "0.12", 60), ("charged", 120, "0.3", 60), ("connect_fee", 1, "1.", 1)],
    }
    # 0.30 + 0.084 + 1 + 0.60 + 0.024 = 2.008
    assert _lines(billed, "c900") == [("included_minutes", "60", "0.00"), ("outbound_overage", "276", "2.01")]


def test_a_deck_rounds_and_caps_its_calls(billed: Store):
    """0.2105 and 0.2315 to 0.21 and 0.23, 3.35 to the cap of 2.50; the mobile row does neither: 0.15."""
    assert _parts(billed, "c901") == {
        "0": [("rounding", 1, "-0.0005", 1), ("charged", 1, "0.0105", 1), ("connect_fee", 1, "0.2", 1)],
        "1": [("rounding", 1, "-0.0015", 1), ("charged", 3, "0.0105", 1), ("connect_fee", 1, "0.2", 1)],
        "2": [("cap", 1, "-0.85", 1), ("connect_fee", 1, "0.2", 1), ("charged", 300, "0.0105", 1)],
        "3": [("minimum", 6, "0.3", 60), ("charged", 24, "0.3", 60)],
    }
    assert _lines(billed, "c901") == [("international_minutes", "334", "3.09")]


def test_a_plans_holiday_is_priced_as_one(billed: Store):
    """Thursday: 30 s at 0.60 and 30 s at 0.06 a minute, 0.33. Friday the 17th, the holiday: 60 s at 0.03."""
    assert _lines(billed, "c902") == [("toll_free_minutes", "120", "0.36")]
