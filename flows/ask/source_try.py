"""`tollbook source try`: a sample of usage as it would be read, and the [sources.x] block to paste.

It needs no home and opens no books: every layout is tried with the very code that `ingest` reads files with, on the
beginning of the file, and nothing is kept.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from flows.ask.sample import name_for, toml_block
from flows.ask.source_guess import guesses
from flows.ask.source_names import DIRECTIONS, likely_directions
from flows.ask.source_payers import payers_asked
from flows.ask.source_reading import Reading, not_read, read
from flows.ask.source_sample import Sample, SourceGuess, sample_of
from flows.ask.source_shown import MOST_REJECTS, MOST_VALUES, faults_of, record_line, understood, values_met
from flows.ask.source_times import in_its_form, times_as_read
from flows.home.file_settings import SOURCE_FORMATS, SourceSettings
from flows.ingest.files import FileRefused, chunks
from flows.ingest.layouts import KINDS
from flows.ingest.numbers import E164
from flows.presets.known import PRESETS
from schemas.errors import WrongUsage

SAMPLE_BYTES = 4 * 2**20
"""Bytes of a CSV or of JSON lines that are tried; other kinds are read whole."""


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
            "time_format": best.guess.said.get("time_format"),
            "understood": self._understood(best),
            "values": {name: values_met(best, name) for name in ("direction", "disposition", "account_id")},
            "columns_not_read": not_read(best),
            "rejects": [str(fault) for fault in faults_of(best, self.file)],
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
        said += [f"  {times}"] if (times := times_as_read(best)) else []
        said += [record_line(record) for record in self._understood(best)]
        for name in ("direction", "disposition", "account_id"):
            met = [row for row in values_met(best, name) if row["value"]]
            shown = "; ".join(f"{row['value']!r} ({row['records']}) {row['meaning']}" for row in met[:MOST_VALUES])
            said += [f"  {name}: {shown}"] if shown else []
        left = not_read(best)
        said += [f"  columns not read: {', '.join(left)}"] if left else []
        said += [f"  rejected: {fault}" for fault in faults_of(best, self.file)]
        more = best.rejects.height - MOST_REJECTS
        said += [f"  rejected: and {more} more"] if more > 0 else []
        others = [f"{name} {told}" for name, told in self.tried.items() if not told.startswith("0 of")]
        others = others if self.fits else [f"{name}: {told}" for name, told in self.tried.items()]
        if self.fits:
            others = [told for told in others if told.rpartition(" of ")[2].isdecimal()]
            said.append(f"  records read by layout: {', '.join(others)}")
        else:
            said += [f"  tried: {told}" for told in others]
        return [*said, "", *self._block()]

    def _understood(self, best: Reading) -> list[dict[str, Any]]:
        return understood(best, zone_is_known="time_zone" not in self.asked)

    def _block(self) -> list[str]:
        assert self.best is not None, "a block is of the layout that fits"
        assert self.best.layout is not None, "a block is of a layout that can be meant"
        said = self.best.guess.said
        if self.best.guess.is_declared:
            return [f"# as declared: {self.best.guess.label}"]
        feed, ending = said["feed"], _ending(Path(self.file))
        path = {"path": f"inbox/{feed}/{self.name}/*{ending}"}
        keys = {key: value for key, value in (said | path).items() if value != {} and (key, value) != ("format", "csv")}
        keys = {key: value for key, value in keys.items() if key != "time_zone" or "time_zone" in self.asked}
        if keys.get("time_zone") == "UTC":
            keys["time_zone"] = "America/New_York"
        return toml_block(f"sources.{self.name}", keys, self.asked)


def _ending(file: Path) -> str:
    """What files like this one end in: of a name with more points, what says the kind of file."""
    endings = file.suffixes
    known = {".gz", *(f".{kind}" for kind in KINDS)}
    if endings and endings[-1] in known:
        return "".join(endings[-2:] if {*endings[-2:]} <= known else endings[-1:])
    return "".join(endings)


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
    if not path.is_file():
        raise WrongUsage(f"{file}: found {'a folder' if path.is_dir() else 'no such file'}; expected a sample of usage")
    with tempfile.TemporaryDirectory() as folder:
        head, is_part = _head(path, file)
        sample = sample_of(path, head)
        where = path
        if is_part and sample.kind in ("csv", "jsonl"):
            where = Path(folder) / "sample"
            where.write_bytes(_whole_lines(head, sample))
        else:
            is_part = False
        readings = [
            in_its_form(read(where, file, guess, now), where, file, now) for guess in guesses(sample, sources, like)
        ]
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


def _asked(best: Reading, where: Path, name: str, now: datetime) -> dict[str, str]:
    """What the layout that fits cannot know of this file, by the key that says it."""
    guess = best.guess
    if guess.is_declared or best.layout is None:
        return {}
    asked = dict(guess.asked)
    without = {key: value for key, value in guess.said.items() if key != "time_zone"}
    zoneless = read(where, name, SourceGuess(guess.label, without, guess.asked), now)
    if zoneless.good.height < best.good.height or zoneless.layout is None:
        asked["time_zone"] = "its times carry no offset: the zone of the switch's clock"
    ends = [column for column in ("from_number", "to_number") if column in best.good.columns]
    numbers = pl.concat([best.good[column] for column in ends]) if ends else pl.Series(dtype=pl.String)
    odd = numbers.drop_nulls().unique(maintain_order=True)
    odd = odd.filter(odd.str.contains("[0-9]{7}") & ~odd.str.contains(E164) & ~odd.str.contains(r"^\+[0-9]+X+$"))
    if not odd.is_empty():
        shown = ", ".join(odd.head(3).to_list())
        asked["country"] = f"numbers without + such as {shown}: the country whose habits of dialling they follow"
    if question := _directions_asked(best):
        asked["directions"] = question
        words = [row["value"] for row in values_met(best, "direction")[:MOST_VALUES]]
        theirs = [word for word in words if word.lower() not in (*DIRECTIONS, "")]
        guess.said["directions"] = likely_directions(theirs, otherwise="outbound")
    for key, (likely, question) in payers_asked(best).items():
        guess.said[key], asked[key] = likely, question
    return asked


def _directions_asked(best: Reading) -> str:
    """The question which of their words mean inbound, where words of theirs stand for the direction."""
    preset = PRESETS.get(best.guess.label)
    met = [row for row in values_met(best, "direction") if row["value"] and row["value"].lower() not in DIRECTIONS]
    # A layout that finds calls that came in, though nobody has declared any, knows their words itself.
    knows = preset is not None and "inbound" in best.good["direction"].to_list() and not best.guess.is_declared
    is_open = preset is None or (bool(preset.columns) and not knows) or "directions" in preset.asks
    if not met or not is_open or {"direction", "directions"} & {*best.guess.asked}:
        return ""
    return "which of these are inbound, which internal? As found in the file"
