"""Layouts: how a declared source's own columns become a feed's canonical columns, as text.

A layout is declared in tollbook.toml, never guessed. What leaves here is still text; parse.py gives it values.

- asterisk: cdr_csv, 16 columns without a header; optional ones follow when `columns` lists them, in their order
  (uniqueid, userfield, peeraccount, linkedid, sequence). Without uniqueid a call is known by its start and channel.
- asterisk_custom: the 19 columns of cdr_custom. uniqueid is the call, sequence its leg: a forwarded call has
  several rows.
- freeswitch: the 15 columns of mod_cdr_csv's template "example". A call was answered if it has an answer stamp; the
  hang-up cause is kept as disposition and decides nothing.
- csv, jsonl, parquet: canonical names, or `columns` = canonical -> theirs (in JSON a dotted path). A source may
  declare the direction of every record and durations in milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from flows.settings import SourceSettings
from schemas.errors import Fault, WrongUsage
from schemas.feeds import Feed

_ASTERISK = (
    "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec "
    "disposition amaflags"
).split()
_ASTERISK_OPTIONAL = "uniqueid userfield peeraccount linkedid sequence".split()
_ASTERISK_CUSTOM = (
    "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition "
    "amaflags accountcode uniqueid userfield sequence"
).split()
_FREESWITCH = (
    "caller_id_name caller_id_number destination_number context start_stamp answer_stamp end_stamp duration billsec "
    "hangup_cause uuid bleg_uuid accountcode read_codec write_codec"
).split()

_ASTERISK_NAMES = {
    "call_id": "uniqueid",
    "leg": "sequence",
    "started_at": "start",
    "answered_at": "answer",
    "from_number": "src",
    "to_number": "dst",
    "duration_s": "billsec",
    "disposition": "disposition",
    "account_id": "accountcode",
    "direction": "dcontext",
    "extension": "src",
}
_FREESWITCH_NAMES = {
    "call_id": "uuid",
    "started_at": "start_stamp",
    "answered_at": "answer_stamp",
    "from_number": "caller_id_number",
    "to_number": "destination_number",
    "duration_s": "billsec",
    "disposition": "hangup_cause",
    "account_id": "accountcode",
    "direction": "context",
    "extension": "caller_id_number",
}

EXTENSION = r"^[0-9]{2,6}$"

_LOOSE_TIME = r"^(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(:\d{2})?(\.\d+)?$"


@dataclass(frozen=True)
class Layout:
    """How one file is read. `columns`: names of a headerless file, in order; `names`: canonical -> the file's name."""

    feed: Feed
    kind: str
    format: str = "csv"
    header: bool = True
    columns: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    delimiter: str = ","
    source: SourceSettings | None = None
    source_value: str = ""

    @property
    def is_switch(self) -> bool:
        return self.format in ("asterisk", "asterisk_custom", "freeswitch")

    def name_of(self, canonical: str) -> str:
        """What the file calls a canonical column: what a reject shows to its reader."""
        return self.names.get(canonical, canonical)

    def missing(self, present: Sequence[str], file: str, line: int | None) -> Fault | None:
        """The fault of a header that lacks a required column, or None."""
        given = self._given()
        lacks = [name for name in self.feed.required if name not in given and self.name_of(name) not in present]
        pairs = [pair for pair in self.feed.one_of if not {self.name_of(name) for name in pair} & set(present)]
        lacks += [f"{self.name_of(a)}|{self.name_of(b)}" for a, b in pairs]
        declared = [theirs for theirs in self.names.values() if theirs not in present]
        lacks += [name for name in declared if name not in lacks]
        if not lacks:
            return None
        found = ", ".join(present)
        found = f"the columns {found}" if len(found) < 300 else f"{len(present)} columns without it"
        expected = "the column " + ", ".join(lacks)
        other = next((mark for mark in ";\t|" if any(mark in name for name in present)), None)
        remedy = ""
        if other and other != self.delimiter:
            expected += f", separated by {self.delimiter!r}"
            remedy = f"If the file separates by {other!r}, declare a source with delimiter = {other!r}."
        return Fault(file, line, lacks[0], found, expected, remedy)

    def _given(self) -> set[str]:
        """Canonical columns that the declaration fills, so that the file need not carry them."""
        if self.source is None:
            return set()
        given = {"direction"} if self.source.direction else set()
        if self.is_switch and "call_id" not in self.names:
            given.add("call_id")
        return given | ({"account_id"} if self.source.account_id else set())


