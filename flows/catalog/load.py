"""Reads `catalog/`, the shipped tax tables and the numbering plan, and says by hash what was read."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flows.catalog.contents import REFERENCE, contents_sha256, tax_files
from flows.catalog.decks_fit import Where, decks_fit
from flows.catalog.fx import load_fx
from flows.decks.deck_file import load_deck
from flows.home.objects import keep
from flows.home.settings import Home, Settings
from invoicing.national import Rates
from rating.deck_search import Deck
from rating.match import PrefixTable, compile_prefixes
from schemas.catalog import Catalog
from schemas.errors import EntryFault, WrongUsage
from schemas.known_keys import meant
from schemas.reading import Yaml, fault_text, read_yaml
from taxes.places import Places, load_places
from taxes.tables import TaxTables, load_tables


@dataclass(frozen=True)
class Tables:
    """All dated tables of a run, and the files they came from."""

    catalog: Catalog
    decks: dict[str, Deck]
    taxes: TaxTables
    numbering_plan: PrefixTable
    places: Places
    fx: Rates
    contents: dict[str, bytes]
    """File -> its content, of every file the tables were read from."""

    @property
    def hashes(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()}


Origin = dict[tuple[str, str], Yaml]
"""Part of the catalogue and key in it -> the file that says it."""

_READ: dict[str, Tables] = {}


def load_all(home: Home, settings: Settings) -> Tables:
    """Everything under catalog/ and what ships with the program. Raises WrongUsage with file and key.

    Files that have not changed since this process read them are not parsed again.
    """
    key = f"{home}\n{settings.model_dump_json()}\n{contents_sha256(home)}"
    if key not in _READ:
        tables = _load_all(home, settings)
        while len(_READ) > 1:
            _READ.pop(next(iter(_READ)))
        _READ[key] = tables
    return _READ[key]


def _load_all(home: Home, settings: Settings) -> Tables:
    taxes, shown = tax_files(home, "*.yaml")
    place_files, _ = tax_files(home, "*.csv")
    catalog_files = sorted(home.catalog.glob("*.yaml"))
    deck_files = {name: home.rates / deck.file for name, deck in settings.decks.items()}
    numbering = REFERENCE / "numbering_plan.csv"
    contents = {f"taxes/{name}": text.encode() for name, text in sorted({**taxes, **place_files}.items())}
    contents |= {home.relative(path): path.read_bytes() for path in catalog_files}
    contents |= {home.relative(path): _read(path, home) for path in sorted(deck_files.values())}
    contents |= {home.relative(path): path.read_bytes() for path in home.catalog.glob("fx.csv")}
    contents["numbering_plan.csv"] = numbering.read_bytes()
    catalog, where = _catalog_of(_catalog_texts(home))
    decks = {name: load_deck(home, name, deck) for name, deck in settings.decks.items()}
    decks_fit(catalog, decks, where)
    places = load_places(place_files["places.csv"], place_files["postal_regions.csv"])
    numbering_plan = _numbering_plan(contents["numbering_plan.csv"])
    return Tables(catalog, decks, load_tables(taxes, shown), numbering_plan, places, load_fx(home), contents)


def _read(path: Path, home: Home) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise WrongUsage(f"tollbook.toml names the deck file {home.relative(path)}, which does not exist") from None


def load_taxes(home: Home) -> TaxTables:
    """The tax tables alone: shipped ones, and the home's in their place. Raises WrongUsage with file and key."""
    return load_tables(*tax_texts(home))


def tax_texts(home: Home) -> tuple[dict[str, str], dict[str, str]]:
    """The text of every tax table in force by its name, and what messages call those of the home."""
    return tax_files(home, "*.yaml")


def load_catalog(home: Home) -> Catalog:
    """All of catalog/*.yaml as one catalogue. Raises WrongUsage with file, line and key of every fault."""
    return catalog_of(_catalog_texts(home))


def _catalog_texts(home: Home) -> dict[str, bytes]:
    return {home.relative(path): path.read_bytes() for path in sorted(home.catalog.glob("*.yaml"))}


def catalog_of(files: Mapping[str, bytes]) -> Catalog:
    """One catalogue of files by the name that messages call them. Raises WrongUsage as `load_catalog`."""
    return _catalog_of(files)[0]


def _catalog_of(files: Mapping[str, bytes]) -> tuple[Catalog, Where]:
    """The catalogue, and where each of its entries stands."""
    merged: dict[str, dict[str, Any]] = {}
    origin: Origin = {}
    for name, content in files.items():
        read = _catalog_file(content, name)
        for part, entries in read.data.items():
            if part not in Catalog.model_fields:
                line = read.line_of([part])
                raise WrongUsage(f"{read.file}, line {line}: {part}: unknown key; {meant(Catalog, [part])}")
            if not isinstance(entries or {}, dict):
                raise WrongUsage(f"{read.file}, line {read.line_of([part])}: {part}: expected a mapping with keys")
            for key, entry in (entries or {}).items():
                if (part, key) in origin:
                    raise WrongUsage(
                        f"{read.file}, line {read.line_of([part, key])}: {part}.{key} already stands in "
                        f"{origin[part, key].file}"
                    )
                origin[part, key] = read
                merged.setdefault(part, {})[key] = entry
    try:
        return Catalog(**merged), lambda *keys: _where(origin, keys)
    except ValidationError as error:
        raise WrongUsage("\n".join(_catalog_fault(origin, fault) for fault in error.errors())) from None


def _catalog_file(content: bytes, name: str) -> Yaml:
    try:
        read = read_yaml(content.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        raise WrongUsage(f"{name}: {error}") from None
    if not isinstance(read.data or {}, dict):
        raise WrongUsage(f"{name}: expected the keys products and plans at the top")
    return read if read.data else replace(read, data={})


def _catalog_fault(origin: Origin, error: ErrorDetails) -> str:
    """One fault of the catalogue, with the file and line that say it."""
    if isinstance(between := error.get("ctx", {}).get("error"), EntryFault):
        return f"{_where(origin, between.keys)}: {between}"
    keys = [str(part) for part in error["loc"]]
    read = origin.get((keys[0], keys[1])) if len(keys) > 1 else None
    told = read.fault(error) if read else f"catalog: {fault_text(error)}"
    return f"{told}; {meant(Catalog, error['loc'])}" if error["type"] == "extra_forbidden" else told


def _where(origin: Origin, keys: Sequence[str]) -> str:
    """File and line of an entry of the catalogue."""
    read = origin[keys[0], keys[1]]
    line = read.line_of(keys)
    return f"{read.file}, line {line}" if line else read.file


@lru_cache(maxsize=2)
def _numbering_plan(content: bytes) -> PrefixTable:
    """The shipped numbering plan: prefix, country, region, number_class. Once per content: every stage asks for it."""
    rows = pl.read_csv(content, infer_schema=False)
    return compile_prefixes(rows.select("prefix", "country", "region", "number_class"))


def keep_tables(home: Home, settings: Settings, tables: Tables) -> None:
    """Every file the run's tables were read from, and the settings as they stood, without passwords."""
    for content in tables.contents.values():
        keep(home, content)
    keep(home, json.dumps(settings.model_dump(mode="json", exclude={"smtp"}), sort_keys=True, indent=1).encode())
