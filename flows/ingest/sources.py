"""How a file's own columns become a feed's canonical columns, as its source declares: still text.

parse.py then gives it values. Layouts of switches and gateways are in flows/presets/; csv, jsonl, json and parquet have
canonical names, or `columns` = canonical -> theirs (in JSON a dotted path). A source may declare
constants, what its words mean, its way of writing times, and durations in milliseconds.
"""

from hashlib import blake2b

import polars as pl

from flows.home.file_settings import SourceSettings
from flows.ingest.durations import as_seconds, talked
from flows.ingest.layouts import Layout
from flows.presets.cells import Fault, FileRows, declared_time, meaning

_PADDED = (
    "from_number", "to_number", "charged_number", "disposition", "account_id", "extension", "device_id",
)  # fmt: skip
"""Text that is compared with other text, so that blanks around it mean nothing; other text is kept as it is."""


def canonical(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """source_line, raw_line and the feed's canonical columns, all text; empty cells are null.

    `rows` has source_line, raw_line and the file's columns as `file.<name>`. Columns `own.<name>` are for
    `layout_faults`.
    """
    source, feed = layout.source, layout.feed
    direction, directions = (source.direction, source.directions) if source else (None, {})
    time_format = source.time_format if source else None
    read = FileRows(rows, layout.names, direction, directions, layout.joined, time_format)
    padded = _PADDED if feed.is_usage else ("number",)
    trimmed = {column.name for column in feed.columns if column.kind != "text" or column.name in padded}
    cells = {
        column.name: read.named(column.name) if column.name in trimmed else read.as_written(column.name)
        for column in feed.columns
    }
    if layout.preset:
        cells |= layout.preset.cells(read)
    frame = rows.select("source_line", "raw_line", *(made.alias(name) for name, made in cells.items()))
    if source:
        frame = _as_declared(frame, layout, source)
    if source and source.call_id_from:
        frame = frame.with_columns(_made_ids(frame, rows, source.call_id_from).alias(feed.key[1]))
    if feed.name == "calls":
        frame = frame.with_columns(talked(frame, layout, present_in(rows)).alias("duration_s"))
    if feed.is_usage:
        frame = frame.with_columns(pl.col("source").fill_null(layout.source_value))
    return frame


def present_in(rows: pl.DataFrame) -> list[str]:
    """The file's columns that a block of it has."""
    return [name.removeprefix("file.") for name in rows.columns if name.startswith("file.")]


def _as_declared(frame: pl.DataFrame, layout: Layout, source: SourceSettings) -> pl.DataFrame:
    """What the declaration says of every record: constants, the meaning of words, times, numbers, units."""
    frame = frame.with_columns(pl.col(name).fill_null(value) for name, value in source.constants.items())
    frame = frame.with_columns(pl.col(name).replace(meant) for name, meant in source.values.items())
    filled = []
    if "direction" in frame.columns and (source.direction or source.directions):
        filled.append(_direction(pl.col("direction"), source))
    if source.account_id and "account_id" in frame.columns:
        filled.append(pl.col("account_id").fill_null(source.account_id))
    if "duration_s" in frame.columns:
        filled.append(as_seconds(pl.col("duration_s"), source.duration_unit).alias("duration_s"))
    if source.time_format:
        instants = [column.name for column in layout.feed.columns if column.kind == "instant"]
        filled += [declared_time(pl.col(name), source.time_format).alias(name) for name in instants]
    if source.dialled:
        ends = [name for name in NUMBER_COLUMNS if name in frame.columns]
        filled += [_as_dialled(pl.col(name), source.dialled).alias(name) for name in ends]
    return frame.with_columns(filled)


NUMBER_COLUMNS = ("from_number", "to_number", "charged_number", "number")


def _direction(found: pl.Expr, source: SourceSettings) -> pl.Expr:
    """Their word as declared; ours as it stands; any other as `direction` says, where it says something."""
    ours = pl.when(found.str.to_lowercase().is_in(["outbound", "inbound", "internal"])).then(found)
    otherwise = pl.lit(source.direction, pl.String)
    if not source.directions:
        return found.fill_null(otherwise)
    return pl.coalesce(meaning(found, source.directions), ours, otherwise, found)


def _made_ids(frame: pl.DataFrame, rows: pl.DataFrame, columns: list[str]) -> pl.Series:
    """An id of 24 digits made of the columns' content; null, and so rejected, where all of them are empty."""
    cells = FileRows(rows)
    asked = pl.concat([frame, rows.select(pl.col("^file\\..*$"))], how="horizontal").select(
        pl.concat_list(
            (pl.col(name) if name in frame.columns else cells.cell(name)).fill_null("") for name in columns
        ).alias("parts")
    )
    ids = [
        blake2b("\x1f".join(parts).encode(), digest_size=12).hexdigest() if any(parts) else None
        for parts in asked["parts"]
    ]
    return pl.Series(ids, dtype=pl.String)


def _as_dialled(number: pl.Expr, dialled: dict[str, str]) -> pl.Expr:
    """Leading characters replaced once, by the longest that fits."""
    told = number
    for lead in sorted(dialled, key=len):
        meant = pl.lit(dialled[lead]) + number.str.slice(len(lead))
        told = pl.when(number.str.starts_with(lead)).then(meant).otherwise(told)
    return told


def layout_faults(layout: Layout) -> list[Fault]:
    """(column, what is wrong, what is expected) that only this layout can say, on the canonical text."""
    faults = list(layout.preset.faults) if layout.preset else []
    declared = layout.source.leg if layout.source else None
    if declared:
        told = pl.col("leg").is_in(["a", "b"]).fill_null(False)
        faults.append(("leg", ~told, "a or b, as the source declares that one of them bills"))
    elif layout.preset and "leg" in layout.preset.makes:
        faults.append(("leg", pl.col("leg") == "b", 'a, or a source that declares which leg bills (leg = "a")'))
    return [(column, wrong.fill_null(False), expected) for column, wrong, expected in faults]
