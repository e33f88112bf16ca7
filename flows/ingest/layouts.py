"""How one file is read: the declaration of its source, checked, with the layout it names (flows/presets/).

A layout is declared in tollbook.toml, never guessed; one that cannot be meant is refused before any file is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flows.home.file_settings import PLAIN_FORMATS, SourceSettings
from flows.ingest.idle_keys import refuse_idle
from flows.presets.known import PRESETS
from flows.presets.preset import Ask, Preset
from schemas.errors import Fault, WrongUsage
from schemas.feed import Feed
from schemas.feeds import FEEDS

KINDS = PLAIN_FORMATS
"""The kinds of file; each is a layout too, that of whatever `columns` says."""


def kinds_of(source: SourceSettings) -> tuple[str, ...]:
    """The kinds of file a source may have, the first where the file's name says none."""
    preset = PRESETS.get(source.format)
    return preset.kinds if preset else (source.format,)


@dataclass(frozen=True)
class Layout:
    """How one file is read. `columns`: names of a headerless file, in order; `names`: canonical -> the file's name;
    `joined`: canonical -> the file's names, where a blank joins several.

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
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()
    """What its preset cannot know and the declaration does not say, and only values of the file tell of."""

    def name_of(self, canonical: str) -> str:
        """What the file calls a canonical column: what a reject shows to its reader."""
        return self.names.get(canonical, canonical)

    def names_of(self, canonical: str) -> tuple[str, ...]:
        """The file's columns that make a canonical one; usually one."""
        return self.joined.get(canonical) or (self.name_of(canonical),)

    def is_mapped(self, canonical: str, present: Sequence[str]) -> bool:
        """Whether the file has the column and means it: its declaration or preset names it, or it stands under its own
        name in a file of a declared source. A canonical file without a source may have every column and fill few; a
        record of JSON may leave a key out."""
        is_own = self.source is not None and not self.kind.startswith("json")
        return (canonical in self.names or is_own) and {*self.names_of(canonical)} <= {*present}

    @property
    def reads(self) -> tuple[str, ...]:
        """The keys of a JSON record that cells are made from."""
        also = self.preset.also if self.preset else ()
        named = [name for column in self.feed.columns for name in self.names_of(column.name)]
        return tuple(dict.fromkeys([*named, *self._id_from(), *also]))

    def _id_from(self) -> list[str]:
        """Columns of the file that only its ids are made from."""
        canonical = {column.name for column in self.feed.columns}
        return [name for name in (self.source.call_id_from if self.source else []) if name not in canonical]

    def missing(self, present: Sequence[str], file: str, line: int | None) -> Fault | None:
        """The fault of a header that lacks a required column, or None."""
        lacks = self._lacks(present)
        if not lacks:
            return None
        found = ", ".join(present)
        found = f"the columns {found}" if len(found) < 300 else f"{len(present)} columns without it"
        expected = "the column " + ", ".join(lacks)
        other = next((mark for mark in ";\t|" if any(mark in name for name in present)), None)
        remedy = undeclared(self.feed, self.source, file)
        if other and other != self.delimiter:
            expected += f", separated by {self.delimiter!r}"
            declare = f"If the file separates by {other!r}, declare a source with delimiter = {other!r}."
            remedy = f"{declare} {remedy}".strip()
        return Fault(file, line, lacks[0], found, expected, remedy)

    def _lacks(self, present: Sequence[str]) -> list[str]:
        """What the file calls the columns that it should have and has not."""
        given = self._given()
        preset = self.preset
        if preset and preset.needs:
            needs = [self.name_of(name) for name in preset.needs if name not in given | {*_there(self, present)}]
            return needs + [name for name in self._id_from() if name not in present]
        here = {*_there(self, present)}
        absent = [name for name in self.feed.required if name not in given | here]
        lacks = [theirs for name in absent for theirs in self.names_of(name) if theirs not in present]
        pairs = [pair for pair in self.feed.one_of if not (here | given) & {*pair}]
        lacks += [f"{self.name_of(a)}|{self.name_of(b)}" for a, b in pairs]
        declared = [name for canonical in self.names for name in self.names_of(canonical) if name not in present]
        declared += [name for name in self._id_from() if name not in present]
        return list(dict.fromkeys([*lacks, *declared]))

    def _given(self) -> set[str]:
        """Canonical columns that the declaration or the layout fills, so that the file need not carry them."""
        if self.source is None:
            return set()
        given = {*self.source.constants, *(self.preset.makes if self.preset else ())}
        given |= {"direction"} if self.source.direction else set()
        given |= {"duration_s"} if self.source.duration_from else set()
        given |= {self.feed.key[1]} if self.source.call_id_from else set()
        return given | ({"account_id"} if self.source.account_id else set())


