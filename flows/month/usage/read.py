"""The usage a run answers for, read from the feeds in pieces that fit into memory.

A piece is a range of stored rows, in their order, so that reading it twice gives the same rows at the same places.
Nothing may move rows between the two times: keep one transaction open around them. Reading has a connection of its
own, so that one piece can be read while another is written.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from flows.books.erased import ERASED_ID
from flows.home.billed_legs import billed_legs
from flows.home.file_settings import SourceSettings
from flows.home.settings import Settings
from flows.home.store import Store
from flows.month.usage.call_parts import find_parts
from flows.month.usage.columns import KIND, columns_of, filled_columns, with_empty
from flows.month.usage.of_accounts import find_usage_of
from flows.month.usage.other_legs import find_other_legs
from flows.month.usage.settled import narrowed, without
from flows.month.usage.variants import find_variants, known_files, same_identity, specials
from flows.presets.known import PRESETS
from rating.sms import with_credits

if TYPE_CHECKING:
    from flows.month.usage.kept import Kept


@dataclass(frozen=True)
class Piece:
    """Rows [first, last] of a feed."""

    feed: str
    first: int
    last: int


@dataclass(frozen=True)
class UsageReader:
    """Every record not on an issued document, and recent or never treated before."""

    con: duckdb.DuckDBPyConnection
    settings: Settings
    pieces: tuple[Piece, ...]
    is_narrowed: bool
    """Whether usage_to_rate names the rows to read; else every row of the feeds is."""
    with_variants: frozenset[str]
    """Feeds in which some identity has come with several contents."""
    filled: frozenset[tuple[str, str]]
    """Feed and column of those that some record fills (flows.month.usage.columns); the others are not read."""
    has_erased: bool = False
    """Whether some records have lost their numbers; `read` then says which, as is_erased."""
    has_parts: bool = False
    """Whether some calls came in parts; `call_parts` then says which record carries the call (calls_of_parts)."""
    has_other_legs: bool = False
    """Whether some records are named as the other leg of a call; `other_legs` then says which (other_legs.py)."""

    def read(self, piece: Piece) -> pl.DataFrame:
        """A piece's records, as rating.usage.class_records takes them, with row_id.

        `other_leg` marks the legs that do not bill: those of which their source declares it, and those that another
        record of the call names. A part of a call starts when the
        call does; one of its records has all its units, the others none.
        """
        joined = (
            f"left join variants_of_{piece.feed} as v on {same_identity(piece.feed)}"
            if piece.feed in self.with_variants
            else ""
        )
        sources, legs = self.settings.sources.items(), billed_legs(self.settings.sources)
        trusted = [name for name, source in sources if source.trusted]
        by_cause = [name for name, source in sources if _writes_causes(source)]
        columns = columns_of(piece.feed, self.filled)
        if not (legs or trusted or by_cause or self.has_other_legs):
            del columns["source"]
        if piece.feed in self.with_variants:
            columns["variants"] = "coalesce(v.variants, 1)"
            joined = f"left join variants_of_{piece.feed} as v on {same_identity(piece.feed)}"
        selected = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
        usage = with_empty(self._rows(piece, f"select {selected} from feed_{piece.feed} as c {joined}"))
        if piece.feed == "messages":
            usage = with_credits(usage)
        elif self.has_parts:
            usage = self._as_calls(usage)
        if self.has_erased:
            usage = usage.with_columns(is_erased=pl.col("usage_id").str.contains(ERASED_ID))
        billed = pl.col("source").replace_strict(legs, default=None, return_dtype=pl.String)
        is_other = (pl.col("leg") != billed).fill_null(False) if legs else pl.lit(False)
        if self.has_other_legs and piece.feed == "calls":
            # Whoever declares which leg bills has said it of all of them.
            is_named = pl.col("row_id").is_in(self._other_legs(piece).implode())
            is_other |= is_named & ~_from([name for name, source in sources if source.leg])
        return usage.with_columns(
            pl.col("started_at").dt.convert_time_zone("UTC"),
            kind=pl.lit(KIND[piece.feed], pl.Categorical),
            other_leg=is_other,
            is_trusted=_from(trusted),
            is_cause=_from(by_cause),
        ).drop("leg")

    def _as_calls(self, usage: pl.DataFrame) -> pl.DataFrame:
        """Records of calls that came in parts with the call's start, and its seconds on the one that carries it."""
        calls = self.con.sql("select * from call_parts").pl()
        joined = usage.join(calls, on="usage_id", how="left", validate="m:1", maintain_order="left")
        units = pl.when(pl.col("carries")).then("seconds").otherwise(pl.lit(0, pl.Int64))
        is_part = pl.col("carries").is_not_null()
        return joined.with_columns(
            started_at=pl.coalesce("call_started_at", "started_at"),
            units=pl.when(is_part).then(units).otherwise("units"),
        ).select(usage.columns)

    def _other_legs(self, piece: Piece) -> pl.Series:
        """row_id of a piece's records that are the other leg of a call."""
        found: pl.DataFrame = self.con.sql(
            "select row_id from other_legs where row_id between $first and $last",
            params={"first": piece.first, "last": piece.last},
        ).pl()
        return found["row_id"]

    def _rows(self, piece: Piece, query: str) -> pl.DataFrame:
        narrowed = "and c.rowid in (select row_id from usage_to_rate where feed = $feed)" if self.is_narrowed else ""
        params = {"first": piece.first, "last": piece.last} | ({"feed": piece.feed} if self.is_narrowed else {})
        rows: pl.DataFrame = self.con.sql(
            f"{query} where c.rowid between $first and $last {narrowed}", params=params
        ).pl()
        return rows if rows["row_id"].is_sorted() else rows.sort("row_id")


