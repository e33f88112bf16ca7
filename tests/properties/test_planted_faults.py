"""A fault planted in one place of the product is found by the twin of the month (tests/properties/month/faults.py)."""

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from flows.bill_run import take_in
from flows.books.books import open_books
from flows.home.settings import Home
from flows.home.store import Store
from tests.flows.issuing import asked, draft_only, issue
from tests.properties.month.compare import differences
from tests.properties.month.faults import FAULTS
from tests.properties.month.homes import World
from tests.properties.month.twin import Month, two_months


class Ready:
    """One home, ready to be drafted: its first month taken in; and its second, with the first issued."""

    def __init__(self, root: Path, world: World) -> None:
        self.world = world
        self.homes = (root / "first", root / "second")
        home = world.write(self.homes[0])
        self._take_in(home, 0)
        shutil.copytree(*self.homes)
        second = Home(self.homes[1])
        draft_only(second, world.months[0])
        issue(second, world.months[0])
        self._take_in(second, 1)
        self.twin: tuple[Month, Month] = two_months(self.homes[0], world.files)

    def _take_in(self, home: Home, n: int) -> None:
        self.world.deliver(home, n)
        with open_books(asked(home, self.world.months[n])) as books:
            take_in(books)

    def found(self, n: int, root: Path) -> list[str]:
        """What differs in a month that is drafted now."""
        shutil.copytree(self.homes[n], root)
        draft_only(Home(root), self.world.months[n])
        with Store(Home(root)) as store:
            return differences(store, self.world.months[n], self.twin[n])


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Ready]:
    """The home of a seed, made once."""
    return cache(lambda seed: Ready(tmp_path_factory.mktemp("planted"), World(seed)))


@pytest.mark.parametrize(("seed", "month"), sorted({(fault.seed, fault.month) for fault in FAULTS.values()}))
def test_nothing_differs_without_a_fault(ready: Callable[[int], Ready], seed: int, month: int, tmp_path: Path) -> None:
    assert ready(seed).found(month, tmp_path / "home") == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(
    ready: Callable[[int], Ready], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = FAULTS[name]
    home = ready(fault.seed)
    monkeypatch.setattr(fault.where, fault.name, fault.plant(getattr(fault.where, fault.name)))
    assert home.found(fault.month, tmp_path / "home") != []
