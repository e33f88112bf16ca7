"""Rows of a large file straight into their feed, instead of by way of `staged`: those that are certainly new.

An identity that comes for the first time is told by a filter of bits: what it takes for known may be new, never the
other way round. What may be known, few rows of most files, waits in `staged` to be settled as all rows of a small file
do. Everything happens in the transaction that takes the file in, so a refusal takes it back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from flows.home.schema import USAGE_NO
from flows.home.store import Store
from flows.ingest import settle
from flows.ingest.files import InboxFile
from schemas.feed import Feed

LARGE = 200_000
"""Lines of a file from which on it is worth while."""

_BITS_PER_ROW = 32
"""Of these two are set: at most one new row of 250 is taken for known."""
_MOST_BITS = 2**30

_MOST_HELD = 500_000
"""Rows that may be known and are held in memory until they are staged."""

_MOST_STORED = 4
"""Rows already stored, as a multiple of the file's lines, that are worth reading to fill the filter."""


class Identities:
    """Which identities of a feed may have come already."""

    def __init__(self, feed: Feed, rows: int) -> None:
        self._key = feed.key
        self._size = min(_MOST_BITS, max(2**16, 1 << (rows * _BITS_PER_ROW - 1).bit_length()))
        self._bits = pl.repeat(value=False, n=self._size, dtype=pl.Boolean, eager=True)

    def note(self, rows: pl.DataFrame) -> None:
        """Takes these identities for known from now on."""
        self._set(self._places(self._hashes(rows)))

    def parted(self, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Rows whose identity comes for the first time, and the others; notes all of them."""
        hashes = self._hashes(rows)
        places = self._places(hashes)
        first, second = (self._bits.gather(place) for place in places)
        known = first & second
        if hashes.n_unique() < rows.height:
            known |= ~hashes.is_first_distinct()
        self._set(places)
        return (rows.filter(~known), rows.filter(known)) if known.any() else (rows, rows.clear())

    def _hashes(self, rows: pl.DataFrame) -> pl.Series:
        one, *others = (pl.col(name).hash(seed) for seed, name in enumerate(self._key))
        together = one
        for other in others:
            together ^= other
        return rows.select(together).to_series()

    def _places(self, hashes: pl.Series) -> list[pl.Series]:
        return [hashes % self._size, (hashes // 2**32) % self._size]

    def _set(self, places: list[pl.Series]) -> None:
        self._bits = self._bits.scatter(pl.concat(places), values=True)


@dataclass
class Straight:
    """A file of usage on its way into the feed as `file_seq` `sequence`. `loaded`: its rows that are there already."""

    file: InboxFile
    sequence: int
    seen: Identities
    loaded: int = field(default=0, init=False)

    def stage(self, store: Store, parts: Iterable[pl.DataFrame]) -> None:
        """Stores rows as they come, and stages those that may be known. Inside the transaction that takes them in."""
        coming, feed = iter(parts), self.file.feed
        is_over = False
        while not is_over:
            held: list[pl.DataFrame] = []

            def new(held: list[pl.DataFrame] = held) -> Iterator[pl.DataFrame]:
                nonlocal is_over
                for rows in coming:
                    fresh, others = self.seen.parted(rows)
                    held.append(others)
                    yield fresh.drop("raw_line")
                    if sum(part.height for part in held) > _MOST_HELD:
                        return
                is_over = True

            number = USAGE_NO.format(file_seq=self.sequence, source_line="source_line")
            origin = f"select *, $file as source_file, {self.sequence} as file_seq, {number} as usage_no"
            rows_of = f"{origin} from ({settle.with_content(feed)})"
            self.loaded += store.append_each(f"feed_{feed.name}", new(), rows_of, {"file": self.file.name})
            settle.stage(store, feed, (part for part in held if part.height))


def straight_for(store: Store, file: InboxFile, lines: int) -> Straight | None:
    """How a file of so many lines goes straight into its feed; None where it is no large one of usage, or so much is
    stored that reading it would cost more than is won."""
    feed = file.feed
    if not feed.is_usage or lines < LARGE:
        return None
    stored = store.rows(f"select count(*) from feed_{feed.name}")[0][0]
    if stored > lines * _MOST_STORED:
        return None
    seen = Identities(feed, lines + stored)
    if stored:
        for part in store.parts(f"select {', '.join(feed.key)} from feed_{feed.name}"):
            seen.note(part)
    # Given out when the file is recorded: a refused file takes none from here.
    query = "select coalesce(last_value + 1, start_value) from duckdb_sequences() where sequence_name = 'file_seq'"
    return Straight(file, store.rows(query)[0][0], seen)
