"""Laws of the tax computation: many documents at once, exactness against a slow twin, order, reversal, parking."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.money import rounded
from taxes.apply import TaxResult, apply, tax_on
from taxes.findings import late_certificates
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, LINES, TAXES
from taxes.tables import TaxTables, load_tables

JUNE = date(2026, 6, 1)


def _table(code: str, jurisdiction: str, percent: str, **changes: str) -> str:
    keys = {
        "code": code,
        "kind": "tax",
        "name": f"{{en: {code} in English, fr: {code} en français}}",
        "text": "{en: A sentence.}",
        "jurisdiction": jurisdiction,
        "unit": "percent_of_base",
        "base": "{share: full, tax_classes: all}",
        "date_basis": "invoice_date",
        "values": f'{{2020-01-01: "{percent}"}}',
        "exempt_by": "[certificate]",
        "references": "[]",
        "status": "sample",
    }
    return "\n".join(f"{key}: {value}" for key, value in (keys | changes).items())


@pytest.fixture(scope="module")
def tables() -> TaxTables:
    interstate = {
        "kind": "recovery_fee",
        "base": "{share: interstate, tax_classes: all}",
        "safe_harbour": '{2020-01-01: "64.9"}',
        "rounding": "down",
    }
    return load_tables(
        {
            "us/usf.yaml": _table("USF", "US", "37.1", **interstate),
            "us/tx/sales.yaml": _table("SALES", "US-TX", "6.25", base="{share: full, tax_classes: [voice]}"),
            "au/gst.yaml": _table("GST", "AU", "10", date_basis="period_end"),
            "nz/gst.yaml": _table("GST", "NZ", "15", date_basis="period_start"),
            "zz/vat.yaml": _table("VAT", "ZZ", "0"),
        }
    )


Line = tuple[str, str, str, str, str]
"""document, amount, telecom percent, interstate, jurisdiction"""


def _lines(lines: list[Line], tax_class: str = "voice", tax_date: date | None = None) -> pl.DataFrame:
    rows = []
    for number, (doc, amount, telecom, interstate, place) in enumerate(lines, start=1):
        taxed = (Decimal(amount), tax_class, Decimal(telecom), interstate, place, tax_date)
        rows.append((doc, number, *taxed, date(2026, 5, 1), JUNE, "seat", "service_fees"))
    return pl.DataFrame(rows, schema=LINES, orient="row")


def _apply(lines: pl.DataFrame, tables: TaxTables, certificates: pl.DataFrame | None = None) -> TaxResult:
    ids = sorted(set(lines["draft_id"]))
    customer = ("S1", "US", ["US"], None, "US", "TX", None, JUNE, JUNE, "USD", 2, "fr_CA")
    documents = pl.DataFrame([(i, f"account of {i}", *customer) for i in ids], schema=DOCUMENTS, orient="row")
    return apply(lines, documents, tables, certificates if certificates is not None else CERTIFICATES.to_frame(),
                 ID_CHECKS.to_frame())  # fmt: skip


def test_documents_do_not_mix_and_rows_are_numbered_in_each(tables: TaxTables) -> None:
    result = _apply(_lines([("B", "10.00", "100", "all", "US-TX"), ("A", "20.00", "100", "all", "US-TX")]), tables)
    assert result.taxes.select("draft_id", "tax_no", "tax_code", "amount").rows() == [
        ("A", 1, "USF", Decimal("7.42")),
        ("A", 2, "SALES", Decimal("1.25")),
        ("B", 1, "USF", Decimal("3.71")),
        ("B", 2, "SALES", Decimal("0.63")),
    ]
    assert result.taxes.schema == TAXES
    assert set(result.taxes["name"]) == {"USF en français", "SALES en français"}
    assert set(result.taxes["text"]) == {"A sentence."}


def test_a_table_reaches_only_the_tax_classes_it_names(tables: TaxTables) -> None:
    result = _apply(_lines([("A", "10.00", "100", "none", "US-TX")], tax_class="equipment"), tables)
    assert result.taxes.is_empty()
    assert result.parked.is_empty()


def test_the_last_day_of_a_period_counts_for_period_end(tables: TaxTables) -> None:
    taxes = _apply(_lines([("A", "10.00", "0", "none", "AU"), ("A", "10.00", "0", "none", "NZ")]), tables).taxes
    assert taxes.select("jurisdiction", "tax_date").rows() == [("AU", date(2026, 5, 31)), ("NZ", date(2026, 5, 1))]


def test_a_rate_of_zero_prints_no_row(tables: TaxTables) -> None:
    result = _apply(_lines([("A", "10.00", "100", "all", "ZZ")]), tables)
    assert result.taxes.is_empty()
    assert result.parked.is_empty()


@pytest.fixture(scope="module")
def fees_taxed() -> TaxTables:
    """A fee on every line, one per line in service, and a tax on telecommunications that names both."""
    per_line = {"kind": "recovery_fee", "unit": "amount_per_line", "values": '{2020-01-01: "1.00"}', "currency": "USD"}
    on_fees = "{share: telecom, tax_classes: all, also_on: [RRF, E911]}"
    return load_tables(
        {
            "us/rrf.yaml": _table("RRF", "US", "10", kind="recovery_fee"),
            "us/e911.yaml": _table("E911", "US", "1", **per_line),
            "us/tx/sales.yaml": _table("SALES", "US-TX", "50", base=on_fees),
        }
    )


def test_a_tax_on_fees_takes_those_of_the_lines_that_it_taxes(fees_taxed: TaxTables) -> None:
    """10 % of three lines; the tax reaches a phone and what is half of it, not internet access, nor the fee on that."""
    lines = [("A", "40.00", "100", "all", "US-TX"), ("A", "50.00", "0", "all", "US-TX")]
    half = ("A", "20.00", "50", "all", "US-TX")
    taxes = _apply(_lines([*lines, half]), fees_taxed).taxes
    assert taxes.select("tax_code", "gross_base", "base_amount", "amount").rows() == [
        ("RRF", Decimal("110.00"), Decimal("110.00"), Decimal("11.00")),
        # 40 and half of 20, and the fees on these two, 4 and 2.
        ("SALES", Decimal("66.00"), Decimal("56.00"), Decimal("28.00")),
    ]
    assert [part["lines"] for part in taxes["parts"][1] if part["of"]] == [[1, 3]]
    assert _apply(_lines(lines[1:]), fees_taxed).taxes["tax_code"].to_list() == ["RRF"]


def test_a_fee_on_a_line_for_nothing_is_taxed_where_its_kind_is(fees_taxed: TaxTables) -> None:
    lines = _lines([("A", "0.00", "100", "all", "US-TX"), ("B", "0.00", "0", "all", "US-TX")])
    taxes = _apply(lines.with_columns(line_count=pl.lit(1)), fees_taxed).taxes
    assert taxes.select("draft_id", "tax_code", "base_amount", "amount").rows() == [
        ("A", "E911", Decimal("0.00"), Decimal("1.00")),
        ("A", "SALES", Decimal("1.00"), Decimal("0.50")),
        ("B", "E911", Decimal("0.00"), Decimal("1.00")),
    ]


def test_a_parked_document_keeps_no_rows_and_leaves_the_others_alone(tables: TaxTables) -> None:
    lines = _lines(
        [
            ("A", "10.00", "100", "all", "AU"),
            ("A", "10.00", "100", "all", "QQ-1"),
            ("A", "10.00", "100", "measured", "US-TX"),
            ("B", "10.00", "100", "all", "AU"),
        ]
    )
    result = _apply(lines, tables)
    assert set(result.taxes["draft_id"]) == {"B"}
    reason = (
        "USF goes by the account's own calls, and there are none to measure (product seat); "
        "no tax table for country QQ; check the address or add a table"
    )
    assert result.parked.rows() == [("account of A", "A", "no_calls_to_measure", reason)]


def test_a_state_with_a_tax_of_its_own_leaves_the_other_states_alone(tables: TaxTables) -> None:
    """Where a national tax lists its regions, a tax must reach each; a tax of one state demands nothing of others."""
    assert tables.uncovered("US-NY") is None
    assert tables.uncovered("US-TX") is None
    listed = load_tables({"us/vat.yaml": _table("VAT", "US", "5", regions="[FL, CA]")}).tables
    assert TaxTables((*tables.tables, *listed)).uncovered("US-NY") == (
        "no tax table for region NY of US; check the address (known: CA, FL, TX)"
    )


def test_nothing_in_nothing_out(tables: TaxTables) -> None:
    result = _apply(LINES.to_frame(), tables)
    assert result.taxes.schema == TAXES
    assert result.taxes.is_empty()
    assert result.parked.is_empty()


def test_a_line_before_the_safe_harbour_parks(tables: TaxTables) -> None:
    lines = _lines([("A", "10.00", "100", "safe_harbour", "US-TX")], tax_date=date(2019, 12, 31))
    assert _apply(lines, tables).parked["detail"].item() == (
        "SALES has no rate on 2019-12-31 (table us/tx/sales.yaml); "
        "USF has no safe-harbour share on 2019-12-31 (table us/usf.yaml)"
    )


def test_a_certificate_that_names_tax_and_jurisdiction_needs_both(tables: TaxTables) -> None:
    lines = _lines([("A", "10.00", "100", "all", "US-TX")])
    rows = [
        ("account of A", "WRONG", "SALES", "US-OK", date(2026, 1, 1), None),
        ("account of A", "RIGHT", "SALES", "US-TX", date(2026, 1, 1), None),
        ("account of B", "A-OTHER", "USF", None, date(2026, 1, 1), None),
        ("account of A", "EMPTY", None, None, date(2026, 1, 1), None),
    ]
    taxes = _apply(lines, tables, pl.DataFrame(rows, schema=CERTIFICATES, orient="row")).taxes
    assert taxes.select("tax_code", "certificate_number").rows() == [("USF", None), ("SALES", "RIGHT")]


AMOUNTS = st.decimals("-5000", "5000", places=2, allow_nan=False).map(str)
PERCENTS = st.sampled_from(["0", "100", "33.333333333333", "60", "12.5"])
METHODS = st.sampled_from(["safe_harbour", "all", "none"])
MONTH = st.lists(
    st.tuples(st.sampled_from("ABC"), AMOUNTS, PERCENTS, METHODS, st.sampled_from(["US-TX", "US-NY"])), max_size=12
)
SHARES = {"safe_harbour": Fraction("64.9"), "all": Fraction(100), "none": Fraction(0)}


def _slowly(lines: list[Line]) -> dict[tuple[str, str], Decimal]:
    """The same by hand: one exact sum per document and tax, rounded once."""
    sums: dict[tuple[str, str], Fraction] = {}
    for doc, amount, telecom, interstate, place in lines:
        sums[doc, "USF"] = sums.get((doc, "USF"), Fraction(0)) + (
            Fraction(amount) * Fraction(telecom) / 100 * SHARES[interstate] / 100
        )
        if place == "US-TX":
            sums[doc, "SALES"] = sums.get((doc, "SALES"), Fraction(0)) + Fraction(amount)
    rules = {"USF": (Fraction("0.371"), "down"), "SALES": (Fraction("0.0625"), "half_up")}
    return {
        key: rounded(base * rules[key[1]][0], 2, rules[key[1]][1]) for key, base in sorted(sums.items()) if base != 0
    }


def _amounts(result: TaxResult) -> dict[tuple[str, str], Decimal]:
    rows = result.taxes.sort("draft_id", "tax_code").select("draft_id", "tax_code", "amount").rows()
    return {(doc, code): amount for doc, code, amount in rows}


@settings(max_examples=60, deadline=None)
@given(month=MONTH)
def test_amounts_equal_the_exact_ones_rounded_once(tables: TaxTables, month: list[Line]) -> None:
    assert _amounts(_apply(_lines(month), tables)) == _slowly(month)


@settings(max_examples=30, deadline=None)
@given(month=MONTH, data=st.data())
def test_order_of_the_lines_does_not_show(tables: TaxTables, month: list[Line], data: st.DataObject) -> None:
    shuffled = _apply(_lines(data.draw(st.permutations(month))), tables)
    # `parts` name lines by number, and the numbers are what was shuffled.
    assert shuffled.taxes.drop("parts").equals(_apply(_lines(month), tables).taxes.drop("parts"))


@settings(max_examples=30, deadline=None)
@given(month=MONTH)
def test_a_document_and_its_full_reversal_sum_to_zero_in_every_row(tables: TaxTables, month: list[Line]) -> None:
    billed = _apply(_lines(month), tables)
    reversal = [(doc, str(-Decimal(amount)), *rest) for doc, amount, *rest in month]
    returned = _apply(_lines(reversal, tax_date=JUNE), tables)  # type: ignore[arg-type]
    assert _amounts(returned) == {key: -amount for key, amount in _amounts(billed).items()}


@pytest.mark.parametrize(
    ("amounts", "percent", "rate", "digits", "rounding", "tax"),
    [
        (["1460.50"], "100", "25", 2, "half_up", "365.13"),
        (["-1460.50"], "100", "25", 2, "half_up", "-365.13"),
        (["10.00"], "64.9", "37.6", 2, "down", "2.44"),
        (["0.333", "0.333"], "100", "50", 3, "half_up", "0.333"),
        (["1002.5"], "100", "20", 0, "half_up", "201"),
    ],
)
def test_tax_on(amounts: list[str], percent: str, rate: str, digits: int, rounding: str, tax: str) -> None:
    parts = [(Decimal(amount), Decimal(percent)) for amount in amounts]
    assert tax_on(parts, Decimal(rate), digits, rounding) == Decimal(tax)


def test_sections_and_destinations_choose_the_lines_of_a_base() -> None:
    base = "{share: full, tax_classes: all, except_sections: [one_time], destinations: [US]}"
    tables = load_tables({"us/tx/sales.yaml": _table("SALES", "US-TX", "10", base=base)})
    lines = _lines([("A", "1.00", "100", "all", "US-TX")] * 4).with_columns(
        section=pl.Series(["service_fees", "one_time", "international_minutes", "outbound_overage"]),
        country=pl.Series([None, None, "FR", "US"]),
    )
    assert _apply(lines, tables).taxes["gross_base"].to_list() == [Decimal(2)]


def test_an_amount_per_line_in_another_currency_parks() -> None:
    table = _table("E911", "US-TX", "0.50", unit="amount_per_line", currency="CAD")
    lines = _lines([("A", "1.00", "100", "all", "US-TX")]).with_columns(line_count=pl.lit(2))
    parked = _apply(lines, load_tables({"us/tx/e911.yaml": table})).parked
    assert parked["code"].item() == "tax_currency"
    assert parked["detail"].item() == "E911 of US-TX is in CAD, the document in USD (table us/tx/e911.yaml)"


def test_a_late_certificate_proposes_nothing_for_tax_that_was_given_back() -> None:
    row = {"account_id": "A", "issued_on": JUNE, "tax_code": "SALES", "jurisdiction": "US-TX", "tax_date": JUNE}
    more = {"currency": "USD", "by_certificate": True, "exempt_amount": Decimal(0), "certificate_number": None}
    rows = [
        {**row, **more, "invoice_number": number, "tax_no": no, "amount": Decimal(amount)}
        for number, no, amount in [("N-1", 1, "6.25"), ("N-1", 2, "-1.25"), ("CN-1", 1, "-6.25")]
    ]
    issued = pl.DataFrame(rows, schema_overrides={"certificate_number": pl.String})
    late = [("A", "C-1", "SALES", "US-TX", date(2026, 1, 1), None, date(2026, 6, 20))]
    certificates = pl.DataFrame(late, schema={**CERTIFICATES, "received_on": pl.Date}, orient="row")
    (told,) = late_certificates(certificates, issued)["detail"]
    assert "exempts SALES on N-1 of 2026-06-01, where 6.25 USD was charged" in told
