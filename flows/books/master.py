"""Master data with its history, as published: a table and a view for each of four feeds, made from schemas/feeds.py.

Per key the last row of the last file counts (RULES 18); the rows of one account, subscription, device or number are its
versions, each in force until the next one begins or until its own last day has passed.
"""

from dataclasses import dataclass

from flows.books.view import View
from flows.home.schema import stored_columns
from schemas.feed import Feed
from schemas.feeds import FEEDS

_NO_COLUMNS = ("file_seq", "row_md5")
_ORIGIN = {
    "source_file": "input file that brought this version, below the home",
    "source_line": "physical line in source_file (header = 1)",
}
_OWN = {
    "valid_from": "first day of this version (date)",
    "valid_to": "day after its last day: the next version's first, or the day after its own end (date; null: open)",
    "is_latest": "whether no later version is known, also where this one lies ahead or has ended",
}


@dataclass(frozen=True)
class _History:
    """Of a feed: what its versions are versions of, and which days they say they begin and end on."""

    of: str
    begins: str
    ends: str
    comment: str


HISTORIES = {
    "accounts": _History(
        "account_id",
        "coalesce(effective_from, least(service_start_date, billing_start_date))",
        "case when next_from is null then end_date end",
        "One row per version of an account, with everything its feed says. One row per account: latest_accounts.",
    ),
    "subscriptions": _History("subscription_id", "start_date", "end_date", "One row per version of a subscription."),
    "devices": _History("device_id", "active_from", "active_to", "One row per version of a device."),
    "numbers": _History(
        "number",
        "active_from",
        "active_to",
        "One row per version of a telephone number. Days: active_from_at and active_to_at have the instant of a port.",
    ),
}


def _columns(feed: Feed) -> dict[str, str]:
    """Column -> comment of what the feed's rows hold; the instants of moments too."""
    meanings = {column.name: f"{column.meaning} ({_unit(column.kind)})" for column in feed.columns}
    meanings |= {
        f"{column.name}_at": f"the instant of {column.name}, where one was given (instant, UTC)"
        for column in feed.columns
        if column.kind == "moment"
    }
    return {name: meanings.get(name) or _ORIGIN[name] for name, _ in stored_columns(feed) if name not in _NO_COLUMNS}


def _unit(kind: str) -> str:
    return {"moment": "date", "instant": "instant, UTC", "decimal": "exact number", "integer": "count"}.get(kind, kind)


def history_tables() -> dict[str, str]:
    """Name -> statement that makes the table in the snapshot's schema base, from the working database's views."""
    statements = {}
    for name, history in HISTORIES.items():
        columns = ", ".join(_columns(FEEDS[name]))
        statements[name] = f"""
            create table snapshot.base.{name} as
            with started as (select *, {history.begins} as valid_from from current_{name}),
            followed as (
                select *, lead(valid_from) over (
                    partition by {history.of} order by valid_from, file_seq, source_line) as next_from
                from started)
            select {columns}, valid_from,
                least(next_from, {history.ends} + 1) as valid_to, next_from is null as is_latest
            from followed order by {history.of}, valid_from, source_file, source_line"""
    return statements


def history_views() -> list[View]:
    """The views over those tables, with a comment on every column."""
    views = []
    for name, history in HISTORIES.items():
        columns = _columns(FEEDS[name]) | _OWN
        sql = f"create view {name} as select {', '.join(columns)} from base.{name}"
        views.append(View(name, history.comment, columns, sql))
    return views
