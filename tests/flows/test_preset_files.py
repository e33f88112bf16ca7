"""Every layout over a file of its own: what became of each record, in a table that a clerk can read.

`tests/presets/<layout>/` holds `source.toml` (the body of its [sources.<layout>]), `expected.csv` and the files; they
are all taken into one home (`tests/presets/home/`) and billed in one run. A row of `expected.csv` is a record: its
`line` (of `file`, where there are several), `outcome` (rated; duplicate; rejected; unanswered …: the reason of what is
excluded or suspended), and of the other columns those that are not empty: the account that pays, the amount, and
what was read of the record (`started_at` in UTC, `from_number`, `to_number`, `extension`, `duration_s` …).
"""

import csv
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flows.bill_run import run_direct
from flows.books.context import Request
from flows.home.settings import Home
from flows.home.store import Store
from flows.presets.known import PRESETS

pytestmark = pytest.mark.usefixtures("without_reviews", "without_pdfs")

FOLDER = Path(__file__).parents[1] / "presets"
LAYOUTS = sorted(path.name for path in FOLDER.iterdir() if (path / "source.toml").exists())
OURS = {"source.toml", "expected.csv"}

ENDED = """
    with records as (
        from feed_calls union all by name from feed_messages
    ),
    ended as (
        select source_file, source_line, 'rated' as outcome, account_id, amount, null as because from rated_usage
        union all by name
        select source_file, source_line, reason as outcome, account_id, detail as because from suspended_usage
        union all by name
        select source_file, source_line, reason as outcome, account_id, detail as because from excluded_usage
        union all by name
        select source_file, source_line, 'rejected' as outcome, column_name || ': ' || reason as because
        from rejected_records
        union all by name
        select source_file, source_line, 'duplicate' as outcome from duplicate_records
    )
    select ended.*, records.* exclude (source_file, source_line, account_id)
    from ended left join records using (source_file, source_line)
"""


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """May 2026 of every layout's files, drafted."""
    root = tmp_path_factory.mktemp("presets") / "home"
    shutil.copytree(FOLDER / "home", root)
    home = Home(root)
    blocks = []
    for layout in LAYOUTS:
        feed = PRESETS[layout].feed
        blocks.append(f"\n[sources.{layout}]\n" + f'feed = "{feed}"\nformat = "{layout}"\n')
        blocks.append(f'path = "inbox/{feed}/{layout}/*"\n' + (FOLDER / layout / "source.toml").read_text("utf-8"))
        inbox = home.inbox / feed / layout
        inbox.mkdir(parents=True)
        for path in sorted((FOLDER / layout).iterdir()):
            if path.name not in OURS:
                shutil.copy(path, inbox)
    home.settings_file.write_text(home.settings_file.read_text("utf-8") + "".join(blocks), encoding="utf-8")
    run_direct(Request(str(root), "2026-06", "anna", datetime(2026, 6, 2, tzinfo=UTC)))
    with Store(home) as store:
        yield store


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_becomes_of_each_record(billed: Store, layout: str) -> None:
    ended = _ended(billed, layout)
    with (FOLDER / layout / "expected.csv").open(newline="", encoding="utf-8") as file:
        expected = list(csv.DictReader(file))
    files = sorted({key[0] for key in ended})
    keys = [(row.get("file") or files[0], int(row["line"])) for row in expected]
    assert sorted(ended) == sorted(keys), "every record of the files has its row, and no other"
    for key, row in zip(keys, expected, strict=True):
        wanted = {name: text for name, text in row.items() if text and name not in ("file", "line")}
        found = {name: _as_text(ended[key][name]) for name in wanted}
        assert found == wanted, f"{key}: {ended[key]['because'] or ''}"


def _ended(store: Store, layout: str) -> dict[tuple[str, int], dict[str, Any]]:
    """(file's name, line) -> where that record ended."""
    rows = store.con.sql(ENDED).pl().to_dicts()
    mine = [row for row in rows if f"/{layout}/" in row["source_file"]]
    return {(Path(row["source_file"]).name, row["source_line"]): row for row in mine}


def _as_text(value: Any) -> str:
    match value:
        case datetime():
            return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case Decimal():
            return format(value.normalize(), "f")
        case None:
            return ""
        case _:
            return str(value)
