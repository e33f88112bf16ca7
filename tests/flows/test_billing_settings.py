"""Which settings make another run of the same records: those that decide what is billed, and no others."""

from pathlib import Path
from typing import Any

import pytest

from flows.books.runs import billing_settings
from flows.home.seller_settings import Notice
from flows.home.settings import Home, load_settings
from tests.scenarios.month.home import make_home

SOURCE = '\n[sources.pbx]\nfeed = "calls"\npath = "inbox/calls/pbx/*"\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home")


def _with(home: Home, more: str) -> dict[str, object]:
    before = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(before + more, encoding="utf-8")
    try:
        return billing_settings(load_settings(home))
    finally:
        home.settings_file.write_text(before, encoding="utf-8")


def test_keys_that_came_later_and_say_nothing_leave_a_run_what_it_was(home: Home) -> None:
    (deck,) = billing_settings(load_settings(home))["decks"].values()
    assert {*deck} == {
        "file", "currency", "valid_from", "format", "columns", "defaults", "delimiter", "decimal", "date_format",
        "skip_rows", "skip_unparsable", "supersede",
    }  # fmt: skip


@pytest.mark.parametrize("key", ["parts = true", "trusted = true", 'leg = "a"'])
def test_what_a_source_says_of_who_pays_and_what_is_one_call_makes_another_run(home: Home, key: str) -> None:
    assert _with(home, SOURCE) == billing_settings(load_settings(home))
    assert _with(home, f"{SOURCE}{key}\n") != _with(home, SOURCE)


@pytest.mark.parametrize("key", ['markup_percent = "25"', 'encoding = "cp1252"', 'sheet_currency = "USD"'])
def test_what_a_deck_says_of_its_prices_makes_another_run(home: Home, key: str) -> None:
    assert _with(home, f'\n[decks.more]\nfile = "world.csv"\ncurrency = "GBP"\n{key}\n') != _with(
        home, '\n[decks.more]\nfile = "world.csv"\ncurrency = "GBP"\n'
    )


def test_a_seller_without_notices_is_what_it_was(home: Home) -> None:
    (seller,) = billing_settings(load_settings(home))["sellers"].values()
    assert "notices" not in seller
    (seller,) = _with(home, '\n[[sellers.uk.notices]]\ntext = "Registered in England."\n')["sellers"].values()  # type: ignore[attr-defined]
    assert seller["notices"][0]["text"] == "Registered in England."


@pytest.mark.parametrize(
    ("only", "reader", "printed"),
    [
        ({}, ("fr_FR", "FR", "business"), True),
        ({"language": "fr"}, ("fr_CA", "CA", None), True),
        ({"language": "fr"}, ("en_CA", "CA", None), False),
        ({"countries": ["FR", "MC"]}, ("en_GB", "MC", "business"), True),
        ({"countries": ["FR"]}, ("fr_BE", "BE", "business"), False),
        ({"customer_type": "business"}, ("fr_FR", "FR", "residential"), False),
        ({"customer_type": "business"}, ("fr_FR", "FR", None), False),
    ],
)
def test_whom_a_notice_is_for(only: dict[str, Any], reader: tuple[str, str, str | None], printed: bool) -> None:
    assert Notice(text="As the law asks.", **only).is_for(*reader) == printed
