"""Reads `catalog/`, the shipped tax tables and the numbering plan, and says by hash what was read."""

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import polars as pl
import yaml
from pydantic import ValidationError

from flows.settings import DeckSettings, Home, Settings, settings_error
from rating.decks import RATE, Deck
from rating.match import PrefixTable, compile_prefixes
from schemas.catalog import DECK_COLUMNS, Catalog
from schemas.errors import Fault, WrongUsage
from taxes.tables import TaxTables, load_tables

REFERENCE = Path(__file__).resolve().parent.parent / "data" / "reference"


@dataclass(frozen=True)
class Tables:
    """All dated tables of a run, and the hash of each part as it went in."""

    catalog: Catalog
    decks: dict[str, Deck]
    taxes: TaxTables
    numbering_plan: PrefixTable
    hashes: dict[str, str]


def load_all(home: Home, settings: Settings) -> Tables:
    """Everything under catalog/ and what ships with the program. Raises WrongUsage with file and key."""
    tax_files = _tax_files(home)
    catalog_files = sorted(home.catalog.glob("*.yaml"))
    deck_files = {name: home.rates / deck.file for name, deck in settings.decks.items()}
    numbering = REFERENCE / "numbering_plan.csv"
    hashes = {f"taxes/{name}": _digest(text.encode()) for name, text in sorted(tax_files.items())}
    hashes |= {home.relative(path): _digest(path.read_bytes()) for path in catalog_files}
    hashes |= {home.relative(path): _digest(_read(path, home)) for path in sorted(deck_files.values())}
    hashes["numbering_plan.csv"] = _digest(numbering.read_bytes())
    catalog = load_catalog(home)
    decks = {name: load_deck(home, name, deck) for name, deck in settings.decks.items()}
    _decks_fit(catalog, decks)
    return Tables(catalog, decks, load_tables(tax_files), load_numbering_plan(numbering), hashes)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _read(path: Path, home: Home) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise WrongUsage(f"tollbook.toml names the deck file {home.relative(path)}, which does not exist") from None


def _tax_files(home: Home) -> dict[str, str]:
    """Shipped tables by name; a file of the same name under catalog/taxes/ takes its place."""
    files = {}
    for root in (REFERENCE / "taxes", home.taxes):
        for path in sorted(root.rglob("*.yaml")):
            files[path.relative_to(root).as_posix()] = path.read_text(encoding="utf-8")
    return files


