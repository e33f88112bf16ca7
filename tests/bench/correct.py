"""A correction of one account against the month's run, both direct, without PDFs and snapshot: at most 1/20 of it.

Both take in the inbox first: the run the month's calls, the correction a file with a number nobody had keyed in.

python -m tests.bench.correct DATA DECK [HOME]: DATA is what the yardstick's make_calls left. Prints seconds and ratio.
"""

import csv
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.bill_run import open_month
from flows.books.books import open_books
from flows.books.context import Request
from flows.books.manifest import write_manifest
from flows.correct.month import correct
from flows.home.settings import Home
from flows.ingest.seen import STILL_NS
from flows.ingest.take_in import ingest
from flows.month.charge import charge
from flows.month.draft import draft
from flows.month.rate import rate
from flows.month.tax import tax
from tests.bench.home import MEMORY_LIMIT_MB, make_home

NOW = datetime(2026, 6, 2, tzinfo=UTC)
MOST = 20


def main() -> None:
    data, deck = Path(sys.argv[1]), Path(sys.argv[2])
    root = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp(prefix="tollbook-bench-")) / "home"
    if not (root / "tollbook.duckdb").exists():
        _issued_month(make_home(root, data, deck, MEMORY_LIMIT_MB), data)
    seconds = json.loads((root / "month.json").read_text())
    account = _add_a_number(root, data)
    seconds["correct one account"] = _timed(lambda: correct(_request(root, account), "a number was missing"))
    whole = seconds["ingest"] + seconds["rate, charge, tax, draft"]
    seconds["run / correction"] = whole / seconds["correct one account"]
    for name, value in seconds.items():
        sys.stdout.write(f"{name}: {value:.2f}\n")
    sys.exit(0 if seconds["run / correction"] >= MOST else 1)


def _request(root: Path, *accounts: str) -> Request:
    return Request(str(root), "2026-06", "anna", NOW, date(2026, 6, 2), accounts)


def _issued_month(home: Home, data: Path) -> None:
    """Takes everything in, runs the month and issues it, without approval and PDFs."""
    shutil.copy(data / "calls.csv", home.inbox / "calls" / "calls.csv")
    request = _request(home.root)

    # As it lies there for an operator: what is younger than this `ingest` reads again (flows/ingest/seen.py).
    time.sleep(STILL_NS / 10**9)

    def take_in() -> None:
        with request.store() as store:
            ingest(store, request.settings(), None, now=NOW)

    def run() -> None:
        with open_books(request) as books:
            opened = open_month(books)
            for stage in (rate, charge, tax, draft):
                stage(opened)
            write_manifest(books)

    seconds = {"ingest": _timed(take_in), "rate, charge, tax, draft": _timed(run)}
    with request.store() as store:
        store.con.execute(_ISSUED)
        store.con.execute("insert into run_events select run_id, 'approved', 'ben', null, $1 from runs", [NOW])
        store.checkpoint()
    (home.root / "month.json").write_text(json.dumps(seconds))


_ISSUED = """
insert into issued_documents by name
select draft_id, number as invoice_number, seller_id, 'B' as series, sequence, account_id, invoice_month, run_id,
    date '2026-06-01' as issue_date, date '2026-07-01' as due_date, final as document_json,
    sha256(final) as document_sha256, 'ben' as issued_by, timestamptz '2026-06-02 00:00:00+00' as issued_at
from (
    select *, row_number() over (order by account_id) as sequence,
        'B-2026-' || lpad(sequence::varchar, 6, '0') as number,
        json_merge_patch(document_json, json_object('status', 'issued', 'invoice_number', number))::varchar as final
    from documents)"""
"""Every draft issued at once: how long an approval takes is another measure."""


def _add_a_number(root: Path, data: Path) -> str:
    """A number that the first account had all the time and nobody had keyed in; returns the account."""
    with (data / "owners.csv").open(newline="") as file:
        account = next(csv.DictReader(file))["account_id"]
    row = f"+442079460199,{account},standard,number,2026-05-01"
    text = f"number,account_id,number_type,product_code,active_from\n{row}\n"
    (root / "inbox" / "numbers" / "late.csv").write_text(text)
    return account


def _timed(act: Callable[[], Any]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
