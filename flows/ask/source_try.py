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

from flows.ask.sample import toml_block
from flows.ask.source_choice import as_well, chosen
from flows.ask.source_guess import guesses
from flows.ask.source_place import Place, settled, where_it_goes
from flows.ask.source_questions import questions
from flows.ask.source_reading import Reading, not_read, read
from flows.ask.source_sample import Sample, sample_of
from flows.ask.source_shown import MOST_REJECTS, MOST_VALUES, faults_of, record_line, understood, values_met
from flows.ask.source_times import in_its_form, times_as_read
from flows.home.file_settings import SOURCE_FORMATS, SourceSettings
from flows.ingest.files import FileRefused, chunks
from schemas.errors import WrongUsage

SAMPLE_BYTES = 4 * 2**20
"""Bytes of a CSV or of JSON lines that are tried; other kinds are read whole."""
_TRIED = 5
"""Layouts that are told of where none fits."""


@dataclass(frozen=True)
class SourceTrial:
    """What `source try` says."""

    place: Place
    file: str
    best: Reading | None
    tried: dict[str, str]
    is_part: bool
    asked: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    """What reads it as well as the best, in sentences: layouts that fit alike, sources whose path does not take it."""

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
            "others": self.others,
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
            said += [f"  records read by layout: {', '.join(others)}", *(f"  {other}" for other in self.others)]
        else:
            said += [f"  tried: {told}" for told in others[:_TRIED]]
            said += [f"  tried: {len(others) - _TRIED} more layouts"] if len(others) > _TRIED else []
        return [*said, "", *self._block()]

    def _understood(self, best: Reading) -> list[dict[str, Any]]:
        return understood(best, zone_is_known="time_zone" not in self.asked)

    def _block(self) -> list[str]:
        assert self.best is not None, "a block is of the layout that fits"
        assert self.best.layout is not None, "a block is of a layout that can be meant"
        said, feed = self.best.guess.said, self.best.layout.feed.name
        if self.best.guess.is_declared:
            return [f"# as declared: {self.best.guess.label}", *where_it_goes(self.place, said["path"])]
        name, path, notes = settled(self.place, feed)
        keys = {key: value for key, value in (said | {"path": path}).items() if value != {}}
        keys = {key: value for key, value in keys.items() if (key, value) != ("format", "csv")}
        keys = {key: value for key, value in keys.items() if key != "time_zone" or "time_zone" in self.asked}
        if keys.get("time_zone") == "UTC":
            keys["time_zone"] = "America/New_York"
        return [*notes, *toml_block(f"sources.{name}", keys, self.asked)]


def try_source(
    path: Path,
    now: datetime,
    *,
    like: str | None = None,
    declared: Mapping[str, SourceSettings] | None = None,
    home: Path | None = None,
) -> SourceTrial:
    """Tries every layout on a file, or the one that `like` names; `declared`: the sources of a home, if there is one,
    which lies at `home`. A declared source is the answer where its path takes the file, or where it is asked for.

    Raises WrongUsage for a file that cannot be read and for an unknown layout.
    """
    sources = declared or {}
    place = Place(path, home, sources)
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
            in_its_form(read(where, file, guess, now), where, file, now)
            for guess in guesses(sample, sources, place.owners, like)
        ]
        tried: dict[str, str] = {}
        for reading in sorted(readings, key=lambda reading: reading.worth, reverse=True):
            tried.setdefault(reading.guess.label, reading.said)
        best = chosen(readings)
        asked = questions(best, where, file, now) if best else {}
    others = as_well(best, readings, sources) if best else []
    return SourceTrial(place, file, best, tried, is_part, asked, others)


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
