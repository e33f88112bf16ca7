"""The sample provider, billed: the two invoice months of data/sample through the stages, without Prefect."""

import random  # noqa: TID251 a seeded shuffle of files
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from flows.bill_run import RunReport, publish_snapshot, run_direct
from flows.books.context import Request
from flows.home.init import init_home
from flows.home.settings import Home
from flows.issue.approve import Approval, approve
from flows.post.send import send
from tests.flows.issuing import no_pdfs, no_reviews

MONTHS = ("2026-05", "2026-06")

FAR = "yearly lines came in May, new customers in June"
"""Why June may be issued, whose figures are far from May's."""


def request(home: Home, month: str, by: str = "anna") -> Request:
    """A request on the 2nd of the invoice month."""
    return Request(str(home.root), month, by, datetime(2026, 6, 2, 12, tzinfo=UTC), date.fromisoformat(f"{month}-02"))


def sample_home(root: Path) -> Home:
    """A fresh home with the sample provider."""
    init_home(root, sample=True)
    return Home(root)


def bill(home: Home, month: str) -> tuple[RunReport, Approval]:
    """Runs a month as anna, approves it as ben, sends it and publishes the snapshot."""
    report = run_direct(request(home, month))
    approval = approve(request(home, month, "ben"), None, None, None, None, override=FAR)
    deliver(home, month)
    return report, approval


def bill_without_paper(home: Home, month: str) -> None:
    """Runs a month as anna and approves it as ben: no PDFs, no mails, no review."""
    with no_reviews(), no_pdfs():
        run_direct(request(home, month))
        approve(request(home, month, "ben"), None, None, None, None, override=FAR)


def deliver(home: Home, month: str) -> None:
    """Sends what is issued and publishes the snapshot."""
    asked = request(home, month, "ben")
    with asked.store() as store:
        send(store, asked.settings(), month, today=asked.today, now=asked.now, by=asked.by, late_reason=None)
    publish_snapshot(asked)


def mend(home: Home) -> None:
    """Takes in the row that mends the parked account."""
    source = Path(__file__).parents[2] / "data" / "sample" / "later" / "accounts-mended.csv"
    shutil.copy(source, home.inbox / "accounts" / "accounts-mended.csv")


def split_and_shuffle(home: Home, seed: int) -> None:
    """Every canonical CSV of the inbox cut in two, its rows in another order, under other names."""
    chance = random.Random(seed)  # noqa: S311 a seeded shuffle, no secret
    for path in sorted(home.inbox.rglob("*.csv")):
        if "pbx_" in str(path) or "sent-again" in path.name:
            continue
        header, *rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
        chance.shuffle(rows)
        middle = len(rows) // 2
        path.unlink()
        for part, part_rows in (("z", rows[:middle]), ("a", rows[middle:])):
            name = f"{part}-{chance.randrange(10**6)}-{path.name}"
            (path.parent / name).write_text(header + "".join(part_rows), encoding="utf-8")


def tables_of(home: Home) -> dict[str, list[tuple[object, ...]]]:
    """Every view's sorted rows, without what names a clock or a file (RULES 29)."""
    named = {"source_file", "source_line", "of_file", "of_line", "raw_line"}
    # A copy: this process may still hold the file that the last publish replaced.
    copy = shutil.copy(home.published, home.root / "compared.duckdb")
    with duckdb.connect(copy, read_only=True) as con:
        found = {}
        for (view,) in con.execute("select view_name from duckdb_views() where not internal order by 1").fetchall():
            columns = [
                name
                for name, kind in con.execute(
                    "select column_name, data_type from duckdb_columns() "
                    "where table_name = $1 and schema_name = 'main'",
                    [view],
                ).fetchall()
                if name not in named and not name.endswith(("_at", "_on_clock", "sha256"))
            ]
            if view in ("source_files", "rejected_records", "duplicate_records", "audit_log"):
                continue
            rows = con.execute(f"select {', '.join(columns)} from {view} order by all").fetchall()
            found[view] = rows
    return found


def files_of(home: Home) -> dict[str, bytes]:
    """Everything a run leaves for people to read, byte for byte."""
    out = home.root / "out"
    keep = ("invoices", "usage", "mail", "manifest.json")
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[1] in keep
    }
