"""What leaves the home for Prefect's database names no telephone number whole."""

import re

_E164 = re.compile(r"(\+\d{3,})\d{4}(?!\d)")


def without_numbers(text: str) -> str:
    """The last four digits of every number in E.164 are hidden."""
    return _E164.sub(r"\1****", text)
