"""The usage a run answers for, read from the feeds in pieces that fit into memory.

A piece is a range of stored rows, in their order, so that reading it twice gives the same rows at the same places.
Nothing may move rows between the two times: keep one transaction open around them. Reading has a connection of its
own, so that one piece can be read while another is written.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from flows.books.erased import ERASED_ID
from flows.home.billed_legs import billed_legs
from flows.home.file_settings import SourceSettings
from flows.home.near_number import NEAR_NUMBER
from flows.home.settings import Settings
from flows.home.store import Scope, Store
from flows.month.usage.call_parts import find_parts
from flows.month.usage.columns import columns_of, filled_columns, with_empty
from flows.month.usage.other_legs import find_other_legs
from flows.presets.known import PRESETS
from rating.sms import with_credits
from schemas.feeds import FEEDS

if TYPE_CHECKING:
    from flows.month.usage.kept import Kept

KIND = {"calls": "voice", "messages": "sms"}
_STARTED = {"calls": "started_at", "messages": "sent_at"}
_IDENTITY = {feed: FEEDS[feed].key for feed in KIND}

_WRITTEN_OFF = """
    select r.usage_no from rated as r join rated_for as f using (for_no) where f.billed_as = 'written_off'
        and f.run_id in (select run_id from run_events where state = 'approved')"""

_ISSUED = """
create temp table for_issued as
select distinct f.for_no from rated_for as f
join issued_documents as d on d.run_id = f.run_id and d.account_id = f.account_id"""

_SETTLED_FOR_GOOD = f"""
create temp table usage_settled as
select usage_no from rated where for_no in (select for_no from for_issued)
union all {_WRITTEN_OFF}"""

# Of a file that was taken back out and came again, under whatever name: what was billed of it stays billed.
_CAME_AGAIN = "insert into usage_settled " + " union all ".join(
    f"""
    select f.usage_no from feed_{feed} as f where f.usage_id in (
        select usage_id from kept_usage where usage_no in (select usage_no from usage_settled))"""
    for feed in KIND
)

_OLD = """
insert into usage_settled
select usage_no from rated where started_at < $since and for_no not in (select for_no from for_issued)
union all select usage_no from suspended_usage where started_at < $since and usage_no is not null
union all select usage_no from excluded_usage where started_at < $since and usage_no is not null"""
"""Rows of an earlier version whose file nobody knows have no number; one null would make `not in` true of nothing."""


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
        same = " and ".join(f"v.{key} is not distinct from c.{key}" for key in _IDENTITY[piece.feed])
        joined = f"left join variants_of_{piece.feed} as v on {same}" if piece.feed in self.with_variants else ""
        sources, legs = self.settings.sources.items(), billed_legs(self.settings.sources)
        trusted = [name for name, source in sources if source.trusted]
        by_cause = [name for name, source in sources if _writes_causes(source)]
        columns = columns_of(piece.feed, self.filled)
        if not (legs or trusted or by_cause or self.has_other_legs):
            del columns["source"]
        if piece.feed in self.with_variants:
            columns["variants"] = "coalesce(v.variants, 1)"
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
        known = _known(store.scope)
        has_parts, has_legs = find_parts(con, settings, known), find_other_legs(con, known)
        with_variants = _with_variants(con, store.scope)
        kept = begin(_specials(con, with_variants, has_parts=has_parts, has_legs=has_legs))
        is_narrowed = _narrowed(con, since)
        if kept is not None:
            _without(con, kept, is_narrowed=is_narrowed)
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
        known = _known(store.scope)
        has_parts, has_legs = find_parts(con, settings, known), find_other_legs(con, known)
        con.execute(_OF_ACCOUNTS.replace(_KNOWN, known), {"first": first, "last": last}).fetchall()
        if has_parts:
            con.execute(_PARTS_OF_ACCOUNTS.replace(_KNOWN, known), {"first": first, "last": last}).fetchall()
        con.execute(_BILLED_TO_OTHERS).fetchall()
        con.execute(_LEAVE_OUT).fetchall()
        pieces = _pieces_of_rows(con, rows)
        variants, erased = _with_variants(con, store.scope), _has_erased(con)
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


_KNOWN = "file_is_known"
"""Where the queries below say which files count. No format string: the SQL has braces of its own."""


def _asked_for(feed: str) -> str:
    """Whether a record may be one of the accounts asked for: it states them, or states nobody and has their number."""
    return f"""(account_id in (select account_id from asked) or (account_id is null
            and {NEAR_NUMBER[feed]} in (select number from asked)))"""


_OF_ACCOUNTS = "create temp table usage_to_rate as " + " union all ".join(
    f"""
    select '{feed}' as feed, rowid as row_id, usage_id, usage_no from feed_{feed}
    where {_STARTED[feed]} >= $first::timestamptz - interval 1 day
        and {_STARTED[feed]} < $last::timestamptz + interval 1 day
        and {_KNOWN} and {_asked_for(feed)}"""
    for feed in KIND
)

# Parts that began later than the month's end, of calls that began within it.
_PARTS_OF_ACCOUNTS = f"""
insert into usage_to_rate
select 'calls', feed_calls.rowid, usage_id, usage_no from feed_calls join call_parts using (usage_id)
where call_started_at >= $first::timestamptz - interval 1 day and call_started_at < $last::timestamptz + interval 1 day
    and {_KNOWN} and {_asked_for("calls")}
    and usage_id not in (select usage_id from usage_to_rate where feed = 'calls')"""

_BILLED_TO_OTHERS = f"""
create temp table billed_to_others as
select r.usage_no from rated as r where r.for_no in (
    select f.for_no
    from rated_for as f join standing_documents as d on d.run_id = f.run_id and d.account_id = f.account_id
    where f.account_id not in (select account_id from asked))
    and r.usage_no in (select usage_no from usage_to_rate union all select usage_no from kept_usage)
