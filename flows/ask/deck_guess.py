"""Which declaration a price sheet may need: found by trying, shown to be confirmed; no run reads anything by it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.ask.sample import days_of
from flows.decks.content import Lines
from flows.decks.currencies import words_for
from flows.decks.formats import FORMATS, DeckFormat
from flows.home.file_settings import UNKNOWN_CURRENCY

HEAD = 400
"""Lines that are tried; the layout that fits is then read whole."""

_LOOK_FOR_HEADER = 40
_LIKE_NAMES = {
    "country_code": r"country.?code|^cc$|l[äa]nder?(kenn|vor)",
    "prefix": r"npa|prefix|dial|code|vorwahl|indicatif|prefijo|prefisso|rufnummer|kennzahl|area",
    "price": r"rate|price|cost|preis|tarif|prix|precio|per.?min|/ ?min|betrag|usd|eur|gbp",
    "destination": r"dest|country|description|ziel|land|name|zone|route|region|operator|network",
    "interval": r"interval|billing|increment|takt|block|rounding|pulse|factur|palier",
    "valid_from": r"effective|valid.?from|start|g[üu]e?ltig|date|from|datum",
    "valid_to": r"end|valid.?to|expir|until|bis",
    "connect_fee": r"connect|setup|fee|surcharge",
    "change": r"^(change|status|comment|action|type)",
}
"""What headings of sheets look like that have none of the usual names; only where the layout's own are not there."""

_FORMER = re.compile(r"old|prev|prior|former|before|alt")
"""Of two columns that look alike the one that does not say that it is over."""

_FIRST = re.compile(
    r"^(init|first|min).*(interval|increment|block|takt|pulse|period)|^min(imum)?[ _.-]*(s|secs?|seconds|duration)$"
)
"""A column of the seconds that a call is charged at the least."""

_CODE = re.compile(r"\+?[0-9][0-9 ,;/+-]*")
_PRICE = re.compile(r"[^0-9A-Za-z]*([A-Z]{3} ?)?[0-9]*[.,][0-9]+( ?[A-Z]{3})?")
_COMMA = re.compile(r"[^0-9]*[0-9]*,[0-9]+[^0-9]*")
_INTERVAL = re.compile(r"[0-9]+ ?/ ?[0-9]+")


@dataclass(frozen=True)
class Guess:
    """A declaration to be tried: keys of [decks.x], and key -> question for what the sheet does not say."""

    said: dict[str, Any]
    asked: dict[str, str] = field(default_factory=dict)


def guesses(lines: Lines, base: dict[str, Any], formats: Sequence[str]) -> Iterator[Guess]:
    """Declarations that could be meant, a few per layout. `base`: what the file's text says (encoding, delimiter)."""
    any_header = False
    for name in formats:
        header = _header(lines, FORMATS[name], strict=name not in ("az", "npanxx"))
        if header is not None:
            any_header = True
            yield _with_cells(lines, name, base, *header)
    if not any_header and "az" in formats:
        columns = _by_content(lines)
        if {"prefix", "price"} <= {*columns}:
            yield _with_cells(
                lines, "az", base, 0, {name: place for place, name in enumerate(columns) if name}, columns
            )


def _header(lines: Lines, layout: DeckFormat, *, strict: bool) -> tuple[int, dict[str, int], None] | None:
    """The line of the header and key -> place of its column; None where no line can be one."""
    for number, cells in lines[:_LOOK_FOR_HEADER]:
        names = [cell.strip().casefold() for cell in cells]
        if any(_PRICE.fullmatch(cell.strip()) for cell in cells):
            continue
        found = {
            key: names.index(usual[0])
            for key, all_usual in layout.headings.items()
            if (usual := [name for name in all_usual if name in names])
        }
        if not strict:
            found |= _alike(names, found, layout)
        if all(key in found for key in layout.needs):
            return number, found, None
    return None


def _alike(names: list[str], found: dict[str, int], layout: DeckFormat) -> dict[str, int]:
    """Keys -> columns whose headings look like theirs, each column once."""
    taken, alike = {*found.values()}, {}
    for key, pattern in _LIKE_NAMES.items():
        if key in found or key not in layout.headings:
            continue
        likely = [at for at, name in enumerate(names) if at not in taken and re.search(pattern, name)]
        place = min(likely, key=lambda at: bool(_FORMER.search(names[at])), default=None)
        if place is not None:
            taken.add(place)
            alike[key] = place
    if "country_code" in alike and "prefix" not in {*found, *alike}:
        alike["prefix"] = alike.pop("country_code")
    return alike


