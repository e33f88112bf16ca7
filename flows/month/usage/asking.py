"""Records that may draw on an allowance, put apart by account: only the few columns that say how they do."""

from pathlib import Path

import polars as pl

from flows.month.usage.rows import CALLED_FROM, months_of
from rating.pools import Pools, single_lists
from rating.usage import RatingTables


def columns_asked(pools: Pools) -> tuple[str, ...]:
    """The columns of a waiting record that its allowances need."""
    columns: tuple[str, ...] = ("at", "account_id", "started_at", "billable_units", "local_date", "rule")
    if single_lists(pools).len() < pools.lists.height:
        columns += ("category", "billing_group")
    elif pools.places.height:
        columns += ("category",)
    return columns + (CALLED_FROM if pools.lists["needs_device"].any() else ())


def asking_by_bucket(place: int, path: Path, lookups: RatingTables, buckets: int) -> list[pl.LazyFrame]:
    """A piece's records that may draw on an allowance, with its place, in as many buckets of accounts.

    A bucket goes by the number that stands for the account, which is the same in every file that this process reads.
    Where there are several, the records lie on disk in their order.
    """
    waiting = pl.read_ipc(path, columns=list(columns_asked(lookups.pools)))
    listed = lookups.rules["allowance_id"].cast(pl.Categorical).gather(waiting["rule"])
    asking = waiting.drop("local_date", "rule").with_columns(
        months_of(waiting["local_date"]), allowance_id=listed, place=pl.lit(place, pl.UInt32)
    )
    if listed.null_count():
        asking = asking.filter(listed.is_not_null())
    if buckets == 1:
        return [asking.lazy()]
    asking = asking.with_columns(bucket=asking["account_id"].to_physical() % buckets).sort("bucket")
    ends = [asking["bucket"].search_sorted(bucket, "left") for bucket in range(buckets + 1)]
    file = path.with_suffix(".asking")
    asking.drop("bucket").write_ipc(file)
    return [pl.scan_ipc(file).slice(ends[at], ends[at + 1] - ends[at]) for at in range(buckets)]


def usage_ids(calls: pl.DataFrame, waiting: list[Path]) -> pl.Series:
    """The usage_id of calls (place of the piece, at), which wait in these files in the order of `at`."""
    parts = [pl.DataFrame(schema={"row": pl.UInt32, "usage_id": pl.String})]
    for (place,), part in calls.select("place", "at").with_row_index("row").group_by("place"):
        records = pl.read_ipc(waiting[int(str(place))], columns=["at", "usage_id"])
        parts.append(part.select("row", usage_id=records["usage_id"].gather(records["at"].search_sorted(part["at"]))))
    return pl.concat(parts).sort("row")["usage_id"]
