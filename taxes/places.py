"""Addresses -> jurisdictions, and whether a postal code lies in the region that is written beside it.

Where regions tax (US, Canada) a jurisdiction is country and region; below and elsewhere a postal code may lead to a
place with a law of its own: a city's layer (US-IL-CHI), a VAT territory (ES-CN). Both are data: reference/taxes/*.csv.
"""

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from schemas.errors import WrongUsage

TAXING_REGIONS = frozenset({"US", "CA"})
"""Countries whose regions tax by themselves: there an address needs its region."""

_FORMATS = {"US": r"\d{5}(-?\d{4})?", "CA": r"[A-Z]\d[A-Z] ?\d[A-Z]\d"}
_WRITTEN = {"US": "12345 or 12345-6789", "CA": "A1A 1A1"}


@dataclass(frozen=True)
class Place:
    """A place with a law of its own, known by the beginning of its postal codes."""

    jurisdiction: str
    country: str
    postal_code: str
    name: str


@dataclass(frozen=True)
class Places:
    """local: places by country; regions: country -> beginning of postal codes -> the regions they lie in."""

    local: Mapping[str, tuple[Place, ...]]
    regions: Mapping[str, Mapping[str, frozenset[str]]]

    def jurisdiction(self, country: str, region: str | None, postal_code: str | None) -> str:
        """The narrowest jurisdiction of an address: `US-IL-CHI`, `US-TX`, `ES-CN`, `DE` (CONTRACT, section 4)."""
        by_region = country in TAXING_REGIONS
        whole = f"{country}-{region}" if by_region and region else country
        bare = _bare(postal_code)
        inside = [
            place
            for place in self.local.get(country, ())
            if bare.startswith(place.postal_code)
            and (not by_region or (region and place.jurisdiction.startswith(f"{whole}-")))
        ]
        # The longest beginning knows best; no two of one length fit.
        return max(inside, key=lambda place: len(place.postal_code)).jurisdiction if inside else whole

    def misfit(self, country: str, region: str | None, postal_code: str | None) -> str | None:
        """What is wrong with an address whose region decides taxes, or None. Says what was found and what would fit."""
        if country not in TAXING_REGIONS:
            return None
        if not region:
            return f"no region, and {country} is taxed by region; give the state or province"
        code = (postal_code or "").strip().upper()
        if not re.fullmatch(_FORMATS[country], code):
            return f"found postal code {code or '(none)'!r}; expected one of {country} such as {_WRITTEN[country]}"
        regions = self._regions_of(country, _bare(code))
        if regions and region not in regions:
            where = " or ".join(sorted(regions))
            return f"postal code {code} lies in {where}, not in {region}; correct one of the two"
        return None

    def _regions_of(self, country: str, bare: str) -> frozenset[str]:
        """Regions of every beginning that fits: a few codes cross a border, and are listed whole for the second one."""
        table = self.regions.get(country, {})
        regions = [table[bare[:length]] for length in range(1, len(bare) + 1) if bare[:length] in table]
        return frozenset().union(*regions)


def codes(jurisdiction: str) -> list[str]:
    """A jurisdiction with all that it lies in, the widest first: US, US-IL, US-IL-CHI."""
    levels = jurisdiction.split("-")
    return ["-".join(levels[: count + 1]) for count in range(len(levels))]


def load_places(places: str, regions: str) -> Places:
    """From the CSV texts of places.csv and postal_regions.csv. Raises WrongUsage with file and line."""
    local: dict[str, list[Place]] = {}
    for line, row in enumerate(_rows(places, "places.csv", ("jurisdiction", "postal_codes", "name")), start=2):
        if not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,12}){1,2}", row["jurisdiction"]):
            raise WrongUsage(f"places.csv, line {line}: found {row['jurisdiction']!r}; expected ES-CN or US-IL-CHI")
        country = row["jurisdiction"][:2]
        for postal_code in row["postal_codes"].split():
            local.setdefault(country, []).append(Place(row["jurisdiction"], country, _bare(postal_code), row["name"]))
    table: dict[str, dict[str, frozenset[str]]] = {}
    for row in _rows(regions, "postal_regions.csv", ("country", "region", "postal_codes")):
        for postal_code in _expanded(row["postal_codes"]):
            of_country = table.setdefault(row["country"], {})
            of_country[postal_code] = of_country.get(postal_code, frozenset()) | {row["region"]}
    return Places({country: tuple(rows) for country, rows in local.items()}, table)


def _rows(text: str, name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    if rows and any(rows[0].get(column) is None for column in columns):
        raise WrongUsage(f"{name}: expected the columns {', '.join(columns)}")
    return rows


def _expanded(text: str) -> list[str]:
    """`010-027 05501 A` -> every beginning it stands for."""
    beginnings = []
    for word in text.split():
        first, _, last = word.partition("-")
        beginnings += [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)] if last else [first]
    return beginnings


def _bare(postal_code: str | None) -> str:
    return re.sub(r"[^0-9A-Z]", "", (postal_code or "").upper())
