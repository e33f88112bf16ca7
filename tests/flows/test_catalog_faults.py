"""What is wrong between entries of the catalogue is told with the file and line of the one that says it."""

from pathlib import Path

import pytest

from flows.catalog.load import load_all
from flows.home.init import init_home
from flows.home.settings import Home, load_settings
from schemas.errors import WrongUsage

PLAN = """plans:
  odd:
    name: Odd
    currency: USD
    domestic: [US]
    allowances:
      minutes:
        name: Minutes
        unit: minute
        units: 10
        {allowance}
    prices: {{{price}: "1.00"}}
    usage:
      domestic: {{{domestic}}}
      short_number: {{{short}}}
"""
GOOD = {
    "allowance": "products: [phone]",
    "price": "phone",
    "domestic": "deck: domestic, allowance: minutes, included: minutes_included, charged: minutes_overage",
    "short": "free: true",
}
"""It fits the catalogue of a new home."""

FAULTS = {
    "an allowance that is not there": (
        14, "plan odd, domestic: unknown allowance 'others'", {"domestic": GOOD["domestic"].replace(
            "allowance: minutes", "allowance: others")},
    ),
    "a product that prints no usage": (
        14, "plan odd, domestic: 'phone' is not a product billed_from usage", {"domestic": GOOD["domestic"].replace(
            "charged: minutes_overage", "charged: phone")},
    ),
    "a product of an allowance": (
        7, "plan odd, allowance minutes: unknown product 'x'", {"allowance": "products: [x]"},
    ),
    "a price of no product": (12, "plan odd, prices: unknown product 'x'", {"price": "x"}),
    "a deck that no settings declare": (
        14, "plan odd, domestic: no [decks.moon] in tollbook.toml", {"domestic": GOOD["domestic"].replace(
            "deck: domestic", "deck: moon")},
    ),
    "a deck of numbers for short ones": (
        15, "plan odd, short_number: found the deck domestic, which other rules name too",
        {"short": "deck: domestic, charged: minutes_overage"},
    ),
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    init_home(home.root, sample=False)
    return home


def write(home: Home, **cells: str) -> None:
    (home.catalog / "odd.yaml").write_text(PLAN.format(**GOOD | cells), encoding="utf-8")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_between_entries_names_file_and_line(fault: str, home: Home) -> None:
    write(home)
    load_all(home, load_settings(home))
    line, said, cells = FAULTS[fault]
    write(home, **cells)
    with pytest.raises(WrongUsage) as told:
        load_all(home, load_settings(home))
    assert str(told.value).startswith(f"catalog/odd.yaml, line {line}: {said}")


def test_a_deck_in_another_currency_names_file_and_line(home: Home) -> None:
    text = PLAN.replace("currency: USD", "currency: EUR")
    (home.catalog / "odd.yaml").write_text(text.format(**GOOD), encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"^catalog/odd\.yaml, line 14: plan odd, domestic: the plan is in EUR, its "):
        load_all(home, load_settings(home))