def layout_of(feed: Feed, source_name: str | None, source: SourceSettings | None, kind: str) -> Layout:
    """The layout of a file of `kind` (csv, jsonl, parquet). Raises WrongUsage for what cannot be meant."""
    if source is None:
        return Layout(feed, kind, kind, source_value=source_name or feed.name)
    where = f"tollbook.toml: sources.{source_name}"
    value = source_name or feed.name
    listed = source.columns if isinstance(source.columns, list) else []
    if source.format in ("asterisk", "asterisk_custom", "freeswitch"):
        if feed.name != "calls":
            raise WrongUsage(f"{where}: format {source.format} holds calls, not {feed.name}")
        names = dict(_FREESWITCH_NAMES if source.format == "freeswitch" else _ASTERISK_NAMES)
        columns = _switch_columns(source, where)
        names = {canonical: theirs for canonical, theirs in names.items() if theirs in columns}
        header = bool(source.header)
        return Layout(feed, kind, source.format, header, tuple(columns), names, source.delimiter, source, value)
    if listed:
        if kind != "csv" or len({*listed}) != len(listed):
            raise WrongUsage(f"{where}.columns: a list names the columns of a headerless CSV, each once")
        header, columns = bool(source.header), listed
        layout = Layout(feed, kind, source.format, header, tuple(columns), {}, source.delimiter, source, value)
        if fault := layout.missing(listed, f"{where}.columns", None):
            raise WrongUsage(str(fault))
        return layout
    mapped = dict(source.columns) if isinstance(source.columns, dict) else {}
    known = [column.name for column in feed.columns]
    if wrong := [name for name in mapped if name not in known]:
        raise WrongUsage(f"{where}.columns: found {wrong[0]!r}; expected columns of {feed.name}: {', '.join(known)}")
    return Layout(feed, kind, source.format, source.header is not False, (), mapped, source.delimiter, source, value)


def _switch_columns(source: SourceSettings, where: str) -> list[str]:
    """The columns of a switch's file, in order; optional ones as declared."""
    if isinstance(source.columns, dict) and source.columns:
        raise WrongUsage(f"{where}.columns: expected a list of columns for format {source.format}")
    listed = list(source.columns)
    if source.format != "asterisk":
        fixed = _ASTERISK_CUSTOM if source.format == "asterisk_custom" else _FREESWITCH
        if listed and listed != fixed:
            raise WrongUsage(f"{where}.columns: format {source.format} has the columns {', '.join(fixed)}")
        return fixed
    optional = listed[len(_ASTERISK) :] if listed[: len(_ASTERISK)] == _ASTERISK else listed
    wrong = [name for name in optional if name not in _ASTERISK_OPTIONAL]
    if wrong or len({*optional}) != len(optional):
        raise WrongUsage(
            f"{where}.columns: found {', '.join(optional)}; expected the columns after the 16th, "
            f"each once, of {', '.join(_ASTERISK_OPTIONAL)}"
        )
    return [*_ASTERISK, *optional]


