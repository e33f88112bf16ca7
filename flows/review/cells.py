"""How the cells of the review read: amounts, durations, codes as words, what moved."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flows.review.spec import Column
from schemas.money import minor_digits, rounded

Rows = list[dict[str, Any]]


def written(amount: Decimal | None, currency: str | None) -> str:
    """An amount as people read it, at its currency's decimals: 1,234.50. Exact estimates are rounded for the eye."""
    if amount is None:
        return "–"
    digits = minor_digits(currency) if currency else 2
    return f"{rounded(amount, digits):,f}".replace("-", "−")


def signed(amount: Decimal, currency: str | None) -> str:
    """An amount with its sign: +12.00, −3.50, 0.00."""
    text = written(amount, currency)
    return f"+{text}" if amount > 0 else text


def sums(estimates: Rows | None) -> str:
    """Money in several currencies: 0.75 USD, 1.20 EUR."""
    return (
        ", ".join(f"{written(part['amount'], part['currency'])} {part['currency']}" for part in estimates or []) or "–"
    )


def spoken(seconds: int | None) -> str:
    """Seconds as hours, minutes and seconds: 1:05:09."""
    minutes, rest = divmod(seconds or 0, 60)
    return f"{minutes // 60:,}:{minutes % 60:02d}:{rest:02d}"


def worded(code: str | None) -> str:
    """A code of ours as words: phone_numbers -> phone numbers."""
    return (code or "–").replace("_", " ")


def interval(code: str) -> str:
    """A billing interval in months or days: P12M -> 12 months."""
    unit = {"M": "month", "D": "day"}[code[-1]]
    return f"{code[1:-1]} {unit}" + ("" if code[1:-1] == "1" else "s")


def moves(sections: Rows | None, currency: str | None) -> str:
    """What moved: service fees +10.00, rentals −3.50."""
    return ", ".join(f"{worded(part['section'])} {signed(part['difference'], currency)}" for part in sections or [])


def tag(file: str | None) -> str:
    """What a link to a file is called: PDF, CSV."""
    return file.rpartition(".")[2].upper() if file else ""


_WRITERS: dict[str, Callable[[Any, str | None], str]] = {
    "money": written,
    "change": signed,
    "moves": moves,
    "sums": lambda value, _: sums(value),
    "seconds": lambda value, _: spoken(value),
    "count": lambda value, _: f"{value:,d}",
    "word": lambda value, _: worded(value),
    "interval": lambda value, _: interval(value),
    "file": lambda value, _: tag(value),
}


def cell(column: Column, row: dict[str, Any]) -> str:
    """A cell as it is read; text and codes as they are."""
    value = row[column.name]
    if column.kind in _WRITERS:
        return _WRITERS[column.kind](value, row.get("currency"))
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return "–" if value is None else str(value)
