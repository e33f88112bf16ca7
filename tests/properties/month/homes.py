"""Homes invented from a seed: two invoice months of accounts of all the sample's sellers."""

import shutil
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

from data.sample.draws import Draws
from flows.home.init import init_home
from flows.home.settings import Home as Folder
from tests.properties.month import extras
from tests.properties.month.calls import call_about
from tests.properties.month.customers import Customer
from tests.properties.month.days import first, shift
from tests.properties.month.facts import Rows
from tests.properties.month.having import have_everything
from tests.properties.month.places import HOMES
from tests.properties.month.ports import port
from tests.scenarios.month.home import add_file

MONTHS = ("2026-05", "2026-05", "2026-05", "2025-12", "2026-01", "2025-07", "2025-06", "2025-04")
"""First invoice months: some where prices, USF, Nova Scotia's or Illinois' rates change inside the two months."""


class World:
    """An invented provider: what is taken in before each of its two months."""

    def __init__(self, seed: int, accounts: int = 7, calls: int = 14) -> None:
        self.seed = seed
        self.draws = Draws(f"month {seed}")
        self.first_month = self.draws.one(MONTHS)
        self.files: tuple[Rows, Rows] = (defaultdict(list), defaultdict(list))
        self.before = first(shift(self.first_month, -1))
        """The first day of the month before the first invoice month."""
        customers = [
            Customer(seed, n, HOMES[(seed + n) % len(HOMES)], self.before, self.files) for n in range(accounts)
        ]
        for customer in customers:
            have_everything(customer)
        for giver, taker in pairwise(customers):
            if giver.chance(3):
                port(giver, taker)
        for customer in customers:
            call_about(customer, calls)

    def write(self, root: Path) -> Folder:
        """The home with its catalogue, and nothing in its inbox yet."""
        home = Folder(root)
        init_home(root, sample=True)
        shutil.rmtree(home.inbox)
        settings = home.settings_file.read_text(encoding="utf-8")
        settings = settings.replace('first_invoice_month = "2026-05"', f'first_invoice_month = "{self.first_month}"')
        home.settings_file.write_text(settings, encoding="utf-8")
        (home.catalog / "extras.yaml").write_text(extras.catalogue(self.before), encoding="utf-8")
        return home

    def deliver(self, home: Folder, n: int) -> None:
        """Puts the files of the n-th month into the inbox."""
        for feed, rows in self.files[n].items():
            if rows:
                add_file(home, feed, f"{n}-{feed}", rows)

    @property
    def months(self) -> tuple[str, str]:
        return self.first_month, shift(self.first_month, 1)
