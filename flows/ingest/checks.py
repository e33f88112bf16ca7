"""What a row must satisfy beyond its cells: currencies, zones, addresses of mail, terms we can bill.

Lists of valid names come from libraries (CLDR through babel, IANA zones, the e-mail grammar of the standard
library); each is asked once per distinct value.
"""

import re
from collections.abc import Callable
from datetime import date
from functools import cache

import polars as pl
from babel import Locale, UnknownLocaleError
from babel.numbers import list_currencies

from flows.ingest.checked import Check
from flows.ingest.numbers import E164, SPREADSHEET_FLOAT
from schemas.feed import Feed
from schemas.mail_address import MOST_RECIPIENTS, one_address
from schemas.periods import is_zone
from schemas.product import SECTIONS

_PERIODS = {
    "subscriptions": ("start_date", "end_date"),
    "devices": ("active_from", "active_to"),
    "numbers": ("active_from", "active_to"),
    "prices": ("valid_from", "valid_to"),
    "certificates": ("valid_from", "valid_to"),
    "discounts": ("valid_from", "valid_to"),
    "suspensions": ("valid_from", "valid_to"),
}


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies()) - {"XXX", "XTS"}


@cache
def _countries() -> frozenset[str]:
    codes = (str(code) for code in Locale("en").territories)
    no_countries = {"EU", "EZ", "UN", "ZZ", "XA", "XB", "QO"}
    return frozenset(code for code in codes if re.fullmatch("[A-Z]{2}", code)) - no_countries


def is_email(text: str) -> bool:
    """Whether `text` is exactly one plain address, as it travels: in ASCII, and at a name, not at a number."""
    address = one_address(text) if text.isascii() and "[" not in text else None
    return address is not None and address.addr_spec == text


def split_emails(text: str) -> list[str]:
    """The addresses of a `cc_emails` cell, separated by , or ;."""
    return [part.strip(" ") for part in re.split("[,;]", text) if part.strip(" ")]


def _is_locale(name: str) -> bool:
    try:
        Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return False
    return bool(re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", name))


def _each(frame: pl.DataFrame, column: str, expected: str, valid: Callable[[str], bool]) -> Check:
    """A check by a Python function, asked once per distinct value."""
    wrong = [value for value in frame[column].unique().drop_nulls() if not valid(value)]
    return Check(column, pl.col(column).is_in(wrong), expected)


def _value(name: str) -> pl.Expr:
    return pl.col(f"v.{name}")


_DECIMALS = {"quantity": 4, "committed_quantity": 4, "unit_price": 8}
"""Quantity times price must fit the twelve decimals of an exact amount."""


def row_checks(feed: Feed, frame: pl.DataFrame) -> list[Check]:
    """The checks of a feed's rows; `frame` has the text columns. The checks may use values as `v.<name>`. Those of a
    call's times are in durations.py."""
    checks: list[Check] = []
    names = {column.name for column in feed.columns}
    if "currency" in names:
        checks.append(_each(frame, "currency", "a currency of ISO 4217, such as USD", _currencies().__contains__))
    if "country" in names:
        checks.append(_each(frame, "country", "two capitals of ISO 3166, such as US", _countries().__contains__))
    for column in feed.columns:
        if column.kind == "decimal":
            expected = "a number that is not negative"
            if feed.name == "charges":
                expected += "; a credit is a positive amount of kind credit"
            checks.append(Check(column.name, _value(column.name) < 0, expected))
        if column.name in _DECIMALS:
            places = _DECIMALS[column.name]
            finer = _value(column.name) != _value(column.name).round(places)
            checks.append(Check(column.name, finer, f"at most {places} decimals"))
    if feed.name in _PERIODS:
        start, end = _PERIODS[feed.name]
        checks.append(Check(f"{start}|{end}", _value(end) < _value(start), f"{end} on or after {start}"))
    return checks + (_OWN[feed.name](frame) if feed.name in _OWN else [])


def _accounts(frame: pl.DataFrame) -> list[Check]:
    return [
        _each(frame, "time_zone", "an IANA zone such as America/New_York", is_zone),
        _each(frame, "locale", "a locale such as en_US", _is_locale),
        _each(frame, "email", "one plain e-mail address", is_email),
        _each(
            frame,
            "cc_emails",
            "plain e-mail addresses separated by , or ;",
            lambda cell: all(map(is_email, split_emails(cell))),
        ),
        _each(
            frame,
            "cc_emails",
            f"at most {MOST_RECIPIENTS} recipients, email included",
            lambda cell: len(split_emails(cell)) < MOST_RECIPIENTS,
        ),
        Check("payment_terms_days", _value("payment_terms_days") > 365, "0 to 365 days"),
        Check("free_months", _value("free_months") > 60, "0 to 60 months"),
    ]


def _subscriptions(_frame: pl.DataFrame) -> list[Check]:
    interval = pl.col("billing_interval")
    return [
        Check("billing_interval", ~interval.str.contains(r"^P[1-9][0-9]{0,2}[DWMY]$"), "P1M, P3M, P1Y, P30D and so on"),
        Check("renewal_months", ~_value("renewal_months").is_between(1, 120), "1 to 120 months"),
        Check(
            "renewal_months",
            pl.col("renewal_months").is_not_null() & pl.any_horizontal(pl.col("term_start", "term_months").is_null()),
            "nothing without term_start and term_months: only a term renews",
        ),
        Check("term_months", ~_value("term_months").is_between(1, 120), "1 to 120 months"),
    ]


def _prices(_frame: pl.DataFrame) -> list[Check]:
    prefix = pl.col("prefix")
    return [
        Check("prefix", ~prefix.str.contains("^[1-9][0-9]{0,14}$"), "1 to 15 digits as in E.164, without +"),
        Check("deck", pl.col("deck").is_not_null() & prefix.is_null(), "nothing: a deck goes with a prefix"),
    ]


def _discounts(_frame: pl.DataFrame) -> list[Check]:
    whole, target = pl.col("applies_to") == "account", pl.col("target")
    of_section = pl.col("applies_to") == "section"
    return [
        Check("percent", _value("percent") > 100, "at most 100"),
        Check("target", whole & target.is_not_null(), "nothing: it applies to the account"),
        Check("target", ~whole & target.is_null(), "what applies_to names: a section, product_code or subscription_id"),
        Check("target", of_section & ~target.is_in(SECTIONS), f"a section: {', '.join(SECTIONS)}"),
    ]


def _billed_until(_frame: pl.DataFrame) -> list[Check]:
    sane = _value("billed_until").is_between(date(1990, 1, 1), date(2099, 12, 31))
    return [Check("billed_until", ~sane, "the last day that was billed, such as 2026-05-31")]


def _numbers(_frame: pl.DataFrame) -> list[Check]:
    expected = "a number in E.164 such as +12025550123, or a source with country"
    return [Check("number", ~_value("number").str.contains(E164), expected)]


def _spelt_numbers(_frame: pl.DataFrame) -> list[Check]:
    expected = "a number as text, such as +12025550123: this one went through a column of decimals"
    return [
        Check(name, pl.col(name).str.contains(SPREADSHEET_FLOAT) & ~_value(name).str.contains(E164), expected)
        for name in ("from_number", "to_number")
    ]


_OWN: dict[str, Callable[[pl.DataFrame], list[Check]]] = {
    "accounts": _accounts,
    "subscriptions": _subscriptions,
    "prices": _prices,
    "discounts": _discounts,
    "billed_until": _billed_until,
    "numbers": _numbers,
    "calls": _spelt_numbers,
    "messages": _spelt_numbers,
}
