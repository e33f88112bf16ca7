"""What the tax tables know: every table, one of them whole, and for which dates what is known, sample or missing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flows.books.publish import in_force
from flows.home.settings import Settings
from flows.home.store import Store
from flows.review.untaxed import regions_without_table, told
from schemas.errors import WrongUsage
from schemas.periods import add_months, quarter_name, quarter_start
from taxes.none import NoTax
from taxes.table import TaxTable
from taxes.tables import TaxTables


@dataclass(frozen=True)
class Span:
    """A value and the days it holds: `start` to `end` (exclusive; None: until changed). value None: not known."""

    start: date
    end: date | None
    value: str | None
    status: str
    source: str


@dataclass(frozen=True)
class Coverage:
    """What a table knows; `today` is its value on the day asked about, None where it has none, and `today_status`
    whether that value has a source."""

    table: str
    code: str
    jurisdiction: str
    kind: str
    unit: str
    status: str
    today: str | None
    today_status: str | None
    spans: list[Span]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def coverage(tables: TaxTables, day: date) -> list[Coverage]:
    """Every table with all its dates, in the order of the files."""
    return [_coverage(table, day) for table in tables.tables]


def _coverage(table: TaxTable, day: date) -> Coverage:
    value = table.percent(day)
    shown = None if value is None else _value(table, value)
    spans = _spans(table)
    now = next((s.status for s in reversed(spans) if s.start <= day and (s.end is None or day < s.end)), None)
    facts = (table.file, table.code, table.jurisdiction, table.kind, table.unit)
    return Coverage(*facts, _status(spans), shown, now if shown else None, spans)


def _status(spans: list[Span]) -> str:
    """sourced, sample, or sourced in part."""
    statuses = {span.status for span in spans if span.value is not None}
    return statuses.pop() if len(statuses) == 1 else "sourced in part"


def _spans(table: TaxTable) -> list[Span]:
    starts = sorted(table.values)
    spans = []
    for start, after in zip(starts, [*starts[1:], None], strict=True):
        end = add_months(start, 3) if table.valid_for == "quarter" else after
        value = table.values[start]
        shown = None if value is None else _value(table, value)
        status = "sourced" if table.is_sourced(start) else "sample"
        spans.append(Span(start, end, shown, status, table.citation(start)))
    return spans


def _value(table: TaxTable, value: Decimal) -> str:
    return f"{value} {table.currency} per line" if table.currency else f"{value} %"


def list_lines(tables: list[Coverage]) -> list[str]:
    """A line per table: where, what, today's value, and whether that has a source."""
    rows = [("table", "where", "code", "kind", "today", "source of today's value")]
    rows += [
        (table.table, table.jurisdiction, table.code, table.kind, table.today or "not known", table.today_status or "-")
        for table in tables
    ]
    return [
        f"{file:28} {place:10} {code:18} {kind:13} {value:20} {status}"
        for file, place, code, kind, value, status in rows
    ]


def without_table(store: Store, settings: Settings, tables: TaxTables) -> list[dict[str, Any]]:
    """What the latest invoice month of the books bills in regions without a table (flows/review/untaxed.py)."""
    with in_force(store.con, ("documents_in_force",)):
        ((month,),) = store.rows("select max(invoice_month) from documents_in_force where corrects is null")
        rows = regions_without_table(store, settings, tables, month) if month else []
    return [{**row, "invoice_month": month} for row in rows]


def coverage_lines(
    tables: list[Coverage], day: date, none: Sequence[NoTax] = (), silent: Sequence[dict[str, Any]] = ()
) -> list[str]:
    """A line per table and run of dates, then where there is none to know, which regions are billed without any table
    (`without_table`), and what is not known on the day asked about."""
    lines = []
    for table in tables:
        lines.append(f"{table.jurisdiction} {table.code} ({table.table}):")
        lines += [f"  {_dates(table, span)}  {span.value or 'not known'}  {span.status}" for span in table.spans]
    lines += [f"{place.jurisdiction}: none to know ({place.none}; {place.file})" for place in none]
    lines += [f"{told(row)} in {row['invoice_month']}" for row in silent]
    unknown = [f"{table.jurisdiction} {table.code}" for table in tables if table.today is None]
    sample = [f"{table.jurisdiction} {table.code}" for table in tables if table.today_status == "sample"]
    lines.append(f"not known on {day}: {', '.join(unknown) or 'nothing'}")
    lines.append(f"sample on {day}, verify before use: {', '.join(sample) or 'nothing'}")
    return lines


def _dates(table: Coverage, span: Span) -> str:
    if span.end is not None and span.start == quarter_start(span.start) and add_months(span.start, 3) == span.end:
        return f"{quarter_name(span.start)}    " if table.code == "USF" else f"{span.start} to {_last(span.end)}"
    return f"{span.start} on" if span.end is None else f"{span.start} to {_last(span.end)}"


def _last(end: date) -> date:
    return end - timedelta(days=1)


def table_named(tables: TaxTables, name: str) -> TaxTable:
    """A table by its file name, with or without .yaml. Raises WrongUsage naming near ones."""
    wanted = name if name.endswith(".yaml") else f"{name}.yaml"
    for table in tables.tables:
        if table.file == wanted:
            return table
    folder = wanted.rpartition("/")[0].split("/")[0]
    near = [table.file for table in tables.tables if table.file.startswith(folder)] or ["see `tollbook taxes list`"]
    raise WrongUsage(f"found {name!r}; expected the file name of a tax table: {', '.join(near)}")


def with_code(name: str, code: str) -> str:
    """A name and the code behind it, where the name does not hold it already."""
    return name if f"({code})" in name else f"{name} ({code})"


_KIND = {"tax": "a tax", "recovery_fee": "a recovery fee: the seller's own, not a tax"}


def show_lines(table: TaxTable) -> list[str]:
    """One table, whole."""
    base = table.base
    what: str = {
        "full": "the whole line",
        "telecom": "its telecommunications part",
        "interstate": "its interstate and international telecommunications part",
        "intrastate": "its intrastate telecommunications part",
    }[base.share]
    only = [
        f"{name} {', '.join(value)}"
        for name, value in (
            ("tax classes", base.tax_classes), ("sections", base.sections), ("not sections", base.except_sections),
            ("calls to", base.destinations), ("and what is charged as", base.also_on),
        )
        if value != "all" and value
    ]  # fmt: skip
    if table.unit == "amount_per_line":
        what = "each line or number in service on the first day of a month, as access_lines of its product count"
    proof = ", ".join(table.exempt_by) or "nothing"
    lines = [
        f"{table.file}: {with_code(table.name['en'], table.code)}, {_KIND[table.kind]}, {table.jurisdiction}",
        f"says: {table.text['en']}",
        f"unit: {table.unit}" + (f" in {table.currency}" if table.currency else ""),
        f"base: {what}" + (f"; {'; '.join(only)}" if only else ""),
        f"date: {table.date_basis}; rounding: {table.rounding}",
        f"exempt by {proof}" + (f": {table.who_is_exempt}" if table.who_is_exempt else ""),
    ]
    if table.regions:
        lines.append(f"regions: {', '.join(table.regions)}")
    if table.except_places:
        lines.append(f"not in: {', '.join(table.except_places)}")
    lines += [f"safe harbour from {day}: {percent} %" for day, percent in sorted(table.safe_harbour.items())]
    for span in _spans(table):
        until = "until changed" if span.end is None else f"to {_last(span.end)}"
        source = f": {span.source}" if span.source and span.status == "sourced" else ""
        lines.append(f"from {span.start} {until}: {span.value or 'not known'}, {span.status}{source}")
    return lines