def undeclared(feed: Feed, source: SourceSettings | None, file: str) -> str:
    """What to do about usage that cannot be read because nobody has declared how: it is read by our own names where no
    source takes it."""
    if source is not None or not feed.is_usage:
        return ""
    return f"No [sources.x] path takes this file; `tollbook source try {file}` proposes one."


def _there(layout: Layout, present: Sequence[str]) -> list[str]:
    return [column.name for column in layout.feed.columns if {*layout.names_of(column.name)} <= {*present}]


def layout_of(feed: Feed, source_name: str | None, source: SourceSettings | None, kind: str) -> Layout:
    """The layout of a file of `kind` (csv, jsonl, json, parquet). Raises WrongUsage for what cannot be meant."""
    if source is None:
        return Layout(feed, kind, source_value=source_name or feed.name)
    where = f"tollbook.toml: sources.{source_name}"
    value = source_name or feed.name
    _columns_known(feed, source, where)
    refuse_idle(feed, source, PRESETS.get(source.format), kinds_of(source), where)
    if preset := PRESETS.get(source.format):
        if feed.name != preset.feed:
            raise WrongUsage(f"{where}: format {source.format} holds {preset.feed}, not {feed.name}")
        return _preset_layout(preset, feed, kind, source, where, value)
    listed = source.columns if isinstance(source.columns, list) else []
    if listed:
        columns, joined = _each_once(feed, listed)
        if kind not in ("csv", "xlsx") or len({*columns}) != len(columns):
            raise WrongUsage(f"{where}.columns: a list names the columns of a headerless CSV, each once")
        names = {canonical: joined_name(parts) for canonical, parts in joined.items()}
        layout = Layout(feed, kind, None, bool(source.header), columns, names, source.delimiter, source, value, joined)
        if fault := layout.missing(columns, f"{where}.columns", None):
            raise WrongUsage(str(fault))
        return layout
    names, joined = _mapped(source)
    return Layout(feed, kind, None, source.header is not False, (), names, source.delimiter, source, value, joined)


def joined_name(parts: Sequence[str]) -> str:
    """What columns that are joined are called together: what a reject shows to its reader."""
    return " + ".join(parts)


