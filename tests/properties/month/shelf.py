"""What a home's files say, read by the twin itself: catalogue, plans, decks, numbering plan, tax tables."""

import csv
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from tests.properties.month.days import last_day

REFERENCE = Path(__file__).parents[3] / "data" / "reference"
Table = dict[str, Any]


@dataclass(frozen=True)
class Rate:
    """A row of a deck. Days half-open."""

    prefix: str
    price: Fraction
    per: int
    increment: int
    minimum: int
    fee: Fraction
    is_premium: bool
    since: date
    until: date


@dataclass(frozen=True)
class Shelf:
    """A home's settings and tables."""

    billing: dict[str, Any]
    sellers: dict[str, Any]
    products: dict[str, Any]
    plans: dict[str, Any]
    decks: dict[str, dict[str, list[Rate]]]
    countries: dict[str, str]
    taxes: list[Table]
    places: dict[str, list[str]]

    @property
    def first_month(self) -> str:
        return str(self.billing["first_invoice_month"])


def read_shelf(home: Path) -> Shelf:
    settings = tomllib.loads((home / "tollbook.toml").read_text(encoding="utf-8"))
    catalog: dict[str, dict[str, Any]] = {"products": {}, "plans": {}}
    for path in sorted((home / "catalog").glob("*.yaml")):
        for part, entries in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader).items():
            catalog[part].update(entries)
    decks = {name: _deck(home / "catalog" / "rates" / deck["file"], deck) for name, deck in settings["decks"].items()}
    with (REFERENCE / "numbering_plan.csv").open(encoding="utf-8") as file:
        countries = {row["prefix"]: row["country"] for row in csv.DictReader(file)}
    taxes = [
        _dates(yaml.load(path.read_text(encoding="utf-8"), yaml.CBaseLoader))  # noqa: S506 text alone: ON is a province
        for path in sorted((REFERENCE / "taxes").rglob("*.yaml"))
    ]
    with (REFERENCE / "taxes" / "places.csv").open(encoding="utf-8") as file:
        places = {row["jurisdiction"]: row["postal_codes"].split() for row in csv.DictReader(file)}
    return Shelf(
        settings["billing"], settings["sellers"], catalog["products"], catalog["plans"], decks, countries, taxes, places
    )


def _dates(table: Table) -> Table:
    """Rates and shares by date."""
    for name in ("values", "safe_harbour"):
        if name in table:
            table[name] = {date.fromisoformat(since): value for since, value in table[name].items()}
    return table


def _deck(path: Path, settings: dict[str, Any]) -> dict[str, list[Rate]]:
    rates: dict[str, list[Rate]] = {}
    # A file with a markup holds what the carrier takes.
    up = 1 + Fraction(settings.get("markup_percent", "0")) / 100
    with path.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            since = row.get("valid_from")
            rate = Rate(
                row["prefix"],
                Fraction(row["price"]) * up,
                int(row["per_s"]),
                int(row["increment_s"]),
                int(row["minimum_s"]),
                Fraction(row["connect_fee"]) * up,
                row["class"] == "premium",
                date.fromisoformat(since) if since else settings["valid_from"],
                last_day(row.get("valid_to")),
            )
            rates.setdefault(rate.prefix, []).append(rate)
    return rates


def in_force(value: Any, day: date) -> Any:
    """A value that may be dated, as it is on a day; None before its first."""
    if not isinstance(value, dict) or not all(isinstance(key, date | datetime) for key in value):
        return value
    known = [since for since in value if since <= day]
    return value[max(known)] if known else None


def by_prefix(table: dict[str, Any], digits: str) -> Any:
    """What the longest prefix of a number says; None where none fits."""
    for length in range(len(digits), 0, -1):
        if digits[:length] in table:
            return table[digits[:length]]
    return None
