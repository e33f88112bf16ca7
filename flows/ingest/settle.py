"""Staged rows to outcomes: which are new, which are duplicates of what, which contradict each other.

The rows of one file wait in the temporary table `staged`. Usage is settled in SQL over any number of rows; master
data, which is small, in frames.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from flows.books.erased import MARK
from flows.home.schema import LINES_OF_A_FILE, ORIGIN_COLUMNS, stored_columns
from flows.home.store import Store
from flows.ingest.checked import row_key
from flows.ingest.csv_blocks import REJECTS
from schemas.feed import Feed

_ONLY_IF_GIVEN = ("ended_at", "charged_number", "pending", "confirmed_on")
"""Columns that feeds have got later: a record without them has the content, and so the id, that it always had."""

_DUPLICATES = {"source_line": pl.Int64, "of_file": pl.String, "of_line": pl.Int64}

_NO_CONTENT = ("usage_no", "usage_id", "other_leg_id", *ORIGIN_COLUMNS)
"""What says nothing of the event itself: where a record came from, and that another record tells of it too. A switch's
file that grew since `other_leg_id` is read brings its older records again, and they must be the same ones."""

LINES = LINES_OF_A_FILE
"""In a batch the lines of its n-th file are counted from n * LINES on."""


@dataclass(frozen=True)
class Settled:
    """`rejects`: as the parser's (flows.ingest.parse), beyond those of the parser. `missing`: keys of a snapshot.

    Duplicates wait in the temporary table `staged_duplicates` (source_line, of_file, of_line).
    """

    rejects: pl.DataFrame
    missing: list[str]
    duplicates: int


def prepare(store: Store, feed: Feed) -> None:
    """Makes the empty temporary tables of one file, or of one batch. Outside of any transaction."""
    given_later = "exclude (usage_no)" if feed.is_usage else ""
    store.con.execute(
        f"create or replace temp table staged as select * {given_later}, null::varchar as raw_line "
        f"from feed_{feed.name} limit 0"
    )
    store.con.execute(
        "create or replace temp table staged_duplicates (source_line bigint, of_file varchar, of_line bigint)"
    )
    store.con.execute("create or replace temp table staged_rejects (source_line bigint)")
    store.con.execute(
        "create or replace temp table staged_files (file_no bigint, name varchar, seq bigint, sha varchar)"
    )
    if feed.is_usage:
        identity = ", ".join(feed.key)
        store.con.execute(f"create or replace temp table staged_again as select {identity} from staged limit 0")


def clear(store: Store) -> None:
    """Drops the temporary tables, so that a big file's rows do not outlive it."""
    for table in ("staged", "staged_duplicates", "staged_rejects", "staged_again", "staged_files"):
        store.con.execute(f"drop table if exists temp.{table}")


def stage(store: Store, feed: Feed, parts: Iterable[pl.DataFrame]) -> None:
    """Adds parsed rows, as they come, to `staged` with their content's MD5 and, for usage, their id.

    usage_id is `source:call_id:leg~` or `source:message_id~` and the first 8 digits of the MD5 (leg `-` when there is
    none). It thus says the same whatever file or order a record came in, and every variant of a conflicting
    identity has its own.
    """
    store.append_each("staged", parts, with_content(feed))


def with_content(feed: Feed) -> str:
    """SQL: the rows of _incoming with row_md5 and, of usage, usage_id."""
    usage_id = f", concat({_identity(feed)}, '~', left(row_md5, 8)) as usage_id" if feed.is_usage else ""
    return f"select *{usage_id} from (select *, {_content(feed)} as row_md5 from _incoming)"


def _identity(feed: Feed) -> str:
    parts = [name if name != "leg" else "coalesce(leg, '-')" for name in feed.key]
    return ", ':', ".join(parts)


def _content(feed: Feed) -> str:
    """MD5 over the canonical values. Text holds no control characters, so the separator cannot be part of one."""
    cells: list[str] = []
    for name, kind in stored_columns(feed):
        if name not in _NO_CONTENT:
            value = f"epoch_us({name})" if kind == "timestamptz" else name
            # A null stands for nothing in concat, and takes with it what || puts it to.
            given = [f"chr(31) || '{name}=' || {value}::varchar"] if name in _ONLY_IF_GIVEN else ["chr(31)", value]
            cells += given
    # In one go: a chain of || copies the text once per column, and concat_ws takes twice the time of concat.
    return f"md5(concat({', '.join(cells[1:])}))"


