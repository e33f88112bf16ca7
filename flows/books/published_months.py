"""The snapshot's large tables: one per invoice month (base.rated_usage_2026_06), and a view over all of them.

Most months of a home are over. So the last snapshot is taken over (flows/books/last_snapshot.py), and of its months
those are made anew in which something happened: a run's event, a document, a number, an account's zone. What a month's
documents bill moves by such an event alone. Usage without a document may go on to a later month without one, so the
months whose usage a touched month looked at are asked again which of it they still hold.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.books.published_parts import NONE, SHOWN, SUMS, drop_part, forget_month, make_month, make_none, part_table
from flows.books.views import blocks
from flows.home.store import Store

MONTHS = Path(__file__).with_name("months.sql")
_OPEN = {"rated_usage": "open_rated", "suspended_usage": "open_suspended", "excluded_usage": "open_excluded"}
"""Tables of usage -> what says which of it no document holds."""
_TEMPORARY = (
    "month_runs", "month_issued", "month_open", "month_for",
    "usage_same", "usage_unnumbered", "usage_gone", "usage_open", "usage_contested",
)  # fmt: skip
_NOW = ("rated_now", "suspended_now", "excluded_now")
"""Temporary views of outcomes, with the number that their record has now."""


@dataclass(frozen=True)
class _Month:
    """What a month's tables were made from. span: the first and the last record that its runs looked at."""

    events: str | None = None
    span: tuple[datetime | None, datetime | None] = (None, None)
    open: dict[str, str | None] = field(default_factory=dict)
    """Table -> a hash of its usage without a document."""


def fill_months(store: Store, stamp: str, *, is_copy: bool) -> frozenset[str]:
    """Makes the months that are not there as they should be, and the views over all; returns which were touched.

    Inside publish.in_force, with documents_in_force and account_zones; leaves month_runs, usage_gone,
    usage_contested and month_meters to `forget`. is_copy: whether the attached snapshot holds months of the last one.
    """
    con, steps = store.con, blocks(MONTHS)
    known = _known(con) if is_copy else {}
    for name in ("usage_same", "usage_unnumbered", *_NOW):
        con.execute(steps[name])
    if not is_copy:
        _make_notes(con, steps)
    events: dict[str, str] = dict(con.execute(steps["events"]).fetchall())
    touched, beside, spans = _looked_at(con, steps, events, known)
    _decide(con, steps, has_known=bool(known))
    now_open = {part: dict(con.execute(steps[name]).fetchall()) for part, name in _OPEN.items()}
    fresh = [*touched]
    for month in touched:
        if month in events:
            make_month(con, steps, month)
        else:
            for part in SUMS:
                drop_part(con, part, month)
    for month in beside:
        moved = [part for part, of_months in now_open.items() if of_months.get(month) != known[month].open.get(part)]
        if moved:
            make_month(con, steps, month, moved)
            fresh.append(month)
    months = {month: of for month, of in known.items() if month not in touched}
    for month in beside:
        hashes = {part: of_months.get(month) for part, of_months in now_open.items()}
        months[month] = _Month(known[month].events, known[month].span, hashes)
    for month in touched:
        if month in events:
            hashes = {part: of_months.get(month) for part, of_months in now_open.items()}
            months[month] = _Month(events[month], spans.get(month, (None, None)), hashes)
    _note(con, months, stamp, fresh)
    con.execute(f"create or replace temp view month_meters as {_all_months('meters', sorted(months), 'snapshot.base')}")
    if not is_copy or sorted(known) != sorted(months):
        _over_all(con, sorted(months))
    return frozenset(touched)


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Drops the temporary tables."""
    for name in _TEMPORARY:
        con.execute(f"drop table if exists temp.{name}")
    forget_month(con)
    for name in ("month_meters", *_NOW):
        con.execute(f"drop view if exists temp.{name}")


def _known(con: duckdb.DuckDBPyConnection) -> dict[str, _Month]:
    columns = ", ".join(_OPEN.values())
    return {
        month: _Month(events, (first, last), dict(zip(_OPEN, hashes, strict=True)))
        for month, events, first, last, *hashes in con.execute(
            f"select month, events, first_at, last_at, {columns} from snapshot.base.months where month <> '{NONE}'"
        ).fetchall()
    }


def _make_notes(con: duckdb.DuckDBPyConnection, steps: dict[str, str]) -> None:
    columns = ", ".join(f"{name} varchar" for name in _OPEN.values())
    con.execute(
        "create table snapshot.base.months (month varchar, events varchar, first_at timestamptz, last_at timestamptz, "
        f"{columns}, stamp varchar, is_fresh boolean)"
    )
    con.execute(
        "create table snapshot.base.month_parts (part varchar, month varchar, rows bigint, sums varchar, "
        "content varchar, checked_at bigint, basis varchar)"
    )
    con.execute(
        "create table snapshot.base.month_files (part varchar, month varchar, source_file varchar, records bigint)"
    )
    _look_at(con, steps, [], [])
    _decide(con, steps, has_known=False)
    make_none(con, steps)


def _looked_at(
    con: duckdb.DuckDBPyConnection, steps: dict[str, str], events: dict[str, str], known: dict[str, _Month]
) -> tuple[list[str], list[str], dict[str, Any]]:
    """Months in which something happened; those beside them that looked at records of the same time, of which usage may
    have gone to a touched month, or come from it; and the touched months' spans."""
    months = sorted({*events, *known})
    touched = [month for month in months if month not in known or events.get(month) != known[month].events]
    _look_at(con, steps, touched, [])
    if known:
        touched = sorted({*touched, *_corrected_elsewhere(con, steps, touched)})
        _look_at(con, steps, touched, [])
    spans = {month: (first, last) for month, first, last in con.execute(steps["spans"]).fetchall()}
    former = [known[month].span for month in touched if month in known]
    starts = [first for first, _ in (*spans.values(), *former) if first is not None]
    beside = [
        month
        for month, of in known.items()
        if starts and month not in touched and of.span[1] is not None and of.span[1] >= min(starts)
    ]
    _look_at(con, steps, touched, beside)
    return touched, beside, spans


