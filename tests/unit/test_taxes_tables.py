"""Tax tables: what is refused and how it is said, and which value is in force."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.errors import WrongUsage
from taxes.tables import TaxTables, load_tables, rate_percent

SHIPPED = Path(__file__).parents[2] / "data" / "reference" / "taxes"

GOOD = """
code: HST
kind: tax
name: {en: Harmonized sales tax, fr: Taxe de vente harmonisée, de: HST}
text: {en: A tax., fr: Une taxe., de: Eine Steuer.}
jurisdiction: CA-ON
unit: percent_of_base
base: {share: full, tax_classes: all}
date_basis: invoice_date
values:
  2013-04-01: "13"
  2030-01-01: null
rounding: half_up
exempt_by: [certificate]
references: [{title: A source, read: 2026-11-23}]
status: sourced
"""

QUARTERS = (
    GOOD.replace("code: HST", "code: USF")
    .replace("kind: tax", "kind: recovery_fee")
    .replace("CA-ON", "US")
    .replace('2013-04-01: "13"', '2026-04-01: "37.0"')
    .replace("  2030-01-01: null\n", "valid_for: quarter\n")
    .replace("share: full", "share: interstate")
    .replace("rounding: half_up", 'rounding: down\nsafe_harbour: {2022-10-01: "64.9"}')
)


@pytest.fixture(scope="module")
def shipped() -> TaxTables:
    return load_tables({p.relative_to(SHIPPED).as_posix(): p.read_text("utf-8") for p in SHIPPED.rglob("*.yaml")})


@pytest.mark.parametrize(
    ("found", "wrong", "said"),
    [
        ('"13"', "13", 'a.yaml, line 11: values.2013-04-01: expected a quoted number: "13" (found 13)'),
        ('"13"', "13.5", 'a.yaml, line 11: values.2013-04-01: expected a quoted number: "13.5" (found 13.5)'),
        ('"13"', '"13,5"', "a.yaml, line 11: values.2013-04-01: expected a quoted percentage"),
        ('"13"', '"-13"', "a.yaml, line 11: values.2013-04-01: expected a quoted percentage"),
        ("2013-04-01", "2013-02-30", "a.yaml, line 11: values.2013-02-30: expected a date written YYYY-MM-DD"),
        ("2013-04-01", "20130401", "a.yaml, line 11: values.20130401: expected a date written YYYY-MM-DD"),
        ("2030-01-01: null", '2013-04-01: "14"', "a.yaml, line 12: 2013-04-01 is given twice"),
        ("rounding: half_up", "round: half_up", "a.yaml, line 13: round: unknown key"),
        ("share: full", "share: full, cap: 1", "a.yaml, line 8: base.cap: unknown key"),
        ("name: {en: Harmonized sales tax, ", "name: {", "a.yaml, line 4: name: expected a translation en"),
        ("de: Eine Steuer.}", "es: Un impuesto.}", "a.yaml, line 5: text.es: "),
        (
            "unit: percent_of_base",
            "unit: flat_per_line",
            "a.yaml, line 7: unit: expected percent_of_base or amount_per_line",
        ),
        ("code: HST", "code: TVH", "a.yaml, line 2: code: "),
        ("status: sourced\n", "", "a.yaml: status: missing"),
        ("[{title: A source, read: 2026-11-23}]", "[]", "a.yaml: references: expected at least one"),
        (
            "read: 2026-11-23",
            "read: 2026-11-23, supports: [2014-01-01]",
            "a.yaml: references: 2014-01-01 is not a date",
        ),
        ("code: HST", "code: USF", "a.yaml: kind: USF is the provider's own charge; expected recovery_fee"),
        ("share: full", "share: interstate", "a.yaml: safe_harbour: expected with base.share interstate or intrastate"),
        ("CA-ON", "Ontario", "a.yaml, line 6: jurisdiction: "),
        ("jurisdiction: CA-ON", "jurisdiction: CA-*", "a.yaml: regions: expected the list of regions"),
        (
            "jurisdiction: CA-ON",
            "jurisdiction: CA-ON\nregions: [ON]",
            "a.yaml: regions: only a table of a whole country",
        ),
        (
            "2030-01-01: null",
            "2030-02-01: null\nvalid_for: quarter",
            "a.yaml: values.2030-02-01: expected the first day",
        ),
        ("[certificate]", "[reseller]", "a.yaml, line 14: exempt_by.0: "),
        ("unit:", "unit\n:", "a.yaml, line "),
        (GOOD, "- a list", "a.yaml: expected a map"),
        ("status: sourced", "status: sourced\nfile: x.yaml", "a.yaml: file: unknown key"),
    ],
)
def test_a_bad_table_is_refused_by_file_and_key(found: str, wrong: str, said: str) -> None:
    assert found in GOOD
    with pytest.raises(WrongUsage) as error:
        load_tables({"a.yaml": GOOD.replace(found, wrong)})
    assert str(error.value).startswith(said)


def test_every_fault_of_every_file_is_said_at_once() -> None:
    with pytest.raises(WrongUsage) as error:
        load_tables({"b.yaml": GOOD.replace('"13"', "13"), "a.yaml": "code: HST"})
    lines = str(error.value).splitlines()
    assert lines[0] == "a.yaml: kind: missing"
    assert lines[-1].startswith("b.yaml, line 11: values.2013-04-01: ")


def test_two_tables_of_one_tax_for_one_place_are_refused() -> None:
    whole = GOOD.replace("CA-ON", "CA")
    with pytest.raises(WrongUsage, match=r"^b\.yaml: HST for CA is already given by a\.yaml"):
        load_tables({"a.yaml": GOOD, "b.yaml": whole})
    without_ontario = GOOD.replace("jurisdiction: CA-ON", "jurisdiction: CA\nregions: [NB, NL]")
    assert len(load_tables({"a.yaml": GOOD, "b.yaml": without_ontario}).tables) == 2


FLAT = (
    GOOD.replace("code: HST", "code: CA_911")
    .replace("unit: percent_of_base", "unit: amount_per_line\ncurrency: CAD")
    .replace('"13"', '"0.52"')
)


@pytest.mark.parametrize(
    ("good", "found", "wrong", "said"),
    [
        (
            QUARTERS,
            '"37.0"',
            '"37.0"\n  2026-10-01: "36.0"',
            "a.yaml: values: a gap, 2026Q3 is missing; add 2026-07-01",
        ),
        (QUARTERS, "2022-10-01", "2026-07-01", "a.yaml: safe_harbour: a gap from 2026-04-01 to 2026-07-01"),
        (FLAT, "\ncurrency: CAD", "", "a.yaml: currency: expected with unit amount_per_line"),
        (GOOD, "rounding:", "currency: CAD\nrounding:", "a.yaml: currency: expected with unit amount_per_line"),
        (FLAT, "tax_classes: all", "tax_classes: all, also_on: [GST]", "a.yaml: base: an amount per line has no share"),
        (GOOD, "tax_classes: all", "tax_classes: all, also_on: [HST]", "a.yaml: base.also_on: HST cannot be charged"),
        (GOOD, "tax_classes: all", "tax_classes: all, sections: [phones]", "a.yaml, line 8: base.sections"),
        (GOOD, "CA-ON", "US-IL-chi", "a.yaml, line 6: jurisdiction: "),
    ],
)
def test_gaps_and_bases_that_cannot_be_are_refused(good: str, found: str, wrong: str, said: str) -> None:
    assert found in good
    with pytest.raises(WrongUsage) as error:
        load_tables({"a.yaml": good.replace(found, wrong)})
    assert str(error.value).startswith(said)


def test_taxes_on_each_other_in_a_circle_are_refused() -> None:
    on_pst = GOOD.replace("tax_classes: all", "tax_classes: all, also_on: [PST]")
    on_hst = on_pst.replace("code: HST", "code: PST").replace("also_on: [PST]", "also_on: [HST]")
    with pytest.raises(WrongUsage, match="charged on each other in a circle: HST, PST"):
        load_tables({"a.yaml": on_pst, "b.yaml": on_hst})


def test_an_overlap_names_the_place_and_a_local_layer_is_none() -> None:
    whole = GOOD.replace("CA-ON", "CA\nexcept_places: [CA-ON]")
    assert len(load_tables({"a.yaml": GOOD, "b.yaml": whole}).tables) == 2
    assert len(load_tables({"a.yaml": GOOD, "b.yaml": GOOD.replace("CA-ON", "CA-ON-TOR")}).tables) == 2
    with pytest.raises(WrongUsage, match=r"already given by a\.yaml: an overlap in CA-ON; override"):
        load_tables({"a.yaml": GOOD, "b.yaml": GOOD.replace("CA-ON", "CA\nregions: [NB, ON]")})


def test_the_file_is_named_as_the_reader_knows_it() -> None:
    with pytest.raises(WrongUsage, match=r"^catalog/taxes/a\.yaml: code: missing"):
        load_tables({"a.yaml": "kind: tax"}, {"a.yaml": "catalog/taxes/a.yaml"})


@pytest.mark.parametrize(
    ("file", "day", "amount"),
    [
        ("ca/nb/911.yaml", date(2020, 12, 31), "0.53"),
        ("ca/nb/911.yaml", date(2021, 1, 1), "0.97"),
        ("ca/qc/911.yaml", date(2016, 7, 31), "0.40"),
        ("ca/qc/911.yaml", date(2016, 8, 1), "0.46"),
        ("ca/sk/911.yaml", date(2017, 12, 31), "0.62"),
        ("ca/sk/911.yaml", date(2021, 4, 6), "0.94"),
        ("ca/sk/911.yaml", date(2021, 4, 7), "1.88"),
        ("us/il/e911.yaml", date(2025, 12, 31), "1.50"),
    ],
)
def test_shipped_amounts_per_line(shipped: TaxTables, file: str, day: date, amount: str) -> None:
    assert next(t for t in shipped.tables if t.file == file).percent(day) == Decimal(amount)


def test_what_has_no_source_is_told_value_by_value(shipped: TaxTables) -> None:
    quebec = next(t for t in shipped.tables if t.file == "ca/qc/911.yaml")
    assert [quebec.is_sourced(day) for day in sorted(quebec.values)] == [False, True, True, False]
    for table in shipped.tables:
        assert bool(table.exempt_by) == bool(table.who_is_exempt), table.file


def test_norway_and_ontario_are_no_booleans() -> None:
    table = load_tables(
        {"a.yaml": GOOD.replace("jurisdiction: CA-ON", "jurisdiction: CA-*\nregions: [ON, NO]")}
    ).tables[0]
    assert table.regions == ["ON", "NO"]
    assert table.row_jurisdiction("CA-ON") == "CA-ON"


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        (date(2013, 3, 31), None),
        (date(2013, 4, 1), Decimal(13)),
        (date(2029, 12, 31), Decimal(13)),
        (date(2030, 1, 1), None),
    ],
)
def test_a_value_holds_until_the_next_one_and_null_ends_it(day: date, percent: Decimal | None) -> None:
    assert rate_percent(load_tables({"a.yaml": GOOD}), "CA", "ON", "HST", day) == percent


@pytest.mark.parametrize(
    ("day", "percent"),
    [
        (date(2026, 3, 31), None),
        (date(2026, 4, 1), Decimal(37)),
        (date(2026, 6, 30), Decimal(37)),
        (date(2026, 7, 1), None),
    ],
)
def test_a_quarter_has_its_own_value_or_none(day: date, percent: Decimal | None) -> None:
    tables = load_tables({"us/usf.yaml": QUARTERS})
    assert rate_percent(tables, "US", "TX", "USF", day) == percent
    assert rate_percent(tables, "US", None, "USF", day) == percent


@pytest.mark.parametrize(
    ("country", "region", "code", "day", "percent"),
    [
        ("CA", "NS", "HST", date(2025, 3, 31), "15"),
        ("CA", "NS", "HST", date(2025, 4, 1), "14"),
        ("CA", "ON", "GST", date(2026, 6, 1), None),
        ("CA", "QC", "GST", date(2026, 6, 1), "5"),
        ("CA", "AB", "PST", date(2026, 6, 1), None),
        ("CA", "MB", "RST", date(2019, 6, 30), "8"),
        ("CA", "MB", "RST", date(2019, 7, 1), "7"),
        ("GR", None, "VAT", date(2016, 5, 31), "23"),
        ("RO", None, "VAT", date(2025, 7, 31), "19"),
        ("RO", None, "VAT", date(2025, 8, 1), "21"),
        ("IE", None, "VAT", date(2021, 2, 28), "21"),
        ("US", "TX", "VAT", date(2026, 6, 1), None),
    ],
)
def test_shipped_rates(
    shipped: TaxTables, country: str, region: str | None, code: str, day: date, percent: str | None
) -> None:
    assert rate_percent(shipped, country, region, code, day) == (None if percent is None else Decimal(percent))


def test_shipped_tables_lie_where_their_jurisdiction_says_and_speak_three_languages(shipped: TaxTables) -> None:
    for table in shipped.tables:
        folder = table.jurisdiction.removesuffix("-*").replace("-", "/").lower()
        assert table.file.rpartition("/")[0] == folder, table.file
        assert set(table.name) == set(table.text) == {"en", "fr", "de"}, table.file


def test_only_the_union_without_ireland_exempts_by_vat_id(shipped: TaxTables) -> None:
    by_id = {t.country for t in shipped.tables if "vat_id_check" in t.exempt_by}
    assert len(by_id) == 26
    assert by_id.isdisjoint({"IE", "GB", "CH", "NO", "US", "CA", "AU"})


def test_the_citation_names_the_source_of_the_value_in_force(shipped: TaxTables) -> None:
    usf = next(t for t in shipped.tables if t.code == "USF")
    assert "DA 25-1026" in usf.citation(date(2026, 3, 31))
    assert "DA 25-1026" not in usf.citation(date(2026, 4, 1))
