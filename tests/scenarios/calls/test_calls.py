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

from flows.bill_run import run_direct
from flows.check_files import Case, read_cases
from flows.context import Request
from flows.settings import Home
from flows.store import Store
from rating.check_call import SUBJECTS
from schemas.money import rounded
from schemas.periods import local_instant
from tests.scenarios.month.home import ACCOUNT, SETTINGS, add_file, make_home

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


def _home(root: Path, plans: dict[str, Any]) -> Home:
    home = make_home(root)
    home.settings_file.write_text(SETTINGS.replace("2025-06", MONTH), encoding="utf-8")
    (home.catalog / "cases.yaml").write_text(yaml.safe_dump({"plans": plans}), encoding="utf-8")
    return home


def _add_account(home: Home, account: str, plan: str, calls: list[tuple[str, str]], **facts: str) -> None:
    """An account with one number (all of a range kept for drama) and calls (started_at, seconds) from it."""
    number = f"+44207946{int(account[1:]):04d}"
    add_file(home, "accounts", account, [{**ACCOUNT, "account_id": account, "plan": plan, **facts}])
    add_file(home, "numbers", account, [{"number": number, "account_id": account}])
    rows = [
        {"call_id": f"{account}-{n}", "started_at": at, "from_number": number, "to_number": "+442079460999",
         "duration_s": seconds, "answered_at": at}
        for n, (at, seconds) in enumerate(calls)
    ]  # fmt: skip
    add_file(home, "calls", account, rows)


def _bill(home: Home) -> None:
    run_direct(Request(str(home.root), MONTH, "anna", datetime(2025, 11, 2, tzinfo=UTC), date(2025, 11, 2)))


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    plans = {
        f"case{n}": {**PLAN, "usage": {"domestic": {"rate": _rate(case.given), "charged": "overage"}}}
        for n, case in enumerate(BILLED)
    }
    home = _home(tmp_path_factory.mktemp("calls") / "home", plans)
    for n, case in enumerate(BILLED):
        call = case.given
        zone = call.get("time_zone", "Europe/London")
        _add_account(home, f"c{n}", f"case{n}", [(_started(call), call["seconds"])], time_zone=zone)
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
