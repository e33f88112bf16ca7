"""Whose master data has changed since a rating, and which usage that concerns."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.home.near_number import CALLER
from flows.home.store import Store

_FEEDS = ("accounts", "devices", "numbers", "prices", "subscriptions", "suspensions")
"""Master data that the class of a call may depend on: whose number it is, the account's plan and zone, from when to
when it is served, what it has agreed."""

_ROWS = " union all ".join(
    f"select coalesce(account_id, '') as account_id, (md5_number('{feed}' || row_md5) >> 64)::ubigint as row "
    f"from current_{feed}"
    for feed in _FEEDS
)
_SUMS = f"select account_id, bit_xor(row) as rows_xor from ({_ROWS}) group by account_id"
_KEYS = " union all ".join(
    f"select distinct '{feed}' as feed, {key} as key, coalesce(account_id, '') as account_id from current_{feed}"
    for feed, key in (("numbers", "number"), ("devices", "device_id"))
)
MOST_CHANGED = 0.5  # not money
"""Of the accounts. Where more have changed, picking their records out takes longer than rating all of them."""


@dataclass(frozen=True)
class Holders:
    """sums: account_id, rows_xor (of all rows it has in force). keys: feed (numbers, devices), key, account_id."""

    sums: pl.DataFrame
    keys: pl.DataFrame

    @classmethod
    def read(cls, folder: Path) -> "Holders":
        """As `write` left them."""
        return cls(*(pl.read_parquet(folder / f"{name}.parquet") for name in ("sums", "keys")))

    def write(self, folder: Path) -> None:
        """Into files of `folder`."""
        self.sums.write_parquet(folder / "sums.parquet")
        self.keys.write_parquet(folder / "keys.parquet")

    def changed(self, now: "Holders") -> pl.Series:
        """account_id of those whose master data is another now, or that share a number or a device with one of them:
        what begins in one place ends in another."""
        both = self.sums.join(now.sums, on="account_id", how="full", coalesce=True, suffix="_now")
        own = both.filter(pl.col("rows_xor").ne_missing(pl.col("rows_xor_now"))).select("account_id")
        keys = pl.concat([self.keys, now.keys]).unique()
        held = keys.join(own, on="account_id", how="semi").select("feed", "key").unique()
        sharing = keys.join(held, on=["feed", "key"], how="semi").select("account_id")
        return pl.concat([own, sharing]).unique()["account_id"].sort()

    def numbers_of(self, accounts: pl.Series) -> pl.Series:
        """The numbers that these accounts ever had."""
        asked = accounts.to_frame()
        return self.keys.filter(pl.col("feed") == "numbers").join(asked, on="account_id", how="semi")["key"].unique()


def holders_of(store: Store) -> Holders:
    """As the master data stands."""
    return Holders(store.sql(_SUMS), store.sql(_KEYS))


def concerned(store: Store, run_id: str, before: Holders, now: Holders, files: tuple[int, ...]) -> pl.Series | None:
    """usage_no of the records of these files that may come out otherwise than in that run, for a change of master data:
    their account's or that of a number they name. None where that may be most of them."""
    accounts = before.changed(now)
    if accounts.len() > MOST_CHANGED * max(now.sums.height, 1):
        return None
    if accounts.is_empty():
        return pl.Series("usage_no", [], pl.Int64)
    numbers = pl.concat([before.numbers_of(accounts), now.numbers_of(accounts)]).unique()
    store.con.register("_accounts", accounts.to_frame().to_arrow())
    store.con.register("_numbers", numbers.to_frame("number").to_arrow())
    try:
        return store.sql(_CONCERNED, {"run": run_id, "files": list(files)})["usage_no"]
    finally:
        store.con.unregister("_accounts")
        store.con.unregister("_numbers")


def _named(feed: str) -> str:
    ends = {"from_number", "to_number", CALLER[feed]}
    return " or ".join(f"{end} in (select number from _numbers)" for end in sorted(ends))


_OF_ACCOUNT = "account_id in (select account_id from _accounts)"
_IN_FEEDS = tuple(
    f"select usage_no from feed_{feed} where list_contains($files, file_seq) and ({_OF_ACCOUNT} or {_named(feed)})"
    for feed in CALLER
)
_IN_RUN = (
    f"select usage_no from rated where for_no in (select for_no from rated_for where run_id = $run and {_OF_ACCOUNT})",
    f"select usage_no from suspended_usage where run_id = $run and {_OF_ACCOUNT}",
    f"select usage_no from excluded_usage where run_id = $run and {_OF_ACCOUNT}",
)
_CONCERNED = " union ".join((*_IN_FEEDS, *_IN_RUN))
