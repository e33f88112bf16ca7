"""How a table of the review is described: what it is for, how its columns read, and how its cells are written."""

from dataclasses import dataclass
from typing import Any, Literal

from schemas.states import Outcome

Kind = Literal[
    "text", "code", "word", "interval", "count", "number", "seconds", "money", "change", "moves", "sums", "day", "file"
]
"""How a cell is written: text as it is, `code` the same in a fixed font, `word` a code of ours as words, `interval` a
billing interval, `number` a quantity or percentage as exact as it is; money in the row's currency, `change` with its
sign; `moves` what moved, by section; `sums` money in several currencies; `day` a date; `file` a link to a file, written
relative to the page."""

AGAINST: frozenset[str] = frozenset({"previous_total", "difference"})
"""Columns that need an earlier month."""

FIGURES: frozenset[Kind] = frozenset({"count", "number", "seconds", "money", "change"})


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the SQL, how it is written, its heading."""

    name: str
    kind: Kind
    heading: str

    @property
    def is_figure(self) -> bool:
        return self.kind in FIGURES


@dataclass(frozen=True)
class Spec:
    """A table of the review; `empty` is what stands there when it has no rows, `sheet` its name in the workbook (none:
    it stands on another table's sheet)."""

    title: str
    about: str
    empty: str
    columns: tuple[Column, ...]
    sheet: str
    is_quiet: bool = False
    """Whether to leave the table out when it is empty."""
    is_grouped: bool = False
    """Whether rows that share their first cell stand together."""
    is_upright: bool = False
    """Whether the page shows a few rows side by side, a line per column: a statement rather than a list."""
    needs_earlier: Literal["", "columns", "rows"] = ""
    """What of it says nothing where no earlier month is there: its columns AGAINST, or all of it."""
    counts: str | None = "rows"
    """What the contents count of it: `rows`, where each is a thing of its own; a column, its different cells;
    `+column`, the sum of it; none: nothing, for a statement or a summary."""

    def count(self, rows: list[dict[str, Any]]) -> int | None:
        """How many things stand there."""
        if self.counts is None:
            return None
        if self.counts == "rows":
            return len(rows)
        cells = [row[self.counts.removeprefix("+")] for row in rows]
        return sum(cells) if self.counts.startswith("+") else len(set(cells))


def columns(text: str) -> tuple[Column, ...]:
    """`name kind Heading; ...`"""
    parts = (part.strip().split(maxsplit=2) for part in text.split(";"))
    return tuple(Column(name, kind, heading) for name, kind, heading in parts)  # type: ignore[arg-type]


OUTCOMES: dict[Outcome, str] = {
    "billed": "billed",
    "nothing_to_bill": "nothing to bill",
    "not_started": "not started",
    "closed": "closed",
    "parked": "parked",
    "excluded": "not in this run",
}
"""Outcomes of RULES 26 in the order in which they are shown, as words."""
