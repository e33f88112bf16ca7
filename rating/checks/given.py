"""What a check case gives: every scalar is text, and some texts mean nothing."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from schemas.errors import WrongUsage

NULLS = frozenset({"", "null", "Null", "NULL", "~"})
"""Texts that YAML takes for nothing."""


def is_absent(value: Any) -> bool:
    """Whether nothing is said."""
    return value is None or (isinstance(value, str) and value in NULLS)


def without_nulls(value: Any) -> Any:
    """Texts that say null as None, all the way down; an empty list too."""
    if isinstance(value, Mapping):
        return {key: without_nulls(part) for key, part in value.items()}
    if isinstance(value, list):
        return [without_nulls(part) for part in value] or None
    return None if is_absent(value) else value


def given(case: Mapping[str, Any], key: str, default: Any = None) -> Any:
    """A key's value; the default where it says nothing. Raises WrongUsage where there is no default either."""
    value = case.get(key)
    if not is_absent(value):
        return value
    if default is None:
        raise WrongUsage(f"expected `{key}`")
    return default


def number(case: Mapping[str, Any], key: str, default: Any = None) -> Fraction:
    """A key's number, exact; also written as a fraction. Raises WrongUsage for anything else."""
    text = given(case, key, default)
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise WrongUsage(f"{key}: found {text!r}, expected a number") from None


def day(text: Any, key: str) -> date:
    """A date written YYYY-MM-DD. Raises WrongUsage for anything else."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise WrongUsage(f"{key}: found {text!r}, expected a date YYYY-MM-DD") from None
