"""Where a sample lies in a home: which declared sources take it, and a `path` that would."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

from flows.ask.sample import name_for
from flows.home.file_settings import SourceSettings
from flows.home.inbox import absolute, owners_of
from flows.ingest.layouts import KINDS


@dataclass(frozen=True)
class Place:
    """A sample, the home that it may be for, and the sources declared there."""

    file: Path
    root: Path | None = None
    sources: Mapping[str, SourceSettings] = field(default_factory=dict)

    @property
    def below_home(self) -> tuple[str, ...]:
        """Its parts below the home; none where it lies elsewhere."""
        if self.root is None or not absolute(self.file).is_relative_to(absolute(self.root)):
            return ()
        return absolute(self.file).relative_to(absolute(self.root)).parts

    @property
    def in_inbox(self) -> bool:
        """Whether `ingest` looks at it where it lies."""
        return self.below_home[:1] == ("inbox",)

    @property
    def owners(self) -> list[str]:
        """The sources whose path takes it."""
        return self._taken_by(self.below_home) if self.in_inbox else []

    def _taken_by(self, parts: tuple[str, ...]) -> list[str]:
        return owners_of({name: Path(source.path).parts for name, source in self.sources.items()}, parts)

    @property
    def new_name(self) -> str:
        """A name for a table [sources.x] that the home does not have yet."""
        return name_for(self.file, self.sources)

    def new_path(self, feed: str) -> str:
        """A glob below the home that takes it: where it lies, or, outside of the inbox, in a folder of its own that no
        declared source reaches."""
        if self.in_inbox:
            return "/".join([*map(escape, self.below_home[:-1]), self._pattern()])
        ending, name = ending_of(self.file), self.new_name
        folders = [("inbox", feed, name), ("inbox", name)]
        free = next((folder for folder in folders if not self._taken_by((*folder, self.file.name))), folders[0])
        return "/".join([*free, f"*{ending}"])

    def _pattern(self) -> str:
        """For the file and those of its folder that differ from it in digits alone: all of its ending, where there are
        no others."""
        name, ending = self.file.name, ending_of(self.file)
        stem = name.removesuffix(ending)
        alike = (
            "*".join(escape(part) for part in re.split("[0-9]+", stem))
            if re.search("[0-9]", stem)
            else escape(stem) + "*"
        )
        there = [entry.name for entry in os.scandir(self.file.parent) if not entry.is_dir()]
        for pattern in (f"*{ending}", alike + ending):
            taken = [other for other in there if fnmatchcase(other, pattern)]
            if name in taken and {_without_digits(other) for other in taken} == {_without_digits(name)}:
                return pattern
        return escape(name)


def settled(place: Place, feed: str) -> tuple[str, str, list[str]]:
    """Name and path of the table to paste, and what to know of both, as comments. Where one source takes the file it is
    that one's place: two may not take one file."""
    if len(place.owners) == 1:
        (owner,) = place.owners
        return owner, place.sources[owner].path, [f"# in the place of [sources.{owner}], which takes this file"]
    path = place.new_path(feed)
    return place.new_name, path, where_it_goes(place, path)


def where_it_goes(place: Place, path: str) -> list[str]:
    """As a comment, what to do with a file that a path does not take where it lies."""
    if len(place.owners) > 1:
        listed = ", ".join(f"[sources.{owner}]" for owner in place.owners)
        return [f"# {listed} take this file: it is refused until only one does"]
    below = place.below_home if place.in_inbox else ()
    if below and owners_of({"": Path(path).parts}, below):
        return []
    folder = path.rpartition("/")[0]
    into = f"where {path} takes it" if any(mark in folder for mark in "*?[") else f"into {folder}/ of the home"
    if place.in_inbox:
        return [f"# that path does not take the file where it lies: move it {into}"]
    return [f"# the file lies outside of the inbox: put it {into}"]


def home_around(file: Path) -> Path | None:
    """The home in which a file lies."""
    return next((folder for folder in absolute(file).parents if (folder / "tollbook.toml").is_file()), None)


def _without_digits(name: str) -> str:
    return re.sub("[0-9]+", "#", name)


def ending_of(file: Path) -> str:
    """What files like this one end in: of a name with more points, what says the kind of file."""
    endings = file.suffixes
    known = {".gz", *(f".{kind}" for kind in KINDS)}
    if endings and endings[-1] in known:
        return "".join(endings[-2:] if {*endings[-2:]} <= known else endings[-1:])
    return "".join(endings)