union all {_WRITTEN_OFF}"""

_LEAVE_OUT = """
delete from usage_to_rate where usage_no in (select usage_no from billed_to_others)
    or usage_id in (select usage_id from kept_usage where usage_no in (select usage_no from billed_to_others))"""


def _known(scope: Scope) -> str:
    return "true" if scope.before_file is None else f"file_seq < {int(scope.before_file)}"


def _with_variants(con: duckdb.DuckDBPyConnection, scope: Scope) -> frozenset[str]:
    """Feeds with records of one identity that differ, left in variants_of_<feed>; ingest has noted which identities to
    look at (RULES 15)."""
    feeds: set[str] = set()
    noted = {feed for (feed,) in con.execute("select distinct feed from usage_variants").fetchall()}
    for feed, keys in _IDENTITY.items():
        if feed not in noted:
            continue
        identity = ", ".join(keys)
        variants = con.execute(
            f"create temp table variants_of_{feed} as select {identity}, count(*) as variants "
            f"from feed_{feed} as f where {_known(scope)} and exists (select 1 from usage_variants as v "
            f"where v.feed = '{feed}' and v.identity = {_joined(keys)}) group by all having count(*) > 1"
        ).fetchall()[0][0]
        if variants:
            feeds.add(feed)
    return frozenset(feeds)


def _has_erased(con: duckdb.DuckDBPyConnection) -> bool:
    return bool(con.execute("select 1 from erased limit 1").fetchall())


def _narrowed(con: duckdb.DuckDBPyConnection, since: str) -> bool:
    """Whether some usage is not to be read again; usage_to_rate then has the rows that are."""
    con.execute(_ISSUED).fetchall()
    con.execute(_SETTLED_FOR_GOOD).fetchall()
    if con.execute("select 1 from kept_usage limit 1").fetchall():
        con.execute(_CAME_AGAIN).fetchall()
    con.execute(_OLD, {"since": since}).fetchall()
    if not con.execute("select 1 from usage_settled limit 1").fetchall():
        return False
    rows = " union all ".join(
        f"select '{feed}' as feed, rowid as row_id from feed_{feed} "
        "where usage_no not in (select usage_no from usage_settled)"
        for feed in KIND
    )
    con.execute(f"create temp table usage_to_rate as {rows}").fetchall()
    return True


def _specials(
    con: duckdb.DuckDBPyConnection, with_variants: frozenset[str], *, has_parts: bool, has_legs: bool
) -> pl.Series:
    """usage_no of the records that are what they are through others: several contents, legs and parts of a call."""
    asked = ["select null::bigint as usage_no where false"]
    for feed in sorted(with_variants):
        same = " and ".join(f"v.{key} is not distinct from c.{key}" for key in _IDENTITY[feed])
        asked.append(f"select c.usage_no from feed_{feed} as c join variants_of_{feed} as v on {same}")
    if has_parts:
        asked.append("select usage_no from feed_calls where usage_id in (select usage_id from call_parts)")
    if has_legs:
        asked.append("select usage_no from feed_calls where rowid in (select row_id from other_legs)")
    numbers: pl.Series = con.sql(" union ".join(asked)).pl()["usage_no"]
    return numbers


def _without(con: duckdb.DuckDBPyConnection, kept: "Kept", *, is_narrowed: bool) -> None:
    """Leaves in usage_to_rate what is to be read beside what is kept."""
    con.register("_again", kept.again.to_frame("usage_no").to_arrow())
    rows = " union all ".join(
        f"select '{feed}' as feed, rowid as row_id from feed_{feed} "
        "where (not list_contains($files, file_seq) or usage_no in (select usage_no from _again))"
        + (f" and rowid in (select row_id from usage_to_rate where feed = '{feed}')" if is_narrowed else "")
        for feed in KIND
    )
    con.execute(f"create temp table usage_besides as {rows}", {"files": list(kept.files)}).fetchall()
    con.unregister("_again")
    if is_narrowed:
        con.execute("drop table usage_to_rate").fetchall()
    con.execute("alter table usage_besides rename to usage_to_rate").fetchall()


def _joined(keys: Sequence[str]) -> str:
    return " || ':' || ".join(f"coalesce({name}, '-')" for name in keys)


def records_of(pieces: UsageReader) -> Iterator[tuple[Piece, pl.DataFrame]]:
    """Every piece with its records; pieces without a record of this run are left out."""
    for piece in pieces.pieces:
        usage = pieces.read(piece)
        if usage.height:
            yield piece, usage
