"""Values as an operator writes them: exact numbers, and values that change on a date.

A dated value is either plain (`"24.95"`, in force always) or a map of valid-from dates
(`{2025-01-01: "24.95", 2026-04-01: "25.95"}`); the last date not after the day asked for is in force.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from schemas.limits import PRICE_LIMIT

T = TypeVar("T")


def as_dated(value: Any) -> Any:
    """A plain value, in force always, as the map it stands for."""
    return value if isinstance(value, dict) else {date.min: value}


def quoted_number(value: Any, whole_may_be_bare: bool = True) -> Decimal:
    """Numbers of money are quoted text in YAML and TOML: a bare 0.1 has already been through a float."""
    if isinstance(value, float) or (isinstance(value, int) and not whole_may_be_bare):
        raise ValueError(f'expected a quoted number: "{value}"')
    try:
        number = Decimal(str(value).strip())
    except ArithmeticError:
        number = Decimal("nan")
    if not number.is_finite():
        raise ValueError(f"found {value!r}; expected a number")
    return number


def _exact(value: Any) -> Decimal:
    number = quoted_number(value)
    if abs(number) >= PRICE_LIMIT or int(number.as_tuple().exponent) < -12:
        raise ValueError(f"found {value}; expected a number below {PRICE_LIMIT} with at most 12 decimals")
    return number


Exact = Annotated[Decimal, BeforeValidator(_exact)]
DatedExact = Annotated[dict[date, Exact], BeforeValidator(as_dated)]
DatedInt = Annotated[dict[date, int], BeforeValidator(as_dated)]
DatedText = Annotated[dict[date, str], BeforeValidator(as_dated)]
Texts = Annotated[dict[str, str], BeforeValidator(lambda v: v if isinstance(v, dict) else {"en": v})]
"""A text per language; a bare text is English."""


def in_force(dated: dict[date, T], day: date) -> T | None:
    """The value whose valid-from date is the last one not after `day`; None when there is none yet."""
    dates = [d for d in dated if d <= day]
    return dated[max(dates)] if dates else None


class Model(BaseModel):
    """Base of what the catalogue is made of: an unknown key is an error, a value once read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def in_language(texts: dict[str, str], locale: str) -> str:
    """The text for a locale such as fr_CA: its language, else English, else whatever there is."""
    return texts.get(locale[:2]) or texts.get("en") or next(iter(texts.values()))
