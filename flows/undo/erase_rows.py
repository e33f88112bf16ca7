"""Which records are an account's call detail, and the rows of the working database without it.

Rows stay, so that every sum and count stays: amounts, seconds, units, destination and rate are kept; numbers,
extension, device and text become null. Records of other accounts are theirs, also where they name a number of this one.
"""

import re
from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.books.erased import ERASED_ID, MARK
from flows.home.near_number import NEAR_NUMBER
from flows.home.store import Store

_ONE_ACCOUNT = """
    select usage_id, started_at from rated_usage where account_id = $account
    union select usage_id, started_at from suspended_usage where account_id = $account
    union select usage_id, started_at from excluded_usage where account_id = $account"""

# Whose a record is that no run has looked at yet, or that came with several contents: the owner of the near
# number.
_LOADED = " union ".join(
    f"""
    select usage_id, {started} from feed_{feed} as f where account_id = $account or (account_id is null and exists (
        select 1 from erase_owned as o
        where o.number = {NEAR_NUMBER[feed]}
            and f.{started} >= o.from_at and f.{started} < o.to_at))"""
    for feed, started in (("calls", "started_at"), ("messages", "sent_at"))
)

_ERASED = " union ".join(
    f"select usage_id from {table} where regexp_matches(usage_id, $erased)"
    for table in ("feed_calls", "feed_messages", "rated_usage")
)

_RECORDS = f"""
create or replace temp table erase_records as
with zone as (
    select max_by(time_zone, coalesce(effective_from, date '0001-01-01')) as name from feed_accounts
    where account_id = $account),
mine as (select usage_id, min(started_at) as started_at from ({_ONE_ACCOUNT} union {_LOADED}) group by usage_id),
months as (select usage_id, min(usage_month) as usage_month from rated_usage where account_id = $account group by 1),
of_others as (
    select r.usage_id from rated_usage as r
    join issued_documents as d on d.run_id = r.run_id and d.account_id = r.account_id
    where r.account_id <> $account),
before as (
    select regexp_replace(usage_id, $erased, '') as identity, count(*) as records
    from ({_ERASED}) group by 1),
found as (
    select usage_id, regexp_replace(usage_id, '~[0-9a-f]{{8}}$', '') as identity,
        coalesce(usage_month, strftime(started_at at time zone zone.name, '%Y-%m')) as usage_month
    from mine left join months using (usage_id) cross join zone
    where not regexp_matches(usage_id, $erased) and usage_id not in (from of_others))
select usage_id, usage_month,
    identity || '~erased-' || (
        coalesce(records, 0) + row_number() over (partition by identity order by usage_id)) as new_id
from found left join before using (identity) where usage_month <= $until"""

_PLACES = """
create or replace temp table erase_places as
""" + " union all ".join(
    f"""
    select '{feed}' as feed, source_file, source_line, file_seq from feed_{feed}
    where usage_id in (select usage_id from erase_records)
        or (account_id = $account and regexp_matches(usage_id, $erased))"""
    for feed in ("calls", "messages")
)

# A line that could not be read names nobody for certain: who is named in it decides, by account or end of number.
_LINES = """
create or replace temp table erase_lines as
select 'duplicate' as what, d.rowid as row_id, d.sha256, d.feed from duplicate_records as d
join erase_places as p on p.feed = d.feed and p.source_file = d.of_file and p.source_line = d.of_line
where d.raw_line <> $mark
union all
select 'rejected', r.rowid, r.sha256, r.feed from rejected_records as r
where r.feed in ('calls', 'messages') and r.raw_line <> $mark and (regexp_matches(r.raw_line, $named) or exists (
    select 1 from feed_numbers as n where n.account_id = $account
        and contains(regexp_replace(r.raw_line, '[^0-9,;|]', '', 'g'), right(n.number, 8))))
    and coalesce((select min(started_at) from (
        select started_at, file_seq from feed_calls union all select sent_at, file_seq from feed_messages) as f
        join source_files as s using (file_seq) where s.sha256 = r.sha256 and s.feed = r.feed) < $end, true)"""

