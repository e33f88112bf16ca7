"""Addresses to jurisdictions, and postal codes held against regions."""

from pathlib import Path

import pytest

from schemas.errors import WrongUsage
from taxes.places import Places, codes, load_places

SHIPPED = Path(__file__).parents[2] / "data" / "reference" / "taxes"


@pytest.fixture(scope="module")
def places() -> Places:
    return load_places(*((SHIPPED / f"{name}.csv").read_text("utf-8") for name in ("places", "postal_regions")))


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "jurisdiction"),
    [
        ("US", "TX", "75201", "US-TX"),
        ("US", "IL", "60607-1234", "US-IL-CHI"),
        ("US", "IN", "60607", "US-IN"),  # a layer of Illinois reaches no other state, whatever the postal code
        ("US", None, "60607", "US"),
        ("CA", "QC", "H2X 0A1", "CA-QC"),
        ("DE", "BY", "78266", "DE-BUS"),
        ("DE", None, "10115", "DE"),
        ("ES", None, "35001", "ES-CN"),
        ("PT", None, "9000-001", "PT-30"),
        ("AU", "NSW", "2000", "AU"),
    ],
)
def test_an_address_has_one_narrowest_jurisdiction(
    places: Places, country: str, region: str | None, postal_code: str, jurisdiction: str
) -> None:
    assert places.jurisdiction(country, region, postal_code) == jurisdiction


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "said"),
    [
        ("US", "MA", "02108", None),
        ("US", "MA", "02108-1234", None),
        ("US", "TX", "02108", "postal code 02108 lies in MA, not in TX; correct one of the two"),
        ("US", "TN", "42223", None),  # Fort Campbell lies in Kentucky and in Tennessee
        ("US", "OH", "42223", "postal code 42223 lies in KY or TN, not in OH; correct one of the two"),
        ("US", "TX", "7520", "found postal code '7520'; expected one of US such as 12345 or 12345-6789"),
        ("US", None, "75201", "no region, and US is taxed by region; give the state or province"),
        ("CA", "ON", "M5H 0A0", None),
        ("CA", "ON", "h2x0a1", "postal code H2X0A1 lies in QC, not in ON; correct one of the two"),
        ("CA", "NU", "X0A 0H0", None),
        ("DE", None, "ABC", None),  # where no region taxes, a postal code decides nothing that could be wrong
    ],
)
def test_a_postal_code_is_held_against_its_region(
    places: Places, country: str, region: str | None, postal_code: str, said: str | None
) -> None:
    assert places.misfit(country, region, postal_code) == said


def test_every_state_and_province_has_postal_codes(places: Places) -> None:
    regions = {name: frozenset().union(*table.values()) for name, table in places.regions.items()}
    assert len(regions["CA"]) == 13
    assert len(regions["US"]) == 51 + 3 + 3  # with the District, three territories, three of the forces


def test_codes_from_wide_to_narrow() -> None:
    assert codes("US-IL-CHI") == ["US", "US-IL", "US-IL-CHI"]
    assert codes("DE") == ["DE"]


def test_a_bad_line_is_named() -> None:
    with pytest.raises(WrongUsage, match=r"^places\.csv, line 2: found 'Chicago'"):
        load_places("jurisdiction,postal_codes,name\nChicago,606,Chicago\n", "country,region,postal_codes\n")
    with pytest.raises(WrongUsage, match=r"^postal_regions\.csv: expected the columns"):
        load_places("jurisdiction,postal_codes,name\n", "land,region,postal_codes\nUS,TX,75\n")
