"""Lives that faults disturb: homes, and the acts of their months that write."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.home.settings import Home
from tests.faults.lives import MONTH, NEXT, make_home_of_three
from tests.flows.sample import FAR, mend, sample_home


def _nothing(_home: Home) -> None:
    """Most acts need no file first."""


@dataclass(frozen=True)
class Act:
    """A command, the day it is given and by whom; `prepare` lays into the inbox what it is to find there."""

    today: str
    by: str
    words: tuple[str, ...]
    prepare: Callable[[Home], None] = _nothing


@dataclass(frozen=True)
class Life:
    """make(folder, port of a mail server) -> the home before its first act."""

    make: Callable[[Path, int], Home]
    acts: tuple[Act, ...]


def _month(month: str, why: str) -> tuple[Act, ...]:
    return (
        Act(f"{month}-02", "anna", ("run", month, "--direct")),
        Act(f"{month}-02", "ben", ("approve", month, "--override", why)),
        Act(f"{month}-02", "ben", ("send", month)),
    )


def _sample(root: Path, port: int) -> Home:
    home = sample_home(root)
    with home.settings_file.open("a", encoding="utf-8") as file:
        file.write(f'\n[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n')
    return home


def _discount(home: Home) -> None:
    """A tenth off for two customers since May, told after their invoices went out."""
    folder = home.inbox / "discounts"
    folder.mkdir(exist_ok=True)
    rows = [f"D-{account},{account},account,10,2026-05-01,Agreed in April" for account in ("US-1002", "US-1003")]
    header = "discount_id,account_id,applies_to,percent,valid_from,description"
    (folder / "agreed.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")


THREE = Life(make_home_of_three, (*_month(MONTH, "a test"), *_month(NEXT, "a test")))
"""Two months of three customers."""

SAMPLE = Life(
    _sample,
    (
        Act("2026-05-02", "anna", ("ingest",)),
        *_month("2026-05", FAR),
        *_month("2026-06", FAR),
        Act("2026-06-03", "anna", ("run", "2026-06", "--direct"), mend),
        Act("2026-06-03", "ben", ("approve", "2026-06", "--override", FAR)),
        Act("2026-06-03", "anna", ("correct", "2026-06", "--reason", "a discount that was agreed"), _discount),
        Act("2026-06-03", "ben", ("approve", "2026-06", "--override", FAR)),
        Act("2026-06-03", "ben", ("send", "2026-06")),
        Act("2026-06-04", "ben", ("publish",)),
    ),
)
"""The sample provider's May and June: billed, one customer later, two corrected, all sent, the snapshot published."""
