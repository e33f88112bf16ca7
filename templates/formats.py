"""Money, prices, quantities, dates and periods as a reader of the document's locale writes them (CLDR)."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import format_currency, format_decimal, format_percent

from schemas.money import plain
from schemas.periods import month_start


@dataclass(frozen=True)
class Formats:
    """How one document writes its figures. `currency` is ISO 4217."""

    locale: Locale
    currency: str

    def money(self, amount: Decimal) -> str:
        """An amount, already rounded to the currency's minor unit."""
        return format_currency(amount, self.currency, locale=self.locale)

    def change(self, amount: Decimal) -> str:
        """An amount with its sign always shown."""
        return ("+" if amount > 0 else "") + self.money(amount)

    def rough(self, amount: Decimal) -> str:
        """An amount to the whole unit of the currency, for a chart's labels only."""
        pattern = re.sub(r"(?<=0)\.0+", "", self.locale.currency_formats["standard"].pattern)
        return format_currency(amount, self.currency, pattern, locale=self.locale, currency_digits=False)

    def price(self, price: Decimal) -> str:
        """A unit price with all its own digits: 0.00715 stays 0.00715, 25 becomes 25.00."""
        return format_currency(plain(price), self.currency, locale=self.locale, decimal_quantization=False)

    def number(self, number: Decimal) -> str:
        """A quantity with all its own digits."""
        return format_decimal(plain(number), locale=self.locale, decimal_quantization=False)

    def percent(self, percent: Decimal) -> str:
        """`percent` is in percent: 9.975 -> '9.975%'."""
        return format_percent(plain(percent / 100), locale=self.locale, decimal_quantization=False)

    def day(self, day: date) -> str:
        """A date in words, so that no reader can swap day and month."""
        return self._first(format_date(day, "long", locale=self.locale))

    def month(self, month: str) -> str:
        """'2026-05' -> 'May 2026'."""
        return format_skeleton("yMMMM", month_start(month), locale=self.locale)

    def short_month(self, month: str) -> str:
        """'2026-05' -> 'May'."""
        return format_skeleton("MMM", month_start(month), locale=self.locale)

    def period(self, start: date, end: date) -> str:
        """A half-open period, printed with its last day included: [1 June, 1 July) -> '1 – 30 June'."""
        last = max(start, end - timedelta(days=1))
        return self._first(format_interval(start, last, "yMMMd", locale=self.locale))

    def _first(self, text: str) -> str:
        """French writes the first of a month 1er, which CLDR leaves to the reader."""
        return re.sub(r"(?<![0-9])1(?=[ \u202f\u00a0–-])", "1er", text) if self.locale.language == "fr" else text
