"""What a sheet itself says of its currency: signs and codes in prices, headings and the lines above them."""

import re

from flows.home.file_settings import UNKNOWN_CURRENCY, DeckSettings

_SIGNS = {
    "US$": ("USD",), "CA$": ("CAD",), "AU$": ("AUD",), "HK$": ("HKD",), "NZ$": ("NZD",), "C$": ("CAD",),
    "A$": ("AUD",), "S$": ("SGD",), "R$": ("BRL",), "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN"),
    "€": ("EUR",), "£": ("GBP",), "¥": ("JPY", "CNY"), "₹": ("INR",), "zł": ("PLN",), "₺": ("TRY",), "₩": ("KRW",),
}  # fmt: skip
"""Sign -> the currencies that are written with it; longer signs first."""

_CODES = (
    "USD EUR GBP CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN JPY CNY INR SGD HKD ZAR BRL MXN AED SAR ILS TRY KRW "
    "THB PHP IDR MYR NGN KES ARS CLP COP PEN EGP MAD UAH ISK"
).split()
"""Codes that mean a currency wherever they stand; others, such as ALL and TOP, are words too."""

_WORDS = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD", "pounds sterling": "GBP"}


def currencies_in(text: str, own: str = "") -> set[str]:
    """The currencies that a text may mean; none where it names none. `own` is a code that counts too."""
    stated: set[str] = set()
    rest = text
    for sign, whose in _SIGNS.items():
        if sign in rest:
            stated |= {*whose}
            rest = rest.replace(sign, " ")
    codes = [*_CODES, own] if own else _CODES
    stated |= {code for code in codes if re.search(rf"(?<![A-Za-z]){code}(?![A-Za-z])", rest)}
    return stated


def without_currency(text: str, own: str) -> str:
    """A price's text without one sign or code."""
    for sign in _SIGNS:
        if sign in text:
            return text.replace(sign, "", 1).strip()
    codes = "|".join([*_CODES, own])
    return re.sub(rf"(?<![A-Za-z])(?:{codes})(?![A-Za-z])", "", text, count=1).strip()


def contradicts(stated: set[str], settings: DeckSettings) -> bool:
    """Whether a sheet that means one of `stated` is declared in another currency, and nobody said that it errs."""
    known = settings.currency in stated or settings.currency == UNKNOWN_CURRENCY
    return bool(stated) and not known and settings.sheet_currency not in stated


def words_for(text: str) -> set[str]:
    """As `currencies_in`, of a title or heading, in which a currency may be spelt out."""
    plain = text.casefold()
    return currencies_in(text) | {code for word, code in _WORDS.items() if re.search(rf"\b{word}\b", plain)}
