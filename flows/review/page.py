"""The numbers to look at before approving: one set of tables, as HTML, as JSON for scripts, as lines for the terminal.

Everything shown is read from the snapshot, so an analyst can ask for any figure again. Nothing here reads a clock:
the same books give the same bytes.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

import templates
from flows.books import laws
from flows.books.ageing import ageing
from flows.books.erasing_due import erasing_due
from flows.books.publish import publish, read
from flows.books.remedies import SUSPENDED_REMEDIES, remedy
from flows.books.views import blocks
from flows.catalog.load import Tables, load_all
from flows.home.settings import Settings
from flows.home.store import Store, write_atomic
from flows.review.cancelled import newly_cancelled
from flows.review.endings import unknown_endings
from flows.review.gate import month_stops
from flows.review.latest import note, outside
from flows.review.parallel import parallel_calls
from flows.review.renewals import upcoming
from flows.review.stops import MonthStops
from flows.review.tables import OUTCOMES, TABLES, Column
from flows.review.untaxed import told
from schemas.errors import Refused
from schemas.money import minor_digits, rounded
from schemas.periods import month_start, shift_month

if TYPE_CHECKING:
    from jinja2 import Template

_TABLES = Path(__file__).with_name("review.sql")

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Law:
    """A law of the books: what it says, what it counted, the rows that break it."""

    name: str
    meaning: str
    figures: dict[str, int]
    broken: Rows

    @property
    def is_kept(self) -> bool:
        return not self.broken


@dataclass(frozen=True)
class Review:
    """An invoice month before approval. `tables` by name: their rows, money as exact Decimals."""

    month: str
    previous: str
    sellers: dict[str, str]
    runs: Rows
    outcomes: dict[str, int]
    tables: dict[str, Rows]
    laws: list[Law]
    html: Path
    json: Path

    @property
    def books_balance(self) -> bool:
        return all(law.is_kept for law in self.laws)

    @property
    def incomplete(self) -> bool:
        """Parked accounts, suspended usage, files that were not taken in, or something else that stops the approval."""
        return bool(self.tables["parked"] or self.tables["suspended"] or self.stops or self.not_taken_in)

    @property
    def not_taken_in(self) -> Rows:
        """Files that lie in the inbox, let through or not: as long as they lie there something is left open."""
        return [row for row in self.tables["stops"] if row["code"] == "not_taken_in"]

    @property
    def stops(self) -> Rows:
        """What stops the approval and was not let through."""
        return [row for row in self.tables["stops"] if row["reason"] is None]

    def as_json(self) -> dict[str, Any]:
        """The whole review, decimals as text."""
        return {
            "invoice_month": self.month,
            "runs": self.runs,
            "outcomes": self.outcomes,
            "books_balance": self.books_balance,
            **{name: _plain(rows) for name, rows in self.tables.items()},
            "laws": [
                {
                    "law": law.name,
                    "meaning": law.meaning,
                    "kept": law.is_kept,
                    **law.figures,
                    "rows": _plain(law.broken),
                }
                for law in self.laws
            ],
        }

    def lines(self) -> list[str]:
        """The review in short, for the terminal."""
        accounts = ", ".join(f"{self.outcomes[key]} {word}" for key, word in OUTCOMES.items() if key in self.outcomes)
        runs = ", ".join(f"{run['kind']} run {run['state']}" for run in self.runs)
        found = [f"Invoice month {self.month}: {runs}"]
        found.append(f"Accounts: {accounts}")
        for row in self.tables["totals"]:
            shown = {name: written(row[name], row["currency"]) for name in ("net", "recovery_fees", "taxes", "total")}
            found.append(
                f"{self.sellers.get(row['seller_id'], row['seller_id'])}: documents {row['documents']}, "
                f"net {shown['net']}, recovery fees {shown['recovery_fees']}, taxes {shown['taxes']}, "
                f"total {shown['total']} {row['currency']} ({signed(row['difference'], row['currency'])} on last month)"
            )
        found += [f"Parked: {row['account_id']}: {row['reason']}. {row['remedy']}" for row in self.tables["parked"]]
        for row in self.tables["suspended"]:
            worth = f", about {sums(row['estimates'])}" if row["estimates"] else ""
            found.append(f"Suspended: {row['feed']}, {row['reason']}: {row['records']}{worth}. {row['remedy']}")
        for row in self.tables["stops"]:
            state = f"let through by {row['by_name']}: {row['reason']}" if row["reason"] else "stops the approval"
            found.append(f"{worded(row['code']).capitalize()}, {row['subject']}: {row['detail']} ({state})")
        found += [f"Taxes: {told(row)}" for row in self.tables["no_table"]]
        found += [
            f"Taxes: {row['jurisdiction']} {row['tax_code']} from {row['valid_from']}: {row['value']}, entered by "
            f"{row['entered_by']} ({row['reference']})"
            for row in self.tables["own_rates"]
        ]
        for row in self.tables["no_history"]:
            of = " ".join(filter(None, (row["seller_id"], row["currency"])))
            found.append(f"No history yet for {worded(row['bound'])}, {of}: {row['accounts']} accounts")
        for name, word in (("uncharged", "active without a charge"), ("unfounded", "charged without a resource")):
            if self.tables[name]:
                found.append(f"Resources {word}: {len(self.tables[name])}")
        found += [
            f"Unknown ending: source {row['source']}, {row['word']!r}: {row['records']} calls billed"
            for row in self.tables["endings"]
        ]
        rejected = sum(row["rejected"] for row in self.tables["files"])
        if rejected:
            found.append(f"Rejected records: {rejected}")
        found += [
            f"NOT BALANCED: {law.meaning}: {len(law.broken)} rows break it" for law in self.laws if not law.is_kept
        ]
        if self.books_balance:
            found.append(f"The books balance: {len(self.laws)} laws kept")
        return [*found, f"All of it: {self.html}"]


def review(store: Store, settings: Settings, month: str, tables: Tables | None = None) -> Review:
    """Publishes the snapshot, reads the review of invoice month `month` from it, writes review.html and review.json.

    `tables`: where the command has read them already. Nothing may be written after it, or `tollbook review` makes it
    anew. Raises Refused when no run of the month stands.
    """
    month_start(month)
    before = outside(store.home, settings)
    tables = tables or load_all(store.home, settings)
    held = month_stops(store, settings, month, tables)
    with read(publish(store)) as con:
        con.execute("set variable month = $1", [month])
        con.execute("set variable previous = $1", [shift_month(month, -1)])
        found = _gathered(con, store, settings, tables, held, month)
    if not found.runs:
        raise Refused(f"no run of {month} stands; `tollbook run {month}` drafts it")
    text = json.dumps(found.as_json(), indent=2, ensure_ascii=False)
    write_atomic(found.json, text.encode() + b"\n")
    write_atomic(found.html, _page(found).encode())
    store.checkpoint()
    note(store.home, settings, month, found.lines(), before)
    return found


def _gathered(
    con: duckdb.DuckDBPyConnection, store: Store, settings: Settings, tables: Tables, held: MonthStops, month: str
) -> Review:
    rows = {name: con.sql(query).pl().to_dicts() for name, query in blocks(_TABLES).items()}
    for row in rows["parked"]:
        row["remedy"] = remedy(row["code"], month, row["account_id"])
    for row in rows["suspended"]:
        row["remedy"] = SUSPENDED_REMEDIES[row["reason"]]
    rows["parallel_calls"] = parallel_calls(store, month)
    rows["ageing"] = ageing(con, month_start(month))
    rows["erasing_due"] = erasing_due(store, month_start(month))
    rows |= {"stops": held.rows(), "bridge": held.bridge, "uncharged": held.uncharged, "unfounded": held.unfounded}
    rows |= {"no_table": held.no_table, "own_rates": held.own_rates}
    rows["no_history"] = held.no_history
    rows["endings"] = unknown_endings(store, month)
    rows["renewals"] = upcoming(store, tables, month)
    rows["cancellations"] = newly_cancelled(store, tables, month)
    broken, figures = laws.broken(con), laws.sums(con)
    return Review(
        month=month,
        previous=shift_month(month, -1),
        sellers={seller: settings.sellers[seller].name for seller in settings.sellers},
        runs=rows["runs"],
        outcomes={row["outcome"]: row["accounts"] for row in rows["outcomes"]},
        tables={name: rows[name] for name in TABLES},
        laws=[Law(name, laws.MEANING[name], figures[name], broken.get(name, [])) for name in laws.LAWS],
        html=store.home.out(month) / "review.html",
        json=store.home.out(month) / "review.json",
    )


def written(amount: Decimal | None, currency: str | None) -> str:
    """An amount as people read it, at its currency's decimals: 1,234.50. Exact estimates are rounded for the eye."""
    if amount is None:
        return "–"
    digits = minor_digits(currency) if currency else 2
    return f"{rounded(amount, digits):,f}".replace("-", "−")


