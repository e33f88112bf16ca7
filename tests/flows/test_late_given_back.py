"""Usage that comes late and makes its month cheaper: what is given back is taxed as it was charged (RULES 13, 20)."""

from decimal import Decimal
from pathlib import Path

import pytest

from flows.home.settings import Home
from tests.flows.issuing import bill, rows
from tests.scenarios.month.home import add_file, make_home

pytestmark = pytest.mark.usefixtures("without_reviews")

CATALOG = """
products:
  line: &telephony
    name: Line
    section: service_fees
    billed_from: subscriptions
    per: resource
    tax_class: telephony
    telecom_percent: "100"
    interstate: safe_harbour
    prices: {USD: "5.00"}
  minutes_by_volume:
    <<: *telephony
    name: Minutes by volume
    section: outbound_overage
    billed_from: usage
    prices: {}
    pricing:
      USD: {model: volume, unit: minute, tiers: [{up_to: "60", unit_price: "3.00"}, {unit_price: "2.00"}]}
plans:
  volume:
    name: By volume
    currency: USD
    domestic: [US]
    usage: {domestic: {rate: {price: "0", increment: 60}, charged: minutes_by_volume}}
"""
US = {
    "country": "US", "region": "NY", "city": "New York", "postal_code": "10001", "currency": "USD", "plan": "volume",
    "locale": "en_US", "time_zone": "America/New_York",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """60 minutes of February at 3.00, on the invoice of March; USF is 37.6 % then, and 37.0 % from April on."""
    home = make_home(tmp_path / "home")
    text = home.settings_file.read_text(encoding="utf-8")
    home.settings_file.write_text(text.replace('"2025-06"', '"2026-03"'), encoding="utf-8")
    (home.catalog / "volume.yaml").write_text(CATALOG, encoding="utf-8")
    add_file(home, "accounts", "accounts", [{"account_id": "ANN", **US}])
    add_file(home, "subscriptions", "lines", [{"account_id": "ANN", "subscription_id": "S", "product_code": "line"}])
    add_file(home, "numbers", "n", [{"account_id": "ANN", "number": "+12125550101", "product_code": "number"}])
    add_file(home, "prices", "n", [{"account_id": "ANN", "product_code": "number", "unit_price": "0.00",
                                    "currency": "USD", "valid_from": "2024-01-01"}])  # fmt: skip
    call(home, "first", 5, 60)
    bill(home, "2026-03")
    assert usf(home, "2026-03") == [(Decimal("120.065"), Decimal("37.6"), "2026-03-01", Decimal("45.14"))]
    return home


def call(home: Home, name: str, day: int, minutes: int) -> None:
    """A call of February."""
    facts = {"started_at": f"2026-02-{day:02}T15:00:00Z", "from_number": "+12125550101", "to_number": "+12125550102"}
    add_file(home, "calls", name, [{"call_id": name, "duration_s": minutes * 60, **facts}])


def usf(home: Home, month: str) -> list[tuple[object, ...]]:
    """base_amount, rate, tax date and amount of each row of USF."""
    return rows(
        home,
        "select base_amount, rate_percent, tax_date::varchar, amount from invoice_taxes t "
        "join issued_documents d using (run_id, draft_id) where d.invoice_month = $1 and tax_code = 'USF' "
        "order by tax_date",
        month,
    )


def usage(home: Home, month: str) -> list[tuple[object, ...]]:
    return rows(
        home,
        "select l.quantity, l.amount, l.reverses from invoice_lines l join issued_documents d using (run_id, draft_id) "
        "where d.invoice_month = $1 and charge_type = 'usage' order by line_no",
        month,
    )


def test_minutes_that_come_late_and_are_cheaper_return_the_fee_of_their_day(home: Home) -> None:
    """70 minutes at 2.00 are 140.00, 40.00 less than 60 at 3.00: 25.96 of it is interstate, at 37.6 % 9.76; the line
    of April has its own row, 5.00 x 64.9 % x 37.0 % = 1.20."""
    call(home, "late", 20, 10)
    bill(home, "2026-04")
    assert usage(home, "2026-04") == [(Decimal(600), Decimal(-40), "UK-2026-000001")]
    assert usf(home, "2026-04") == [
        (Decimal("-25.96"), Decimal("37.6"), "2026-03-01", Decimal("-9.76")),
        (Decimal("3.245"), Decimal("37.0"), "2026-04-01", Decimal("1.20")),
    ]


def test_minutes_that_come_later_still_are_an_invoice_of_today(home: Home) -> None:
    """Ten more at 2.00 are 20.00 more, taxed in May as of May."""
    call(home, "late", 20, 10)
    bill(home, "2026-04")
    call(home, "later", 21, 10)
    bill(home, "2026-05")
    assert usage(home, "2026-05") == [(Decimal(600), Decimal(20), None)]
    assert [row[1:3] for row in usf(home, "2026-05")] == [(Decimal("37.0"), "2026-05-01")]
