"""Calls cut where their time band changes."""

import polars as pl

from rating.clocks import Clock, segments
from schemas.errors import WrongUsage


def pieces(calls: pl.DataFrame, clocks: tuple[Clock, ...]) -> pl.DataFrame:
    """call, rate_id, answered, band, piece_from, piece_to: the ticks of each call that lie in one band.

    calls: call, rate_id, answered, total, ticks, clock, started_at, time_zone. A call whose rate has no bands is
    one piece in band 0. Raises WrongUsage for a call into hours that no band prices.
    """
    zero = pl.lit(0, pl.Int64)
    columns = ["call", "rate_id", "answered", "band", "piece_from", "piece_to"]
    whole = calls.filter(pl.col("clock").is_null()).with_columns(band=zero, piece_from=zero, piece_to="total")
    banded = calls.filter(pl.col("clock").is_not_null())
    if banded.is_empty():
        return whole.select(columns)
    cut = _cut(banded, clocks)
    _all_priced(cut)
    ticks_from, ticks_to = (
        (pl.col(edge) - pl.col("started_at")).dt.total_seconds() * pl.col("ticks") for edge in ("from_at", "to_at")
    )
    cut = cut.with_columns(
        piece_from=pl.max_horizontal(ticks_from, zero), piece_to=pl.min_horizontal(ticks_to, "total")
    )
    return pl.concat([whole.select(columns), cut.select(columns)])


def _cut(calls: pl.DataFrame, clocks: tuple[Clock, ...]) -> pl.DataFrame:
    """The calls once per segment that they touch, with the segment's from_at, to_at and band."""
    seconds = (pl.col("total") + pl.col("ticks") - 1) // pl.col("ticks")
    calls = calls.with_columns(pl.col("started_at").dt.truncate("1s"))
    calls = calls.with_columns(last_at=pl.col("started_at") + pl.duration(seconds=seconds - 1))
    used = calls.select("clock", "time_zone").unique().sort("clock", "time_zone").iter_rows()
    asked = [(number, clocks[number], zone) for number, zone in used]
    earliest, latest = calls.select(pl.col("started_at").min(), pl.col("last_at").max()).row(0)
    bands = segments(asked, earliest, latest).with_row_index("segment")
    first, last = (_segment_at(calls, bands, instant) for instant in ("started_at", "last_at"))
    return (
        calls.with_columns(segment=pl.int_ranges(first.cast(pl.Int64), last.cast(pl.Int64) + 1, dtype=pl.UInt32))
        .explode("segment")
        .join(bands.select("segment", "from_at", "to_at", "band"), on="segment", maintain_order="left")
    )


def _segment_at(calls: pl.DataFrame, bands: pl.DataFrame, instant: str) -> pl.Series:
    segment = (
        calls.select("call", "clock", "time_zone", at=instant)
        .sort("at")
        .join_asof(
            bands.select("clock", "time_zone", "segment", "from_at").sort("from_at"),
            left_on="at",
            right_on="from_at",
            by=["clock", "time_zone"],
            strategy="backward",
            check_sortedness=False,
        )
    )
    return calls.select("call").join(segment, on="call", maintain_order="left", validate="1:1")["segment"]


def _all_priced(cut: pl.DataFrame) -> None:
    unpriced = cut.filter(pl.col("band").is_null())
    if unpriced.is_empty():
        return
    rate, at, zone = unpriced.select("rate_id", pl.max_horizontal("from_at", "started_at"), "time_zone").row(0)
    local = pl.select(pl.lit(at).dt.convert_time_zone(zone).dt.strftime("%A %Y-%m-%d %H:%M")).item()
    raise WrongUsage(f"rate {rate}: no band prices {local} in {zone}")
