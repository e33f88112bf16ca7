"""A large deck is read line by line once, and kept as it was read until its bytes or its declaration change."""

from pathlib import Path
from unittest.mock import patch

import pytest

from flows.decks import deck_file
from flows.home.file_settings import DeckSettings
from flows.home.settings import Home
from schemas.errors import WrongUsage
from tests.scenarios.month.home import make_home

HEAD = "prefix,destination,price,per_s,increment_s,minimum_s,connect_fee,valid_from,valid_to\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = make_home(tmp_path / "home")
    home.store.mkdir(exist_ok=True)
    _write(home, 1200)
    return home


def _write(home: Home, rows: int, last: str = "0.02") -> None:
    lines = [f"{44000 + row},United Kingdom,{0.01 if row else last},60,6,0,0,,\n" for row in range(rows)]
    (home.rates / "large.csv").write_text(HEAD + "".join(lines), encoding="utf-8")


def _load(home: Home, **more: object) -> tuple[object, int]:
    """The deck's rows, and how often its file was read."""
    settings = DeckSettings.model_validate({"file": "large.csv", "currency": "GBP", "valid_from": "2020-01-01", **more})
    deck_file._compiled.cache_clear()
    deck_file._read.cache_clear()
    with patch.object(deck_file, "read_deck", wraps=deck_file.read_deck) as read:
        return deck_file.load_deck(home, "large", settings).rows.to_dicts(), read.call_count


def test_a_large_deck_is_read_once_and_says_the_same(home: Home) -> None:
    first, once = _load(home)
    again, never = _load(home)
    assert (once, never) == (1, 0)
    assert first == again


def test_other_bytes_and_another_declaration_are_read(home: Home) -> None:
    first, _ = _load(home)
    _, once = _load(home, valid_from="2021-01-01")
    _write(home, 1200, last="0.03")
    changed, again = _load(home)
    assert (once, again) == (1, 1)
    assert changed != first


def test_a_kept_file_that_is_damaged_is_made_again(home: Home) -> None:
    first, _ = _load(home)
    (kept,) = (home.store / "decks").glob("*.parquet")
    kept.write_bytes(kept.read_bytes()[:-40])
    assert _load(home) == (first, 1)
    assert _load(home) == (first, 0)


def test_a_small_deck_is_not_kept_and_a_wrong_one_never(home: Home) -> None:
    _write(home, 3)
    _load(home)
    _write(home, 1200, last="cheap")
    for _ in range(2):
        with pytest.raises(WrongUsage, match="line 2, column price: found 'cheap'"):
            _load(home)
    assert not list((home.store / "decks").glob("*"))
