"""What the layout that fits a sample cannot know of it: questions by the key that answers them."""

from datetime import datetime
from pathlib import Path

import polars as pl

from flows.ask.source_names import DIRECTIONS, likely_directions
from flows.ask.source_payers import payers_asked
from flows.ask.source_reading import Reading, read
from flows.ask.source_sample import SourceGuess
from flows.ask.source_shown import MOST_VALUES, values_met
from flows.ingest.numbers import E164
from flows.presets.known import PRESETS


def questions(best: Reading, where: Path, name: str, now: datetime) -> dict[str, str]:
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
