"""The month that a user waits for, stage by stage: python -m tests.bench.month [ACCOUNTS CALLS MONTHS] -> Markdown.

Every month has the same accounts and as many calls, so that month 24 costs what its history costs. The first and the
last month go through the command line, a process a stage, with their PDFs; those between them are issued without.
"""

import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home, load_settings
from flows.home.store import Store
from flows.ingest.take_in import ingest
from flows.issue.approve import approve
from schemas.periods import add_months, month_start, shift_month
from tests.bench.home import make_home
from tests.flows.issuing import no_pdfs

SHARED = Path(__file__).resolve().parents[3] / "shared"
FIRST = "2026-06"
_MAIN = "from flows.cli.main import main; main()"
STAGES = ("ingest", "run", "approve", "send", "publish")


@dataclass
class Month:
    """Of one measured month: stage -> (processor seconds, wall seconds)."""

    name: str
    documents: int
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)


def main() -> None:
    accounts, calls, months = (int(text) for text in (*sys.argv[1:], *("2000", "200000", "24")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory(prefix="tollbook-month-") as scratch:
        sys.stdout.write("\n".join(table(measured(Path(scratch), accounts, calls, months), accounts, calls)) + "\n")


def measured(scratch: Path, accounts: int, calls: int, months: int) -> list[Month]:
    """The first and the last of so many months in a home of its own."""
    home = _home(scratch, accounts)
    found = []
    for number in range(months):
        month = shift_month(FIRST, number)
        _write_calls(home, month, accounts, calls)
        if number in (0, months - 1):
            found.append(_by_command(home, month, accounts))
        else:
            _between(home, month)
        sys.stderr.write(f"bench: month {number + 1} of {months}\n")
    return found


def table(found: list[Month], accounts: int, calls: int) -> list[str]:
    """Rows of Markdown: each stage of the first month and of the last, and per 1,000 documents of the last."""
    first, last = found[0], found[-1]
    of = f"{calls:,} calls, {accounts:,} accounts a month"
    columns = ("CPU s", "wall s", f"{last.name}: CPU s", "wall s", "CPU s per 1,000 documents", "last ÷ first")
    rows = [f"| {of}; {first.name}: | {' | '.join(columns)} |", "|---|" + "---:|" * len(columns)]
    for stage in STAGES:
        (cpu, wall), (last_cpu, last_wall) = first.stages[stage], last.stages[stage]
        per = last_cpu / last.documents * 1000
        figures = (cpu, wall, last_cpu, last_wall, per, last_cpu / cpu)
        rows.append(f"| {stage} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    return rows


def _home(scratch: Path, accounts: int) -> Home:
    data = scratch / "data"
    data.mkdir(parents=True)
    owners = [f"+44207{number:07},A{number:07}" for number in range(accounts)]
    (data / "owners.csv").write_text("number,account_id\n" + "\n".join(owners) + "\n")
    return make_home(scratch / "home", data, SHARED / "real" / "az_deck.csv")


def _write_calls(home: Home, month: str, accounts: int, calls: int) -> None:
    """Calls of the usage month, spread over its days, over the accounts and over the destinations of the deck."""
    first = add_months(month_start(month), -1)
    days = (add_months(first, 1) - first).days
    prefixes = pl.read_csv(home.rates / "world.csv", infer_schema=False)["prefix"]
    prefixes = prefixes.filter(prefixes.str.len_chars() > 3)
    row = pl.int_range(calls)
    frame = pl.select(row=row).with_columns(
        to=pl.Series(prefixes.gather((pl.select(row).to_series() * 7919) % prefixes.len()))
    )
    at = pl.lit(first).cast(pl.Datetime) + pl.duration(seconds=(pl.col("row") * 48271) % (days * 86400))
    frame.select(
        source=pl.lit("bench"),
        call_id=pl.format("{}-{}", pl.lit(month), "row"),
        started_at=at.dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        direction=pl.lit("outbound"),
        from_number=pl.format("+44207{}", (pl.col("row") % accounts).cast(pl.String).str.zfill(7)),
        to_number=("+" + pl.col("to") + "5550123456").str.slice(0, 13),
        duration_s=(pl.col("row") * 37) % 600 + 1,
    ).write_csv(home.inbox / "calls" / f"{month}.csv")


def _by_command(home: Home, month: str, documents: int) -> Month:
    found = Month(month, documents)
    for stage, by, *more in (
        ("ingest", "anna"),
        ("run", "anna", month, "--direct"),
        ("approve", "ben", month, "--override", "measured"),
        ("send", "ben", month),
        ("publish", "ben"),
    ):
        command = ["-c", _MAIN, "--home", home.root, "--today", f"{month}-02", "--by", by, stage, *more]
        found.stages[stage] = _timed([sys.executable, *command], {0, 3})
    return found


def _timed(command: list[object], may_end_with: set[int]) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(part) for part in command], check=False, capture_output=True, text=True)
    wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in may_end_with:
        sys.exit(f"bench: {command}: {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}")
    return used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime, wall


def _between(home: Home, month: str) -> None:
    """A month that is only there to be history: issued, not drawn and not sent."""
    now = datetime(2026, 6, 2, tzinfo=UTC)
    day = date.fromisoformat(f"{month}-02")
    with Store(home) as store:
        ingest(store, load_settings(home), None, now=now, today=day)
    run_direct(Request(str(home.root), month, "anna", now, day))
    with no_pdfs():
        approve(Request(str(home.root), month, "ben", now, day), None, None, None, None, override="a month between")


if __name__ == "__main__":
    main()