def empty(store: Store) -> None:
    """Makes room for the next file of the same feed; unlike `prepare`, also inside a transaction."""
    for table in ("staged", "staged_duplicates", "staged_rejects"):
        store.con.execute(f"delete from temp.{table}")


def settle(store: Store, feed: Feed, file: str, snapshot: bool, before: int | None = None) -> Settled:
    """Finds duplicates and contradictions of what is staged. Writes only temporary tables.

    `before`: master data is settled against what files before this file_seq hold, and not against all.
    """
    if feed.is_usage:
        return _settle_usage(store, feed, file)
    return _settle_master(store, feed, file, snapshot, before)


_FIRST_ERASED = "left(s.usage_id, length(s.usage_id) - 8) || 'erased-1'"
"""The usage_id that a record of the same identity got when it was erased; usage_id ends with 8 digits of a hash."""


def _settle_usage(store: Store, feed: Feed, file: str) -> Settled:
    """Same identity and content, stored or on an earlier line: a duplicate (RULES 15). Same identity, other content:
    noted, for rating to suspend. Few identities come twice, so only those are looked at closely. An erased record has
    no content to compare with: who brings its identity again brings a duplicate, and what it says is not kept.
    """
    identity = ", ".join(feed.key)
    same = " and ".join(f"f.{key} is not distinct from s.{key}" for key in feed.key)
    store.con.execute("delete from temp.staged_again")
    store.con.execute(
        f"""
        insert into staged_again
        select {identity} from staged group by all having count(*) > 1
        union
        select {identity} from staged as s where exists (select 1 from feed_{feed.name} as f where {same})
        """
    )
    if not store.rows("select count(*) from staged_again")[0][0]:
        return Settled(pl.DataFrame(schema=REJECTS), [], 0)
    store.con.execute(
        f"""
        insert into staged_duplicates
        with suspects as (
            select s.*, min(source_line) over (partition by usage_id, row_md5) as first_line
            from staged as s where exists (select 1 from staged_again as f where {same}))
        select s.source_line, coalesce(f.source_file, e.source_file, $file),
            coalesce(f.source_line, e.source_line, s.first_line)
        from suspects as s
        left join feed_{feed.name} as f on f.usage_id = s.usage_id and f.row_md5 = s.row_md5
        left join feed_{feed.name} as e on e.usage_id = {_FIRST_ERASED}
        where f.usage_id is not null or e.usage_id is not null or s.source_line > s.first_line
        """,
        {"file": file},
    )
    store.con.execute(
        f"update temp.staged as s set raw_line = '{MARK}' where source_line in (select source_line "
        f"from staged_duplicates) and exists (select 1 from feed_{feed.name} as e where e.usage_id = {_FIRST_ERASED})"
    )
    return Settled(pl.DataFrame(schema=REJECTS), [], store.rows("select count(*) from staged_duplicates")[0][0])


def _settle_master(store: Store, feed: Feed, file: str, snapshot: bool, before: int | None) -> Settled:
    """Versions (RULES 18): the same content again is a duplicate, two contents of one key in one file are none."""
    rows = store.sql("select * from staged order by source_line")
    known = store.current(feed.name, before)
    whose = rows.select("source_line", row_key(feed))
    keys = list(feed.key)
    parts = [account_breaks(rows, known)] if feed.name == "accounts" else []
    if parts:
        rows = rows.join(parts[0], on="source_line", how="anti", maintain_order="left")
    torn = rows.filter(pl.col("row_md5").n_unique().over(keys) > 1)
    parts.append(_because(torn, "|".join(keys), _torn_reason(feed)))
    rows = rows.join(torn.select("source_line"), on="source_line", how="anti", maintain_order="left")
    rejects = pl.concat([pl.DataFrame(schema=REJECTS), *parts]).sort("source_line")
    rejects = rejects.join(whose, on="source_line", how="left", maintain_order="left")

    first = pl.col("source_line").min().over(keys)
    current = known.select(*keys, _md5="row_md5", _file="source_file", _line="source_line")
    joined = rows.with_columns(first.alias("_first")).join(
        current, on=keys, how="left", nulls_equal=True, validate="m:1", maintain_order="left"
    )
    stored = (pl.col("_md5") == pl.col("row_md5")).fill_null(False)
    duplicates = joined.filter(stored | (pl.col("source_line") > pl.col("_first"))).select(
        "source_line",
        pl.when(stored).then("_file").otherwise(pl.lit(file)).alias("of_file"),
        pl.when(stored).then("_line").otherwise("_first").alias("of_line"),
    )
    store.append("staged_duplicates", duplicates.cast(_DUPLICATES))  # type: ignore[arg-type]
    store.append("staged_rejects", rejects.select("source_line"))
    return Settled(rejects, _missing(feed, rows, known) if snapshot else [], duplicates.height)


