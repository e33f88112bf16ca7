"""Laws of the tax rows, over the shipped tables: sums, splits, reversals, and cents told apart by largest remainder."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from schemas.document import Document, Tax
from taxes.apply import TaxResult, apply
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, ISSUED, LINE_FACTS, LINES
from taxes.memory import Memory
from taxes.rows import shares
from taxes.tables import TaxTables, load_tables
from tests.unit.sample_documents import document, line

SHIPPED = Path(__file__).parents[2] / "data" / "reference" / "taxes"
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)

Line = tuple[str, str, str, str, int]
"""amount, jurisdiction, telecom percent, interstate, lines in service"""

AMOUNTS = st.decimals("-900", "900", places=2, allow_nan=False).map(str)
US = st.sampled_from(["US-TX", "US-NY", "US-IL", "US-IL-CHI", "US-GA", "US-MA"])
CANADA = st.sampled_from(["CA-QC", "CA-NS", "CA-NL", "CA-BC", "CA-AB"])
METHODS = st.sampled_from(["safe_harbour", "all", "none", "measured"])


def _months(places: st.SearchStrategy[str], *telecom: str) -> st.SearchStrategy[list[Line]]:
    line = st.tuples(AMOUNTS, places, st.sampled_from(telecom or ["0", "60", "100"]), METHODS, st.integers(-2, 5))
    return st.lists(line, min_size=1, max_size=8)


MONTHS = st.one_of(_months(US), _months(CANADA))


@pytest.fixture(scope="module")
def tables() -> TaxTables:
    return load_tables({p.relative_to(SHIPPED).as_posix(): p.read_text("utf-8") for p in SHIPPED.rglob("*.yaml")})


def _taxed(
    lines: list[Line],
    tables: TaxTables,
    *,
    issued: pl.DataFrame | None = None,
    memory: Memory | None = None,
    certificates: list[tuple[Any, ...]] | None = None,
    day: date = JUNE,
    product: str = "seat {}",
) -> TaxResult:
    gives_back = issued is not None or memory is not None
    reversed_on, reverses = (MAY, "OLD") if gives_back else (None, None)
    rows = [
        ("D", number, Decimal(amount), "telephony", Decimal(telecom), method, place, reversed_on, MAY, JUNE,
         product.format(number), "service_fees", None, Decimal(count), Decimal("33.3333"), reverses)
        for number, (amount, place, telecom, method, count) in enumerate(lines, start=1)
    ]  # fmt: skip
    currency = "CAD" if lines[0][1].startswith("CA") else "USD"
    heading = ("D", "A", "S", "US", ["US"], "business", currency[:2], None, None, day, day, currency, 2, "en_US")
    return apply(
        pl.DataFrame(rows, schema={**LINES, **LINE_FACTS, "reverses": pl.String}, orient="row"),
        pl.DataFrame([heading], schema=DOCUMENTS, orient="row"),
        tables,
        pl.DataFrame(certificates or [], schema=CERTIFICATES, orient="row"),
        pl.DataFrame(schema=ID_CHECKS),
        issued,
        memory,
    )


def _memory(result: TaxResult) -> pl.DataFrame:
    """The rows as the store remembers them once the document is issued, and that there is such a document."""
    rows = result.taxes.select(
        account_id=pl.lit("A"),
        issued_on=pl.lit(MAY),
        tax_code="tax_code",
        jurisdiction="jurisdiction",
        tax_date="tax_date",
        rate=pl.coalesce("rate_amount", "rate_percent"),
        certificate_number="certificate_number",
        reverse_charge=pl.lit(value=False),
        invoice_number=pl.lit("OLD"),
        base_amount="base_amount",
        exempt_amount="exempt_amount",
        amount="amount",
    )
    known = pl.DataFrame({"account_id": ["A"], "issued_on": [MAY], "invoice_number": ["OLD"]})
    return pl.concat([rows.cast(ISSUED), known], how="diagonal")


def _amounts(result: TaxResult, *, percentages: bool = False) -> dict[tuple[str, str], Decimal]:
    rows = result.taxes.filter((pl.col("unit") == "percent_of_base") | (not percentages))
    return {(code, place): amount for code, place, amount in rows.select("tax_code", "jurisdiction", "amount").rows()}


@settings(max_examples=40, deadline=None)
@given(lines=MONTHS, data=st.data())
def test_splitting_a_line_changes_no_percentage_tax(tables: TaxTables, lines: list[Line], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(lines) - 1))
    amount, *facts, count = lines[index]
    part = data.draw(st.integers(-9999, 9999).map(lambda cents: Decimal(cents).scaleb(-2)))
    pieces: list[Line] = [(str(part), *facts, count), (str(Decimal(amount) - part), *facts, 0)]  # type: ignore[list-item]
    split = [*lines[:index], *pieces, *lines[index + 1 :]]
    assert _amounts(_taxed(split, tables), percentages=True) == _amounts(_taxed(lines, tables), percentages=True)


@settings(max_examples=40, deadline=None)
@given(lines=MONTHS, exempt=st.booleans())
def test_a_document_and_its_full_reversal_sum_to_zero_in_every_row(
    tables: TaxTables, lines: list[Line], exempt: bool
) -> None:
    """Also when the certificate has ended, and every rate has changed, by the time it is reversed."""
    certificate = [("A", "C-1", None, lines[0][1], MAY, MAY)] if exempt else []
    billed = _taxed(lines, tables, day=MAY, certificates=certificate)
    changed = TaxTables(
        tuple(t.model_copy(update={"values": dict.fromkeys(t.values, Decimal(9))}) for t in tables.tables)
    )
    back: list[Line] = [(str(-Decimal(a)), p, t, m, -c) for a, p, t, m, c in lines]
    returned = _taxed(back, changed, issued=_memory(billed))
    assert _amounts(returned) == {key: -amount for key, amount in _amounts(billed).items()}
    assert set(returned.taxes["tax_date"]) <= {MAY}


def _document(lines: list[Line], billed: TaxResult, cents: list[int]) -> Document:
    """The document once issued; `cents` other than what its rows came to by their rates, as an engine may answer that
    charges no tax on another."""
    printed = [
        line("service_fees", "Seat", "1", amount, product_code=f"seat {number}", tax_class="telephony",
             jurisdiction=place, line_count=Decimal(count), period_start=MAY, period_end=JUNE, amount=Decimal(amount))
        for number, (amount, place, _, _, count) in enumerate(lines, start=1)
    ]  # fmt: skip
    by_engine = all(part["of"] is None for parts in billed.taxes["parts"] for part in parts)
    rows = [
        Tax(**{name: row[name] for name in Tax.model_fields}) for row in billed.taxes.drop("draft_id").to_dicts()
    ]  # fmt: skip
    rows = [
        row.model_copy(
            update={"amount": row.amount + Decimal(more).scaleb(-2), "rounding": None if more else row.rounding}
        )
        for row, more in zip(rows, cents if by_engine else [0] * len(rows), strict=False)
    ]
    return document(printed, rows, invoice_number="OLD", issue_date=MAY)


@settings(max_examples=40, deadline=None)
@given(lines=MONTHS, cents=st.lists(st.integers(-2, 2), min_size=20, max_size=20))
def test_a_full_reversal_returns_what_was_charged_when_every_table_is_gone(
    tables: TaxTables, lines: list[Line], cents: list[int]
) -> None:
    billed = _document(lines, _taxed(lines, tables, day=MAY), cents)
    back: list[Line] = [(str(-Decimal(a)), p, t, m, -c) for a, p, t, m, c in lines]
    returned = _taxed(back, TaxTables(()), memory=Memory((billed,))).taxes
    columns = ["tax_code", "jurisdiction", "tax_date", "rate_percent", "rate_amount", "name", "reference", "table"]
    given = {row[:-1]: row[-1] for row in returned.select(*columns, "amount").rows()}
    assert given == {tuple(getattr(tax, name) for name in columns): -tax.amount for tax in billed.taxes}


BASED = st.one_of(_months(US, "60", "100"), _months(CANADA, "60", "100"))
"""Every line has a part of its own in every base: where a tax is on other fees alone, parts may tell their cents apart
otherwise than the whole did."""
CENTS = st.lists(st.integers(-2, 2), min_size=20, max_size=20)
PIECES = st.lists(st.lists(st.integers(0, 3), min_size=8, max_size=8), min_size=8, max_size=8)
"""For each of eight lines: in how many quarters of it, from the first to the last document, it is given back."""


@settings(max_examples=25, deadline=None, phases=(Phase.generate,))
@given(lines=BASED, cents=CENTS, pieces=PIECES, is_known=st.booleans())
def test_parts_over_several_documents_return_what_was_charged_to_the_cent(
    tables: TaxTables, lines: list[Line], cents: list[int], pieces: list[list[int]], is_known: bool
) -> None:
    """Whatever each part is: three documents give back what they do of every line, a fourth one all that is left. Of
    lines of the products that were charged (`is_known`), and of others. No part returns more than is left."""
    billed = _document(lines, _taxed(lines, tables, day=MAY), cents if is_known else [0] * 20)
    charged: dict[tuple[str, str, Decimal], Decimal] = {}
    for tax in billed.taxes:
        key = (tax.tax_code, tax.jurisdiction, tax.rate_amount or tax.rate_percent)
        charged[key] = charged.get(key, Decimal(0)) + tax.amount
    left = [(Decimal(amount), count) for amount, *_, count in lines]
    before: list[Document] = []
    given: dict[tuple[str, str, Decimal], Decimal] = {}
    for turn in range(4):
        parts = []
        for number, (amount, count) in enumerate(left):
            quarters = pieces[number][turn] if turn < 3 else 4
            part = amount if quarters == 4 else round(amount * quarters / 4, 2)
            parts.append((part, count * (quarters // 4)))
        left = [(amount - part, count - some) for (amount, count), (part, some) in zip(left, parts, strict=True)]
        back: list[Line] = [
            (str(-part), place, telecom, method, -some)
            for (part, some), (_, place, telecom, method, _) in zip(parts, lines, strict=True)
        ]
        memory = Memory((billed,), returning=tuple(before))
        product = "seat {}" if is_known else "another {}"
        issued = None if is_known else _rows_of(billed)
        returned = _taxed(back, tables, issued=issued, memory=memory, product=product)
        before.append(_returning(back, returned, f"BACK-{turn}"))
        for row in returned.taxes.iter_rows(named=True):
            key = (row["tax_code"], row["jurisdiction"], row["rate_amount"] or row["rate_percent"])
            given[key] = given.get(key, Decimal(0)) - row["amount"]
            if all(Decimal(amount) > 0 and count >= 0 for amount, *_, count in lines):
                assert min(charged[key], Decimal(0)) <= given[key] <= max(charged[key], Decimal(0))
    assert {key: amount for key, amount in given.items() if amount} == {
        key: amount for key, amount in charged.items() if amount
    }


def _rows_of(billed: Document) -> pl.DataFrame:
    """The rows of the document as the store remembers them."""
    rows = [
        ("A", MAY, t.tax_code, t.jurisdiction, t.tax_date, t.rate_amount or t.rate_percent, None, False, "OLD",
         t.base_amount, t.exempt_amount, t.amount)
        for t in billed.taxes
    ]  # fmt: skip
    known = pl.DataFrame({"account_id": ["A"], "issued_on": [MAY], "invoice_number": ["OLD"]})
    return pl.concat([pl.DataFrame(rows, schema=ISSUED, orient="row"), known], how="diagonal")


def _returning(back: list[Line], returned: TaxResult, number: str) -> Document:
    """The document that gives these lines back, once issued."""
    issued = _document(back, returned, [0] * 40)
    lines = [line.model_copy(update={"reverses": "OLD", "tax_date": MAY}) for line in issued.lines]
    return issued.model_copy(update={"invoice_number": number, "lines": lines})


@settings(max_examples=40, deadline=None)
@given(
    lines=st.lists(st.tuples(st.decimals("0.01", "90", places=2), st.booleans()), min_size=2, max_size=8),
    method=st.sampled_from(["safe_harbour", "all", "measured"]),
)
def test_what_stays_charged_after_a_part_is_given_back_is_usf_of_what_stays(
    tables: TaxTables, lines: list[tuple[Decimal, bool]], method: str
) -> None:
    """To the cent: charge and credit are each rounded down."""
    whole: list[Line] = [(str(amount), "US-NY", "100", method, 0) for amount, _ in lines]
    billed = _taxed(whole, tables, day=MAY)
    back: list[Line] = [
        (str(-a if goes else Decimal(0)), p, t, m, c) for (a, goes), (_, p, t, m, c) in zip(lines, whole, strict=True)
    ]
    returned = _taxed(back, tables, memory=Memory((_document(whole, billed, [0] * 20),)))
    usf = [
        {code: amount for (code, _), amount in _amounts(one).items()}.get("USF", Decimal(0))
        for one in (billed, returned)
    ]
    stays = sum((Fraction(amount) for amount, goes in lines if not goes), Fraction(0))
    share = {"safe_harbour": Fraction("0.649"), "all": Fraction(1), "measured": Fraction("0.333333")}[method]
    cap = stays * share * Fraction("0.37")
    kept = Fraction(usf[0]) + Fraction(usf[1])
    assert abs(cap - kept) < Fraction(1, 100)


@settings(max_examples=40, deadline=None)
@given(lines=MONTHS)
def test_base_exempt_and_untaxed_make_the_subtotal_of_each_jurisdiction(tables: TaxTables, lines: list[Line]) -> None:
    """Of every percentage: what it is taken of, what a certificate leaves out and what is not taxable, on its lines."""
    result = _taxed(
        lines, tables, certificates=[("A", "C-1", "SALES", None, MAY, None), ("A", "C-2", "QST", None, MAY, None)]
    )
    by_number = {number: Decimal(line[0]) for number, line in enumerate(lines, start=1)}
    for row in result.taxes.filter(pl.col("unit") == "percent_of_base").iter_rows(named=True):
        own = [part for part in row["parts"] if part["of"] is None]
        fees = sum((part["amount"] for part in row["parts"] if part["of"] is not None), Decimal(0))
        subtotal = sum((by_number[number] for part in own for number in part["lines"]), Decimal(0))
        taxable = row["base_amount"] + row["exempt_amount"]
        not_taxable = sum((_untaxed(part) for part in own), Fraction(0))
        assert row["gross_base"] == subtotal + fees
        assert Fraction(taxable) + not_taxable == Fraction(subtotal + fees)


def _untaxed(part: dict[str, Any]) -> Fraction:
    share = Fraction(part["telecom_percent"]) * Fraction(part["interstate_share"]) / 10_000
    return Fraction(part["amount"]) * (1 - share)


@settings(max_examples=40, deadline=None)
@given(lines=MONTHS)
def test_the_tax_of_a_document_is_the_sum_of_its_rows_and_every_row_is_in_cents(
    tables: TaxTables, lines: list[Line]
) -> None:
    """What tax on tax takes of a fee is that fee's printed amount, cent for cent, where every line is in its base."""
    result = _taxed(lines, tables)
    assert all(amount == round(amount, 2) for amount in result.taxes["amount"])
    assert result.taxes["tax_no"].to_list() == list(range(1, result.taxes.height + 1))
    if {line[1] for line in lines} != {"US-TX"}:
        return
    charged = _amounts(result)
    for row in result.taxes.filter(pl.col("tax_code") == "SALES").iter_rows(named=True):
        for part in row["parts"]:
            if part["of"] is not None:
                assert part["amount"] == charged[part["of"], "US"]


WEIGHTS = st.lists(st.decimals("-50", "50", places=3, allow_nan=False), min_size=1, max_size=9)


@given(cents=st.integers(-5000, 5000), weights=WEIGHTS)
def test_shares_add_up_and_are_less_than_a_cent_off(cents: int, weights: list[Decimal]) -> None:
    amount, total = Decimal(cents).scaleb(-2), sum(weights, Decimal(0))
    parts = shares(amount, weights, 2)
    if total == 0:
        assert set(parts) == {Decimal(0)}
        return
    assert sum(parts, Decimal(0)) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(Fraction(part) - Fraction(amount) * Fraction(weight) / Fraction(total)) < Fraction(1, 100)
    assert shares(-amount, weights, 2) == [-part for part in parts]
