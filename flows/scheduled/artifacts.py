"""What a flow run shows in Prefect's pages: the review as Markdown, tables of it, links, how far the run is.

All of it is read from the review that the act wrote, so that the pages say what the files say. Keys carry the invoice
month: the versions of a month line up.
"""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows.home.settings import Home
from flows.scheduled.masked import without_numbers
from schemas.money import minor_digits

STAGES = ("ingest", "open", "rate", "charge", "tax", "draft", "report")
"""Of a run, in their order (flows/bill_run.py)."""

Row = dict[str, Any]
Result = TypeVar("Result")

_TOTALS = ("seller", "seller_id", "currency", "documents", "net", "recovery_fees", "taxes", "total", "previous_total")
_MONEY = frozenset(("net", "recovery_fees", "taxes", "total", "previous_total"))
_PARKED = ("account_id", "reason", "remedy")
_STOPS = ("code", "subject", "detail", "reason")


def show_month(home: Home, month: str, lines: Sequence[str], accounts: dict[str, int] | None = None) -> None:
    """The artifacts of a month as its review was written last. lines: what the act said; accounts: outcome -> how
    many, of a run."""
    folder = home.out(month)
    try:
        review = json.loads((folder / "review.json").read_bytes())
    except (OSError, ValueError):
        return
    if accounts is not None:
        rows = [{"outcome": outcome, "accounts": count} for outcome, count in accounts.items()]
        create_table_artifact(key=f"accounts-{month}", table=rows, description=f"Accounts of {month}")
    tables = {"totals": _TOTALS, "parked": _PARKED, "stops": _STOPS}
    cut = {name: _cut(review[name], columns) for name, columns in tables.items()}
    for name, rows in cut.items():
        if rows:
            create_table_artifact(key=f"{name}-{month}", table=rows, description=f"{name.capitalize()} of {month}")
    text = without_numbers(markdown(month, review, lines, cut))
    create_markdown_artifact(key=f"review-{month}", markdown=text)
    for name, what in (("review.html", "Review"), ("review.xlsx", "Workbook"), ("preview", "Drafts as PDF")):
        if (file := folder / name).exists():
            create_link_artifact(
                key=f"{Path(name).stem}-link-{month}", link=file.resolve().as_uri(), link_text=f"{what} of {month}"
            )


def markdown(month: str, review: Row, lines: Sequence[str], tables: dict[str, list[Row]]) -> str:
    """The review of a month in short."""
    books = "The books balance." if review["books_balance"] else "**The books do not balance. Do not approve.**"
    parts = [f"# Review of {month}", books, *(f"- {line}" for line in lines)]
    if tables["totals"]:
        parts += ["\n## Totals\n", *_table(tables["totals"])]
    if tables["stops"]:
        parts += ["\n## What stops the approval\n", *_table(tables["stops"])]
    if tables["parked"]:
        parts.append("\n## Parked accounts\n")
        parts += [f"- **{row['account_id']}**: {row['reason']}. {row['remedy']}" for row in tables["parked"]]
    if review["suspended"]:
        parts.append("\n## Suspended usage\n")
        parts += [
            f"- **{row['records']} {row['feed']}, {row['reason']}**: {row['remedy']}" for row in review["suspended"]
        ]
    return "\n".join(parts)


def _cut(rows: list[Row], columns: Sequence[str]) -> list[Row]:
    return [{name: _written(name, row) for name in columns} for row in rows]


def _written(name: str, row: Row) -> Any:
    """Money with the decimals of its currency."""
    if name in _MONEY and row[name] is not None:
        return f"{Decimal(row[name]):,.{minor_digits(row['currency'])}f}"
    return without_numbers(row[name]) if isinstance(row[name], str) else row[name]


def _table(rows: list[Row]) -> list[str]:
    heads = [name.replace("_", " ").capitalize() for name in rows[0]]
    cells = [["" if value is None else str(value).replace("|", "\\|") for value in row.values()] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *cells)]


class Progress:
    """How far a run is, in stages that are done: a bar in the pages."""

    def __init__(self, month: str) -> None:
        self._done = 0
        made: Any = create_progress_artifact(progress=0, key=f"progress-{month}", description=f"Stages of {month}")
        self._id: UUID = made

    def each(self, step: Callable[..., Result]) -> Callable[..., Result]:
        """`step(name, stage, on)`, counted."""

        def counted(name: str, *arguments: Any) -> Result:
            result = step(name, *arguments)
            self._done += 1
            update_progress_artifact(self._id, min(100.0, 100 * self._done / len(STAGES)))
            return result

        return counted