def _by_content(lines: Lines) -> list[str]:
    """Names of the columns of a sheet without header, by what stands in them; "" where nothing can be told."""
    rows = [cells for _, cells in lines[:HEAD] if sum(bool(cell.strip()) for cell in cells) > 1]
    width = max((len(cells) for cells in rows), default=0)
    names: list[str] = []
    for place in range(width):
        cells = [cells[place].strip() for cells in rows if place < len(cells) and cells[place].strip()]
        kinds = [
            ("price", _PRICE), ("interval", _INTERVAL), ("prefix", _CODE), ("destination", re.compile(r".*[^\W\d].*")),
        ]  # fmt: skip
        told = next((name for name, shape in kinds if cells and all(shape.fullmatch(cell) for cell in cells)), "")
        told = "valid_from" if cells and days_of(cells) and told != "prefix" else told
        names.append(told if told not in names else "")
    return names


def _with_cells(
    lines: Lines, name: str, base: dict[str, Any], header: int, places: dict[str, int], listed: list[str] | None
) -> Guess:
    """What the cells below the header say of the rest: decimals, days, how seconds are counted, the currency."""
    layout = FORMATS[name]
    names = next((cells for number, cells in lines if number == header), [])
    below = [cells for number, cells in lines[:HEAD] if number > header]
    if listed is None and "increment_s" in layout.headings:
        places = _in_seconds(places, [name.strip().casefold() for name in names], below)

    def cells(*keys: str) -> list[str]:
        told = [row[places[key]].strip() for key in keys if key in places for row in below if places[key] < len(row)]
        return [cell for cell in told if cell]

    said: dict[str, Any] = {"currency": UNKNOWN_CURRENCY, "format": name, **base}
    asked: dict[str, str] = {}
    if listed is not None:
        said["columns"] = listed
    else:
        usual = {key for key, at in places.items() if names[at].strip().casefold() in layout.headings[key]}
        if mapped := {key: names[at] for key, at in places.items() if key not in usual}:
            said["columns"] = mapped
        if header > 1:
            said["skip_rows"] = header - 1
    priced = cells(*layout.priced)
    if priced and sum(bool(_COMMA.fullmatch(cell)) for cell in priced) * 2 > len(priced):
        said["decimal"] = ","
    _days(cells("valid_from", "valid_to"), said, asked, name)
    if name in ("az", "npanxx") and not {"interval", "increment_s"} & {*places}:
        said["defaults"] = {"increment_s": "60"}
        asked["defaults"] = "the sheet does not say how seconds are counted: ask (60, 1, 6 with minimum_s = 30 …)"
    titles = " ".join(" ".join(row) for number, row in lines if number < header)
    headings = " ".join(names[places[key]] for key in layout.priced if key in places and names)
    stated = words_for(headings) or words_for(titles) or words_for(" ".join(priced[:50]))
    if len(stated) == 1:
        said["currency"] = stated.pop()
    elif "USD" in stated and "$" in headings + titles + " ".join(priced[:50]):
        said["currency"] = "USD"
        asked["currency"] = "the sheet says $: which one?"
    else:
        asked["currency"] = "the sheet does not say it"
    if name != "tollbook" and "valid_from" not in places:
        asked["valid_from"] = "the day from which these prices hold, such as 2026-01-01"
    return Guess(said, asked)


def _in_seconds(places: dict[str, int], names: list[str], below: list[list[str]]) -> dict[str, int]:
    """Where a column that is called like an interval (60/1) holds whole seconds, it is the step in which they are
    counted; one beside it that says so holds the first seconds. What could be either is left to be refused."""

    def is_seconds(place: int) -> bool:
        cells = [row[place].strip() for row in below if place < len(row) and row[place].strip()]
        return bool(cells) and all(cell.isdecimal() for cell in cells)

    taken = {place for key, place in places.items() if key != "interval"}
    free = [place for place in range(len(names)) if place not in taken and is_seconds(place)]
    alike = [place for place in free if re.search(_LIKE_NAMES["interval"], names[place])]
    first = [place for place in free if _FIRST.search(names[place])]
    steps = [place for place in alike if place not in first]
    if places.get("interval") not in alike or len(steps) != 1 or len(first) > 1:
        return places
    counted = {"increment_s": steps[0]} | ({"minimum_s": first[0]} if first else {})
    return {key: place for key, place in places.items() if key != "interval"} | counted


def _days(cells: list[str], said: dict[str, Any], asked: dict[str, str], name: str) -> None:
    if not cells or name == "a2billing":
        return
    fits = days_of(cells)
    if fits and fits[0] != "%Y-%m-%d":
        said["date_format"] = fits[0]
        if len(fits) > 1:
            asked["date_format"] = f"or {' or '.join(fits[1:])}: these days fit {'both' if len(fits) == 2 else 'all'}"