def _each_once(feed: Feed, listed: list[str]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """The columns of a headerless file under names of their own; a canonical name that comes twice is joined."""
    canonical = {column.name for column in feed.columns}
    columns: list[str] = []
    joined: dict[str, tuple[str, ...]] = {}
    for name in listed:
        again = name in canonical and listed.count(name) > 1
        columns.append(f"{name} {_parts_before(columns, name) + 1}" if again else name)
        if again:
            joined[name] = (*joined.get(name, ()), columns[-1])
    return tuple(columns), joined


def _parts_before(columns: Sequence[str], name: str) -> int:
    """How many of the columns are parts of `name` already."""
    return sum(column.rpartition(" ")[0] == name for column in columns)


def _mapped(source: SourceSettings) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """canonical -> the file's name, as a reader is told it; and of those that several columns make, these."""
    mapped = source.columns if isinstance(source.columns, dict) else {}
    joined = {canonical: tuple(theirs) for canonical, theirs in mapped.items() if not isinstance(theirs, str)}
    names = {canonical: theirs for canonical, theirs in mapped.items() if isinstance(theirs, str)}
    return names | {canonical: joined_name(parts) for canonical, parts in joined.items()}, joined


def _columns_known(feed: Feed, source: SourceSettings, where: str) -> None:
    """Every canonical name that a declaration speaks of must be one."""
    known = [column.name for column in feed.columns]
    mapped = source.columns if isinstance(source.columns, dict) else {}
    for key, names in (("columns", mapped), ("constants", source.constants), ("values", source.values)):
        if wrong := [name for name in names if name not in known]:
            raise WrongUsage(f"{where}.{key}: found {wrong[0]!r}; expected columns of {feed.name}: {', '.join(known)}")
    if empty := [name for name, theirs in mapped.items() if not theirs]:
        raise WrongUsage(f"{where}.columns: found no column for {empty[0]}; expected one or more")
    both = [name for name in source.constants if name in mapped]
    if both:
        raise WrongUsage(f"{where}: {both[0]} stands in columns and in constants; expected it in one of them")
    preset = PRESETS.get(source.format)
    if source.leg and not (feed.name == "calls" and (preset is None or preset.tells_legs)):
        raise WrongUsage(f"{where}.leg: format {source.format} does not say which leg a record is; remove it")


def _preset_layout(preset: Preset, feed: Feed, kind: str, declared: SourceSettings, where: str, value: str) -> Layout:
    mapped, joined = _mapped(declared)
    if declared.columns and not mapped and not preset.columns:
        raise WrongUsage(f"{where}.columns: expected a map for format {declared.format}")
    open_asks = [ask for key, ask in preset.asks.items() if not {key, ask.or_key} & declared.model_fields_set]
    if silent_asks := [ask for ask in open_asks if not ask.column]:
        raise WrongUsage(f"{where}: {silent_asks[0].sentence}")
    asks = tuple(open_asks)
    silent = {key: meant for key, meant in preset.defaults.items() if key not in declared.model_fields_set}
    source = declared.model_copy(update=silent)
    if preset.columns:
        columns = _switch_columns(preset, source, where)
        names = {ours: theirs for ours, theirs in preset.names.items() if preset.any_order or theirs in columns}
        canonical_too = {column.name for column in feed.columns}
        names |= {name: name for name in columns if name not in preset.columns and name in canonical_too}
        if source.leg and "leg" not in {*names, *preset.makes}:
            raise WrongUsage(
                f"{where}.leg: nothing in the {len(columns)} columns says which leg a record is. Let the switch write "
                "${direction} as a last column, list the columns with `leg` as the last, and say "
                'values = { leg = { inbound = "a", outbound = "b" } }'
            )
        header = source.header is not False
        layout = Layout(feed, kind, preset, header, tuple(columns), names, source.delimiter, source, value, asks=asks)
        if preset.any_order and (fault := layout.missing(columns, f"{where}.columns", None)):
            raise WrongUsage(str(fault))
        return layout
    own = preset.json_names if preset.json_names and kind in ("json", "jsonl") else preset.names
    names = {**own, **mapped}
    return Layout(feed, kind, preset, True, (), names, source.delimiter, source, value, joined, asks)


def _switch_columns(preset: Preset, source: SourceSettings, where: str) -> list[str]:
    """The columns of a headerless file, in order; optional ones as declared."""
    if isinstance(source.columns, dict) and source.columns:
        raise WrongUsage(f"{where}.columns: expected a list of columns for format {source.format}")
    fixed, listed = list(preset.columns), list(source.columns)
    if preset.any_order and listed:
        return _chosen_columns(preset, listed, where)
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


def _chosen_columns(preset: Preset, listed: list[str], where: str) -> list[str]:
    """The columns of a line whose owner chose them, as listed."""
    known = {*preset.columns, *preset.optional}
    canonical = {column.name for column in FEEDS[preset.feed].columns}
    wrong = [name for name in listed if name not in known | canonical]
    if wrong or len({*listed}) != len(listed):
        found = ", ".join(wrong or listed)
        expected = ", ".join([*preset.columns, *preset.optional])
        raise WrongUsage(
            f"{where}.columns: found {found}; expected all columns of a line in their order, each once, of {expected}, "
            "or our names"
        )
    return listed
