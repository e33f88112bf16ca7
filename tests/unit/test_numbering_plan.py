"""The committed numbering plan against the package that it was made from, and against facts known without it."""

import csv
import runpy
from pathlib import Path

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
NUMBER_CLASS = {
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PERSONAL_NUMBER: "special",
    PhoneNumberType.PAGER: "special",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.VOIP: "voip",
}
TYPES = list(NUMBER_CLASS)


@pytest.fixture(scope="module")
def plan() -> dict[str, dict[str, str]]:
    with (REFERENCE / "numbering_plan.csv").open(encoding="utf-8", newline="") as file:
        return {row["prefix"]: row for row in csv.DictReader(file)}


def longest(plan, digits):
    return next((plan[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in plan), None)


def examples():
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in TYPES:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                yield number


def test_example_numbers_of_every_region_are_in_the_country_that_the_package_says(plan):
    checked, wrong = 0, []
    for number in examples():
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        row = longest(plan, digits)
        expected = phonenumbers.region_code_for_number(number)
        checked += 1
        if row is None or row["country"] != expected:
            wrong.append((digits, expected, row))
    assert wrong == []
    assert checked > 700


def test_a_class_is_only_given_where_the_package_agrees(plan):
    classed, wrong = 0, []
    for number in examples():
        digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]
        number_class = longest(plan, digits)["number_class"]
        if number_class:
            classed += 1
            if NUMBER_CLASS.get(phonenumbers.number_type(number)) != number_class:
                wrong.append((digits, number_class, phonenumbers.number_type(number)))
    assert wrong == []
    assert classed > 250


@pytest.mark.parametrize(
    ("number", "country", "region", "number_class"),
    [
        ("12125550100", "US", "NY", ""),
        ("12015550100", "US", "NJ", ""),
        ("19175550100", "US", "NY", ""),
        ("12025550100", "US", "DC", ""),
        ("14165550100", "CA", "ON", ""),
        ("15145550100", "CA", "QC", ""),
        ("19025550100", "CA", "", ""),
        ("17875550100", "PR", "", ""),
        ("19395550100", "PR", "", ""),
        ("16715550100", "GU", "", ""),
        ("12425550100", "BS", "", ""),
        ("18765550100", "JM", "", ""),
        ("18095550100", "DO", "", ""),
        ("18005550100", "US", "", "toll_free"),
        ("18885550100", "US", "", "toll_free"),
        ("19005550100", "US", "", "premium"),
        ("442079460000", "GB", "", "fixed"),
        ("448081570000", "GB", "", "toll_free"),
        ("441481960000", "GG", "", "fixed"),
        ("441534960000", "JE", "", "fixed"),
        ("441624960000", "IM", "", "fixed"),
        ("447700900000", "GB", "", ""),  # for films: nobody's, so of no class
        ("447400000000", "GB", "", "mobile"),
        ("445600000000", "GB", "", "voip"),
        ("33612345678", "FR", "", "mobile"),
        ("4915123456789", "DE", "", "mobile"),
        ("881612345678", "", "", "special"),
        ("78005550100", "RU", "", "toll_free"),
        ("77172000000", "KZ", "", "fixed"),
        ("74950000000", "RU", "", "fixed"),
        ("390669800000", "VA", "", "fixed"),
        ("390660000000", "IT", "", "fixed"),
        ("35818000000", "AX", "", "fixed"),
        ("4779000000", "SJ", "", "fixed"),
        ("80000000000", "", "", "toll_free"),
    ],
)
def test_what_is_known_without_the_package(plan, number, country, region, number_class):
    row = longest(plan, number)
    assert (row["country"], row["region"], row["number_class"]) == (country, region, number_class)


def test_numbers_under_a_classed_prefix_are_of_its_class(plan):
    """Every twentieth prefix, filled up with zeros, sevens and nines to each length that makes it a number."""
    tried, wrong = 0, []
    for prefix, row in list(plan.items())[::20]:
        lengths = range(max(len(prefix), 7), 13)
        for digits in (prefix.ljust(length, digit) for digit in "079" for length in lengths):
            number = phonenumbers.parse(f"+{digits}")
            kind = phonenumbers.number_type(number) if row["number_class"] else PhoneNumberType.UNKNOWN
            # Parsing takes off a trunk prefix that does not belong into E.164: that is another number.
            as_given = f"{number.country_code}{phonenumbers.national_significant_number(number)}" == digits
            if as_given and kind != PhoneNumberType.UNKNOWN and longest(plan, digits) == row:
                tried += 1
                if NUMBER_CLASS.get(kind) != row["number_class"]:
                    wrong.append((digits, row, kind))
    assert wrong == []
    assert tried > 1500


def test_an_area_code_that_nobody_has_is_of_no_country(plan):
    assert longest(plan, "12115550100") is None
    assert longest(plan, "19995550100") is None


def test_every_state_and_province_is_reached(plan):
    assert len({row["region"] for row in plan.values() if row["country"] == "US"} - {""}) == 51
    provinces = {row["region"] for row in plan.values() if row["country"] == "CA"} - {""}
    assert provinces == {"AB", "BC", "MB", "NB", "NL", "ON", "QC", "SK"}


def test_the_file_is_what_the_script_makes_and_names_its_version():
    maker = runpy.run_path(str(REFERENCE / "make_numbering_plan.py"))
    assert maker["as_csv"](maker["rows"]()) == (REFERENCE / "numbering_plan.csv").read_text(encoding="utf-8")
    assert f"phonenumbers {phonenumbers.__version__}" in (REFERENCE / "README.md").read_text(encoding="utf-8")
