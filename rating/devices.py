"""Which device a call was made from: what the switch says, else the extension, else the extension of the number."""

from dataclasses import dataclass

import polars as pl

from rating.ends import if_extension, near_number
from rating.intervals import Intervals, intervals


@dataclass(frozen=True)
class Devices:
    """Devices over time, as `devices_over_time` makes them ready to be asked: by their id, by the extension they are
    at, by what is charged (`device`); and which extension a number rings."""

    by_id: Intervals
    by_extension: Intervals
    by_device: Intervals
    number_extensions: Intervals


def devices_over_time(devices: pl.DataFrame, number_extensions: pl.DataFrame) -> Devices:
    """devices: account_id, device_id, extension, device, is_low_usage, from_at, to_at (UTC, half-open, disjoint per
    device_id), since: from when on it has been at the extension. `device` is what is charged and has a pool: the device
    itself, or `ext:<extension>` where its product is charged per extension (RULES 8).
    number_extensions: account_id, number, extension, from_at, to_at, disjoint per number.
    """
    # Of several that began at one instant on one extension the first by name counts.
    devices = devices.sort("device_id", "since", "from_at")
    by_id, by_extension, by_device = (
        intervals(devices, "account_id", key, first="since") for key in ("device_id", "extension", "device")
    )
    return Devices(by_id, by_extension, by_device, intervals(number_extensions, "account_id", "number"))


def devices_of(calls: pl.DataFrame, inventory: Devices) -> pl.DataFrame:
    """call, device, is_low_usage of the calls whose device is known at the instant at which they start.

    calls: call, account_id, device_id, extension, direction, from_number, to_number, started_at. Of several devices
    on an extension it is the earliest one, as for the billing group; what it says of low usage counts for all.
    """
    started = calls["started_at"]

    def looked_up(of: Intervals, name: str, **key: pl.Expr) -> pl.Series:
        return of.rows[name].gather(of.at(calls.select("account_id", **key), started))

    extension = pl.coalesce(
        "extension",
        if_extension(near_number()),
        looked_up(inventory.number_extensions, "extension", number=near_number()),
    )
    by_id = looked_up(inventory.by_id, "device", device_id=pl.col("device_id"))
    by_extension = looked_up(inventory.by_extension, "device", extension=extension)
    device = pl.select(device=pl.coalesce(by_id, by_extension)).to_series()
    is_low_usage = looked_up(inventory.by_device, "is_low_usage", device=pl.lit(device))
    return pl.DataFrame({"call": calls["call"], "device": device, "is_low_usage": is_low_usage}).drop_nulls("device")
