"""The shipped EU tables against two packages that other people keep (test dependencies only)."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import eu_vat_rates_data
import pytest
from duty27_eu_vat import DATA_AS_OF, get_rate_changes, get_standard_rate, list_countries

from taxes.tables import TaxTables, load_tables, rate_percent

SHIPPED = Path(__file__).parents[2] / "data" / "reference" / "taxes"

EXCEPTIONS: dict[tuple[str, date], str] = {}
"""(country, day) -> why we differ from a package there. None: all three agree."""


@pytest.fixture(scope="module")
def tables() -> TaxTables:
    return load_tables({p.relative_to(SHIPPED).as_posix(): p.read_text("utf-8") for p in SHIPPED.rglob("*.yaml")})


def _ours(tables: TaxTables, country: str, day: date) -> Decimal | None:
    return rate_percent(tables, "GR" if country == "EL" else country, None, "VAT", day)


def test_every_change_since_2016_is_ours_on_its_day_and_no_other(tables: TaxTables) -> None:
    """Compared at both ends of every value of either side, so a change that only one knows shows."""
    countries = [country.code for country in list_countries()]
    assert len(countries) == 27
    for code in countries:
        ours = next(t for t in tables.tables if t.code == "VAT" and t.jurisdiction == ("GR" if code == "EL" else code))
        theirs = {change.date for change in get_rate_changes(code)}
        edges = theirs | set(ours.values) | {date(2016, 1, 1), DATA_AS_OF}
        days = {day for edge in edges for day in (edge, date.fromordinal(edge.toordinal() - 1))}
        for day in sorted(day for day in days if date(2016, 1, 1) <= day <= DATA_AS_OF):
            if (code, day) not in EXCEPTIONS:
                assert _ours(tables, code, day) == get_standard_rate(code, day), (code, day)


@pytest.mark.parametrize("country", [*(one.code for one in list_countries()), "GB", "CH", "NO"])
def test_the_rate_of_today_is_confirmed(tables: TaxTables, country: str) -> None:
    told = eu_vat_rates_data.get_standard_rate("GR" if country == "EL" else country)
    assert _ours(tables, country, DATA_AS_OF) == Decimal(str(told))