def _torn_reason(feed: Feed) -> str:
    key = ", ".join(feed.key)
    more = "; a later version of an account needs effective_from" if feed.name == "accounts" else ""
    return f"found rows of one key ({key}) that differ; expected one: no order between them can be meant{more}"


def _because(rows: pl.DataFrame, column: str | pl.Expr, reason: str | pl.Expr) -> pl.DataFrame:
    return rows.select(
        "source_line",
        (pl.lit(column) if isinstance(column, str) else column).alias("column_name"),
        (pl.lit(reason) if isinstance(reason, str) else reason).alias("reason"),
        "raw_line",
    )


def _missing(feed: Feed, rows: pl.DataFrame, known: pl.DataFrame) -> list[str]:
    """Keys known, without an end, of which a snapshot has no row. Versions of one thing count once."""
    dated = [column.name for column in feed.columns if column.kind in ("date", "moment", "instant")]
    ids = [name for name in feed.key if name not in dated]
    ends = [name for name in ("end_date", "active_to", "valid_to") if name in known.columns]
    open_ones = known.filter(pl.all_horizontal(pl.col(name).is_null() for name in ends)) if ends else known
    gone = open_ones.join(rows.select(ids), on=ids, how="anti", nulls_equal=True)
    return sorted(gone.select(pl.concat_str(ids, separator="/", ignore_nulls=True)).to_series().unique().to_list())


def account_breaks(rows: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Rows of accounts that change what never changes: seller and currency ever, the time zone but on a 1st (RULES 18).

    `rows` are the file's, `known` the stored ones in force. Where nothing is stored the file's earliest version
    stands, by date and not by line. Returns rejects.
    """
    columns = ["account_id", "effective_from", "seller_id", "currency", "time_zone"]
    keys = ["account_id", "effective_from"]
    both = pl.concat(
        [
            known.select(*columns, source_line=pl.lit(None, pl.Int64), raw_line=pl.lit(None, pl.String)),
            rows.select(*columns, "source_line", "raw_line"),
        ]
    )
    is_new = pl.col("source_line").is_not_null()
    by_age = both.sort(is_new, "effective_from", "source_line", nulls_last=False, maintain_order=True)
    parts = []
    for name in ("seller_id", "currency"):
        stands = pl.col(name).first().over("account_id")
        changed = by_age.with_columns(stands.alias("_stands")).filter(is_new & (pl.col(name) != pl.col("_stands")))
        expected = "; expected '" + pl.col("_stands") + f"': {name} of an account never changes"
        parts.append(_because(changed, name, "found '" + pl.col(name) + "'" + expected))

    superseded = known.select(keys).join(rows.select(keys), on=keys, how="semi", nulls_equal=True)
    in_force = pl.concat(
        [
            both.filter(~is_new).join(superseded, on=keys, how="anti", nulls_equal=True),
            both.filter(is_new),
        ]
    ).sort("account_id", "effective_from", "source_line", nulls_last=False)
    own, mid_month = pl.col("time_zone"), pl.col("effective_from").dt.day() != 1
    before, after = own.shift(1).over("account_id"), own.shift(-1).over("account_id")
    next_mid_month = mid_month.shift(-1).over("account_id")
    next_is_stored = pl.col("source_line").shift(-1).over("account_id").is_null()
    broken = in_force.filter(
        is_new & (((own != before) & mid_month) | ((own != after) & next_mid_month & next_is_stored)).fill_null(False)
    )
    reason = "found '" + own + "'; expected the zone before: the time zone of an account changes only on a 1st"
    parts.append(_because(broken, "time_zone", reason))
    return pl.concat([pl.DataFrame(schema=REJECTS), *parts]).unique("source_line", keep="first", maintain_order=True)
