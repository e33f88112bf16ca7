"""Which declarations a sample of usage may need: every layout, with stand-ins for what only its owner can say."""

from collections.abc import Collection, Iterator, Mapping
from itertools import product
from typing import Any

from flows.ask.source_names import alike, of_names
from flows.ask.source_sample import Sample, SourceGuess, written
from flows.home.file_settings import SourceSettings
from flows.presets.known import PRESETS
from flows.presets.preset import Preset

_FEEDS = ("calls", "messages")

_STAND_INS: dict[str, list[Any]] = {
    "time_zone": ["UTC"],
    "country": ["US"],
    "directions": [{}],
    "direction": ["outbound"],
    "duration_unit": ["seconds", "milliseconds", "decimal_seconds", "hms"],
    "leg": ["a"],
    "account_id": ["ACCOUNT"],
    "number_format": ["e164_digits"],
    "values": [{}],
    "constants": [{}],
}
"""What is tried for a key that a layout asks for: the choice that reads most records is shown, and asked about."""


def guesses(
    sample: Sample, declared: Mapping[str, SourceSettings], owners: Collection[str], like: str | None
) -> Iterator[SourceGuess]:
    """Every declaration to try, or those of the layout or declared source `like` alone. owners: the declared sources
    that the file belongs to."""
    for name, source in declared.items():
        if like in (None, name):
            said = source.model_dump(exclude_unset=True)
            is_foreign = name not in owners and like is None
            yield SourceGuess(f"sources.{name}", said, is_declared=True, is_foreign=is_foreign)
    for name, preset in PRESETS.items():
        if like in (None, name) and _may_be(preset, sample):
            yield from _of_preset(name, preset, sample)
    for kind in dict.fromkeys((sample.kind, *(("json", "jsonl") if sample.kind.startswith("json") else ()))):
        if like in (None, kind):
            for feed in _FEEDS:
                yield of_names(kind, feed, sample)


def _what_follows(more: int, known: int) -> str:
    if more == 1:
        return f"what the column after number {known} is"
    return f"what the {more} columns after number {known} are, in order"


def _may_be(preset: Preset, sample: Sample) -> bool:
    kinds = {"json", "jsonl"} if sample.kind.startswith("json") else {sample.kind}
    return bool(kinds & {*preset.kinds})


def _of_preset(name: str, preset: Preset, sample: Sample) -> Iterator[SourceGuess]:
    """A preset with every choice of what it asks for, and with the columns that a headerless file seems to have."""
    base = {"feed": preset.feed, "format": name, "path": "*", "time_zone": "UTC", **written(sample, preset.kinds)}
    asked = {key: ask.sentence for key, ask in preset.asks.items() if key != "time_zone"}
    if preset.columns and sample.kind == "csv":
        row = sample.first_row
        if {*row} & {*preset.columns, *preset.optional} and len({*row} & {*preset.columns}) * 2 > len(preset.columns):
            base["header"] = True
        more = len(row) - len(preset.columns)
        if preset.any_order and more and "header" not in base:
            base["columns"] = [*preset.columns, *preset.optional][: len(row)]
            asked["columns"] = f"which columns the {len(row)} are, in their order"
        elif 0 < more <= len(preset.optional):
            base["columns"] = list(preset.optional[:more])
            asked["columns"] = _what_follows(more, len(preset.columns))
    if "columns" in asked and not preset.columns and sample.kind == "csv":
        wanted = {*preset.needs} - {*preset.names}
        found = alike([name for name in sample.first_row if name not in {"id", *preset.names.values()}], preset.feed)
        base["columns"] = {name: theirs for name, theirs in found.items() if name in wanted}
    choices = [[(key, value) for value in _STAND_INS.get(key, [None])] for key in asked if key not in base]
    for choice in product(*choices):
        yield SourceGuess(name, base | {key: value for key, value in choice if value is not None}, asked)
