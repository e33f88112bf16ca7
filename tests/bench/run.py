"""Measures rating and ingest against the yardsticks of ../shared/bench, all in one go, and writes RESULTS.md.

`make bench`, or python -m tests.bench.run [CALLS ...]; the ratios need both 1000000 and 10000000. Without sizes the
month that a user waits for is measured too, first and after two years (tests/bench/month.py). Every figure is of a
process of its own, so that its peak memory is its own; the yardsticks work on the same files. What opens a run
(catalogue, deck and tax tables read and checked) is measured by itself: the plain rater's deck lies in DuckDB before
its clock starts.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.bench import month
from tests.bench.home import MEMORY_LIMIT_MB

POSTGRES = {
    "/usr/lib/postgresql/15/bin/initdb": "postgresql-15",
    "/usr/share/postgresql/15/extension/prefix.control": "postgresql-15-prefix",
}
ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
FEW = 5_000_000
"""Below so many calls what is read once, whatever their number, weighs in a ratio."""
WHOLE_MONTH = 2_000, 200_000, 24
"""Accounts, calls a month, months."""


@dataclass
class Figures:
    """Seconds and megabytes by name, of one number of calls."""

    calls: int
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    corrected: float | None = None
    """How many times a correction's seconds a month's run takes."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Rivals that cannot run on this machine, and why."""


