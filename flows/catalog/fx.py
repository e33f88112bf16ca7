"""catalog/fx.csv: exchange rates as published. They only tell VAT in national money; no price is ever converted."""

import csv
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from flows.home.settings import Home
from invoicing.national import Rates
from schemas.errors import WrongUsage

T = TypeVar("T")
_LIKE = {"date": "a date such as 2026-06-01", "rate": "a number such as 0.8567"}
COLUMNS = ("date", "from", "to", "rate", "source")


def load_fx(home: Home) -> Rates:
    """Rates by pair, oldest first; without a file none. Raises WrongUsage with file, line and column."""
    path = home.catalog / "fx.csv"
    if not path.exists():
        return {}
    by_pair: dict[tuple[str, str], list[tuple[date, Decimal, str]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise WrongUsage(f"catalog/fx.csv, line 1: found {reader.fieldnames}; expected {','.join(COLUMNS)}")
        for line, row in enumerate(reader, start=2):
            day, rate = (
                _value(line, "date", row["date"], date.fromisoformat),
                _value(line, "rate", row["rate"], Decimal),
            )
            if rate <= 0:
                raise WrongUsage(f"catalog/fx.csv, line {line}, column rate: found {rate}; expected more than zero")
            by_pair.setdefault((row["from"], row["to"]), []).append((day, rate, row["source"]))
    for pair, rates in by_pair.items():
        days = [day for day, *_ in rates]
        if len(set(days)) < len(days):
            raise WrongUsage(f"catalog/fx.csv: {pair[0]} to {pair[1]} has two rates for one day")
    return {pair: sorted(rates) for pair, rates in by_pair.items()}


def _value(line: int, column: str, text: str, read: Callable[[str], T]) -> T:
    try:
        return read(text.strip())
    except (ValueError, InvalidOperation):
        raise WrongUsage(
            f"catalog/fx.csv, line {line}, column {column}: found {text!r}; expected {_LIKE[column]}"
        ) from None
