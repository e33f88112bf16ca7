"""What a feed is made of: its columns, their kinds, and what identifies a row."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "date", "instant", "moment", "decimal", "integer", "boolean", "choice"]
"""How a text cell becomes a value.

text: kept as it is. date: YYYY-MM-DD. instant: ISO 8601, to UTC. moment: a date, or an instant with offset;
stored as two columns, <name> (the civil date) and <name>_at (UTC, null for a bare date).
decimal: at most 12 decimals. integer: no fraction. boolean: true/false, yes/no, 1/0. choice: one of `choices`.
"""


@dataclass(frozen=True)
class Column:
    """One canonical column: its meaning and unit are what the snapshot's comments say."""

    name: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True)
class Feed:
    """A feed: `key` identifies a row's history (RULES 18; for usage RULES 15), `one_of` are `a|b*` pairs."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    one_of: tuple[tuple[str, str], ...] = ()
    is_usage: bool = False
    is_control: bool = False
    """Held against what came, and never billed: no input of a run."""

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns if c.required)

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)


def columns_of(spec: str) -> tuple[Column, ...]:
    """Columns from lines of `name[*] kind meaning`, choices in brackets after the kind; * means required."""
    columns = []
    for line in filter(None, (raw.strip() for raw in spec.splitlines())):
        name, kind, *rest = line.split(maxsplit=2)
        choices: tuple[str, ...] = ()
        if kind.startswith("choice["):
            choices, kind = tuple(kind[7:-1].split("|")), "choice"
        columns.append(
            Column(name.rstrip("*"), kind, name.endswith("*"), choices, rest[0] if rest else "")  # type: ignore[arg-type]
        )
    return tuple(columns)
