"""Keys of a declaration that do nothing for what it declares: refused with a sentence, for silence would mislead."""

from collections.abc import Iterator

from flows.home.file_settings import SourceSettings
from flows.presets.preset import Preset
from schemas.errors import WrongUsage
from schemas.feed import Feed

_OF_KINDS = {
    "header": ("csv", "xlsx"),
    "skip_rows": ("csv", "xlsx"),
    "skip_after_header": ("csv", "xlsx"),
    "trailer": ("csv", "xlsx"),
    "delimiter": ("csv",),
    "encoding": ("csv", "jsonl", "json"),
    "items": ("json",),
    "sheet": ("xlsx",),
}
"""Key -> the kinds of file that it says something about."""

_NUMBERED = ("calls", "messages", "numbers")
_OF_FEEDS = {
    "duration_unit": ("calls",),
    "duration_from": ("calls",),
    "leg": ("calls",),
    "parts": ("calls",),
    "trusted": ("calls", "messages"),
    "direction": ("calls", "messages"),
    "directions": ("calls", "messages"),
    "call_id_from": ("calls", "messages"),
    "country": _NUMBERED,
    "number_format": _NUMBERED,
    "dialled": _NUMBERED,
}
"""Key -> the feeds that it says something about."""


def refuse_idle(feed: Feed, source: SourceSettings, preset: Preset | None, kinds: tuple[str, ...], where: str) -> None:
    """Raises WrongUsage for the first key that was declared and means nothing for this format, or contradicts another.

    kinds: of file, that the format may have.
    """
    for key, sentence in _idle(feed, source, preset, kinds):
        if key in source.model_fields_set:
            raise WrongUsage(f"{where}.{key}: {sentence}; remove it")


def _idle(
    feed: Feed, source: SourceSettings, preset: Preset | None, kinds: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for key, of_kinds in _OF_KINDS.items():
        if not {*kinds} & {*of_kinds}:
            yield key, f"it means nothing for format {source.format}, only for {', '.join(of_kinds)}"
    for key, of_feeds in _OF_FEEDS.items():
        if feed.name not in of_feeds:
            yield key, f"it means nothing for feed {feed.name}, only for {', '.join(of_feeds)}"
    if preset and not preset.columns:
        yield "header", f"format {source.format} has a header always"
    if preset is None or not preset.url_encoded:
        yield "url_encoded", f"it means nothing for format {source.format}, only where a switch encodes its values"
    if source.skip_after_header and (source.header is False or (source.header is None and _has_none(source, preset))):
        yield "skip_after_header", "the file has no header; skip_rows leaves out its first lines"
    mapped = source.columns if isinstance(source.columns, dict) else {}
    listed = source.columns if isinstance(source.columns, list) else []
    if "duration_s" in mapped or "duration_s" in listed:
        yield "duration_from", "columns names one that holds the duration"
    if feed.is_usage and (feed.key[1] in mapped or feed.key[1] in listed):
        yield "call_id_from", f"columns names one that holds {feed.key[1]}"
    if source.leg:
        yield "parts", "leg says that one leg bills, parts that all of them are one call"


def _has_none(source: SourceSettings, preset: Preset | None) -> bool:
    """Whether a file has no header when nothing is declared about it."""
    if preset and preset.columns:
        return preset.defaults.get("header") is False
    return isinstance(source.columns, list) and bool(source.columns)
