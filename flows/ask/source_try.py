"""`tollbook source try`: a sample of usage as it would be read, and the [sources.x] block to paste.

It needs no home and opens no books: every layout is tried with the very code that `ingest` reads files with, on the
beginning of the file, and nothing is kept.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from flows.ask.sample import name_for, toml_block
from flows.ask.source_guess import DIRECTIONS, Sample, SourceGuess, guesses, likely_directions, sample_of
from flows.home.file_settings import SOURCE_FORMATS, SourceSettings
from flows.ingest.files import FileRefused, InboxFile, chunks
from flows.ingest.layouts import Layout, layout_of
from flows.ingest.numbers import E164
from flows.ingest.take_in import kind_of, read_sample
from flows.presets.cells import FileRows
from flows.presets.known import PRESETS
from rating.dispositions import is_cause, is_unknown, says_unanswered
from rating.ends import EXTENSION
from schemas.errors import Fault, WrongUsage
from schemas.feeds import FEEDS

SAMPLE_BYTES = 4 * 2**20
"""Bytes of a CSV or of JSON lines that are tried; other kinds are read whole."""

_SHOWN, _VALUES, _REJECTS = 5, 20, 10
_NO_ZONE = "a declared time_zone"


@dataclass(frozen=True)
class Reading:
    """A declaration tried on a sample: what came of its records, or `reason`, why it cannot be read so."""

    guess: SourceGuess
    layout: Layout | None = None
    records: int = 0
    good: pl.DataFrame = field(default_factory=pl.DataFrame)
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    rejects: pl.DataFrame = field(default_factory=pl.DataFrame)
    reason: str = ""
    left_over: tuple[str, ...] = ()
    """Columns of a Parquet file, of which only the wanted ones are read."""

    @property
    def worth(self) -> tuple[int, ...]:
        """More records read and fewer rejected; a declared source, then a system's own layout, before plain names (but
        not where nothing is read: then plain names say best what is missing); fewer columns left over and questions."""
        is_preset = (self.guess.label in PRESETS) == bool(self.good.height)
        unsure = len(self.guess.asked) + len(self.guess.said.get("columns", ()))
        left = len(not_read(self)) + len(self.guess.said.get("constants", ()))
        is_read = self.good.height, -self.rejects.height if self.good.height else 0
        return *is_read, int(self.guess.is_declared), int(is_preset), -left, -unsure

    @property
    def said(self) -> str:
        return self.reason if self.reason and not self.good.height else f"{self.good.height} of {self.records}"


@dataclass(frozen=True)
class SourceTrial:
    """What `source try` says."""

    name: str
    file: str
    best: Reading | None
    tried: dict[str, str]
    is_part: bool
    asked: dict[str, str] = field(default_factory=dict)

    @property
    def incomplete(self) -> bool:
        return self.best is None or not self.best.good.height or bool(self.best.rejects.height)

    @property
    def fits(self) -> bool:
        return self.best is not None and self.best.good.height > 0

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"file": self.file, "layout": None, "tried": self.tried}
        if self.best is None or self.best.layout is None:
            return told
        best, layout = self.best, self.best.layout
        return told | {
            "layout": best.guess.label if self.fits else None,
            "feed": layout.feed.name,
            "records": best.records,
            "read": best.good.height,
            "rejected": best.rejects.height,
            "only_the_beginning": self.is_part,
            "understood": understood(best),
            "values": {name: values_met(best, name) for name in ("direction", "disposition")},
            "columns_not_read": not_read(best),
            "rejects": [str(fault) for fault in _faults(best, self.file)],
            "asked": self.asked,
            "settings": "\n".join(self._block()),
        }

    def lines(self) -> list[str]:
        if self.best is None or self.best.layout is None:
            return [f"{self.file}: no layout of ours fits", *(f"  {name}: {why}" for name, why in self.tried.items())]
        best = self.best
        fits = "fits" if self.fits else "comes nearest to"
        part = " in its beginning" if self.is_part else ""
        said = [f"{self.file}: {fits} {best.guess.label}: {best.good.height} of {best.records} records read{part}"]
        said += [_record_line(record) for record in understood(best)]
        for name in ("direction", "disposition"):
            met = [row for row in values_met(best, name) if row["value"]]
            shown = "; ".join(f"{row['value']!r} ({row['records']}) {row['meaning']}" for row in met[:_VALUES])
            said += [f"  {name}: {shown}"] if shown else []
        left = not_read(best)
        said += [f"  columns not read: {', '.join(left)}"] if left else []
        said += [f"  rejected: {fault}" for fault in _faults(best, self.file)]
        more = best.rejects.height - _REJECTS
        said += [f"  rejected: and {more} more"] if more > 0 else []
        others = [f"{name} {told}" for name, told in self.tried.items() if not told.startswith("0 of")]
        others = others if self.fits else [f"{name}: {told}" for name, told in self.tried.items()]
        if self.fits:
            others = [told for told in others if told.rpartition(" of ")[2].isdecimal()]
            said.append(f"  records read by layout: {', '.join(others)}")
        else:
            said += [f"  tried: {told}" for told in others]
        return [*said, "", *self._block()]

    def _block(self) -> list[str]:
        assert self.best is not None, "a block is of the layout that fits"
        assert self.best.layout is not None, "a block is of a layout that can be meant"
        said = self.best.guess.said
        if self.best.guess.is_declared:
            return [f"# as declared: {self.best.guess.label}"]
        feed, ending = said["feed"], "".join(Path(self.file).suffixes) or ".*"
        path = {"path": f"inbox/{feed}/{self.name}/*{ending}"}
        keys = {key: value for key, value in (said | path).items() if value != {} and (key, value) != ("format", "csv")}
        keys = {key: value for key, value in keys.items() if key != "time_zone" or "time_zone" in self.asked}
        if keys.get("time_zone") == "UTC":
            keys["time_zone"] = "America/New_York"
        return toml_block(f"sources.{self.name}", keys, self.asked)


def try_source(
    path: Path, now: datetime, *, like: str | None = None, declared: Mapping[str, SourceSettings] | None = None
) -> SourceTrial:
    """Tries every layout on a file, or the one that `like` names; `declared`: the sources of a home, if there is one.

    Raises WrongUsage for a file that cannot be read and for an unknown layout.
    """
    sources = declared or {}
    if like is not None and like not in {*SOURCE_FORMATS, *sources}:
        listed = ", ".join([*SOURCE_FORMATS, *sources])
        raise WrongUsage(f"--like: found {like!r}; expected a layout or a declared source: {listed}")
    file = str(path)
    with tempfile.TemporaryDirectory() as folder:
        head, is_part = _head(path, file)
        sample = sample_of(path, head)
        where = path
        if is_part and sample.kind in ("csv", "jsonl"):
            where = Path(folder) / "sample"
            where.write_bytes(_whole_lines(head, sample))
        else:
            is_part = False
        readings = [_read(where, file, guess, now) for guess in guesses(sample, sources, like)]
        tried: dict[str, str] = {}
        for reading in sorted(readings, key=lambda reading: reading.worth, reverse=True):
            tried.setdefault(reading.guess.label, reading.said)
        best = max((r for r in readings if r.layout is not None), key=lambda reading: reading.worth, default=None)
        asked = _asked(best, where, file, now) if best else {}
    return SourceTrial(name_for(path), file, best, tried, is_part, asked)


def _head(path: Path, file: str) -> tuple[bytes, bool]:
    """The beginning of a file, unpacked, and whether there is more of it."""
    held = b""
    try:
        for piece in chunks(path, file):
            held += piece
            if len(held) > SAMPLE_BYTES:
                return held[:SAMPLE_BYTES], True
    except FileRefused as refusal:
        raise WrongUsage(str(refusal)) from None
    if not held:
        raise WrongUsage(f"{file}: found an empty file; expected a sample with some records")
    return held, False


def _whole_lines(head: bytes, sample: Sample) -> bytes:
    """The sample up to its last line end."""
    end = "\n".encode(sample.encoding) if not sample.encoding.startswith("utf-16") else b"\n\x00"
    return head[: head.rindex(end) + len(end)] if end in head else head


def _read(where: Path, name: str, guess: SourceGuess, now: datetime) -> Reading:
    """A declaration on a sample, through the code of `ingest`."""
    try:
        source = guess.settings
        file = InboxFile(where, name, source.feed, "sample", source, named=True)
        kind = kind_of(file)
        if kind is None:
            return Reading(guess, reason=f"a file of this name is none of format {source.format}")
        layout = layout_of(FEEDS[source.feed], "sample", source, kind)
    except (WrongUsage, ValueError) as error:
        return Reading(guess, reason=str(error).splitlines()[0])
    records, good, rows, rejects = 0, [], [], []
    reason = ""
    try:
        for block, parsed in read_sample(file, layout, now):
            records += block.records
            good.append(parsed.rows)
            rows.append(block.rows)
            rejects += [block.rejects, parsed.rejects]
    except FileRefused as refusal:
        reason = str(refusal)
        rejects.append(_refusal(refusal.fault))
    frames = [pl.concat(part, how="diagonal_relaxed") if part else pl.DataFrame() for part in (good, rows, rejects)]
    return Reading(guess, layout, records, *frames, reason, _left_over(where, layout))


def _left_over(where: Path, layout: Layout) -> tuple[str, ...]:
    """The columns of a Parquet file that are none of the wanted ones."""
    if layout.kind != "parquet":
        return ()
    wanted = {name for column in layout.feed.columns for name in layout.names_of(column.name)}
    try:
        return tuple(name for name in pl.read_parquet_schema(where) if name not in wanted)
    except (pl.exceptions.PolarsError, OSError):
        return ()


def _refusal(fault: Fault) -> pl.DataFrame:
    """What refuses a whole file, as a reject."""
    said = replace(fault, file="", line=None, column=None)
    row = (fault.line, fault.column, str(said).removeprefix(": "), None)
    schema = {"source_line": pl.Int64, "column_name": pl.String, "reason": pl.String, "raw_line": pl.String}
    return pl.DataFrame([row], schema=schema, orient="row")


def _asked(best: Reading, where: Path, name: str, now: datetime) -> dict[str, str]:
    """What the layout that fits cannot know of this file, by the key that says it."""
    guess = best.guess
    if guess.is_declared or best.layout is None:
        return {}
    asked = dict(guess.asked)
    without = {key: value for key, value in guess.said.items() if key != "time_zone"}
    zoneless = _read(where, name, SourceGuess(guess.label, without, guess.asked), now)
    if zoneless.good.height < best.good.height or zoneless.layout is None:
        asked["time_zone"] = "its times carry no offset: the zone of the switch's clock"
    ends = [column for column in ("from_number", "to_number") if column in best.good.columns]
    numbers = pl.concat([best.good[column] for column in ends]) if ends else pl.Series(dtype=pl.String)
    odd = numbers.drop_nulls().unique(maintain_order=True)
    odd = odd.filter(odd.str.contains("[0-9]{7}") & ~odd.str.contains(E164))
    if not odd.is_empty():
        shown = ", ".join(odd.head(3).to_list())
        asked["country"] = f"numbers without + such as {shown}: the country whose habits of dialling they follow"
    if question := _directions_asked(best):
        asked["directions"] = question
        words = [row["value"] for row in values_met(best, "direction")[:_VALUES]]
        theirs = [word for word in words if word.lower() not in (*DIRECTIONS, "")]
        guess.said["directions"] = likely_directions(theirs, otherwise="outbound")
    return asked


def _directions_asked(best: Reading) -> str:
    """The question which of their words mean inbound, where words of theirs stand for the direction."""
    preset = PRESETS.get(best.guess.label)
    met = [row for row in values_met(best, "direction") if row["value"] and row["value"].lower() not in DIRECTIONS]
    is_open = preset is None or bool(preset.columns) or "directions" in preset.asks
    if not met or not is_open or {"direction", "directions"} & {*best.guess.asked}:
        return ""
    return "which of these are inbound, which internal? As found in the file"


def understood(reading: Reading) -> list[dict[str, Any]]:
    """The first five records: when they started, both ends, who would pay, whether answered, how long."""
    if reading.layout is None or reading.good.is_empty():
        return []
    zone = reading.guess.said.get("time_zone", "UTC")
    when = "started_at" if reading.layout.feed.name == "calls" else "sent_at"
    shown = []
    for row in reading.good.head(_SHOWN).with_columns(_is_unanswered(reading.good.head(_SHOWN))).iter_rows(named=True):
        local = row[when].astimezone(ZoneInfo(zone))
        record = {
            "line": row["source_line"],
            when: local.strftime("%Y-%m-%d %H:%M:%S"),
            "time_zone": zone,
            "direction": row["direction"],
            "from_number": row["from_number"],
            "to_number": row["to_number"],
            "who_pays": _payer(row),
        }
        if reading.layout.feed.name == "calls":
            record |= {"answered": not row["unanswered"], "seconds": row["duration_s"]}
        else:
            record |= {"credits": row["credits"], "channel": row["channel"]}
        shown.append(record)
    return shown


def _is_unanswered(rows: pl.DataFrame) -> list[pl.Expr]:
    """As rating tells it: no seconds, a word that says so, or why it failed where no answer stamp says otherwise."""
    if "disposition" not in rows.columns:
        return []
    word, stamped = pl.col("disposition"), pl.col("answered_at").is_not_null()
    said_so = says_unanswered(word) | (is_cause(word) & ~stamped)
    return [((pl.col("duration_s") == 0) | said_so).alias("unanswered")]


def _payer(row: Mapping[str, Any]) -> str:
    """Whose the record is, as far as the file says (RULES 16): the account stated, else the owner of the near end."""
    near = row.get("charged_number") or (row["to_number"] if row["direction"] == "inbound" else row["from_number"])
    extension = row.get("extension")
    if near is None or pl.Series([near]).str.contains(EXTENSION).item():
        own = f"extension {extension or near}" if extension or near else ""
    else:
        own = near
    if row["account_id"]:
        return f"account {row['account_id']}" + (f", if it owns {own}" if own else "")
    return f"the owner of {own}" if own else "nobody: no account and no number of ours"


def _record_line(record: Mapping[str, Any]) -> str:
    when = record.get("started_at") or record.get("sent_at")
    ends = f"{record['from_number'] or '-'} -> {record['to_number'] or '-'}"
    if "seconds" in record:
        size = f"{'answered' if record['answered'] else 'not answered'}, {record['seconds']} s"
    else:
        size = f"{record['channel']}, {record['credits']} credits"
    return (
        f"  line {record['line']}: {when} {record['time_zone']}, {record['direction']}, {ends}, {size}; pays: "
        + str(record["who_pays"])
    )


def values_met(reading: Reading, column: str) -> list[dict[str, Any]]:
    """The file's own words of a column, how many records have each, and what they mean to us; the commonest first."""
    layout = reading.layout
    if layout is None or reading.rows.is_empty() or column not in {c.name for c in layout.feed.columns}:
        return []
    theirs = [name for name in layout.names_of(column) if f"file.{name}" in reading.rows.columns]
    lines = reading.good.select("source_line", meant=column) if reading.good.height else None
    if theirs:
        word = pl.concat_str([pl.col(f"file.{name}").fill_null("") for name in theirs], separator=" ").alias("value")
        rows = reading.rows.select("source_line", word)
    elif lines is not None:
        rows = lines.select("source_line", value=pl.col("meant").fill_null(""))
    else:
        return []
    meant = rows.join(lines, on="source_line", how="left") if lines is not None else rows.with_columns(meant=None)
    meant = meant.with_columns(pl.col("meant").cast(pl.String), is_read=pl.lit(lines is not None))
    if lines is not None:
        meant = meant.with_columns(is_read=pl.col("source_line").is_in(lines["source_line"].implode()))
    counts = meant.group_by("value", maintain_order=True).agg(
        records=pl.len(),
        meanings=pl.col("meant").filter("is_read").unique(maintain_order=True),
        read=pl.col("is_read").any(),
    )
    counts = counts.sort("records", descending=True, maintain_order=True)
    words = _endings(counts["value"]) if column == "disposition" else {}
    return [
        {
            "value": row["value"],
            "records": row["records"],
            "meaning": words.get(row["value"])
            or (_joined(row["meanings"]) if row["read"] else "in rejected records only"),
        }
        for row in counts.head(50).iter_rows(named=True)
    ]