def _look_at(con: duckdb.DuckDBPyConnection, steps: dict[str, str], touched: list[str], beside: list[str]) -> None:
    con.execute(steps["month_runs"], {"touched": touched, "beside": beside})


def _corrected_elsewhere(con: duckdb.DuckDBPyConnection, steps: dict[str, str], touched: list[str]) -> list[str]:
    """Other months that hold what a correction of the touched ones has rated again."""
    if not con.execute("select 1 from month_runs where kind = 'correction' limit 1").fetchall():
        return []
    return [month for (month,) in con.execute(steps["corrected_elsewhere"], {"touched": touched}).fetchall()]


def _decide(con: duckdb.DuckDBPyConnection, steps: dict[str, str], *, has_known: bool) -> None:
    """Which run's word counts, of the months that are looked at."""
    con.execute(steps["month_issued"])
    con.execute(steps["month_open"])
    con.execute(steps["month_for"])
    # What was loaded stays loaded, unless a file was rolled back.
    if has_known and not con.execute("select 1 from audit_log where act = 'rollback' limit 1").fetchall():
        con.execute("create or replace temp table usage_gone (same_no bigint)")
    else:
        con.execute(steps["usage_gone"])
    con.execute(steps["usage_open"])
    ((runs,),) = con.execute(
        "select count(*) from (select run_seq from month_runs where is_touched union select run_seq from usage_open)"
    ).fetchall()
    if runs > 1:
        con.execute(steps["usage_contested"])
    else:
        con.execute("create or replace temp table usage_contested (same_no bigint, run_seq bigint)")


def _note(con: duckdb.DuckDBPyConnection, months: dict[str, _Month], stamp: str, fresh: list[str]) -> None:
    con.execute("delete from snapshot.base.months")
    rows = [
        (month, of.events, *of.span, *(of.open.get(part) for part in _OPEN), stamp, month in fresh)
        for month, of in [(NONE, _Month()), *sorted(months.items())]
    ]
    lists = ", ".join(f"unnest(${n})" for n in range(1, len(rows[0]) + 1))
    con.execute(
        f"insert into snapshot.base.months select {lists}", [list(column) for column in zip(*rows, strict=True)]
    )


def _over_all(con: duckdb.DuckDBPyConnection, months: list[str]) -> None:
    """The views base.rated_usage and so on, made from inside the snapshot."""
    (working,) = con.execute("select current_catalog()").fetchone() or ("memory",)
    con.execute("use snapshot.main")
    try:
        for part in SHOWN:
            con.execute(f"create or replace view base.{part} as {_all_months(part, months, 'base')}")
            con.execute(f"comment on view base.{part} is 'All months of base.{part}_<month>.'")
    finally:
        con.execute(f'use "{working}".main')


def _all_months(part: str, months: list[str], schema: str) -> str:
    """SQL for the rows of all months, one after the other."""
    return " union all ".join(f"select * from {schema}.{part_table(part, month)}" for month in (NONE, *months))
