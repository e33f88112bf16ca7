"""`tollbook deck try`: a price sheet as it would be read, and the [decks.x] block to paste. It needs no home.

The layouts are tried with the very code that a run reads decks with; the one that reads most rows is shown.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from flows.ask.deck_guess import HEAD, Guess, guesses
from flows.ask.sample import content_of, delimiter_of, encoding_of, name_for, toml_block
from flows.decks.content import Lines, is_workbook, lines_of, sheet_names
from flows.decks.deck_file import DeckFile, no_overlap, tried_deck
from flows.decks.formats import FORMATS
from flows.decks.look import look, look_lines
from flows.home.file_settings import UNKNOWN_CURRENCY, DeckSettings
from schemas.counts import count_of
from schemas.errors import Fault, WrongUsage

RATES = "catalog/rates"
"""Where a home has its decks."""
_SHEETS = 5
_SHOWN = 10


@dataclass(frozen=True)
class Attempt:
    """A declaration tried: the deck, the faults of its lines, or why it cannot be read at all."""

    settings: DeckSettings
    guess: Guess
    deck: DeckFile | None = None
    faults: list[Fault] = field(default_factory=list)
    reason: str = ""

    @property
    def good_lines(self) -> int:
        """Lines with rows and without a fault."""
        if self.deck is None:
            return 0
        return self.deck.table["line"].n_unique()

    @property
    def said(self) -> str:
        """What came of it, in a few words."""
        if self.good_lines or not (self.reason or self.faults):
            return count_of(self.good_lines, "line")
        return self.reason or str(self.faults[0])

    @property
    def worth(self) -> tuple[int, int, int, int]:
        """More lines read, fewer faults, fewer columns left over, fewer names that had to be told."""
        unused = len(self.deck.unused) if self.deck else 99
        return self.good_lines, -len(self.faults), -unused, -len(self.settings.columns)


@dataclass(frozen=True)
class DeckTrial:
    """What `deck try` says."""

    name: str
    file: str
    best: Attempt | None
    tried: dict[str, str]
    today: date

    @property
    def incomplete(self) -> bool:
        return self.best is None or bool(self.best.faults)

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"file": self.file, "layout": None, "tried": self.tried}
        if self.best is None or self.best.deck is None:
            return told
        best, deck = self.best, self.best.deck
        return told | {
            "layout": best.settings.format if best.good_lines else None,
            "currency": None if deck.currency == UNKNOWN_CURRENCY else deck.currency,
            "lines_read": best.good_lines,
            "rows": deck.table.height,
            **look(deck, self.today),
            "left_out": [str(fault) for fault in deck.skipped],
            "rejects": [str(fault) for fault in best.faults],
            "asked": best.guess.asked,
            "settings": "\n".join(self._block()),
        }

    def lines(self) -> list[str]:
        if self.best is None or self.best.deck is None:
            reasons = [f"  {name}: {reason}" for name, reason in self.tried.items()]
            return [f"{self.file}: no layout of ours fits", *reasons]
        best, deck = self.best, self.best.deck
        seen = look(deck, self.today)
        fits = "fits" if best.good_lines else "comes nearest to"
        counts = f"{count_of(best.good_lines, 'line')} read, {count_of(len(best.faults), 'fault')}"
        said = [f"{self.file}: {fits} format {best.settings.format}: {counts}"]
        said += look_lines(seen, deck.currency)
        said += _some("left out", deck.skipped) + _some("cannot be read", best.faults)
        others = ", ".join(f"{name} {told}" for name, told in self.tried.items() if told.endswith((" line", " lines")))
        return [*said, *([f"  lines read by layout: {others}"] if others else []), "", *self._block()]

    def _block(self) -> list[str]:
        assert self.best is not None, "a block is of the layout that fits"
        guess = self.best.guess
        usual = {"format": "tollbook", "currency": UNKNOWN_CURRENCY}
        said = {key: value for key, value in guess.said.items() if usual.get(key) != value}
        block = toml_block(f"decks.{self.name}", {"file": Path(self.file).name, **said}, guess.asked)
        return [f"# {RATES}/{Path(self.file).name} is where the file is looked for", *block]


def _some(word: str, faults: Sequence[Fault]) -> list[str]:
    more = [f"  {word}: and {len(faults) - _SHOWN} more"] if len(faults) > _SHOWN else []
    return [f"  {word}: {fault}" for fault in faults[:_SHOWN]] + more


def try_deck(
    path: Path,
    today: date,
    *,
    layout: str | None = None,
    like: DeckSettings | None = None,
    currency: str | None = None,
    taken: Collection[str] = (),
) -> DeckTrial:
    """Tries every layout on a file, or `layout` alone, or reads it as the declaration `like` says. `taken`: names of
    decks that the settings have already.

    Raises WrongUsage for a file that cannot be read.
    """
    content, file, name = content_of(path), str(path), name_for(path, taken)
    if like is not None:
        said = {key: value for key, value in like.model_dump().items() if key in like.model_fields_set - {"file"}}
        attempts = [_attempt(list(lines_of(content, file, like)), file, name, Guess(said))]
    else:
        formats = [layout] if layout else list(FORMATS)
        attempts = []
        for base in _bases(content):
            first = DeckSettings.model_validate({"file": file, "currency": UNKNOWN_CURRENCY, **base})
            lines = list(lines_of(content, file, first))
            likely = [_priced_in(guess, currency) for guess in guesses(lines, base, formats)]
            tried = [_attempt(lines[:HEAD], file, name, guess) for guess in likely]
            best_of = _best(tried)
            attempts += [_whole(attempt, lines, file, name) for attempt in best_of]
            attempts += [attempt for attempt in tried if not any(attempt is one for one in best_of)]
    told = dict.fromkeys([layout] if layout else FORMATS, "its columns are not there")
    for attempt in sorted(attempts, key=lambda attempt: attempt.worth):
        told[attempt.settings.format] = attempt.said
    best = max((attempt for attempt in attempts if attempt.deck), key=lambda attempt: attempt.worth, default=None)
    return DeckTrial(name, file, best, told, today)


def _bases(content: bytes) -> list[dict[str, Any]]:
    """How the file's text may be written: of a workbook its sheets, of a CSV its encoding and what separates cells."""
    if is_workbook(content):
        names = sheet_names(content)
        return [{}, *({"sheet": name} for name in names[1:_SHEETS])]
    encoding = encoding_of(content)
    mark = delimiter_of(content[:200_000].decode(encoding, errors="replace").lstrip("\ufeff"))
    said = {"encoding": encoding} if encoding != "utf-8" else {}
    return [said | ({"delimiter": mark} if mark != "," else {})]


