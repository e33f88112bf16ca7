"""Which of the declarations that were tried on a sample fits best, and what else would do."""

from collections.abc import Mapping, Sequence

from flows.ask.source_reading import Reading
from flows.home.file_settings import SourceSettings
from flows.presets.known import PRESETS


def chosen(readings: Sequence[Reading]) -> Reading | None:
    """What fits best; a declared source that the file does not belong to only where nothing else reads half as much by
    its names."""
    meant = [reading for reading in readings if reading.layout is not None]
    own, foreign = (
        max((r for r in meant if r.guess.is_foreign is is_foreign), key=lambda reading: reading.worth, default=None)
        for is_foreign in (False, True)
    )
    if own is None or foreign is None:
        return own or foreign
    least = own.good.height if own.guess.is_by_cells else 2 * own.good.height + 1
    return foreign if foreign.good.height >= max(least, 1) else own


def as_well(best: Reading, readings: Sequence[Reading], sources: Mapping[str, SourceSettings]) -> list[str]:
    """Declared sources that read it though their path does not take it, and layouts that read just as much as the best,
    where it is a system's own."""
    if best.good.is_empty():
        return []
    said = []
    for reading in readings:
        name = reading.guess.label.removeprefix("sources.")
        if reading.guess.is_foreign and reading.good.height and reading is not best:
            path = sources[name].path
            said.append(f"[sources.{name}] reads {reading.said} too; its path {path} does not take this file")
    alike = [
        reading.guess.label
        for reading in readings
        if reading.guess.label in PRESETS and reading.guess.label != best.guess.label
        and (reading.good.height, reading.rejects.height) == (best.good.height, best.rejects.height)
    ]  # fmt: skip
    if alike and best.guess.label in PRESETS:
        said.append(f"fits as well: {', '.join(dict.fromkeys(alike))}; take that of your system with --like")
    return said