def signed(amount: Decimal, currency: str | None) -> str:
    """An amount with its sign: +12.00, −3.50, 0.00."""
    text = written(amount, currency)
    return f"+{text}" if amount > 0 else text


def sums(estimates: Rows | None) -> str:
    """Money in several currencies: 0.75 USD, 1.20 EUR."""
    return (
        ", ".join(f"{written(part['amount'], part['currency'])} {part['currency']}" for part in estimates or []) or "–"
    )


def spoken(seconds: int | None) -> str:
    """Seconds as hours, minutes and seconds: 1:05:09."""
    minutes, rest = divmod(seconds or 0, 60)
    return f"{minutes // 60:,}:{minutes % 60:02d}:{rest:02d}"


def worded(code: str | None) -> str:
    """A code of ours as words: phone_numbers -> phone numbers."""
    return (code or "–").replace("_", " ")


def interval(code: str) -> str:
    """A billing interval in months or days: P12M -> 12 months."""
    unit = {"M": "month", "D": "day"}[code[-1]]
    return f"{code[1:-1]} {unit}" + ("" if code[1:-1] == "1" else "s")


def moves(sections: Rows | None, currency: str | None) -> str:
    """What moved: service fees +10.00, rentals −3.50."""
    return ", ".join(f"{worded(part['section'])} {signed(part['difference'], currency)}" for part in sections or [])


_WRITERS: dict[str, Callable[[Any, str | None], str]] = {
    "money": written,
    "change": signed,
    "moves": moves,
    "sums": lambda value, _: sums(value),
    "seconds": lambda value, _: spoken(value),
    "count": lambda value, _: f"{value:,d}",
    "word": lambda value, _: worded(value),
    "interval": lambda value, _: interval(value),
}


def cell(column: Column, row: dict[str, Any]) -> str:
    """A cell as it is read; text and codes as they are."""
    value = row[column.name]
    if column.kind in _WRITERS:
        return _WRITERS[column.kind](value, row.get("currency"))
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "–" if value is None else str(value)


def _page(found: Review) -> str:
    """review.html: one file, nothing loaded from anywhere."""
    return _template().render(review=found, specs=TABLES, outcome_words=OUTCOMES)


@cache
def _template() -> "Template":
    """Compiled once per process."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(Path(templates.__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"cell": cell, "written": written, "signed": signed, "worded": worded}
    return environment.get_template("review.html.j2")


def _plain(rows: Rows) -> Rows:
    """Rows ready for JSON: exact amounts as text without trailing zeros."""
    return [{name: _value(value) for name, value in row.items()} for row in rows]


def _value(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return _plain(value)
    return value