def _best(attempts: list[Attempt]) -> list[Attempt]:
    readable = [attempt for attempt in attempts if attempt.good_lines]
    return [max(readable, key=lambda attempt: attempt.worth)] if readable else []


def _priced_in(guess: Guess, currency: str | None) -> Guess:
    """The guess in the currency that was given with the command, if one was."""
    if currency is None:
        return guess
    asked = {key: question for key, question in guess.asked.items() if key != "currency"}
    return Guess(guess.said | {"currency": currency}, asked)


def _whole(attempt: Attempt, lines: Lines, file: str, name: str) -> Attempt:
    """The attempt on the whole file, with what its asides and its overlaps need."""
    said, asked = dict(attempt.guess.said), dict(attempt.guess.asked)
    found = _attempt(lines, file, name, Guess(said, asked))
    if any(fault.column is None and fault.expected == "a rate" for fault in found.faults):
        said["skip_unparsable"] = True
        found = _attempt(lines, file, name, Guess(said, asked))
    if found.deck is not None and not found.faults:
        try:
            no_overlap(found.deck.table, file)
        except WrongUsage:
            said["supersede"] = True
            asked["supersede"] = "a code stands there more than once: does the later row end the earlier one?"
            found = _attempt(lines, file, name, Guess(said, asked))
    return found if found.deck is not None else attempt


def _attempt(lines: Lines, file: str, name: str, guess: Guess) -> Attempt:
    settings = DeckSettings.model_validate({"file": file, **guess.said})
    try:
        deck, faults = tried_deck(lines, file, name, settings)
    except WrongUsage as error:
        return Attempt(settings, guess, reason=str(error).splitlines()[0])
    faulty = pl.col("line").is_in([fault.line for fault in faults if fault.line is not None])
    return Attempt(settings, guess, replace(deck, table=deck.table.filter(~faulty)), faults)
