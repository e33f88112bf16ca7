"""A typo in a month scenario fails: every key at every level is one that a test reads."""

from pathlib import Path

import pytest

from tests.scenarios.month import test_us_months
from tests.scenarios.month.keys import faults, shape
from tests.scenarios.month.test_months import FEEDS, FILES, MONTHS

HERE = Path(__file__).parent
KNOWN = shape(MONTHS, FEEDS)
US_KNOWN = shape([test_us_months.MONTH], FEEDS, places=[None])
RIGHT = """\
- name: a phone
  accounts: [{account_id: A}]
  devices: [{device_id: D, extension: "101"}]
  later:
    2025-07: {calls: [{call_id: c1, duration_s: 60}]}
  expect:
    2025-07:
      lines:
        - {section: service_fees, amount: "31.00"}
      total: "37.20"
      usage: {c1: {billed_as: current}}
      parts: {c1: [{component: included}]}
"""


@pytest.mark.parametrize("file", FILES)
def test_every_key_of_every_scenario_is_one_that_a_test_reads(file: str) -> None:
    assert faults((HERE / file).read_text(encoding="utf-8"), file, KNOWN) == []


def test_every_key_of_the_us_scenarios_is_one_that_a_test_reads() -> None:
    assert faults((HERE / "us.yaml").read_text(encoding="utf-8"), "us.yaml", US_KNOWN) == []


def test_no_file_of_scenarios_is_left_out() -> None:
    plans = {"allowance_plans.yaml"}
    assert {path.name for path in HERE.glob("*.yaml")} == {*FILES, *plans, "us.yaml"}


@pytest.mark.parametrize(
    ("right", "typo", "line", "said"),
    [
        ("lines:", "linse:", 8, "found expect.2025-07.linse; expected one of outcome, kind"),
        ("total:", "totl:", 10, "found expect.2025-07.totl; expected"),
        ("expect:", "expcet:", 6, "found expcet; expected one of name, why, accounts"),
        ("  expect:", "  except:", 1, "found no expect; expected name, accounts, expect"),
        ("later:", "latter:", 4, "found latter; expected"),
        ("calls:", "call:", 5, "found later.2025-07.call; expected"),
        ("    2025-07: {calls", "    2025-09: {calls", 5, "found later.2025-09; expected one of 2025-06, 2025-07"),
        ("    2025-07:\n", "    2025-7:\n", 7, "found expect.2025-7; expected one of 2025-06"),
        ("devices:", "device:", 3, "found device; expected"),
        ("extension:", "extention:", 3, "found devices.extention; expected one of device_id"),
        ("amount:", "amuont:", 9, "found expect.2025-07.lines.amuont; expected one of line_no"),
        ("billed_as:", "biled_as:", 11, "found expect.2025-07.usage.c1.biled_as; expected one of run_id"),
        ("component:", "componet:", 12, "found expect.2025-07.parts.c1.componet; expected one of run_id"),
        ("usage: {c1: {billed_as: current}}", "usage: {}", 11, "found nothing in expect.2025-07.usage"),
        ("total:", "lines:", 10, "found expect.2025-07.lines twice; expected each key once"),
        ('[{account_id: A}]', "{account_id: A}", 2, "found a mapping in accounts; expected a list"),
    ],
)  # fmt: skip
def test_a_typo_is_told_with_file_line_and_scenario(right: str, typo: str, line: int, said: str) -> None:
    assert faults(RIGHT, "planted.yaml", KNOWN) == []
    assert RIGHT.count(right) == 1
    found = faults(RIGHT.replace(right, typo), "planted.yaml", KNOWN)
    assert any(fault.startswith(f"planted.yaml:{line}: a phone: {said}") for fault in found), found