class _StrictLoader(yaml.SafeLoader):
    """YAML in which a key may stand once: the second one would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_catalog(home: Home) -> Catalog:
    """All of catalog/*.yaml as one catalogue."""
    merged: dict[str, dict[str, Any]] = {}
    origin: dict[tuple[str, str], str] = {}
    for path in sorted(home.catalog.glob("*.yaml")):
        name = home.relative(path)
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader) or {}
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise WrongUsage(f"{name}: {error}") from None
        if not isinstance(content, dict):
            raise WrongUsage(f"{name}: expected the keys products and plans at the top")
        for part, entries in content.items():
            for key, entry in (entries or {}).items():
                if (part, key) in origin:
                    raise WrongUsage(f"{name}: {part}.{key} already stands in {origin[part, key]}")
                origin[part, key] = name
                merged.setdefault(part, {})[key] = entry
    try:
        return Catalog(**merged)  # type: ignore[arg-type]
    except ValidationError as error:
        raise WrongUsage(settings_error("catalog", error)) from None


def load_deck(home: Home, name: str, settings: DeckSettings) -> Deck:
    """A rate deck's CSV, checked line by line. Raises WrongUsage naming every bad line."""
    path = home.rates / settings.file
    file = home.relative(path)
    raw = pl.read_csv(path, infer_schema=False).fill_null("")
    raw = raw.rename({theirs: ours for ours, theirs in settings.columns.items() if theirs in raw.columns})
    missing = [c for c, default in DECK_COLUMNS.items() if default is None and c not in raw.columns]
    if missing:
        raise WrongUsage(f"{file}, line 1: found columns {', '.join(raw.columns)}; expected also {', '.join(missing)}")
    rows = raw.select(
        (pl.col(c).str.strip_chars() if c in raw.columns else pl.lit("")).alias(c) for c in DECK_COLUMNS
    ).with_row_index("line", offset=2)
    faults: list[Fault] = []
    parsed = [_rate(row, name, settings, file, faults) for row in rows.iter_rows(named=True)]
    if faults:
        shown = "\n".join(str(fault) for fault in faults[:20])
        raise WrongUsage(f"{shown}\n{len(faults)} bad lines in deck {name}; nothing of it is used")
    schema = {"line": pl.Int64, "prefix": pl.String, "valid_from": pl.Date, "valid_to": pl.Date, **RATE}
    table = pl.DataFrame(parsed, schema=schema, orient="row")
    _no_overlap(table, file)
    return Deck(name, settings.currency, compile_prefixes(table.drop("line")))


def _rate(
    row: dict[str, Any], deck: str, settings: DeckSettings, file: str, faults: list[Fault]
) -> tuple[Any, ...] | None:
    """One line of a deck as a RATE row; what is wrong with it goes to `faults`."""
    line = row["line"]

    def cell(column: str, parse: Any, expected: str) -> Any:
        text = row[column] or DECK_COLUMNS[column] or ""
        if text == "":
            return None
        try:
            return parse(text)
        except (ValueError, InvalidOperation):
            faults.append(Fault(file, line, column, repr(text), expected))
            return None

    def whole(text: str) -> int:
        if not text.isdigit():
            raise ValueError(text)
        return int(text)

    for column in ("max_charge", "round_digits", "round_mode"):
        if row[column]:
            faults.append(Fault(file, line, column, repr(row[column]), "an empty cell", "Not priced by this version."))
    prefix = row["prefix"].removeprefix("+")
    if not prefix.isdigit() or len(prefix) > 15:
        faults.append(Fault(file, line, "prefix", repr(row["prefix"]), "1 to 15 digits"))
    if row["price"] == "":
        faults.append(Fault(file, line, "price", "nothing", "a price per per_s seconds"))
    price = cell("price", _exact, "a number of at most 12 decimals, not negative")
    fee = cell("connect_fee", _exact, "a number of at most 12 decimals, not negative")
    per = cell("per_s", whole, "whole seconds")
    increment = cell("increment_s", whole, "whole seconds")
    for column, value in (("per_s", per), ("increment_s", increment)):
        if value == 0:
            faults.append(Fault(file, line, column, "0", "at least 1"))
    valid_from = cell("valid_from", date.fromisoformat, "a date YYYY-MM-DD") or settings.valid_from
    valid_to = cell("valid_to", date.fromisoformat, "a date YYYY-MM-DD")
    if valid_from and valid_to and valid_to < valid_from:
        faults.append(Fault(file, line, "valid_to", str(valid_to), f"a day not before valid_from {valid_from}"))
    suffix = f"@{valid_from}" if valid_from else ""
    minimum = cell("minimum_s", whole, "whole seconds")
    rate = (f"{deck}:{prefix}{suffix}", row["destination"], price, per, increment, minimum, fee, row["class"] or None)
    return (line, prefix, valid_from, valid_to, *rate)


def _exact(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or number < 0 or number.as_tuple().exponent < -12 or number >= 10**9:  # type: ignore[operator]
        raise ValueError(text)
    return number


def _no_overlap(table: pl.DataFrame, file: str) -> None:
    """No prefix may have two rows in force on one day: the price would be a matter of luck."""
    ordered = table.sort("prefix", pl.col("valid_from").fill_null(date.min), "line").with_columns(
        before=pl.col("line").shift(1).over("prefix"),
        open_until=pl.col("valid_to").fill_null(date.max).shift(1).over("prefix"),
    )
    clash = ordered.filter(pl.col("open_until") >= pl.col("valid_from").fill_null(date.min))
    if not clash.is_empty():
        shown = "\n".join(
            f"{file}, line {after}: prefix {prefix} is already in force by line {before}"
            for prefix, before, after in clash.select("prefix", "before", "line").head(20).iter_rows()
        )
        raise WrongUsage(f"{shown}\nEnd the earlier row with valid_to, or remove one of the two.")


def _decks_fit(catalog: Catalog, decks: dict[str, Deck]) -> None:
    for name, plan in catalog.plans.items():
        for category, rule in plan.usage.items():
            if rule.deck is None:
                continue
            deck = decks.get(rule.deck)
            if deck is None:
                raise WrongUsage(f"catalog: plan {name}, {category}: no [decks.{rule.deck}] in tollbook.toml")
            if deck.currency != plan.currency:
                raise WrongUsage(
                    f"catalog: plan {name} is in {plan.currency}, its deck {rule.deck} in {deck.currency}; "
                    "nothing is converted, so they must be the same"
                )


def load_numbering_plan(path: Path) -> PrefixTable:
    """The shipped numbering plan: prefix, country, region, number_class."""
    rows = pl.read_csv(path, infer_schema=False)
    return compile_prefixes(rows.select("prefix", "country", "region", "number_class"))


