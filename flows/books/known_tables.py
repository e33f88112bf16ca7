"""Catalogue and decks as analysts see them: what the runs that stand have read, out of store/, by hash.

Nothing is read from catalog/, where the next month may be half written. What a run read lies in store/objects; parsed,
it lies in store/tables as Parquet, named by what it was made from, so that a deck is parsed once and publishing it
costs a copy. These files are derived: whoever removes them has them made again.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.books.kept_catalogue import catalogue_digests, catalogue_files, inputs_of, kept_content
from flows.home.store import Store
from flows.home.whole_files import write_atomic
from schemas.errors import TollbookError

if TYPE_CHECKING:
    import polars as pl

_FORMAT = 1
"""Goes up with every change of how these tables are made."""

KNOWN = {
    "deck_rates": """
        deck_version varchar, is_current boolean, deck varchar, rate_id varchar, prefix varchar, destination varchar,
        price decimal(38, 12), per_s bigint, increment_s bigint, minimum_s bigint, connect_fee decimal(38, 12),
        currency varchar, valid_from date, valid_to date, jurisdiction varchar, class varchar, first_increment_s bigint,
        max_charge decimal(38, 12), round_digits bigint, round_mode varchar, cost decimal(38, 12),
        connect_fee_cost decimal(38, 12)""",
    "run_decks": "run_id varchar, deck varchar, deck_version varchar",
    "products": """
        product_code varchar, plan varchar, name varchar, section varchar, billed_from varchar, per varchar,
        day_count varchar, removal varchar, unit varchar, currency varchar, price_interval varchar,
        unit_price decimal(38, 12), price_model varchar, tax_class varchar, telecom_percent decimal(38, 12),
        interstate varchar, valid_from date, valid_to date""",
}
"""Table of schema base -> its columns."""


@dataclass(frozen=True)
class _Deck:
    """A deck as a run read it: its file's content by hash, and what the settings said of it."""

    name: str
    file: str
    sha256: str
    declared: str
    """JSON of [decks.<name>]."""

    @property
    def version(self) -> str:
        """Names this content under this declaration."""
        return _key("deck", self.name, self.sha256, self.declared)

    @property
    def has_cost(self) -> bool:
        """Whether its file is a cost sheet, from which a markup makes prices."""
        declared = json.loads(self.declared)
        return any(declared.get(key) is not None for key in ("markup_percent", "markup_amount"))


def fill_known(store: Store) -> None:
    """Makes base.deck_rates, base.run_decks and base.products in the attached snapshot."""
    for table, columns in KNOWN.items():
        store.con.execute(f"create table snapshot.base.{table} ({columns})")
    runs = list(_runs(store))
    if not runs:
        return
    newest = runs[0][1]
    current = _decks(store, newest)
    used = [(run_id, deck) for run_id, inputs in runs for deck in _decks(store, inputs)]
    # Of a deck without costs only the last version is of use: nothing is reckoned with the others.
    decks = dict.fromkeys([*current, *(deck for _, deck in used if deck.has_cost)])
    files = [path for deck in decks if (path := _deck_file(store, deck))]
    if files:
        _insert_decks(store, files, current)
        _insert_run_decks(store, {(run_id, deck.name, deck.version) for run_id, deck in used if deck in decks})
    products = _products_file(store, newest)
    if products:
        files.append(products)
        store.con.execute(f"insert into snapshot.base.products by name from {_parquet([products])}")
    _remove_others(store, files)


def _insert_decks(store: Store, files: list[Path], current: list[_Deck]) -> None:
    """One statement for all of them: each costs a write of its own."""
    store.con.execute(
        "insert into snapshot.base.deck_rates by name "
        f"select *, list_contains($1, deck_version) as is_current from {_parquet(files)}",
        [[deck.version for deck in current]],
    )


def _insert_run_decks(store: Store, rows: set[tuple[str, str, str]]) -> None:
    columns = [list(column) for column in zip(*sorted(rows), strict=True)]
    store.con.execute("insert into snapshot.base.run_decks select unnest($1), unnest($2), unnest($3)", columns)


