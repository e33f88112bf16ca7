"""A small home's month, as it was drafted, issued and sent; what losses and back-ups are tried on."""

import shutil
from pathlib import Path

from flows.home.settings import Home
from tests.forked import Ended, tollbook
from tests.scenarios.month.home import add_file, make_home

MONTH, NEXT = "2025-06", "2025-07"
RUN, APPROVE, SEND = ("run", MONTH, "--direct"), ("approve", MONTH, "--override", "a test"), ("send", MONTH)


def say(home: Home, *words: str, by: str = "anna", today: str = f"{MONTH}-02") -> Ended:
    """A command, on the 2nd of the month."""
    return tollbook("--home", str(home.root), "--today", today, "--by", by, *words)


def live(home: Home, *acts: tuple[str, ...], today: str = f"{MONTH}-02") -> None:
    """Commands that end well: runs by anna, the others by ben."""
    for act in acts:
        ended = say(home, *act, by="anna" if "run" in act else "ben", today=today)
        assert ended.returncode in (0, 3), ended.stderr


def make_home_of_three(root: Path, port: int | None = None) -> Home:
    """A home of three customers, with a mail server on a port of this machine where one is named."""
    home = make_home(root)
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write("\n[run]\nrender_processes = 1\n")
        if port:
            file.write(f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')
    accounts = [{"account_id": name, "email": f"{name.lower()}@example.org"} for name in ("ANN", "BOB", "CAT")]
    add_file(home, "accounts", "accounts", accounts)
    numbers = [{"number": f"+44207946010{n}", "account_id": row["account_id"]} for n, row in enumerate(accounts)]
    add_file(home, "numbers", "numbers", numbers)
    return home


def make_lives(root: Path) -> dict[str, Home]:
    """The home after each of its acts: drafted, issued, sent."""
    home = make_home_of_three(root / "now")
    found = {}
    for name, act in (("drafted", RUN), ("issued", APPROVE), ("sent", SEND)):
        live(home, act)
        found[name] = Home(shutil.copytree(home.root, root / name))
    return found
