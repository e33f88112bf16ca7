"""A month's review as a value: its tables, the laws of the books, and what is said of it in short."""

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.review.cells import Rows, signed, sums, worded, written
from flows.review.spec import OUTCOMES
from flows.review.untaxed import told
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
            some = "finding stops" if len(self.stops) == 1 else "findings stop"
            return f"The books balance; {len(self.stops)} {some} the approval."
        return (
            "The books balance; something is left open."
            if self.incomplete
            else ("The books balance and nothing is left open.")
        )

    @property
    def states(self) -> dict[str, int]:
        """State -> documents in it: draft, issued, sent."""
        counts = Counter(row["status"] for row in self.tables["documents"])
        return {state: counts[state] for state in ("draft", "issued", "sent") if state in counts}

    def as_json(self) -> dict[str, Any]:
        """The whole review, decimals as text."""
        return {
            "invoice_month": self.month,
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
            found.append(f"No history yet for {worded(row['bound'])}, {of}: {count_of(row['accounts'], 'account')}")
        for name, word in (("uncharged", "active without a charge"), ("unfounded", "charged without a resource")):
            if self.tables[name]:
                found.append(f"Resources {word}: {len(self.tables[name])}")
        found += [
            f"Unknown ending: source {row['source']}, {row['word']!r}: {count_of(row['records'], 'call')} billed"
            for row in self.tables["endings"]
        ]
        rejected = sum(row["rejected"] for row in self.tables["files"])
        if rejected:
            found.append(f"Rejected records: {rejected}")
        found += [
            f"NOT BALANCED: {law.meaning}: broken by {count_of(len(law.broken), 'row')}"
            for law in self.laws
            if not law.is_kept
        ]
        if self.books_balance:
            found.append(f"The books balance: {len(self.laws)} laws kept")
        return [*found, f"All of it: {self.html}"]


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
