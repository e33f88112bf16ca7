"""The usage a run answers for, read from the feeds in pieces that fit into memory.

A piece is a range of stored rows, in their order, so that reading it twice gives the same rows at the same places.
Read inside one transaction only: nothing may move rows between the two times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from flows.settings import Settings
from flows.store import Store
from rating.sms import with_credits
from schemas.feeds import FEEDS

_SELECT = {
    "calls": """
        select c.rowid as row_id, c.usage_id, 'voice' as kind, c.source, c.leg, c.started_at, c.direction,
               c.from_number, c.to_number, c.duration_s, c.duration_s as units, c.disposition,
               c.account_id as stated_account_id, c.extension, c.source_file, c.source_line""",
    "messages": """
        select c.rowid as row_id, c.usage_id, 'sms' as kind, c.source, null::varchar as leg, c.sent_at as started_at,
               c.direction, c.from_number, c.to_number, 0::bigint as duration_s, c.credits as units, c.text,
               null::varchar as disposition, c.account_id as stated_account_id, null::varchar as extension,
               c.source_file, c.source_line""",
}
_STARTED = {"calls": "started_at", "messages": "sent_at"}
_IDENTITY = {feed: FEEDS[feed].key for feed in _SELECT}

_SETTLED = """
create or replace temp table usage_settled as
select u.usage_id from rated_usage as u
join issued_documents as d on d.run_id = u.run_id and d.account_id = u.account_id
union
select usage_id from (
    select usage_id, started_at from rated_usage
    union all select usage_id, started_at from suspended_usage
    union all select usage_id, started_at from excluded_usage) where started_at < $since"""


@dataclass(frozen=True)
class Piece:
    """Rows [first, last] of a feed."""

    feed: str
    first: int
    last: int


@dataclass(frozen=True)
class UsageReader:
    """Every record not on an issued document, and recent or never treated before."""

    store: Store
    settings: Settings
    pieces: tuple[Piece, ...]
    is_narrowed: bool
    """Whether usage_to_rate names the rows to read; else every row of the feeds is."""
    with_variants: frozenset[str]
    """Feeds in which some identity has come with several contents."""

    def read(self, piece: Piece) -> pl.DataFrame:
        """A piece's records, as rating.usage.class_records takes them, with row_id.

        `other_leg` marks the legs of calls that their source is declared not to bill.
        """
        same = " and ".join(f"v.{key} is not distinct from c.{key}" for key in _IDENTITY[piece.feed])
        variants, joined = "1::bigint", ""
        if piece.feed in self.with_variants:
            variants, joined = "coalesce(v.variants, 1)", f"left join variants_of_{piece.feed} as v on {same}"
        usage = self._rows(piece, f"{_SELECT[piece.feed]}, {variants} as variants from feed_{piece.feed} as c {joined}")
        if piece.feed == "messages":
            usage = with_credits(usage)
        legs = {name: source.leg for name, source in self.settings.sources.items() if source.leg}
        billed = pl.col("source").replace_strict(legs, default=None, return_dtype=pl.String)
        return usage.with_columns(
            pl.col("started_at").dt.convert_time_zone("UTC"),
            other_leg=(pl.col("leg") != billed).fill_null(False) if legs else pl.lit(False),
        ).drop("leg")

    def stored(self, piece: Piece) -> pl.DataFrame:
        """What rated_usage repeats of a piece's records and rating need not carry, in the order of `read`."""
        seconds = "c.duration_s" if piece.feed == "calls" else "0::bigint as duration_s"
        return self._rows(
            piece,
            f"select c.rowid as row_id, c.source, c.direction, c.from_number, c.to_number, {seconds}, c.source_file, "
            f"c.source_line from feed_{piece.feed} as c",
        )

    def _rows(self, piece: Piece, query: str) -> pl.DataFrame:
        mine = "and c.rowid in (select row_id from usage_to_rate where feed = $feed)" if self.is_narrowed else ""
        rows = self.store.sql(
            f"{query} where c.rowid between $first and $last {mine}",
            {"first": piece.first, "last": piece.last} | ({"feed": piece.feed} if self.is_narrowed else {}),
        )
        return rows if rows["row_id"].is_sorted() else rows.sort("row_id")


def usage_reader(store: Store, settings: Settings, oldest_usage_day: date, rows: int) -> UsageReader:
    """Makes the temporary tables that say what to read, and cuts the feeds into pieces of at most `rows` rows."""
    since = f"{(oldest_usage_day - timedelta(days=1)).isoformat()} 00:00:00+00"
    store.con.execute(_SETTLED, {"since": since})
    is_narrowed = bool(store.rows("select count(*) from usage_settled")[0][0])
    if is_narrowed:
        store.con.execute(
            "create or replace temp table usage_to_rate as "
            + " union all ".join(
                f"select '{feed}' as feed, rowid as row_id from feed_{feed} "
                "where usage_id not in (select usage_id from usage_settled)"
                for feed in _SELECT
            )
        )
    pieces, with_variants = [], set()
    for feed, keys in _IDENTITY.items():
        identity = ", ".join(keys)
        # Records of one identity that differ; ingest has noted which identities to look at (RULES 15).
        store.con.execute(
            f"create or replace temp table variants_of_{feed} as select {identity}, count(*) as variants "
            f"from feed_{feed} as f where exists (select 1 from usage_variants as v where v.feed = '{feed}' "
            f"and v.identity = {_joined(keys)}) group by all having count(*) > 1"
        )
        if store.rows(f"select count(*) from variants_of_{feed}")[0][0]:
            with_variants.add(feed)
        last = store.rows(f"select coalesce(max(rowid), -1) from feed_{feed}")[0][0]
        pieces += [Piece(feed, first, min(first + rows - 1, last)) for first in range(0, last + 1, rows)]
    return UsageReader(store, settings, tuple(pieces), is_narrowed, frozenset(with_variants))


def _joined(keys: Sequence[str]) -> str:
    return " || ':' || ".join(f"coalesce({name}, '-')" for name in keys)


def forget_pieces(reader: UsageReader) -> None:
    """Drops the temporary tables."""
    for table in ("usage_settled", "usage_to_rate", *(f"variants_of_{feed}" for feed in _SELECT)):
        reader.store.con.execute(f"drop table if exists temp.{table}")


def records_of(pieces: UsageReader) -> Iterator[tuple[Piece, pl.DataFrame]]:
    """Piece by piece, what it holds; pieces without a record of this run are left out."""
    for piece in pieces.pieces:
        usage = pieces.read(piece)
        if usage.height:
            yield piece, usage
