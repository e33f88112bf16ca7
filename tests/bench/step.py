"""One measured step of ours in a process of its own: python -m tests.bench.step STEP HOME DATA DECK -> JSON.

master: a fresh home with accounts and numbers (not part of a ratio). ingest: the CSV of calls, from the inbox to the
feed. open: reads catalogue, deck and tax tables and
opens a run. rate: the same, and then measured the stage `rate` of that run, from the feed to rated_usage. draft: the
three stages after it, in the same process, so that its peak is that of the whole run.
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.books.books import Books, open_books
from flows.books.context import Request
from flows.books.runs import open_run
from flows.ingest.take_in import ingest
from flows.month.charge import charge
from flows.month.draft import draft
from flows.month.rate import rate
from flows.month.tax import tax
from tests.bench.home import MEMORY_LIMIT_MB, make_home

NOW = datetime(2026, 6, 2, tzinfo=UTC)


def main() -> None:
    step, home_dir, data, deck = sys.argv[1], *map(Path, sys.argv[2:5])
    request = Request(str(home_dir), "2026-06", "bench", NOW)
    if step == "master":
        make_home(home_dir, data, deck, MEMORY_LIMIT_MB)
    elif step == "ingest":
        shutil.copy(data / "calls.csv", request.home.inbox / "calls" / "calls.csv")
    with open_books(request) as books:
        acts: dict[str, Callable[[], Any]] = {step: lambda: _ingest(books)}
        if step == "open":
            acts = {"open": lambda: open_run(books)}
        elif step == "rate":
            run, _ = open_run(books)
            acts = {"rate": lambda: rate(run), "draft": lambda: [stage(run) for stage in (charge, tax, draft)]}
        sys.stdout.write(json.dumps({name: _measured(act) for name, act in acts.items()}))


def _measured(act: Callable[[], Any]) -> dict[str, object]:
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    done = act()
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mb": used.ru_maxrss / 1024, "done": str(done)[:200]}


def _ingest(books: Books) -> dict[str, int]:
    report = ingest(books.store, books.settings, None, now=NOW)
    refused = [str(fault) for file in report.files for fault in file.faults]
    if refused:
        sys.exit(f"bench: ingest complains: {refused[:3]}")
    return {file.source_file: file.loaded for file in report.files}


if __name__ == "__main__":
    main()
