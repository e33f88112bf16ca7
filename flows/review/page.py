"""The numbers to look at before approving: one set of tables, as a page, a workbook, JSON, and lines for the terminal.

Everything shown is read from the snapshot, so an analyst can ask for any figure again. Nothing here reads a clock:
the same books give the same bytes.
"""

import json
from pathlib import Path

import duckdb

from flows.books.previews import drop_stale_previews
from flows.books.publish import publish, read
from flows.catalog.load import Tables, load_all
from flows.home.settings import Settings
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from flows.review.gate import month_stops
from flows.review.gathered import gathered
from flows.review.html import page_of
from flows.review.latest import note, outside
from flows.review.report import Review
from flows.review.stops import MonthStops
from flows.review.workbook import workbook_of
from schemas.errors import Refused
from schemas.periods import month_start, shift_month


def review(store: Store, settings: Settings, month: str, tables: Tables | None = None) -> Review:
    """Publishes the snapshot, reads the review of invoice month `month` from it, writes review.html, review.xlsx and
    review.json.

    `tables`: where the command has read them already. Nothing may be written after it, or `tollbook review` makes it
    anew. Raises Refused when no run of the month stands.
    """
    month_start(month)
    before = outside(store.home, settings)
    tables = tables or load_all(store.home, settings)
    held = month_stops(store, settings, month, tables)
    drop_stale_previews(store)
    asked = (store, settings, tables, held, month)
    found = _sound(publish(store), *asked)
    if found is None:
        # A month that was taken over may have been damaged where nobody had looked since.
        found = _read_from(publish(store, whole=True), *asked)
    if not found.runs:
        raise Refused(f"no run of {month} stands; `tollbook run {month}` drafts it")
    text = json.dumps(found.as_json(), indent=2, ensure_ascii=False)
    write_atomic(found.workbook, workbook_of(found))
    write_atomic(found.html, page_of(found).encode())
    # Last: a run counts as reported once this one is of it.
    write_atomic(found.json, text.encode() + b"\n")
    store.checkpoint()
    note(store.home, settings, month, found.lines(), before)
    return found


def _read_from(
    snapshot: Path, store: Store, settings: Settings, tables: Tables, held: MonthStops, month: str
) -> Review:
    with read(snapshot) as con:
        con.execute("set variable month = $1", [month])
        con.execute("set variable previous = $1", [shift_month(month, -1)])
        return gathered(con, store, settings, tables, held, month)


def _sound(
    snapshot: Path, store: Store, settings: Settings, tables: Tables, held: MonthStops, month: str
) -> Review | None:
    """The review, or None where the snapshot cannot be read or its books do not balance."""
    try:
        found = _read_from(snapshot, store, settings, tables, held, month)
    except duckdb.Error:
        return None
    return found if found.books_balance else None
