"""Which device a call was made from: what the switch says, else the extension, else the extension of the number."""

from dataclasses import dataclass

import polars as pl

_EXTENSION = r"^[0-9]{2,6}$"


@dataclass(frozen=True)
class Devices:
    """Devices over time.

    devices: account_id, device_id, extension, device, is_low_usage, from_at, to_at (UTC, half-open, disjoint per
    device_id). `device` is what is charged and has a pool: the device itself, or `ext:<extension>` where its product
    is charged per extension (RULES 8).
    number_extensions: account_id, number, extension, from_at, to_at, disjoint per number.
    """

    devices: pl.DataFrame
    number_extensions: pl.DataFrame


def devices_of(calls: pl.DataFrame, inventory: Devices) -> pl.DataFrame:
    """call, device, is_low_usage of the calls whose device is known at the instant at which they start.

    calls: call, account_id, device_id, extension, direction, from_number, to_number, started_at. Of several devices
    on an extension it is the earliest one, as for the billing group; what it says of low usage counts for all.
    """
    near = pl.when(pl.col("direction") == "inbound").then("to_number").otherwise("from_number")
    calls = calls.with_columns(near=near)
    by_number = _at_instant(calls, inventory.number_extensions, {"near": "number"}).select(
        "call", number_extension="extension"
    )
    calls = calls.join(by_number, on="call", how="left", validate="1:1").with_columns(
        extension=pl.coalesce(
            "extension", pl.when(pl.col("near").str.contains(_EXTENSION)).then("near"), "number_extension"
        )
    )
    by_id = _at_instant(calls, inventory.devices, {"device_id": "device_id"})
    rest = calls.join(by_id, on="call", how="anti")
    by_extension = _at_instant(rest, inventory.devices, {"extension": "extension"})
    found = pl.concat([by_id.select("call", "device"), by_extension.select("call", "device")])
    named = calls.select("call", "account_id", "started_at").join(found, on="call", validate="1:1")
    return _at_instant(named, inventory.devices, {"device": "device"}).select("call", "device", "is_low_usage")


def _at_instant(calls: pl.DataFrame, intervals: pl.DataFrame, on: dict[str, str]) -> pl.DataFrame:
    """`call` and the columns of the account's earliest interval row in force when the call starts."""
    mine = calls.select("call", "account_id", "started_at", *(pl.col(a).alias(f"_{b}") for a, b in on.items()))
    hits = mine.join(
        intervals.with_columns(pl.col(name).alias(f"_{name}") for name in on.values()),
        on=["account_id", *(f"_{name}" for name in on.values())],
    ).filter(pl.col("from_at") <= pl.col("started_at"), pl.col("started_at") < pl.col("to_at"))
    order = [name for name in ("from_at", "device_id") if name in hits.columns]
    return hits.sort("call", *order).unique("call", keep="first", maintain_order=True)
