"""A month's review as a value: its tables, the laws of the books, and what is said of it in short."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.review.cells import Rows
from flows.review.in_short import in_short
from flows.review.spec import AGAINST, Column, Spec
from flows.review.tables import TABLES
from schemas.counts import count_of


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
    workbook: Path
    history: Rows
    """seller_id, currency, invoice_month, total: up to twelve months, this one last."""
    in_all: dict[str, int]
    """Of tables that hold the first of their rows alone, or count something else than rows: how many there are."""
    nothing_to_compare: str | None
    """Why the month is held against none, in words; None where it is held against `previous`."""

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

    @property
    def verdict(self) -> str:
        """Whether the month may be approved, in a sentence."""
        if not self.books_balance:
            return "The books do not balance."
        if self.stops:
            some = count_of(len(self.stops), "finding stops", "findings stop")
            return f"The books balance; {some} the approval."
        return (
            "The books balance; something is left open."
            if self.incomplete
            else ("The books balance and nothing is left open.")
        )

    def count(self, name: str) -> int | None:
        """How many things a table tells of; None where it is a statement, or compared with nothing."""
        spec = TABLES[name]
        if spec.counts is None or self.lacks_earlier(spec):
            return None
        return self.in_all.get(name, spec.count(self.tables[name]))

    def cut_from(self, name: str) -> int | None:
        """Of how many a table holds the first alone; None where it holds them all."""
        whole = self.in_all.get(name, 0) if TABLES[name].counts == "rows" else 0
        return whole if whole > len(self.tables[name]) else None

    def columns(self, spec: Spec) -> list[Column]:
        """A table's columns, without those that need an earlier month where there is none."""
        lacks = AGAINST if spec.needs_earlier and self.nothing_to_compare else frozenset()
        return [column for column in spec.columns if column.name not in lacks]

    def lacks_earlier(self, spec: Spec) -> bool:
        """Whether a table would compare, and has nothing to compare with."""
        return spec.needs_earlier == "rows" and self.nothing_to_compare is not None

    def empty(self, spec: Spec) -> str:
        """What stands in the place of a table without rows."""
        return f"Compared with nothing: {self.nothing_to_compare}." if self.lacks_earlier(spec) else spec.empty

    @property
    def states(self) -> dict[str, int]:
        """State -> documents in it: draft, issued, sent."""
        counts = Counter(row["status"] for row in self.tables["documents"])
        return {state: counts[state] for state in ("draft", "issued", "sent") if state in counts}

    def as_json(self) -> dict[str, Any]:
        """The whole review, decimals as text."""
        return {
            "invoice_month": self.month,
            "compared_with": None if self.nothing_to_compare else self.previous,
            "runs": self.runs,
            "outcomes": self.outcomes,
            "books_balance": self.books_balance,
            **{name: _plain(rows) for name, rows in self.tables.items()},
            "history": _plain(self.history),
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
        return [*in_short(self), f"All of it: {self.html}"]


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
