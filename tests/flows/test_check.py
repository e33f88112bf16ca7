"""`tollbook check`: what passes, what fails, and what is no case at all."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.ask.check import check_files
from flows.home.settings import Home
from schemas.errors import NothingToDo, WrongUsage
from tests.forked import tollbook

ANCHORED = """
- name: with an anchor
  price: &seats
    model: graduated
    quantity: 11
    tiers: &tiers
    - {up_to: 10, unit_price: 010, flat_fee: 2}
    - {unit_price: 5}
  expect: {amount: 1.07e2}
- {name: merged, price: {<<: *seats, quantity: 10}, expect: {amount: '102.000'}}
- {name: the tiers alone, price: {model: volume, quantity: 10, tiers: *tiers}, expect: {amount: 204/2}, source: a book}
- name: half
  proration: {day_count: half_open, period: [2025-02-01, 2025-03-01], part: [2025-02-15, 2025-03-01]}
  expect: {fraction: 1/2}
- {name: Ontario, tax_rate: {country: CA, region: ON, tax: HST, date: 2026-06-01}, expect: {percent: 13.0}}
- {name: none, tax_rate: {country: CA, region: ON, tax: GST, date: 2026-06-01}, expect: {percent: ~}}
- {name: none either, tax_rate: {country: CA, region: ON, tax: GST, date: 2026-06-01}, expect: {percent: }}
"""

MILLIONTHS = """
- name: 43 increments of 7 s, 301 x 0.17 / 3600
  call: {seconds: 299.999999, steps: [{price: 0.17, per_s: 3600, increment_s: 7}]}
  expect: {amount: 0.014214}
- name: the fee, and half a second at 0.001
  call: {seconds: 0.000001, connect_fee: 0.10, steps: [{price: 3.60, per_s: 3600, increment_s: 0.5}]}
  expect: {amount: 0.1005}
"""

HOPELESS = """
- {name: wrong, tax: {currency: USD, lines: ['1.00'], rates_percent: ['8.875']}, expect: {tax: '0.08'}}
- {name: should be none, tax_rate: {country: CA, region: QC, tax: GST, date: 2026-06-01}, expect: {percent: null}}
- {name: above, price: {model: volume, quantity: '7', tiers: [{up_to: '5', unit_price: '1'}]}, expect: {amount: '7'}}
- {name: no number, price: {model: standard, quantity: seven, unit_price: '1'}, expect: {amount: '7'}}
- {name: no model, price: {quantity: '7', unit_price: '1'}, expect: {amount: '7'}}
- {name: no date, tax_rate: {country: CA, tax: GST, date: 2026-02-30}, expect: {percent: '5'}}
"""


def _write(folder: Path, text: str, name: str = "cases.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def _check(folder: Path, text: str) -> list[Any]:
    return check_files([_write(folder, text)], Home(folder))


def test_values_are_compared_and_anchors_allowed(tmp_path: Path) -> None:
    outcomes = _check(tmp_path, ANCHORED)
    assert [outcome.line() for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) == 7


def test_a_call_may_be_timed_to_the_millionth(tmp_path: Path) -> None:
    assert [outcome.line() for outcome in _check(tmp_path, MILLIONTHS) if not outcome.passed] == []


def test_a_failing_case_says_what_was_found(tmp_path: Path) -> None:
    found = {outcome.case.name: outcome.found for outcome in _check(tmp_path, HOPELESS) if not outcome.passed}
    assert found == {
        "wrong": "0.09",
        "should be none": "5",
        "above": "error: quantity 7 is above the last tier, which ends at 5",
        "no number": "error: quantity: found 'seven', expected a number",
        "no model": "error: model: missing",
        "no date": "error: date: found '2026-02-30', expected a date YYYY-MM-DD",
    }


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: a mapping", 1, "a list of cases"),
        ("", 1, "a list of cases"),
        ("- just text", 1, "a mapping with keys"),
        ("- price: {}\n  expect: {amount: 1}", 1, "name: a text"),
        ("- name: a\n  expect: {amount: 1}", 1, "exactly one"),
        ("- name: a\n  price: {}\n  sms: {text: a}\n  expect: {amount: 1}", 1, "exactly one"),
        ("- name: a\n  prise: {}\n  expect: {amount: 1}", 2, "one of call, match, price"),
        ("- name: a\n  price: {}", 1, "without expect"),
        ("- name: a\n  price: {}\n  expect: {cycles: 1}", 3, "one of amount"),
        (
            "- name: a\n  price:\n    tiers:\n    - up_to: 1\n      unit_prize: 1\n  expect: {amount: 1}",
            5,
            "unit_prize",
        ),
        ("- name: a\n  price:\n    already_billed: [1]\n  expect: {amount: 1}", 3, "a mapping with keys"),
        ("- name: a\n  price: {model: [standard]}\n  expect: {amount: 1}", 2, "a single value"),
        ("- name: a\n  name: b\n  sms: {text: a}\n  expect: {credits: 1}", 2, "each key once"),
        ("- name: a\n  price: {tiers: &t [*t]}\n  expect: {amount: 1}", 2, "an anchor inside itself"),
        ("- name: a\n  price: &p\n    <<: *p\n  expect: {amount: 1}", 3, "an anchor inside itself"),
        ("- name: 'a\n", 2, "while scanning|end of stream|found unexpected"),
    ],
)
def test_what_is_no_case_is_wrong_usage_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(WrongUsage, match=rf"cases\.yaml, line {line}\b.*({said})"):
        _check(tmp_path, text)


def test_without_a_file_those_of_the_home(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="no home"):
        check_files([], Home(tmp_path))
    (tmp_path / "tollbook.toml").touch()
    with pytest.raises(NothingToDo):
        check_files([], Home(tmp_path))
    (tmp_path / "checks").mkdir()
    _write(tmp_path / "checks", "- {name: a, sms: {text: Hello}, expect: {credits: 1}}")
    assert [(outcome.case.file, outcome.passed) for outcome in check_files([], Home(tmp_path))] == [
        ("checks/cases.yaml", True)
    ]


def test_the_command_ends_with_3_and_tells_a_program_everything(tmp_path: Path) -> None:
    good, bad = _write(tmp_path, ANCHORED, "good.yaml"), _write(tmp_path, HOPELESS, "bad.yaml")
    ended = tollbook("check", str(good), str(bad))
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (3, "7 passed, 6 failed")
    assert ended.stdout.splitlines()[0] == f"failed: {bad}, line 2: wrong: expected 0.08, found 0.09"
    ended = tollbook("--json", "check", str(bad))
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert lines[1] == {
        "file": str(bad), "name": "should be none", "passed": False, "expected": None, "found": "5"
    }  # fmt: skip
    assert (ended.returncode, len(lines)) == (3, 6)
    assert tollbook("check", str(good)).returncode == 0
    assert tollbook("check", str(tmp_path / "absent.yaml")).returncode == 2


@pytest.mark.parametrize("name", ["prices", "proration", "taxes", "calls", "sms"])
def test_the_cases_of_the_peers_and_the_tax_authorities(shared: Path, name: str) -> None:
    outcomes = check_files([shared / "checks" / f"{name}.yaml"], Home(shared))
    assert outcomes
    assert [outcome.line() for outcome in outcomes if not outcome.passed] == []
