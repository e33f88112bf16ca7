"""Whatever is dialled, a number is read as itself or not at all: over all regions of the numbering plan data."""

import re

import phonenumbers
import polars as pl
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from flows.ingest.numbers import E164, e164_column

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = [kind for kind in PhoneNumberType.values() if kind != PhoneNumberType.UNKNOWN]
PREFIXES = {
    # One of every shape where a country has several; phonenumbers then writes + alone.
    "BR": ["0015", "0021", "0031", "0041", "0055", "0099"],
    "CL": ["00", "1100", "1200", "1510", "1690", "1880"],
    "CO": ["005", "007", "009", "00414", "00456"],
    "HK": ["00", "001", "002", "0030", "0050", "0059", "006", "009"],
    "ID": ["008", "009"],
    "IL": ["00", "0105", "012", "014", "019"],
    "KH": ["001", "004", "009"],
    "KR": ["001", "002", "005", "00345", "00391", "00700", "0073", "00755"],
    "SC": ["00", "01", "02", "010"],
    "SG": ["001", "002", "008", "018", "020", "033"],
    "TH": ["001", "004", "009"],
    "TW": ["002", "005", "009", "019"],
    "TZ": ["000", "005", "006"],
    "UG": ["000", "005", "007"],
}


def examples() -> dict[str, list[phonenumbers.PhoneNumber]]:
    """Per region the example number of each kind."""
    found = {region: [phonenumbers.example_number_for_type(region, kind) for kind in KINDS] for region in REGIONS}
    return {region: [number for number in numbers if number] for region, numbers in found.items()}


EXAMPLES = examples()
ALL = [
    number
    for numbers in EXAMPLES.values()
    for number in numbers
    if re.match(E164, phonenumbers.format_number(number, PhoneNumberFormat.E164))
]


def misread(written: list[str], numbers: list[phonenumbers.PhoneNumber], country: str) -> list[tuple[str, str]]:
    """What became another number."""
    told = e164_column(pl.Series(written), country)
    meant = [phonenumbers.format_number(number, PhoneNumberFormat.E164) for number in numbers]
    return [
        (dialled, read)
        for dialled, read, right in zip(written, told, meant, strict=True)
        if read.startswith("+") and read != right
    ]


def test_numbers_as_their_own_country_writes_them() -> None:
    wrong, read, asked = [], 0, 0
    for region, numbers in EXAMPLES.items():
        written = [phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL) for number in numbers]
        wrong += misread(written, numbers, region)
        told = e164_column(pl.Series(written, dtype=pl.String), region)
        asked, read = asked + len(numbers), read + told.str.contains(E164).to_list().count(True)
    assert wrong == []
    assert read / asked > 0.93  # what stays unread is as short as an extension


@pytest.mark.parametrize("part", range(4))
def test_numbers_as_other_countries_dial_them(part: int) -> None:
    """From every region some sixty numbers, each time others; from those with many prefixes by each of them."""
    wrong, read, asked = [], 0, 0
    for turn, region in enumerate(REGIONS):
        if turn % 4 != part:
            continue
        numbers = ALL[turn % 23 :: 23]
        written = [phonenumbers.format_out_of_country_calling_number(number, region) for number in numbers]
        for prefix in PREFIXES.get(region, ()):
            more = ALL[turn % 29 :: 29]
            written += [prefix + phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:] for number in more]
            numbers = numbers + more
        wrong += misread(written, numbers, region)
        told = e164_column(pl.Series(written), region)
        asked, read = asked + len(numbers), read + told.str.contains(E164).to_list().count(True)
    assert wrong == []
    assert read / asked > 0.98