def canonical(rows: pl.DataFrame, layout: Layout) -> pl.DataFrame:
    """source_line, raw_line and the feed's canonical columns, all text; empty cells are null.

    `rows` has source_line, raw_line and the file's columns as `file.<name>`.
    """
    cells = [_cell(rows, layout.name_of(column.name)).alias(column.name) for column in layout.feed.columns]
    if layout.is_switch:
        cells += _switch_cells(rows, layout)
    frame = rows.select("source_line", "raw_line", *{cell.meta.output_name(): cell for cell in cells}.values())
    filled = []
    if layout.feed.is_usage:
        filled.append(pl.col("source").fill_null(layout.source_value))
    if layout.source and layout.source.direction and not layout.is_switch:
        filled.append(pl.col("direction").fill_null(layout.source.direction))
    if layout.source and layout.source.account_id and "account_id" in frame.columns:
        filled.append(pl.col("account_id").fill_null(layout.source.account_id))
    if layout.source and layout.source.duration_unit == "milliseconds" and "duration_s" in frame.columns:
        filled.append(_seconds(pl.col("duration_s")))
    return frame.with_columns(filled)


def _seconds(milliseconds: pl.Expr) -> pl.Expr:
    """Whole seconds, half up: a call is as long as its nearest second, which over many calls favours nobody.

    What is no whole number of milliseconds is marked so that the parser rejects it.
    """
    whole = milliseconds.str.extract(r"^([0-9]{1,15})(?:\.0+)?$").cast(pl.Int64)
    return pl.coalesce(((whole + 500) // 1000).cast(pl.String), milliseconds + pl.lit(" ms"))


def _cell(rows: pl.DataFrame, name: str) -> pl.Expr:
    """The file's cell, null when empty or when the file has no such column."""
    if f"file.{name}" not in rows.columns:
        return pl.lit(None, pl.String)
    cell = pl.col(f"file.{name}")
    return pl.when(cell != "").then(cell)


def _switch_cells(rows: pl.DataFrame, layout: Layout) -> list[pl.Expr]:
    """What a switch says in its own way: loose times, the direction by context, the calling extension."""
    caller, called = (_cell(rows, layout.names[name]) for name in ("from_number", "to_number"))
    cells = [_iso(_cell(rows, layout.names[name])).alias(name) for name in ("started_at", "answered_at")]
    if "call_id" not in layout.names:
        known_by = pl.concat_str(_cell(rows, "start"), _cell(rows, "channel"), separator=" ")
        cells.append(known_by.alias("call_id"))
    cells.append(pl.when(caller.str.contains(EXTENSION)).then(caller).alias("extension"))
    cells.append(_direction(_cell(rows, layout.names["direction"]), caller, called, layout).alias("direction"))
    return cells


def _direction(context: pl.Expr, caller: pl.Expr, called: pl.Expr, layout: Layout) -> pl.Expr:
    """By dial-plan context, else as declared, else by the look of both ends."""
    by_context = layout.source.directions if layout.source else {}
    if layout.source and layout.source.direction:
        otherwise: pl.Expr = pl.lit(layout.source.direction)
    else:
        inside = caller.str.contains(EXTENSION) & called.str.contains(EXTENSION)
        otherwise = pl.when(inside).then(pl.lit("internal")).otherwise(pl.lit("outbound"))
    if not by_context:
        return otherwise
    return pl.coalesce(context.replace_strict(by_context, default=None, return_dtype=pl.String), otherwise)


def _iso(cell: pl.Expr) -> pl.Expr:
    """2020/2/10 22:41 -> 2020-02-10T22:41:00; whatever looks different is left for the parser to reject."""
    part = cell.str.extract_groups(_LOOSE_TIME).struct
    padded = pl.concat_str(
        part.field("1"),
        pl.lit("-"),
        part.field("2").str.zfill(2),
        pl.lit("-"),
        part.field("3").str.zfill(2),
        pl.lit("T"),
        part.field("4").str.zfill(2),
        pl.lit(":"),
        part.field("5"),
        part.field("6").fill_null(":00"),
        part.field("7").fill_null(""),
    )
    return pl.coalesce(padded, cell)


def layout_faults(layout: Layout) -> list[tuple[str, pl.Expr, str]]:
    """(column, what is wrong, what is expected) that only this layout can say, on the canonical text."""
    if layout.format != "freeswitch":
        return []
    unanswered = pl.col("answered_at").is_null() & ~pl.col("duration_s").str.contains(r"^0*$")
    return [("duration_s", unanswered.fill_null(False), "0, as there is no answer stamp")]
