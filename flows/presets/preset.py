"""What a layout says of itself. Read from the systems' own documentation and samples, never guessed from a file.

What a declaration in tollbook.toml can say too (`duration_unit`, `header`, `time_format` …) belongs into `defaults`: it
then means the same in a preset and in a declaration, and is read in one place. The other fields are what only a
layout can know of itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from flows.presets.cells import Fault, FileRows


def _as_named(_rows: FileRows) -> dict[str, pl.Expr]:
    return {}


@dataclass(frozen=True)
class Ask:
    """What a layout cannot know and its owner must declare."""

    sentence: str
    """How and why it is declared."""
    column: str = ""
    """The file's column (in JSON a dotted path) that it is about: its values are told, and each file is refused until
    they have a meaning. Without one the settings are refused before any file is read."""
    or_key: str = ""
    """Another key that answers too."""


@dataclass(frozen=True)
class Preset:
    """One layout, under the name that `format` gives it."""

    feed: Literal["calls", "messages"]
    kinds: tuple[str, ...]
    """The kinds of file it comes in (csv, jsonl, json, parquet), the first where the file's name says none."""
    names: Mapping[str, str]
    """canonical -> theirs; in JSON a dotted path."""
    json_names: Mapping[str, str] = field(default_factory=dict)
    """As `names`, of a system whose JSON calls things otherwise than its CSV."""
    headings: Mapping[str, str] = field(default_factory=dict)
    """What another version or view of a CSV calls a column, in small letters and digits -> its name in `names` or
    `also`; of two that the file has, the first. With them all headings are compared without case, blanks and signs."""
    columns: tuple[str, ...] = ()
    """The order of a file without header."""
    optional: tuple[str, ...] = ()
    """What may follow `columns` when the declaration lists it, in its order; of these a canonical name means itself."""
    any_order: bool = False
    """Whether its owner chooses which columns are written and in which order: `columns` is the usual choice, and a
    declared list of names from `columns` and `optional`, or canonical ones, stands for the whole line."""
    more_follow: bool = False
    """Whether cells that nobody reads may follow those of `columns`: each release of the switch writes some more."""
    leads: str = ""
    """A regular expression of the lines above the first record that are none: the release, the types of the columns."""
    mends: tuple[str, str] = ("", "")
    """A regular expression and what stands for it before a line is split, where the system leaves out quotes."""
    also: tuple[str, ...] = ()
    """Keys beside `names` that the cells are made from."""
    needs: tuple[str, ...] = ()
    """Canonical columns that a CSV header must have; else those that the feed requires."""
    pages: tuple[str, ...] = ()
    """The keys under which a JSON page holds its records."""
    inner: tuple[str, ...] = ()
    """How the keys begin under which a JSON record holds records of its own, which then stand in its place: those of
    the first of these that it has."""
    only_pages: bool = False
    """Whether a document without such a key is no page of this layout."""
    url_encoded: str = ""
    """How the keys begin whose values are URL-encoded, unless the declaration says that they are not."""
    by_segment: bool = False
    """Whether a row is a segment of the message that its message_id names; `cells` then finds which one in SEGMENT."""

    makes: tuple[str, ...] = ()
    """Canonical columns that `cells` works out, so that the file need not carry them."""
    cells: Callable[[FileRows], dict[str, pl.Expr]] = _as_named
    """The cells that stand in place of the plainly named ones; `own.<name>` are for `faults` and go no further."""
    faults: tuple[Fault, ...] = ()
    """What only this layout can find wrong, on the canonical text."""

    ends_in_causes: bool = False
    """Whether its dispositions are causes of hanging up, which an answered call has too: the answer stamp decides."""
    tells_legs: bool = False
    """Whether a record can say which leg of its call it is; else a declared `leg` means nothing and is refused."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a declaration -> what they are for this layout unless declared otherwise."""
    asks: Mapping[str, Ask] = field(default_factory=dict)
    """Keys that a declaration must have: what the layout cannot know."""


def words(text: str) -> tuple[str, ...]:
    """Names, written with blanks between."""
    return tuple(text.split())
