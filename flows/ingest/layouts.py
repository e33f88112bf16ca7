"""How one file is read: the declaration of its source, checked, with the layout it names (flows/presets/).

A layout is declared in tollbook.toml, never guessed; one that cannot be meant is refused before any file is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.home.file_settings import PLAIN_FORMATS, SourceSettings
from flows.presets.known import PRESETS
from flows.presets.preset import Preset
from schemas.errors import Fault, WrongUsage
from schemas.feeds import Feed

KINDS = PLAIN_FORMATS
"""The kinds of file; each is a layout too, that of whatever `columns` says."""


def kinds_of(source: SourceSettings) -> tuple[str, ...]:
    """The kinds of file a source may have, the first where the file's name says none."""
    preset = PRESETS.get(source.format)
    return preset.kinds if preset else (source.format,)


@dataclass(frozen=True)
class Layout:
    """How one file is read. `columns`: names of a headerless file, in order; `names`: canonical -> the file's name.

    `source`: the declaration, with what its preset says where it says nothing.
    """

    feed: Feed
    kind: str
    preset: Preset | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    delimiter: str = ","
    source: SourceSettings | None = None
    source_value: str = ""

    def name_of(self, canonical: str) -> str:
        """What the file calls a canonical column: what a reject shows to its reader."""
        return self.names.get(canonical, canonical)

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of a JSON record that cells are made from."""
        also = self.preset.also if self.preset else ()
        return tuple(dict.fromkeys([*(self.name_of(column.name) for column in self.feed.columns), *also]))

    def missing(self, present: Sequence[str], file: str, line: int | None) -> Fault | None:
        """The fault of a header that lacks a required column, or None."""
        lacks = self._lacks(present)
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

    def _lacks(self, present: Sequence[str]) -> list[str]:
        """What the file calls the columns that it should have and has not."""
        given = self._given()
        preset = self.preset
        if preset and preset.needs:
            return [self.name_of(name) for name in preset.needs if name not in given | {*_there(self, present)}]
        lacks = [name for name in self.feed.required if name not in given and self.name_of(name) not in present]
        pairs = [pair for pair in self.feed.one_of if not ({*_there(self, present)} | given) & {*pair}]
        lacks += [f"{self.name_of(a)}|{self.name_of(b)}" for a, b in pairs]
        declared = [theirs for theirs in self.names.values() if theirs not in present]
        return lacks + [name for name in declared if name not in lacks]

    def _given(self) -> set[str]:
        """Canonical columns that the declaration or the layout fills, so that the file need not carry them."""
        if self.source is None:
            return set()
        given = {*self.source.constants, *(self.preset.makes if self.preset else ())}
        given |= {"direction"} if self.source.direction else set()
        return given | ({"account_id"} if self.source.account_id else set())


def _there(layout: Layout, present: Sequence[str]) -> list[str]:
    return [column.name for column in layout.feed.columns if layout.name_of(column.name) in present]


def layout_of(feed: Feed, source_name: str | None, source: SourceSettings | None, kind: str) -> Layout:
    """The layout of a file of `kind` (csv, jsonl, json, parquet). Raises WrongUsage for what cannot be meant."""
    if source is None:
        return Layout(feed, kind, source_value=source_name or feed.name)
    where = f"tollbook.toml: sources.{source_name}"
    value = source_name or feed.name
    _columns_known(feed, source, where)
    if preset := PRESETS.get(source.format):
        if feed.name != preset.feed:
            raise WrongUsage(f"{where}: format {source.format} holds {preset.feed}, not {feed.name}")
        return _preset_layout(preset, feed, kind, source, where, value)
    listed = source.columns if isinstance(source.columns, list) else []
    if listed:
        if kind != "csv" or len({*listed}) != len(listed):
            raise WrongUsage(f"{where}.columns: a list names the columns of a headerless CSV, each once")
        header, columns = bool(source.header), listed
        layout = Layout(feed, kind, None, header, tuple(columns), {}, source.delimiter, source, value)
        if fault := layout.missing(listed, f"{where}.columns", None):
            raise WrongUsage(str(fault))
        return layout
    mapped = dict(source.columns) if isinstance(source.columns, dict) else {}
    return Layout(feed, kind, None, source.header is not False, (), mapped, source.delimiter, source, value)


def _columns_known(feed: Feed, source: SourceSettings, where: str) -> None:
    """Every canonical name that a declaration speaks of must be one."""
    known = [column.name for column in feed.columns]
    mapped = source.columns if isinstance(source.columns, dict) else {}
    for key, names in (("columns", mapped), ("constants", source.constants), ("values", source.values)):
        if wrong := [name for name in names if name not in known]:
            raise WrongUsage(f"{where}.{key}: found {wrong[0]!r}; expected columns of {feed.name}: {', '.join(known)}")
    both = [name for name in source.constants if name in mapped]
    if both:
        raise WrongUsage(f"{where}: {both[0]} stands in columns and in constants; expected it in one of them")
    if source.items is not None and source.format != "json":
        raise WrongUsage(f"{where}.items: found format {source.format}; expected it with format json only")
    preset = PRESETS.get(source.format)
    if source.leg and not (feed.name == "calls" and (preset is None or preset.tells_legs)):
        raise WrongUsage(f"{where}.leg: format {source.format} does not say which leg a record is; remove it")


def _preset_layout(preset: Preset, feed: Feed, kind: str, declared: SourceSettings, where: str, value: str) -> Layout:
    mapped = declared.columns if isinstance(declared.columns, dict) else {}
    if declared.columns and not mapped and not preset.columns:
        raise WrongUsage(f"{where}.columns: expected a map for format {declared.format}")
    for key, sentence in preset.asks.items():
        if key not in declared.model_fields_set:
            raise WrongUsage(f"{where}: {sentence}")
    silent = {key: meant for key, meant in preset.defaults.items() if key not in declared.model_fields_set}
    source = declared.model_copy(update=silent)
    if preset.columns:
        columns = _switch_columns(preset, source, where)
        names = {canonical: theirs for canonical, theirs in preset.names.items() if theirs in columns}
        canonical_too = {column.name for column in feed.columns}
        names |= {name: name for name in columns[len(preset.columns) :] if name in canonical_too}
        if source.leg and "leg" not in names:
            raise WrongUsage(
                f"{where}.leg: nothing in the {len(columns)} columns says which leg a record is. Let the switch write "
                "${direction} as a last column, list the columns with `leg` as the last, and say "
                'values = { leg = { inbound = "a", outbound = "b" } }'
            )
        header = source.header is not False
        return Layout(feed, kind, preset, header, tuple(columns), names, source.delimiter, source, value)
    names = {**preset.names, **mapped}
    return Layout(feed, kind, preset, True, (), names, source.delimiter, source, value)


def _switch_columns(preset: Preset, source: SourceSettings, where: str) -> list[str]:
    """The columns of a headerless file, in order; optional ones as declared."""
    if isinstance(source.columns, dict) and source.columns:
        raise WrongUsage(f"{where}.columns: expected a list of columns for format {source.format}")
    fixed, listed = list(preset.columns), list(source.columns)
    optional = listed[len(fixed) :] if listed[: len(fixed)] == fixed else listed
    wrong = [name for name in optional if name not in preset.optional]
    if wrong and not preset.optional:
        raise WrongUsage(f"{where}.columns: format {source.format} has the columns {', '.join(fixed)}")
    if wrong or len({*optional}) != len(optional):
        raise WrongUsage(
            f"{where}.columns: found {', '.join(optional)}; expected the columns after number {len(fixed)}, "
            f"each once, of {', '.join(preset.optional)}"
        )
    return [*fixed, *optional]
