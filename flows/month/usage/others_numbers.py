"""Calls whose stated account is used, for it had the extension, although another owned the number (RULES 16)."""

import polars as pl

from flows.home.near_number import NEAR_NUMBER
from flows.home.settings import Settings
from flows.home.store import Store
from rating.intervals import Intervals

_FOUND = f"""
    with calls as (
        select usage_id, source, account_id, started_at, {NEAR_NUMBER["calls"]} as number
        from feed_calls where account_id is not null and not list_contains($trusted, source)),
    suspects as (
        select c.usage_id, c.source, c.number, o.owner from calls as c join _owned as o
            on o.number = c.number and c.started_at >= o.from_at and c.started_at < o.to_at
            and o.owner <> c.account_id)
    select r.account_id, s.number, s.owner, s.source, count(*) as records
    from suspects as s join rated_usage as r using (usage_id) where r.run_id = $run
    group by all order by all"""


def others_numbers(store: Store, settings: Settings, run_id: str, numbers: Intervals) -> pl.DataFrame:
    """account_id, kind, detail: a finding per account that pays, number and its owner.

    numbers: number -> account_id over time, as rating.owners.Owners has them.
    """
    schema = {"account_id": pl.String, "kind": pl.String, "detail": pl.String}
    if not store.rows("select 1 from feed_calls where account_id is not null limit 1"):
        return pl.DataFrame(schema=schema)
    trusted = [name for name, source in settings.sources.items() if source.trusted]
    owned = numbers.rows.select("number", "from_at", "to_at", owner="account_id")
    store.con.register("_owned", owned.to_arrow())
    try:
        found = store.sql(_FOUND, {"run": run_id, "trusted": trusted})
    finally:
        store.con.unregister("_owned")
    detail = pl.format(
        "{} calls of source {} are charged here, as it states: {} is a number of {}",
        "records", "source", "number", "owner",
    )  # fmt: skip
    return found.select("account_id", kind=pl.lit("others_number"), detail=detail)
