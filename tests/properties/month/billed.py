"""A home billed by the product, two months of it, and what differs from the twin."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from flows.home.store import Store
from tests.flows.issuing import draft_only, issue
from tests.properties.month.compare import differences
from tests.properties.month.homes import World
from tests.properties.month.twin import Month, totals, two_months


class Compared(NamedTuple):
    """What was compared in a home, and what differs."""

    counts: tuple[int, int, int, int]
    differences: list[str]


@contextmanager
def billed(world: World, root: Path) -> Iterator[Store]:
    """Both months taken in, drafted and issued; the store open."""
    home = world.write(root)
    with Store(home) as store:
        for n, month in enumerate(world.months):
            world.deliver(home, n)
            draft_only(home, month)
            if n == 0:
                issue(home, month)
        yield store


def compared(seed: int) -> Compared:
    """A seed's home, billed by both."""
    world = World(seed)
    with tempfile.TemporaryDirectory() as folder, billed(world, Path(folder) / "home") as store:
        twin = two_months(Path(folder) / "home", world.files)
        return against(store, world, twin)


def against(store: Store, world: World, twin: tuple[Month, Month]) -> Compared:
    found = [
        text for month, of_month in zip(world.months, twin, strict=True) for text in differences(store, month, of_month)
    ]
    both = zip(*(totals(month) for month in twin), strict=True)
    documents, lines, taxes, records = (sum(counts) for counts in both)
    return Compared((documents, lines, taxes, records), found)
