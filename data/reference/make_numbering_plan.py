"""Makes numbering_plan.csv: digits prefix -> country, region, class of number, from the phonenumbers package.

Run `python data/reference/make_numbering_plan.py` after that package was updated, and read the difference.

The package tells a number's region by patterns over whole numbers. Here each calling code is walked digit by
digit: a prefix is asked which (country, class) its numbers can still turn out to be, and divided further while
there is more than one answer. What comes out is read by longest prefix.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import phonenumbers
import regex
from phonenumbers import PhoneMetadata
from phonenumbers.geodata import GEOCODE_DATA
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

HERE = Path(__file__).parent
DEPTH = 6
"""National digits after which a prefix is divided no further: Christmas Island's 8510 01 needs six."""
CLASS_DEPTH = 5
"""Classes are told by so many national digits, or not at all. A sixth would settle 2 % more prefixes, most of them
blocks of a thousand numbers that move between fixed and mobile."""

NANP = 1
WORLD = "001"
"""The package's region for calling codes that belong to no country."""
WORLD_CLASS = {800: "toll_free", 808: "shared_cost", 979: "premium"}

CLASSES = {
    "premium_rate": "premium",
    "toll_free": "toll_free",
    "shared_cost": "shared_cost",
    "voip": "voip",
    "personal_number": "special",
    "pager": "special",
    "uan": "",
    "voicemail": "",
    "fixed_line": "fixed",
    "mobile": "mobile",
}
"""The package's types of number, in the order in which it tries them, and what the plan calls them. Where one pattern
is that of fixed and of mobile numbers (all of +1 in the US and Canada) nothing tells them apart: no class."""

OF_A_PLACE = ("", "fixed", "mobile", "voip")
"""Classes whose numbers belong to one country of a calling code that several share."""

STATES_AND_PROVINCES = """
    AB Alberta; BC British Columbia; BC British Colombia; MB Manitoba; NB New Brunswick; NS Nova Scotia;
    NL Newfoundland and Labrador; ON Ontario; PE Prince Edward Island; QC Quebec; SK Saskatchewan; AL Alabama;
    AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; DE Delaware; FL Florida;
    GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana;
    ME Maine; MD Maryland; MA Massachusetts; MI Michigan; MN Minnesota; MS Mississippi; MO Missouri; MT Montana;
    NE Nebraska; NV Nevada; NH New Hampshire; NJ New Jersey; NM New Mexico; NY New York; NC North Carolina;
    ND North Dakota; OH Ohio; OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; SC South Carolina;
    SD South Dakota; TN Tennessee; TX Texas; UT Utah; VT Vermont; VA Virginia; WA Washington State;
    DC Washington D.C.; WV West Virginia; WI Wisconsin; WY Wyoming
"""
REGION_CODES = {
    name: code for code, _, name in (pair.strip().partition(" ") for pair in STATES_AND_PROVINCES.split(";"))
}
"""The geocoder writes a whole state or province by its name, a city as `Dallas, TX`."""


@dataclass(frozen=True, order=True)
class Row:
    """One line of the plan; empty text where nothing is known."""

    prefix: str
    country: str
    region: str
    number_class: str


@cache
def _types(regions: tuple[str, ...]) -> dict[str, list[tuple[regex.Pattern[str], str]]]:
    """Region -> (pattern of whole national numbers, class) of each of its types of number.

    A pattern that an earlier region of the calling code has too is left out: the earlier one is always found first.
    """
    seen: set[str] = set()
    types: dict[str, list[tuple[regex.Pattern[str], str]]] = {}
    for region in regions:
        metadata = PhoneMetadata.metadata_for_region(region)
        kinds = [(getattr(metadata, kind), name) for kind, name in CLASSES.items()]
        own = [(kind.national_number_pattern, name) for kind, name in kinds if kind is not None]
        types[region] = [(regex.compile(text), name) for text, name in own if text and text not in seen]
        seen.update(text for text, _ in own if text)
    return types


@cache
def _leading(region: str) -> regex.Pattern[str] | None:
    metadata = PhoneMetadata.metadata_for_region(region)
    digits = metadata and metadata.leading_digits
    return regex.compile(digits) if digits else None