def _runs(store: Store) -> Iterable[tuple[str, dict[str, Any]]]:
    """The runs that stand, the last one first, each with the hashes of what it read; without those whose are gone or
    damaged."""
    for run_id, digest in store.rows(
        "select run_id, inputs_sha256 from run_states where state in ('drafted', 'approved') order by run_seq desc"
    ):
        if (inputs := inputs_of(store, digest)) is not None:
            yield run_id, inputs


def _decks(store: Store, inputs: dict[str, Any]) -> list[_Deck]:
    """The decks of a run, in the order of the settings."""
    settings = kept_content(store, inputs["settings_sha256"])
    declared = json.loads(settings)["decks"] if settings else {}
    decks = []
    for name, deck in declared.items():
        file = f"catalog/rates/{deck['file']}"
        if digest := inputs["tables"].get(file):
            decks.append(_Deck(name, file, digest, json.dumps(deck, sort_keys=True)))
    return decks


def _deck_file(store: Store, deck: _Deck) -> Path | None:
    """Where a deck's rows lie, written now if they are not there; None where they cannot be had."""
    path = _path(store, deck.version)
    if path.exists():
        return path
    content = kept_content(store, deck.sha256)
    return path if content is not None and _write(path, lambda: _deck_rows(content, deck)) else None


def _deck_rows(content: bytes, deck: _Deck) -> "pl.DataFrame":
    """The rows of a deck's file, validity half-open, named as the view has them."""
    import polars as pl

    from flows.decks.deck_file import known_deck
    from flows.home.file_settings import DeckSettings

    read = known_deck(content, deck.file, deck.name, DeckSettings.model_validate_json(deck.declared))
    renamed = {
        "per": "per_s", "increment": "increment_s", "minimum": "minimum_s", "rate_class": "class",
        "first_increment": "first_increment_s",
    }  # fmt: skip
    return (
        read.table.drop("line", "is_plain")
        .rename(renamed)
        .with_columns(
            pl.col("valid_to").dt.offset_by("1d"),
            deck=pl.lit(deck.name),
            currency=pl.lit(read.currency),
            deck_version=pl.lit(deck.version),
        )
    )


def _products_file(store: Store, inputs: dict[str, Any]) -> Path | None:
    """Where the products of a run's catalogue lie, written now if they are not there; None where they cannot be had."""
    path = _path(store, _key("products", json.dumps(catalogue_digests(inputs), sort_keys=True)))
    if path.exists():
        return path
    files = catalogue_files(store, inputs)
    return path if files is not None and _write(path, lambda: _product_rows(files)) else None


def _product_rows(files: dict[str, bytes]) -> "pl.DataFrame":
    from flows.catalog.load import catalog_of
    from flows.catalog.product_rows import product_rows

    return product_rows(catalog_of(files))


def _write(path: Path, rows: Callable[[], "pl.DataFrame"]) -> bool:
    """Writes the rows as Parquet; False where they cannot be read, by a program that has become stricter since, or
    because what was kept is damaged: what analysts read stops no publication."""
    try:
        frame = rows()
    except (TollbookError, ValueError):  # pydantic's are ValueErrors
        return False
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    write_atomic(path, parquet.getvalue())
    return True


def _key(*of: str) -> str:
    return hashlib.sha256("\n".join((str(_FORMAT), *of)).encode()).hexdigest()[:24]


def _path(store: Store, key: str) -> Path:
    return store.home.store / "tables" / f"{key}.parquet"


def _parquet(paths: Iterable[Path]) -> str:
    """SQL for the rows of these files, in their order."""
    listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in paths)
    return f"read_parquet([{listed}])"


def _remove_others(store: Store, used: list[Path]) -> None:
    """Removes what earlier publications used and this one does not."""
    for path in (store.home.store / "tables").glob("*.parquet"):
        if path not in used:
            path.unlink(missing_ok=True)
