"""Tax scenarios a clerk can check: an address, lines, a date, and the rows expected, against the shipped tables.

Every scalar is text. Of an expected row only the columns given are compared; the rows themselves must be all there,
in order. `base` is base_amount, `exempt` exempt_amount, `percent` rate_percent.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from schemas.money import minor_digits
from taxes.apply import TaxResult, apply
from taxes.frames import CERTIFICATES, DOCUMENTS, ID_CHECKS, ISSUED, LINE_FACTS, LINES
from taxes.places import Places, load_places
from taxes.tables import TaxTables, load_tables

FOLDER = Path(__file__).parent / "taxes"
SHIPPED = Path(__file__).parents[2] / "data" / "reference" / "taxes"
CASE_KEYS = {
    "name", "address", "seller", "customer", "invoice_date", "tax_point", "currency", "lines", "certificates",
    "vat_checks", "issued", "expect", "findings", "parked",
}  # fmt: skip
LINE_KEYS = {
    "amount", "tax_class", "telecom_percent", "interstate", "tax_date", "jurisdiction", "period", "section", "country",
    "line_count", "measured_share", "reverses",
}  # fmt: skip
COLUMN = {"tax": "tax_code", "base": "base_amount", "exempt": "exempt_amount", "percent": "rate_percent"}
NUMBERS = {
    "gross_base", "taxable_percent", "base_amount", "exempt_amount", "rate_percent", "amount", "line_count",
    "rate_amount",
}  # fmt: skip


def _cases() -> list[Any]:
    return [
        pytest.param(case, id=f"{file.stem}: {case['name']}")
        for file in sorted(FOLDER.glob("*.yaml"))
        for case in yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - text only
    ]


@pytest.fixture(scope="module")
def tables() -> TaxTables:
    return load_tables({p.relative_to(SHIPPED).as_posix(): p.read_text("utf-8") for p in SHIPPED.rglob("*.yaml")})


@pytest.fixture(scope="module")
def places() -> Places:
    return load_places(*((SHIPPED / f"{name}.csv").read_text("utf-8") for name in ("places", "postal_regions")))


def _number(text: str | None) -> Decimal | None:
    return Decimal(text) if text else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _lines(case: dict[str, Any], places: Places) -> pl.DataFrame:
    address = case["address"]
    place = places.jurisdiction(address["country"], address.get("region"), address.get("postal_code"))
    rows = []
    for number, line in enumerate(case["lines"], start=1):
        assert set(line) <= LINE_KEYS, set(line) - LINE_KEYS
        start, end = line.get("period", [case["invoice_date"], case["invoice_date"]])
        rows.append(
            {
                "draft_id": "D1",
                "line_no": number,
                "amount": Decimal(line["amount"]),
                "tax_class": line.get("tax_class", "voice"),
                "telecom_percent": Decimal(line.get("telecom_percent", "100")),
                "interstate": line.get("interstate", "safe_harbour"),
                "jurisdiction": line.get("jurisdiction", place),
                "tax_date": _day(line.get("tax_date")),
                "period_start": _day(start),
                "period_end": _day(end),
                "product_code": "seat",
                "section": line.get("section", "service_fees"),
                "country": line.get("country"),
                "line_count": _number(line.get("line_count")),
                "measured_share": _number(line.get("measured_share")),
                "reverses": line.get("reverses"),
            }
        )
    return pl.DataFrame(rows, schema={**LINES, **LINE_FACTS, "reverses": pl.String})


def _document(case: dict[str, Any]) -> pl.DataFrame:
    seller, customer, address = case.get("seller", {}), case.get("customer", {}), case["address"]
    country = seller.get("country", "US")
    row = {
        "draft_id": "D1",
        "account_id": "A1",
        "seller_id": "S1",
        "seller_country": country,
        "seller_vat_countries": seller.get("vat_countries", [country]),
        "customer_type": customer.get("type", "business"),
        "country": address["country"],
        "region": address.get("region"),
        "tax_id": customer.get("vat_id"),
        "invoice_date": _day(case["invoice_date"]),
        "tax_point": _day(case.get("tax_point", case["invoice_date"])),
        "currency": case["currency"],
        "minor_digits": minor_digits(case["currency"]),
        "locale": customer.get("locale", "en_US"),
    }
    return pl.DataFrame([row], schema=DOCUMENTS)


def _issued(case: dict[str, Any]) -> pl.DataFrame:
    """Rows of issued documents as the store remembers them; their amounts do not matter to what reverses them."""
    rows = [
        ("A1", _day(row["issued_on"]), row["tax"], row["jurisdiction"], _day(row["tax_date"]), Decimal(row["rate"]),
         row.get("certificate"), row.get("reverse_charge") == "yes", row["invoice"], None, None, None)
        for row in case.get("issued", [])
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ISSUED, orient="row")


def _run(case: dict[str, Any], tables: TaxTables, places: Places) -> TaxResult:
    certificates = [
        ("A1", c["number"], c.get("tax"), c.get("jurisdiction"), _day(c["valid_from"]), _day(c.get("valid_to")),
         c.get("reason"))
        for c in case.get("certificates", [])
    ]  # fmt: skip
    checks = [
        ("A1", c["vat_id"], datetime.fromisoformat(c["checked_at"]).replace(tzinfo=UTC), c["result"], "R")
        for c in case.get("vat_checks", [])
    ]
    return apply(
        _lines(case, places),
        _document(case),
        tables,
        pl.DataFrame(certificates, schema={**CERTIFICATES, "reason": pl.String}, orient="row"),
        pl.DataFrame(checks, schema=ID_CHECKS, orient="row"),
        _issued(case),
    )


CASES = _cases()
Taxed = Callable[[dict[str, Any]], TaxResult]


@pytest.fixture(scope="module")
def taxed(tables: TaxTables, places: Places) -> Taxed:
    """What comes of a case of CASES, worked out once."""
    known: dict[int, TaxResult] = {}

    def result(case: dict[str, Any]) -> TaxResult:
        if id(case) not in known:
            known[id(case)] = _run(case, tables, places)
        return known[id(case)]

    return result


@pytest.mark.parametrize("case", CASES)
def test_scenario(case: dict[str, Any], taxed: Taxed) -> None:
    assert set(case) <= CASE_KEYS, set(case) - CASE_KEYS
    result = taxed(case)
    if "findings" in case:
        assert result.findings["detail"].to_list() == case["findings"]
    if "parked" in case:
        assert result.parked.drop("code").rows() == [("A1", "D1", case["parked"])]
        assert result.taxes.is_empty()
        return
    assert result.parked.rows() == []
    found = result.taxes.rows(named=True)
    assert [row["tax_code"] for row in found] == [row["tax"] for row in case["expect"]]
    assert [row["tax_no"] for row in found] == list(range(1, len(found) + 1))
    for row, expected in zip(found, case["expect"], strict=True):
        for key, text in expected.items():
            column = COLUMN.get(key, key)
            value = row[column]
            wanted = Decimal(text) if column in NUMBERS else _day(text) if column == "tax_date" else text or None
            assert value == wanted, f"{expected['tax']}: {key} is {value}, expected {wanted}"


def test_every_shipped_table_has_a_scenario(tables: TaxTables, places: Places, taxed: Taxed) -> None:
    """An untested table fails the build: some scenario prints a row of it, or lies where it says that there is none."""
    seen: set[str] = set()
    for parameter in CASES:
        case = parameter.values[0]
        if "parked" in case:
            continue
        seen |= set(taxed(case).taxes["table"])
        reached = _lines(case, places)["jurisdiction"].unique().to_list()
        seen |= {t.file for t in tables.tables if t.jurisdiction in reached and set(t.values.values()) == {Decimal(0)}}
    assert {table.file for table in tables.tables} - seen == set()


def test_one_file_per_jurisdiction() -> None:
    """A clerk finds a scenario by its address: de.yaml, us-tx.yaml."""
    for parameter in CASES:
        file, _, name = str(parameter.id).partition(": ")
        address = parameter.values[0]["address"]
        place = "-".join(filter(None, (address["country"], address.get("region")))).lower()
        assert place == file or file == address["country"].lower(), name
