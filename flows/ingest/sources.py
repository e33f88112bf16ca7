"""Layouts: how a declared source's own columns become a feed's canonical columns, as text.

What leaves here is still text; parse.py gives it values. The layouts are in source_presets.py; csv, jsonl, json and
parquet have canonical names, or `columns` = canonical -> theirs (in JSON a dotted path). A source may declare
constants, what its words mean, its way of writing times, and durations in milliseconds.
"""

import polars as pl

from flows.home.file_settings import SourceSettings
from flows.ingest.layouts import Layout, kinds_of, layout_of
from flows.ingest.source_cells import FAULTS, OWN, Fault, cell, epoch_time
from rating.ends import EXTENSION

__all__ = ["EXTENSION", "Layout", "canonical", "kinds_of", "layout_faults", "layout_of"]


def canonical(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """source_line, raw_line and the feed's canonical columns, all text; empty cells are null.

    `rows` has source_line, raw_line and the file's columns as `file.<name>`. Columns `own.<name>` are for
    `layout_faults`.
    """
    cells = {column.name: cell(rows, layout.name_of(column.name)) for column in layout.feed.columns}
    if layout.format in OWN:
        cells |= OWN[layout.format](rows, layout)
    frame = rows.select("source_line", "raw_line", *(made.alias(name) for name, made in cells.items()))
    if layout.source:
        frame = _as_declared(frame, layout, layout.source)
    if layout.feed.is_usage:
        frame = frame.with_columns(pl.col("source").fill_null(layout.source_value))
    return frame


def _as_declared(frame: pl.DataFrame, layout: Layout, source: SourceSettings) -> pl.DataFrame:
    """What the declaration says of every record: constants, the meaning of words, times, numbers, units."""
    frame = frame.with_columns(pl.col(name).fill_null(value) for name, value in source.constants.items())
    frame = frame.with_columns(pl.col(name).replace(meaning) for name, meaning in source.values.items())
    filled = []
    if source.direction and layout.preset is None and "direction" in frame.columns:
        filled.append(pl.col("direction").fill_null(source.direction))
    if source.account_id and "account_id" in frame.columns:
        filled.append(pl.col("account_id").fill_null(source.account_id))
    if source.duration_unit == "milliseconds" and "duration_s" in frame.columns:
        filled.append(_seconds(pl.col("duration_s")))
    if source.time_format:
        instants = [column.name for column in layout.feed.columns if column.kind == "instant"]
        filled += [_time(pl.col(name), source.time_format).alias(name) for name in instants]
    if source.dialled:
        ends = [name for name in ("from_number", "to_number", "number") if name in frame.columns]
        filled += [_as_dialled(pl.col(name), source.dialled).alias(name) for name in ends]
    return frame.with_columns(filled)


def _seconds(milliseconds: pl.Expr) -> pl.Expr:
    """Whole seconds, half up: a call is as long as its nearest second, which over many calls favours nobody.

    What is no whole number of milliseconds is marked so that the parser rejects it.
    """
    whole = milliseconds.str.extract(r"^([0-9]{1,15})(?:\.0+)?$").cast(pl.Int64)
    return pl.coalesce(((whole + 500) // 1000).cast(pl.String), milliseconds + pl.lit(" ms"))


def _time(found: pl.Expr, time_format: str) -> pl.Expr:
    """ISO 8601 of a time in the declared format; whatever looks different is left for the parser to reject."""
    if time_format in ("epoch", "epoch_ms"):
        return epoch_time(found, "s" if time_format == "epoch" else "ms")
    if "%z" in time_format or "%:z" in time_format:
        utc = found.str.to_datetime(time_format, strict=False, time_zone="UTC", time_unit="us")
        return pl.coalesce(utc.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"), found)
    naive = found.str.to_datetime(time_format, strict=False, time_unit="us")
    return pl.coalesce(naive.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f"), found)


def _as_dialled(number: pl.Expr, dialled: dict[str, str]) -> pl.Expr:
    """Leading characters replaced once, by the longest that fits."""
    told = number
    for lead in sorted(dialled, key=len):
        meant = pl.lit(dialled[lead]) + number.str.slice(len(lead))
        told = pl.when(number.str.starts_with(lead)).then(meant).otherwise(told)
    return told


def layout_faults(layout: Layout) -> list[Fault]:
    """(column, what is wrong, what is expected) that only this layout can say, on the canonical text."""
    faults = FAULTS[layout.format]() if layout.format in FAULTS else []
    declared = layout.source.leg if layout.source else None
    if declared:
        told = pl.col("leg").is_in(["a", "b"]).fill_null(False)
        faults.append(("leg", ~told, "a or b, as the source declares that one of them bills"))
    elif layout.format == "freeswitch_json":
        faults.append(("leg", pl.col("leg") == "b", 'a, or a source that declares which leg bills (leg = "a")'))
    return [(column, wrong.fill_null(False), expected) for column, wrong, expected in faults]
