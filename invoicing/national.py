"""VAT in the money of the country where it is due, for documents in another currency (Directive 2006/112/EC, art. 230;
HMRC VATREC5060; Revenue: euro figures on invoices in a foreign currency)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

from schemas.document import NationalAmounts, Tax
from schemas.money import minor_digits, rounded

MOST_DAYS = 7
"""A rate of the day, or of the last day before it on which one was published: weekends and holidays, no longer."""

Rates = Mapping[tuple[str, str], Sequence[tuple[date, Decimal, str]]]
"""(from, to) -> (day, units of `to` for one of `from`, who published it), the newest last."""


def national_amounts(
    taxes: Iterable[Tax], currency: str, currency_of: Mapping[str, str], rates: Rates
) -> list[NationalAmounts]:
    """One per country whose VAT the rows charge in another currency than its own; none where no rate is near enough.

    currency_of: country -> currency in which VAT is due there.
    """
    amounts = []
    charged = [tax for tax in taxes if tax.tax_code == "VAT" and tax.amount != 0]
    for country in sorted({tax.jurisdiction[:2] for tax in charged}):
        own = [tax for tax in charged if tax.jurisdiction[:2] == country]
        national = currency_of[country]
        if national == currency:
            continue
        rate = rate_near(rates, currency, national, max(tax.tax_date for tax in own))
        if rate is None:
            continue
        day, value, source = rate
        digits = minor_digits(national)
        amounts.append(
            NationalAmounts(
                country=country,
                currency=national,
                rate=value,
                rate_date=day,
                source=source,
                taxable=rounded(sum((tax.base_amount for tax in own), Decimal(0)) * value, digits),
                tax=rounded(sum((tax.amount for tax in own), Decimal(0)) * value, digits),
            )
        )
    return amounts


def rate_near(rates: Rates, currency: str, national: str, day: date) -> tuple[date, Decimal, str] | None:
    """The last rate on or before `day`, when it is no older than MOST_DAYS."""
    published = [rate for rate in rates.get((currency, national), ()) if rate[0] <= day]
    return published[-1] if published and day - published[-1][0] <= timedelta(days=MOST_DAYS) else None