def _possible(regions: tuple[str, ...], prefix: str) -> list[tuple[str, str]]:
    """(country, class) that numbers beginning with `prefix` can have, in the package's order of regions.

    A region that declares leading digits owns what begins with them; the others own what their patterns match.
    """
    found: list[tuple[str, str]] = []
    for region in regions:
        leading = _leading(region)
        classes = {name for pattern, name in _types(regions)[region] if pattern.fullmatch(prefix, partial=True)}
        if leading is None:
            found += [(region, name) for name in sorted(classes)]
        elif leading.match(prefix):
            return found + [(region, name) for name in sorted(classes)]
        elif leading.match(prefix, partial=True):
            found.append((region, ""))
    return found


def _divided(code: int, regions: tuple[str, ...], national: str = "") -> list[Row]:
    """Rows of one calling code below `national`: a single one where all answers agree."""
    possible = _possible(regions, national)
    if not possible:
        return []
    country = possible[0][0]
    several = len({country for country, _ in possible}) > 1
    number_class = _only(name for _, name in possible)
    # Freephone and premium numbers serve a whole calling code: the package calls them its first country's.
    settled = number_class is not None and (not several or number_class not in OF_A_PLACE)
    if settled or len(national) >= (DEPTH if several else CLASS_DEPTH):
        return [Row(f"{code}{national}", country, "", number_class or "")]
    parts = [row for digit in "0123456789" for row in _divided(code, regions, national + digit)]
    answers = {(row.country, row.number_class) for row in parts}
    return [replace(parts[0], prefix=f"{code}{national}")] if len(answers) == 1 else parts


def _only(classes: Iterable[str]) -> str | None:
    """The class that all of them are, else None."""
    different = set(classes)
    return different.pop() if len(different) == 1 else None


def _state(area: str) -> str:
    """State or province of a North American area code: the geocoder's, else the one of all places it names there."""
    whole = _code(GEOCODE_DATA.get(f"1{area}", {}).get("en", ""))
    code = whole if len(whole) == 2 else _only(_named_states().get(area, ())) or ""
    return code if len(code) == 2 else ""


def _code(name: str) -> str:
    """`Dallas, TX` and `Texas` -> TX; a name that is neither stays as it is."""
    last = name.rpartition(", ")[2]
    return last if len(last) == 2 and last.isupper() else REGION_CODES.get(name, name)


@cache
def _named_states() -> dict[str, set[str]]:
    """Area code -> states and provinces of the places that the geocoder names under it."""
    states: dict[str, set[str]] = {}
    for prefix, names in GEOCODE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4 and "en" in names:
            states.setdefault(prefix[1:4], set()).add(_code(names["en"]))
    return states


def _north_america(regions: tuple[str, ...]) -> Iterator[Row]:
    """A row per area code in use; none for +1 alone: an area code of tomorrow is of no country, not of the US."""
    for area in (str(n) for n in range(200, 1000)):
        possible = _possible(regions, area)
        if possible:
            country = possible[0][0]
            number_class = _only(name for region, name in possible if region == country)
            yield Row(f"1{area}", country, _state(area) if country in ("US", "CA") else "", number_class or "")


def rows() -> list[Row]:
    """The whole plan, by prefix."""
    plan: list[Row] = []
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if code == NANP:
            plan += _north_america(regions)
        elif regions == (WORLD,):
            plan.append(Row(str(code), "", "", WORLD_CLASS.get(code, "special")))
        else:
            main = Row(str(code), regions[0], "", "")
            plan += [main, *(row for row in _divided(code, regions) if replace(row, prefix=main.prefix) != main)]
    return sorted(plan)


def as_csv(plan: list[Row]) -> str:
    """The plan as the file's text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["prefix", "country", "region", "number_class"])
    writer.writerows([row.prefix, row.country, row.region, row.number_class] for row in plan)
    return text.getvalue()


if __name__ == "__main__":
    made = rows()
    (HERE / "numbering_plan.csv").write_text(as_csv(made), encoding="utf-8")
    print(f"numbering_plan.csv: {len(made)} prefixes from phonenumbers {phonenumbers.__version__}")