def main() -> None:
    if not SHARED.is_dir():
        sys.exit("bench: the yardsticks lie in ../shared/bench, which is not beside this checkout.")
    sizes = [int(text) for text in sys.argv[1:]] or [1_000_000, 10_000_000]
    scratch = Path(os.environ.get("BENCH_DIR") or tempfile.mkdtemp(prefix="tollbook-bench-"))
    found = [measured(calls, scratch) for calls in sorted(sizes)]
    whole = month.measured(scratch / "month", *WHOLE_MONTH) if not sys.argv[1:] else None
    text = report(found, month.table(whole, *WHOLE_MONTH[:2]) if whole else [])
    (ROOT / "tests" / "bench" / "RESULTS.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    if "BENCH_DIR" not in os.environ:
        shutil.rmtree(scratch)


def measured(calls: int, scratch: Path) -> Figures:
    """All figures for one number of calls."""
    figures, data = Figures(calls), scratch / f"calls-{calls}"
    if not (data / "calls.csv").exists():
        say(f"making {calls:,} calls")
        subprocess.run([sys.executable, SHARED / "bench" / "make_calls.py", str(calls), data], check=True)
    _yardstick(figures, [sys.executable, SHARED / "bench" / "duckdb_plain.py", data])
    home = scratch / f"home-{calls}"
    for step in ("master", "ingest", "open", "rate"):
        _ours(figures, step, home, data)
    if calls <= 1_000_000:
        rival(figures, "PostgreSQL", ["bash", SHARED / "bench" / "postgres.sh", data], POSTGRES)
        _correction(figures, scratch / "home-correct", data)
    shutil.rmtree(home)
    return figures


def _correction(figures: Figures, home: Path, data: Path) -> None:
    """A month's run and the correction of one of its accounts (tests/bench/correct.py)."""
    say("ours: a correction")
    command = [sys.executable, "-m", "tests.bench.correct", data, SHARED / "real" / "az_deck.csv", home]
    done = subprocess.run([str(part) for part in command], check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    found = dict(re.findall(r"^(.+): ([0-9.]+)$", done.stdout, re.MULTILINE))
    figures.corrected = float(found.pop("run / correction"))
    figures.seconds |= {f"correction: {name}": float(seconds) for name, seconds in found.items()}
    shutil.rmtree(home)


def rival(figures: Figures, name: str, command: list[object], needs: Mapping[str, str]) -> None:
    """A yardstick that not every machine can run: it is left out then, and that is said. needs: file -> its package."""
    missing = [package for file, package in needs.items() if not Path(file).exists()]
    try:
        if missing:
            raise FileNotFoundError(f"it needs {', '.join(missing)}")
        _yardstick(figures, command)
    except (OSError, subprocess.CalledProcessError) as error:
        said = str(getattr(error, "stderr", None) or error).strip().splitlines()
        figures.left_out[name] = said[-1] if said else "it said nothing"
        say(f"{name} cannot run here and is left out: {figures.left_out[name]}")


def _yardstick(figures: Figures, command: list[object]) -> None:
    say(" ".join(Path(str(part)).name for part in command))
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
    for name, seconds in re.findall(r"^(.+?) +([0-9.]+) s$", done.stdout, re.MULTILINE):
        figures.seconds[name] = float(seconds)


def _ours(figures: Figures, step: str, home: Path, data: Path) -> None:
    say(f"ours: {step}")
    command = [sys.executable, "-m", "tests.bench.step", step, home, data, SHARED / "real" / "az_deck.csv"]
    done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    for name, told in json.loads(done.stdout).items():
        figures.seconds[f"ours: {name}"] = told["seconds"]
        figures.peak_mb[name] = told["peak_mb"]


def report(found: list[Figures], whole_month: list[str]) -> str:
    """RESULTS.md: the machine, every figure, every ratio with what is asked of it; `whole_month`: a table's rows."""
    rows = [
        f"| {figures.calls:,} | {name} | {seconds:.2f} |"
        for figures in found
        for name, seconds in figures.seconds.items()
    ]
    peaks = [f"| {figures.calls:,} | {step} | {mb:,.0f} |" for figures in found for step, mb in figures.peak_mb.items()]
    parts = [f"{name} {version(name)}" for name in ("polars", "duckdb", "pyarrow")]
    machine = f"{os.cpu_count()} cores, {_memory_gb()} GB, {platform.system()} {platform.machine()}"
    versions = ", ".join([f"Python {platform.python_version()}", *parts])
    notes = (ROOT / "tests" / "bench" / "NOTES.md").read_text(encoding="utf-8").strip()
    return "\n".join(
        [
            "# Speed and memory", "",
            "Written by `make bench`. Ratios count; the seconds are those of one machine in one run.", "",
            f"Machine: {machine}; {versions}; memory_limit_mb = {MEMORY_LIMIT_MB}.", "",
            "| ratio | asked | found |", "|---|---|---|", *_ratios(found), "",
            *left_out(found),
            "| calls | what | seconds |", "|---:|---|---:|", *rows, "",
            "| calls | step | peak MB |", "|---:|---|---:|", *peaks, "",
            *(["## The month that a user waits for", "", *whole_month, ""] if whole_month else []),
            notes, "",
        ]
    )  # fmt: skip


def left_out(found: list[Figures]) -> list[str]:
    """A line for each rival that could not run, and an empty one behind them."""
    said = [
        f"Left out, for it cannot run here: {name}, {figures.calls:,} calls: {why}"
        for figures in found
        for name, why in figures.left_out.items()
    ]
    return [*said, ""] if said else []


def _ratios(found: list[Figures]) -> list[str]:
    lines = []
    for figures in found:
        at = f"{figures.calls:,} calls"
        ours = figures.seconds["ours: rate"]
        plain, floor = figures.seconds["plain rater, stored"], figures.seconds["floor: store that shape"]
        most_of_plain, most_of_floor = ("0.7", "1.2") if figures.calls >= FEW else ("1.0", "1.8")
        lines.append(f"| rate and store ÷ plain DuckDB rater, {at} | at most {most_of_plain} | {ours / plain:.2f} |")
        lines.append(f"| rate and store ÷ floor, {at} | at most {most_of_floor} | {ours / floor:.2f} |")
        if "copy" in figures.seconds:
            best = min(figures.seconds[way] for way in ("b-tree on the prefix", "prefix extension"))
            theirs = figures.seconds["copy"] + best
            whole = ours + figures.seconds["ours: ingest"] + figures.seconds["ours: open"]
            lines.append(f"| PostgreSQL ÷ ours, CSV to stored rated usage, {at} | at least 4 | {theirs / whole:.1f} |")
        if figures.corrected is not None:
            found_ratio = f"{figures.corrected:.1f}"
            lines.append(f"| month's run ÷ correction of one account, {at} | at least 40 | {found_ratio} |")
    by_calls = {figures.calls: figures for figures in found}
    small, big = by_calls.get(1_000_000), by_calls.get(10_000_000)
    if small and big:
        for step in ("ingest", "rate"):
            ratio = big.seconds[f"ours: {step}"] / small.seconds[f"ours: {step}"]
            lines.append(f"| {step}: 10 M ÷ 1 M | at most 11 | {ratio:.1f} |")
        peak = max(big.peak_mb.values())
        lines.append(f"| peak memory at 10 M | below 4,096 MB | {peak:,.0f} MB |")
    return lines


def _memory_gb() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def say(text: str) -> None:
    sys.stderr.write(f"bench: {text}\n")


if __name__ == "__main__":
    main()