def _from(sources: list[str]) -> pl.Expr:
    """Whether a record is of one of these sources."""
    return pl.col("source").is_in(sources) if sources else pl.lit(False)


def _writes_causes(source: SourceSettings) -> bool:
    """Whether what its records call the ending is a cause, that an answered call may have too."""
    preset = PRESETS.get(source.format)
    return preset is not None and preset.ends_in_causes


Begin = Callable[[pl.Series], "Kept | None"]
"""Told which records (usage_no) are what they are through others, says what of the feeds need not be read."""


@contextmanager
def usage_reader(
    store: Store, settings: Settings, oldest_usage_day: date, rows: int, begin: Begin = lambda _: None
) -> Iterator[UsageReader]:
    """Works out what there is to read, and cuts the feeds into pieces of at most `rows` rows. begin: called before
    anything is read."""
    con = store.second()
    try:
        since = f"{(oldest_usage_day - timedelta(days=1)).isoformat()} 00:00:00+00"
        known = known_files(store.scope)
        has_parts, has_legs = find_parts(con, settings, known), find_other_legs(con, known)
        with_variants = find_variants(con, store.scope)
        kept = begin(specials(con, with_variants, has_parts=has_parts, has_legs=has_legs))
        is_narrowed = narrowed(con, since)
        if kept is not None:
            without(con, kept, is_narrowed=is_narrowed)
        pieces = _pieces_of_rows(con, rows) if kept is not None else _pieces(con, rows)
        erased = _has_erased(con)
        is_narrowed |= kept is not None
        yield UsageReader(
            con, settings, pieces, is_narrowed, with_variants, filled_columns(con), erased, has_parts, has_legs
        )
    finally:
        con.close()


@contextmanager
def account_reader(
    store: Store, settings: Settings, numbers: pl.DataFrame, first: date, last: date, rows: int
) -> Iterator[UsageReader]:
    """All usage of some accounts that started in [first, last), whoever billed it, in the store's scope of files.

    numbers: account_id, number (null for an account without one), with whatever they ever had. Left out is what was
    written off for good, and what a document that stands bills to another account: nothing is billed twice.
    """
    con = store.second()
    try:
        con.register("_asked", numbers.select("account_id", "number").unique().to_arrow())
        con.execute("create temp table asked as select * from _asked").fetchall()
        con.unregister("_asked")
        known = known_files(store.scope)
        has_parts, has_legs = find_parts(con, settings, known), find_other_legs(con, known)
        find_usage_of(con, known, first, last, has_parts=has_parts)
        pieces = _pieces_of_rows(con, rows)
        variants, erased = find_variants(con, store.scope), _has_erased(con)
        yield UsageReader(con, settings, pieces, True, variants, filled_columns(con), erased, has_parts, has_legs)
    finally:
        con.close()


def _pieces(con: duckdb.DuckDBPyConnection, rows: int) -> tuple[Piece, ...]:
    """All of the feeds."""
    pieces = []
    for feed in KIND:
        last = con.execute(f"select coalesce(max(rowid), -1) from feed_{feed}").fetchall()[0][0]
        pieces += [Piece(feed, first, min(first + rows - 1, last)) for first in range(0, last + 1, rows)]
    return tuple(pieces)


def _pieces_of_rows(con: duckdb.DuckDBPyConnection, rows: int) -> tuple[Piece, ...]:
    """What usage_to_rate names."""
    spans = con.execute(
        "select feed, min(row_id), max(row_id) from (select feed, row_id, "
        "row_number() over (partition by feed order by row_id) - 1 as place from usage_to_rate) "
        "group by feed, place // $1 order by 1, 2",
        [rows],
    ).fetchall()
    return tuple(Piece(*span) for span in spans)


def _has_erased(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("select 1 from erased limit 1").fetchall())


def records_of(pieces: UsageReader) -> Iterator[tuple[Piece, pl.DataFrame]]:
    """Every piece with its records; pieces without a record of this run are left out."""
    for piece in pieces.pieces:
        usage = pieces.read(piece)
        if usage.height:
            yield piece, usage