# Files of one content hold the same, and share a copy.
_SOURCES = """
create or replace temp table erase_sources as
with holding as (
select distinct source_file, sha256, state <> 'rolled_back' as is_named from source_files as s
where feed in ('calls', 'messages') and (
    (state = 'rolled_back' and sha256 not in (select sha256 from source_files where state = 'loaded'))
    or exists (select 1 from erase_places as p where p.file_seq = s.file_seq)
    or exists (select 1 from erase_lines as l where l.sha256 = s.sha256 and l.feed = s.feed)
    or source_file in (select source_file from rated_usage where usage_id in (select usage_id from erase_records))
    or exists (select 1 from duplicate_records as d
        join erase_places as p on p.feed = d.feed and p.source_file = d.of_file and p.source_line = d.of_line
        where d.sha256 = s.sha256 and d.feed = s.feed)))
from holding union select source_file, sha256, true from source_files
where feed in ('calls', 'messages') and sha256 in (select sha256 from holding where is_named)"""

_TABLES = ("erase_owned", "erase_records", "erase_places", "erase_lines", "erase_sources")


@dataclass(frozen=True)
class Detail:
    """What there is to erase. sources: (source_file, sha256) of the files that hold it; rolled_back: of files that were
    taken back out, whose records nobody tells apart any more. usage_files: (document, its usage CSV, hash)."""

    records: int
    months: list[str]
    lines: int
    rejected: int
    unbilled: int
    """Records that no document bills and that were suspended: nobody will be able to rate them."""
    sources: list[tuple[str, str]]
    rolled_back: list[tuple[str, str]]
    usage_files: list[tuple[str, str, str]]


def find_detail(store: Store, account: str, until: str, end: Any, owned: pl.DataFrame) -> Detail:
    """Notes in temporary tables what is to be erased. end: the first instant that stays, in UTC;
    owned: number, from_at, to_at of the account. Outside of any transaction."""
    store.con.register("_owned", owned.select("number", "from_at", "to_at").to_arrow())
    store.con.execute("create or replace temp table erase_owned as select * from _owned")
    store.con.unregister("_owned")
    named = rf"(^|[^\w-]){re.escape(account)}([^\w-]|$)"
    asked = {"account": account, "until": until, "erased": ERASED_ID, "mark": MARK, "end": end, "named": named}
    for query in (_RECORDS, _PLACES, _LINES, _SOURCES):
        store.con.execute(query, {name: value for name, value in asked.items() if f"${name}" in query})
    records, months = store.rows("select count(*), list_sort(list(distinct usage_month)) from erase_records")[0]
    lines = dict(store.rows("select what, count(*) from erase_lines group by what"))
    unbilled = store.rows(
        "select count(distinct usage_id) from suspended_usage where usage_id in (select usage_id from erase_records) "
        "and usage_id not in (select usage_id from rated_usage join issued_documents using (run_id, account_id))"
    )[0][0]
    sources = store.rows("select source_file, sha256, is_named from erase_sources order by all")
    usage_files = store.rows(
        "select distinct i.invoice_number, r.usage_csv_file, r.usage_csv_sha256 from line_usage as u "
        "join issued_documents as i using (run_id, draft_id) join rendered_documents as r using (invoice_number) "
        "where u.usage_id in (select usage_id from erase_records) and r.usage_csv_file is not null order by 1"
    )
    return Detail(
        records, months or [], sum(lines.values()), lines.get("rejected", 0), unbilled,
        [(file, sha256) for file, sha256, is_named in sources if is_named],
        [(file, sha256) for file, sha256, is_named in sources if not is_named], usage_files,
    )  # fmt: skip


def blank_rows(store: Store, account: str) -> None:
    """Takes the detail that `find_detail` noted out of every table; inside the caller's transaction."""
    # The hash of a record's content would betray what stood there: it becomes one of its identity alone.
    feed_row = "account_id = $account, from_number = null, to_number = null, row_md5 = md5(e.new_id)"
    call_row, message_row = (
        f"{feed_row}, charged_number = null, extension = null, device_id = null",
        f"{feed_row}, text = null",
    )
    for table, values in (
        ("feed_calls", call_row),
        ("feed_messages", message_row),
        ("kept_usage", "from_number = null, to_number = null"),
        ("suspended_usage", "detail = null"),
        ("excluded_usage", "detail = null"),
        ("line_usage", ""),
    ):
        more = f", {values}" if values else ""
        store.con.execute(
            f"update {table} as t set usage_id = e.new_id{more} from erase_records as e where t.usage_id = e.usage_id",
            {"account": account} if "$account" in values else {},
        )
    for table, values in (("duplicate", ""), ("rejected", ", reason = $mark")):
        store.con.execute(
            f"update {table}_records set raw_line = $mark{values} "
            f"where rowid in (select row_id from erase_lines where what = '{table}')",
            {"mark": MARK},
        )


def forget_detail(store: Store) -> None:
    """Drops the temporary tables."""
    for table in _TABLES:
        store.con.execute(f"drop table if exists temp.{table}")