def _joined(meanings: list[str | None]) -> str:
    return "is " + " or ".join(meaning or "nothing" for meaning in meanings)


def _endings(words: pl.Series) -> dict[str, str]:
    """What their words for how a call ended say of whether it was answered."""
    word = pl.col("word")
    told = words.to_frame("word").select(
        "word",
        meaning=pl.when(word == "")
        .then(pl.lit("is nothing"))
        .when(says_unanswered(word))
        .then(pl.lit("is not answered"))
        .when(is_cause(word))
        .then(pl.lit("is not answered, unless an answer time says otherwise"))
        .when(is_unknown(word))
        .then(pl.lit("is a word we do not know: answered, if it has seconds"))
        .otherwise(pl.lit("is answered, if it has seconds")),
    )
    return dict(told.iter_rows())


def not_read(reading: Reading) -> list[str]:
    """The file's columns (of JSON, keys) that nothing is made from."""
    layout, rows = reading.layout, reading.rows
    if layout is None or rows.is_empty():
        return []
    used = {f"file.{name}" for column in layout.feed.columns for name in layout.names_of(column.name)}
    if layout.preset:
        source = layout.source
        direction = (source.direction, source.directions) if source else (None, {})
        made = layout.preset.cells(FileRows(rows, layout.names, *direction, layout.joined))
        used |= {root for cell in made.values() for root in cell.meta.root_names()}
    if not layout.kind.startswith("json"):
        names = [*rows.columns, *(f"file.{name}" for name in reading.left_over)]
        return [name.removeprefix("file.") for name in names if name.startswith("file.") and name not in used]
    return _keys_not_read(rows["raw_line"].head(100).to_list(), {name.removeprefix("file.") for name in used})


def _keys_not_read(raw: list[str | None], used: set[str]) -> list[str]:
    import json

    keys: dict[str, None] = {}
    for line in raw:
        record = json.loads(line) if line else {}
        keys |= dict.fromkeys(record)
    return [key for key in keys if not any(name == key or name.startswith(f"{key}.") for name in used)]


def _faults(reading: Reading, file: str) -> list[Fault]:
    """The first rejects, with line, column and reason."""
    if reading.rejects.is_empty():
        return []
    first = reading.rejects.sort("source_line", nulls_last=False).head(_REJECTS)
    faults = []
    for line, column, reason in first.select("source_line", "column_name", "reason").iter_rows():
        found, _, expected = reason.removeprefix("found ").partition("; expected ")
        faults.append(Fault(file, line, column, found, expected))
    return faults
